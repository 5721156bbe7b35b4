/** A script that prepares a VM for becoming an image, and does not come to its end: after its time, all is as it was. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { codeOf } from '../../../lib/errors.js';
import { createImage } from '../../../lib/img/create.js';
import type { SourceVm } from '../../../lib/img/create-manifest.js';
import type { VmHandle } from '../../../lib/img/create-prepare.js';
import { keptNarration, openImageHost, type ImageHost } from '../../image-host.js';

const uuid = 'c0000000-0000-4000-8000-00000000000c';
const dataset = `zones/${uuid}`;

describe('a script that prepares a VM', () => {
  let host: ImageHost;
  let vm: SourceVm;
  /** What the guest reports of the script once it has started; nothing at all by default. */
  let reports: string | undefined;
  const told: string[] = [];
  const file = () => join(host.root, dataset, 'file');

  beforeEach(async () => {
    host = openImageHost();
    await host.datasets.create(dataset);
    writeFileSync(file(), 'as it was');
    vm = { uuid, brand: 'lx', state: 'running', zpool: 'zones', zfs_filesystem: dataset };
    reports = undefined;
    told.length = 0;
    mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    syncBuiltinESMExports();
  });
  afterEach(() => {
    mock.timers.reset();
    syncBuiltinESMExports();
    host.close();
  });

  const handle: VmHandle = {
    get: () => Promise.resolve(vm),
    stop: () => {
      told.push('stop');
      vm = { ...vm, state: 'stopped' };
      return Promise.resolve();
    },
    start: () => {
      vm = { ...vm, state: 'running' };
      // The script runs when the VM starts for it, and not when it starts again.
      if (!told.includes('start')) writeFileSync(file(), 'half prepared');
      told.push('start');
      if (reports !== undefined) vm = { ...vm, customer_metadata: { 'prepare-image:state': reports } };
      return Promise.resolve();
    },
    update: () => Promise.resolve(),
  };

  /** How long it takes until it is given up, in seconds of the clock, and what is said then. */
  async function failure(): Promise<{ readonly seconds: number; readonly code: unknown; readonly text: string }> {
    const request = {
      uuid, vm: handle, given: { name: 'x', version: '1', os: 'linux', type: 'lx-dataset' }, compression: 'none' as const, incremental: false,
      maxOriginDepth: undefined, script: 'sleep inf', prefix: () => Promise.resolve(join(host.root, 'made')),
    }; // prettier-ignore
    const narration = keptNarration();
    const begun = Date.now();
    let over: { seconds: number; code: unknown; text: string } | undefined;
    void createImage(host.context(), request, narration).then(
      () => (over = { seconds: 0, code: undefined, text: 'it ended' }),
      (error: unknown) => (over = { seconds: (Date.now() - begun) / 1000, code: codeOf(error), text: String(error) }),
    );
    while (over === undefined) {
      await turn();
      mock.timers.tick(500);
    }
    return over;
  }

  async function assertAsBefore(): Promise<void> {
    assert.equal(readFileSync(file(), 'utf8'), 'as it was');
    assert.deepEqual(await host.names(), [dataset]);
    for (const suffix of ['imgmanifest', 'zfs']) assert.ok(!existsSync(join(host.root, `made.${suffix}`)));
    // As it ran before, it runs again.
    assert.deepEqual(told, ['stop', 'start', 'stop', 'start']);
  }

  it('is given up after five minutes when it does not begin', async () => {
    const { seconds, code, text } = await failure();
    assert.equal(code, 'PrepareImageDidNotRun', text);
    assert.match(text, /prepare-image script did not run on VM .* boot/);
    assert.ok(seconds >= 300 && seconds < 310, String(seconds));
    await assertAsBefore();
  });

  it('is given up after five minutes when it hangs', async () => {
    reports = 'running';
    const { seconds, code, text } = await failure();
    assert.equal(code, 'PrepareImageError');
    assert.match(text, /prepare-image script did not complete/);
    assert.ok(seconds >= 300 && seconds < 310, String(seconds));
    await assertAsBefore();
  });

  it('is given up when the VM does not stop after it', async () => {
    reports = 'success';
    const { code, text } = await failure();
    assert.deepEqual([code, /VM did not shutdown/.test(text)], ['PrepareImageError', true]);
    await assertAsBefore();
  });
});
