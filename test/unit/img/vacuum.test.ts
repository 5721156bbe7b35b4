/** Removing images that nothing was made from. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { hostError } from '../../../lib/host/errors.js';
import { openImageHost, type ImageHost } from '../../image-host.js';

const uuids = [0, 1, 2, 3].map((n) => `${n}764d78e-3472-11e5-8949-4f31abea4e05`);
const [base = '', child = '', used = '', odd = ''] = uuids;
const vm = 'a764d78e-3472-11e5-8949-4f31abea4e05';

describe('vacuum', () => {
  let host: ImageHost;
  beforeEach(async () => {
    host = openImageHost();
    const { datasets } = host;
    for (const uuid of [base, used, odd]) {
      await datasets.create(`zones/${uuid}`);
      await datasets.snapshot(`zones/${uuid}@final`);
    }
    await datasets.clone(`zones/${base}@final`, `zones/${child}`);
    await datasets.snapshot(`zones/${child}@final`);
    await datasets.clone(`zones/${used}@final`, `zones/${vm}`);
    await datasets.clone(`zones/${odd}@final`, `zones/oddly-named`);
    const folder = join(host.root, 'var/imgadm/images');
    mkdirSync(folder, { recursive: true });
    for (const [at, uuid] of uuids.entries()) {
      const manifest = { uuid, name: `image${at}`, version: '1' };
      writeFileSync(join(folder, `zones-${uuid}.json`), JSON.stringify({ manifest, zpool: 'zones' }));
    }
  });
  afterEach(() => host.close());

  const images = async () => (await host.names()).filter((name) => !name.includes('@'));

  it('removes images before those that they build on, and leaves those in use', async () => {
    const { exit, stdout, stderr } = await host.run(['vacuum', '-f']);
    assert.deepEqual([exit, stderr], [0, '']);
    assert.equal(stdout, `Deleted image ${child} (image1@1)\nDeleted image ${base} (image0@1)\n`);
    assert.deepEqual(await images(), [`zones/${used}`, `zones/${odd}`, `zones/${vm}`, 'zones/oddly-named'].sort());
    assert.deepEqual(host.files('/var/imgadm/images'), [`zones-${used}.json`, `zones-${odd}.json`].sort());
    assert.deepEqual(await host.run(['vacuum', '-f']), { exit: 0, stdout: '', stderr: '' });
  });

  it('only says so in a dry run', async () => {
    const { stdout } = await host.run(['vacuum', '-n', '-f']);
    assert.equal(stdout, `[dry-run] Deleted image ${child} (image1@1)\n[dry-run] Deleted image ${base} (image0@1)\n`);
    assert.equal((await images()).length, 6);
  });

  it('tells which one could not be removed, and stops', async () => {
    host.datasets.failNext('destroy', hostError('DatasetBusy', 'it is busy'));
    const { exit, stdout, stderr } = await host.run(['vacuum', '-f']);
    assert.equal(exit, 1);
    assert.equal(stdout, `Error deleting image ${child} (image1@1): DatasetBusy: it is busy\n`);
    assert.match(stderr, /^imgadm vacuum: error \(DatasetBusy\)/);
    assert.equal((await images()).length, 6);
  });

  /** Runs the command in a process whose controlling terminal, if any, gets `typed` when it asks. */
  async function ask(typed: string | undefined, ...more: string[]): Promise<{ status: unknown; text: string }> {
    const script = join(import.meta.dirname, '../../vacuum-on-terminal.ts');
    const command = [process.execPath, '--import', 'tsx', script, ...more];
    const child =
      typed === undefined
        ? spawn('setsid', ['-w', ...command], { stdio: ['ignore', 'pipe', 'inherit'] })
        : spawn('script', ['-qec', command.join(' '), '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    let isAsked = false;
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString().replaceAll('\r', '');
      if (isAsked || !text.includes('[y/N]')) return;
      isAsked = true;
      child.stdin?.write(typed ?? '');
    });
    const [status] = (await once(child, 'close')) as unknown[];
    return { status, text };
  }

  it('asks at the terminal, and again after an answer that is none', async () => {
    const yes = await ask('maybe\nYES\n');
    assert.match(yes.text, /This will delete the following images:\n {4}[-0-9a-f]+ \(undefined@undefined\)\n/);
    assert.match(yes.text, /Delete this image\? \[y\/N\] /);
    assert.match(yes.text, /Please enter "y", "yes", "n" or "no"\./);
    assert.match(yes.text, /Deleted image/);
    assert.equal(yes.status, 0);
  });

  it('takes no, nothing and an interrupt for no', async () => {
    for (const typed of ['n\n', '\n', '\u0003', '\u0004']) {
      const no = await ask(typed);
      assert.match(no.text, /Aborting\n$/);
      assert.equal(no.status, 1);
    }
  });

  it('asks the controlling terminal where output goes elsewhere, and takes its absence for no', async () => {
    const elsewhere = await ask('y\n', '|', 'cat');
    assert.match(elsewhere.text, /Delete this image\? \[y\/N\] [^]*Deleted image/);
    const nobody = await ask(undefined);
    assert.equal(nobody.status, 1);
    assert.match(nobody.text, /Aborting\n$/);
  });
});
