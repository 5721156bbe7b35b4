/** Volumes and file systems of VMs, on datasets with real state. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import type { Host } from '../../../lib/host/host.js';
import { undoStack } from '../../../lib/undo.js';
import { makeFilesystems } from '../../../lib/vm/filesystems.js';
import type { VmSpec } from '../../../lib/vm/spec.js';
import { volumeReservation } from '../../../lib/vm/volume-space.js';
import { destroyVolume, limitSpace, makeVolumes, requireDiskImages, resizeVolume } from '../../../lib/vm/volumes.js';
import { fakeDatasets, type FakeDatasets } from '../../fakes/datasets.js';

const root = mkdtempSync(join(tmpdir(), 'smartadm-volumes-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const mebibyte = 2 ** 20;
const image = '22222222-2222-4222-8222-222222222222';
let count = 0;
let datasets: FakeDatasets;
let host: Host;

beforeEach(async () => {
  const at = (path: string) => join(root, String(count), path);
  count += 1;
  datasets = fakeDatasets({ at });
  host = { datasets, at } as unknown as Host;
  await datasets.create('zones/vm');
  await datasets.create(`zones/${image}`, { volblocksize: '8192' }, 10 * mebibyte);
});

const disk = (index: number, more: object) => ({
  path: `/dev/zvol/rdsk/zones/vm/disk${index}`,
  model: 'virtio',
  ...more,
});
const names = async () => (await datasets.list()).map(({ name }) => name).filter((name) => name !== 'zones');

describe('volumes', () => {
  it('need what ZFS sets aside for them, block pointers included', () => {
    // Recorded from `zfs create -nPV`.
    assert.equal(volumeReservation(10_737_418_240, 8192), 11_075_584_000);
    assert.equal(volumeReservation(314_572_800, 8192), 326_631_424);
    assert.equal(volumeReservation(16_777_216, 512), 27_262_976);
  });

  it('are refused before anything is made when an image is missing', async () => {
    await requireDiskImages(host, 'zones', [disk(0, { image_uuid: image }), disk(1, { size: 5 })]);
    await requireDiskImages(host, 'tank', [{ media: 'cdrom', path: '/x', image_uuid: image }]);
    await assert.rejects(requireDiskImages(host, 'tank', [disk(0, { image_uuid: image })]), {
      code: 'PayloadInvalid',
      message: `unable to find dataset: tank/${image}`,
    });
  });

  it('of an image are clones of its own snapshot, or of one made for them', async () => {
    const undo = undoStack();
    await makeVolumes(host, 'zones/vm', [disk(0, { image_uuid: image, image_size: 10, uuid: 'u1' })], undo);
    assert.equal((await datasets.find('zones/vm/disk0'))?.origin, `zones/${image}@u1`);
    await datasets.snapshot(`zones/${image}@final`);
    await makeVolumes(host, 'zones/vm', [disk(1, { image_uuid: image, size: 20 })], undo);
    const second = await datasets.find('zones/vm/disk1');
    assert.equal(second?.origin, `zones/${image}@final`);
    assert.equal(second.volsizeBytes, 20 * mebibyte);
    await undo.unwind();
    assert.deepEqual(await names(), [`zones/${image}`, `zones/${image}@final`, 'zones/vm']);
  });

  it('are not made for cdroms and for disks that exist', async () => {
    await makeVolumes(host, 'zones/vm', [disk(0, { nocreate: true }), { media: 'cdrom', path: '/x.iso' }], undoStack());
    assert.deepEqual(await names(), [`zones/${image}`, 'zones/vm']);
  });

  it('without any size are refused, and those made before are removed', async () => {
    const undo = undoStack();
    await assert.rejects(makeVolumes(host, 'zones/vm', [disk(0, { size: 8 }), disk(1, {})], undo), {
      message: /^FATAL: createVolume\(.*\): has no size or image_size$/,
    });
    await undo.unwind();
    assert.deepEqual(await names(), [`zones/${image}`, 'zones/vm']);
  });

  it('grow the quota of the machine by what describes them, and give it back', async () => {
    await datasets.set('zones/vm', { quota: String(100 * mebibyte), reservation: String(100 * mebibyte) });
    const undo = undoStack();
    await makeVolumes(host, 'zones/vm', [disk(0, { size: 16 })], undo);
    const more = volumeReservation(16 * mebibyte, 8192) - 16 * mebibyte;
    assert.equal((await datasets.find('zones/vm'))?.quotaBytes, 100 * mebibyte + more);
    await undo.unwind();
    assert.equal((await datasets.find('zones/vm'))?.quotaBytes, 100 * mebibyte);
  });

  it('change their size, and back', async () => {
    await makeVolumes(host, 'zones/vm', [disk(0, { size: 16 })], undoStack());
    const undo = undoStack();
    await resizeVolume(host, 'zones/vm', { zfs_filesystem: 'zones/vm/disk0', size: 16 }, 32, undo);
    assert.equal((await datasets.find('zones/vm/disk0'))?.volsizeBytes, 32 * mebibyte);
    await undo.unwind();
    assert.equal((await datasets.find('zones/vm/disk0'))?.volsizeBytes, 16 * mebibyte);
  });

  it('go with the snapshot that was made for them, never with that of an image', async () => {
    await makeVolumes(host, 'zones/vm', [disk(0, { image_uuid: image, image_size: 10, uuid: 'u1' })], undoStack());
    await destroyVolume(host, 'zones/vm/disk0');
    await destroyVolume(host, 'zones/vm/disk0');
    assert.deepEqual(await names(), [`zones/${image}`, 'zones/vm']);
    await datasets.snapshot(`zones/${image}@final`);
    await makeVolumes(host, 'zones/vm', [disk(0, { image_uuid: image, image_size: 10 })], undoStack());
    await destroyVolume(host, 'zones/vm/disk0');
    assert.deepEqual(await names(), [`zones/${image}`, `zones/${image}@final`, 'zones/vm']);
  });
});

describe('space of a bhyve machine', () => {
  it('is a gibibyte for its root at least, and what its disks take', async () => {
    await makeVolumes(host, 'zones/vm', [disk(0, { size: 16 })], undoStack());
    await limitSpace(host, 'zones/vm', { quota: 0, flexible: undefined }, undoStack());
    const { properties = {} } = (await datasets.find('zones/vm')) ?? {};
    assert.equal(properties['refquota'], String(2 ** 30));
    assert.equal(properties['refreservation'], String(2 ** 30 - mebibyte));
    assert.ok(Number(properties['quota']) >= 2 ** 30 + 16 * mebibyte);
    assert.equal(properties['reservation'], properties['quota']);
  });

  it('has room for snapshots and more disks where it is flexible', async () => {
    await makeVolumes(host, 'zones/vm', [disk(0, { size: 16 })], undoStack());
    const quotaWith = async (flexible: number | undefined) => {
      await limitSpace(host, 'zones/vm', { quota: 0, flexible }, undoStack());
      return (await datasets.find('zones/vm'))?.quotaBytes ?? 0;
    };
    assert.equal((await quotaWith(100)) - (await quotaWith(undefined)), (100 - 16) * mebibyte);
  });
});

describe('file systems made with a machine', () => {
  const volume = 'aaaaaaaa-0000-4000-8000-000000000001';
  const config = { attributes: {}, resources: [] };
  const specWith = (filesystem: object) =>
    ({ zfs_filesystem: 'zones/vm', zonepath: '/zones/vm', filesystems: [filesystem] }) as unknown as VmSpec;
  const inImage = (path: string) => join(host.at('/zones/vm/root'), path);

  it('begin with what the image has in their place', async () => {
    mkdirSync(inImage('srv/data'), { recursive: true });
    writeFileSync(inImage('srv/data/file'), 'content');
    const made = await makeFilesystems(host, specWith({ source: volume, target: '/srv/data', type: 'lofs' }), config);
    assert.equal(readFileSync(host.at(`/zones/vm/volumes/${volume}/file`), 'utf8'), 'content');
    assert.deepEqual(
      made.resources.map(({ attributes }) => attributes),
      [{ special: `/zones/vm/volumes/${volume}`, directory: '/srv/data', type: 'lofs' }],
    );
  });

  it('are empty where the image has nothing', async () => {
    await makeFilesystems(host, specWith({ source: volume, target: '/none/at/all', type: 'lofs' }), config);
    assert.ok((await names()).includes(`zones/vm/volumes/${volume}`));
  });

  it('never follow a link out of the image', async () => {
    const outside = mkdtempSync(join(root, 'outside-'));
    writeFileSync(join(outside, 'secret'), 'secret');
    mkdirSync(inImage(''), { recursive: true });
    symlinkSync(outside, inImage('srv'));
    for (const target of ['/srv', '/srv/data', '/./srv/../srv']) {
      await assert.rejects(makeFilesystems(host, specWith({ source: volume, target, type: 'lofs' }), config), {
        code: 'PayloadInvalid',
        message: /is not a directory, not copying files$/,
      });
      await datasets.destroy('zones/vm/volumes', { recursive: true });
    }
  });

  it('are refused when they would have to be fetched', async () => {
    await assert.rejects(makeFilesystems(host, specWith({ source: 'http://x/y', target: '/x' }), config), {
      code: 'Unsupported',
    });
  });
});
