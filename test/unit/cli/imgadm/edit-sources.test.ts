/** The list of sources in an editor: its text, and what comes back. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseSources, sourcesText } from '../../../../lib/cli/imgadm/edit-sources.js';
import { openImageHost, type ImageHost } from '../../../image-host.js';

const editor = '/usr/bin/vi';
/** What stands in for the editor is mounted over it, where nobody else sees that. */
const isOwnNamespace = process.env['SMARTADM_TEST_EDITOR'] === 'own';

describe('the text of the sources', () => {
  it('has a line for each, in columns', () => {
    const [first, second, empty, comment] = sourcesText([
      { type: 'imgapi', url: 'https://images.example' },
      { type: 'docker', url: 'https://docker.io', insecure: true },
    ]).split('\n');
    assert.equal(first, 'https://images.example  imgapi');
    assert.equal(second, 'https://docker.io       docker  insecure');
    assert.equal(empty, '');
    assert.equal(comment, '#');
  });

  it('is read without comments and blanks, with types and options where they are given', () => {
    const text =
      '# all of it\n\n  https://a.example # mine\nhttps://b.example dsapi\nhttps://c.example imgapi insecure\n';
    assert.deepEqual(parseSources(text), [
      { type: 'imgapi', url: 'https://a.example' },
      { type: 'dsapi', url: 'https://b.example' },
      { type: 'imgapi', url: 'https://c.example', insecure: true },
    ]);
    assert.throws(() => parseSources('u imgapi fast'), { code: 'Usage', message: 'unknown source option: fast' });
  });
});

function editing(): void {
  let host: ImageHost;
  beforeEach(() => {
    host = openImageHost();
    mkdirSync(join(host.root, 'var/imgadm'), { recursive: true });
    const sources = ['a', 'b'].map((name) => ({ type: 'imgapi', url: `https://${name}.example` }));
    writeFileSync(join(host.root, 'var/imgadm/imgadm.conf'), JSON.stringify({ upgradedToVer: '3.0.0', sources }));
  });
  afterEach(() => host.close());

  /** Runs the command with an editor that does `script` to the file `$f`. */
  async function edit(script: string) {
    const path = join(host.root, 'editor');
    writeFileSync(path, `#!/bin/sh\nfor f; do :; done\n${script}\n`);
    chmodSync(path, 0o755);
    const isMounted = existsSync(editor);
    if (isMounted) assert.equal(spawnSync('mount', ['--bind', path, realpathSync(editor)]).status, 0);
    try {
      return await host.run(['sources', '-f', '-e'], { EDITOR: path });
    } finally {
      if (isMounted) spawnSync('umount', [realpathSync(editor)]);
    }
  }
  const urls = () => {
    const text = readFileSync(join(host.root, 'var/imgadm/imgadm.conf'), 'utf8');
    return (JSON.parse(text) as { sources: { url: string }[] }).sources.map(({ url }) => url);
  };

  for (const [what, script, stdout, left] of [
    ['changes nothing', ':', 'Image sources unchanged\n', ['a', 'b']],
    ['changes a comment', 'echo "# new" >> "$f"', 'Image sources unchanged\n', ['a', 'b']],
    ['adds one', 'echo https://c.example >> "$f"', 'Reordered image sources\nAdded "imgapi" image source "https://c.example"\n', ['a', 'b', 'c']],
    ['removes one', 'sed -i /a.example/d "$f"', 'Deleted "imgapi" image source "https://a.example"\n', ['b']],
    ['turns them round', 'echo https://b.example > "$f"; echo https://a.example >> "$f"', 'Reordered image sources\n', ['b', 'a']],
  ] as const) {
    it(`says so when the user ${what}`, async () => {
      assert.deepEqual(await edit(script), { exit: 0, stdout, stderr: '' });
      assert.deepEqual(urls(), left.map((name) => `https://${name}.example`));
    });
  } // prettier-ignore

  it('changes nothing when the editor or what it wrote is at fault', async () => {
    assert.deepEqual(await edit('exit 7'), {
      exit: 0,
      stdout: '',
      stderr: 'Error editing image sources: 7 (ignoring)\n',
    });
    const wrong = await edit('echo https://c.example bogus >> "$f"');
    assert.equal(wrong.exit, 1);
    assert.match(wrong.stderr, /^imgadm sources: error \(ConfigError\): type "bogus" for source url/);
    assert.deepEqual(urls(), ['https://a.example', 'https://b.example']);
  });
}

describe('sources -e', () => {
  if (isOwnNamespace) {
    editing();
    return;
  }
  // Mounting is for root.
  if (process.getuid?.() !== 0) return;
  it('is tried where it cannot disturb anybody', () => {
    const args = ['--mount', process.execPath, ...process.execArgv, import.meta.filename];
    const env = { ...process.env, SMARTADM_TEST_EDITOR: 'own', NODE_TEST_CONTEXT: undefined };
    const done = spawnSync('unshare', args, { encoding: 'utf8', env });
    assert.equal(done.status, 0, done.stdout);
    assert.match(done.stdout, /^# fail 0$/m);
  });
});
