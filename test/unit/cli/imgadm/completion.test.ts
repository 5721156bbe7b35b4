/** What bash completes, asked of bash. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { commands } from '../../../../lib/cli/imgadm/commands.js';
import { completionScript } from '../../../../lib/cli/imgadm/completion-script.js';

describe('completion in bash', () => {
  let folder: string;
  let script: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'smartadm-completion-'));
    script = join(folder, 'script');
    writeFileSync(script, await completionScript());
    // Each says how it was called.
    for (const [name, text] of [
      ['imgadm', 'echo "of-$1"'],
      ['vmadm', 'echo "vm-$1"'],
      ['zpool', 'echo tank'],
    ] as const) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, name), 0o755);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Candidates for the last of `words`. */
  function complete(...words: string[]): readonly string[] {
    const code =
      'set -u; . "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _imgadm; printf "%s\\n" "${COMPREPLY[@]}"';
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const { stdout, stderr } = spawnSync('bash', ['-c', code, 'bash', script, ...words], {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((line) => line !== '');
  }

  it('is of commands first, also behind options and help', () => {
    const names = commands.map(({ names: [name] }) => name);
    assert.deepEqual(complete('imgadm', ''), names);
    assert.deepEqual(complete('imgadm', '-v', 'va'), ['vacuum']);
    assert.deepEqual(complete('imgadm', 'help', 'anc'), ['ancestry']);
  });

  it('is of images of the sources or of installed ones, and of pools', () => {
    assert.deepEqual(complete('imgadm', 'import', ''), ['of-avail']);
    for (const name of ['get', 'info', 'ancestry', 'delete', 'destroy']) {
      assert.deepEqual(complete('imgadm', '-v', name, ''), ['of-list']);
    }
    assert.deepEqual(complete('imgadm', 'import', '-P', ''), ['tank']);
    assert.deepEqual(complete('imgadm', 'create', ''), ['vm-list']);
  });

  it('is of options, and of files where nothing else fits', () => {
    assert.deepEqual(complete('imgadm', 'vacuum', '--f'), ['--force']);
    assert.deepEqual(complete('imgadm', 'sources', '--add'), []);
    assert.deepEqual(complete('imgadm', 'install', '-m', ''), []);
    assert.deepEqual(complete('imgadm', 'create', '-s', ''), []);
  });
});
