/** Images of VMs, made in fake datasets. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createImage } from '../../../lib/img/create.js';
import type { SourceVm } from '../../../lib/img/create-manifest.js';
import type { VmHandle } from '../../../lib/img/create-prepare.js';
import { keptNarration, openImageHost, type ImageHost } from '../../image-host.js';

const uuid = 'c0000000-0000-4000-8000-00000000000c';
const dataset = `zones/${uuid}`;

describe('an image of a VM', () => {
  let host: ImageHost;
  beforeEach(async () => {
    host = openImageHost();
    await host.datasets.create(dataset);
    writeFileSync(join(host.root, dataset, 'file'), 'of the VM');
  });
  afterEach(() => host.close());

  const vm: SourceVm = { uuid, brand: 'lx', state: 'stopped', zpool: 'zones', zfs_filesystem: dataset };
  const handle: VmHandle = {
    get: () => Promise.resolve(vm),
    stop: () => assert.fail(),
    start: () => assert.fail(),
    update: () => assert.fail(),
  };
  const create = (name: string) =>
    createImage(
      host.context(),
      {
        uuid, vm: handle, given: { name, version: '1', os: 'linux', type: 'lx-dataset' }, compression: 'none', incremental: false,
        maxOriginDepth: undefined, script: undefined, prefix: () => Promise.resolve(join(host.root, name)),
      },
      keptNarration(),
    ); // prettier-ignore

  it('is made one at a time', async () => {
    const made = await Promise.all(['a', 'b', 'c'].map(create));
    for (const { manifest, file } of made) {
      const [told] = manifest['files'] as { sha1: string }[];
      assert.equal(createHash('sha1').update(readFileSync(file)).digest('hex'), told?.sha1);
    }
    assert.deepEqual(await host.names(), [dataset], 'no snapshot is left');
  });
});
