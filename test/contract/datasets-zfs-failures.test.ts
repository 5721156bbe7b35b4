/** Datasets by libzfs where it fails: in which codes, and what is left. The contract has what they do otherwise. */
import assert from 'node:assert/strict';
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, beforeEach, describe, it } from 'node:test';
import { createGunzip } from 'node:zlib';
import { codeOf, describeError } from '../../lib/errors.js';
import type { Datasets } from '../../lib/host/datasets.js';
import { createZfsDatasets } from '../../lib/host/illumos/datasets.js';
import { addPools, failNext } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

let root = new IllumosRoot();
let datasets: Datasets;

beforeEach(() => {
  root.remove();
  root = new IllumosRoot();
  addPools(root);
  datasets = createZfsDatasets({ at: (path) => join(root.path, path) });
});
after(() => {
  root.remove();
});

const rejects = (work: Promise<unknown>, code: string, message?: RegExp) =>
  assert.rejects(work, (error) => {
    assert.equal(codeOf(error), code, describeError(error));
    if (message !== undefined) assert.match(describeError(error), message);
    return true;
  });
const names = async () => (await datasets.list()).map(({ name }) => name);
const image = () =>
  createReadStream(new URL('../fixtures/zfs/image-full.zstream.gz', import.meta.url)).pipe(createGunzip());
async function bytesOf(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe('what libzfs says', () => {
  const meanings: Readonly<Record<string, string>> = {
    EZFS_NOENT: 'DatasetNotFound', EZFS_WRONG_PARENT: 'DatasetNotFound', EZFS_EXISTS: 'DatasetExists',
    EZFS_BUSY: 'DatasetBusy', EZFS_ZONED: 'DatasetBusy', EZFS_NOSPC: 'NoSpace', EZFS_PROPSPACE: 'NoSpace',
    EZFS_BADPROP: 'InvalidProperty', EZFS_PROPTYPE: 'InvalidProperty', EZFS_PROPREADONLY: 'InvalidProperty',
    EZFS_INVALIDNAME: 'InvalidName', EZFS_NAMETOOLONG: 'InvalidName', EZFS_CROSSTARGET: 'InvalidName',
    EZFS_PERM: 'PermissionDenied', EZFS_POOLREADONLY: 'PermissionDenied', EZFS_POOLUNAVAIL: 'PoolNotFound',
    EZFS_UNKNOWN: 'HostFailed', EZFS_IO: 'HostFailed',
  }; // prettier-ignore

  it('is told in the codes of every host, with its own words', async () => {
    for (const [native, code] of Object.entries(meanings)) {
      failNext(root, 'zfs_create', native);
      await rejects(datasets.create('zones/a'), code, /^cannot create zones\/a: cannot create 'zones\/a': .+/);
    }
    for (const [errno, code] of [['EPERM', 'PermissionDenied'], ['ENOSPC', 'NoSpace'], ['EBUSY', 'DatasetBusy']] as const) {
      failNext(root, 'lzc_snapshot', errno);
      await rejects(datasets.snapshot('zones@s'), code, /^cannot create snapshot zones@s: lzc_snapshot zones@s/);
    } // prettier-ignore
    assert.deepEqual(await names(), ['zones']);
  });

  it('a host without ZFS is told, and one that gets it later works', async () => {
    const bare = new IllumosRoot();
    try {
      const without = createZfsDatasets({ at: (path) => join(bare.path, path) });
      await rejects(without.list(), 'Unsupported', /cannot use ZFS/);
      addPools(bare);
      assert.deepEqual(
        (await without.pools()).map(({ name, driver }) => [name, driver]),
        [['zones', 'zfs']],
      );
      await rejects(without.ensurePool('other'), 'PoolNotFound', /"other"/);
      assert.equal((await without.ensurePool('zones')).mountpoint, `${bare.path}/zones`);
    } finally {
      bare.remove();
    }
  });
});

describe('a failure in the middle', () => {
  it('of create or clone leaves nothing', async () => {
    await datasets.snapshot('zones@s');
    failNext(root, 'zfs_mount', 'EZFS_IO');
    await rejects(datasets.create('zones/a'), 'HostFailed');
    failNext(root, 'zfs_mount', 'EZFS_PERM');
    await rejects(datasets.clone('zones@s', 'zones/a'), 'PermissionDenied');
    assert.deepEqual(await names(), ['zones', 'zones@s']);
    assert.ok(!existsSync(`${root.path}/zones/a`));
  });

  it('of receive leaves nothing, at the beginning and at the end', async () => {
    for (const [call, native, code] of [
      ['zfs_receive', 'EZFS_BADSTREAM', 'StreamInvalid'],
      ['zfs_receive', 'EZFS_NOSPC', 'NoSpace'],
      ['zfs_receive', 'EZFS_BADRESTORE', 'StreamInvalid'],
      ['zfs_iter_snapshots_sorted', 'EZFS_IO', 'HostFailed'],
    ] as const) {
      failNext(root, call, native);
      await rejects(datasets.receive('zones/a', image()), code);
      assert.deepEqual(await names(), ['zones'], native);
    }
  });

  it('of the source of a stream is what receive fails with', async () => {
    const whole = await bytesOf(image());
    const failing = Readable.from((function* () {
      yield whole.subarray(0, 100_000);
      throw new Error('the network is down');
    })()); // prettier-ignore
    await assert.rejects(datasets.receive('zones/a', failing), /the network is down/);
    assert.deepEqual(await names(), ['zones']);
  });

  it('of rename, rollback and destroy leaves all as it was', async () => {
    await datasets.create('zones/a');
    writeFileSync(`${root.path}/zones/a/f`, 'x');
    await datasets.snapshot('zones/a@s');
    await datasets.snapshot('zones/a@t');
    const before = await names();
    failNext(root, 'zfs_rename', 'EZFS_BUSY');
    await rejects(datasets.rename('zones/a', 'zones/b'), 'DatasetBusy');
    failNext(root, 'lzc_destroy_snaps', 'EBUSY');
    await rejects(datasets.rollback('zones/a@s'), 'DatasetBusy');
    failNext(root, 'zfs_iter_dependents', 'EZFS_IO');
    await rejects(datasets.destroy('zones/a', { recursive: true }), 'HostFailed');
    assert.equal(readFileSync(`${root.path}/zones/a/f`, 'utf8'), 'x');
    assert.deepEqual(await names(), before);
    await datasets.create('zones/c');
    failNext(root, 'zfs_unmount', 'EZFS_UMOUNTFAILED');
    await rejects(datasets.destroy('zones/c'), 'DatasetBusy');
    assert.ok((await names()).includes('zones/c'));
  });
});

describe('send', () => {
  it('ends with an error where sending does, never as if all had come', async () => {
    await datasets.create('zones/a');
    await datasets.snapshot('zones/a@s');
    failNext(root, 'lzc_send', 'EIO');
    await rejects(bytesOf(await datasets.send('zones/a@s')), 'HostFailed', /cannot send zones\/a@s/);
  });

  it('stops when nobody reads any more', async () => {
    await datasets.create('zones/a');
    writeFileSync(`${root.path}/zones/a/large`, Buffer.alloc(5_000_000, 'x'));
    await datasets.snapshot('zones/a@s');
    const stream = await datasets.send('zones/a@s');
    for await (const part of stream) {
      assert.ok((part as Buffer).length > 0);
      break;
    }
    assert.ok(stream.destroyed);
    await datasets.destroy('zones/a', { recursive: true });
  });
});

describe('properties', () => {
  it('that are not inherited go back to none', async () => {
    const limits = { quota: '2G', refquota: '1G', reservation: '1M', snapshot_limit: '5', canmount: 'noauto' };
    await datasets.create('zones/a', { ...limits, atime: 'off' });
    const nothing = Object.fromEntries(Object.keys(limits).map((name) => [name, null]));
    await datasets.set('zones/a', { ...nothing, atime: null });
    const { canmount, ...others } = (await datasets.find('zones/a'))?.properties ?? {};
    assert.deepEqual([canmount, others], ['on', {}]);
    await datasets.create('zones/v', {}, 1 << 20);
    await rejects(datasets.set('zones/v', { volsize: null }), 'InvalidProperty');
  });

  it('tell where a filesystem is mounted, and nothing of one that is not', async () => {
    await datasets.create('zones/a', { canmount: 'noauto' });
    assert.equal((await datasets.find('zones/a'))?.mountpoint, undefined);
    assert.equal((await datasets.find('zones'))?.mountpoint, `${root.path}/zones`);
  });
});
