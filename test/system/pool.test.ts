/** Pools that are made, found, mounted again, and never made over something else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import type { PoolConfig } from '../../lib/host/linux/config.js';
import { createBtrfsDatasets, type BtrfsDatasets } from '../../lib/host/linux/datasets-btrfs.js';
import { loadNative } from '../../lib/host/native.js';
import { silentLog } from '../../lib/log.js';
import { removeRoot } from '../pool.js';

const GiB = 2 ** 30;

describe('a pool', () => {
  const roots: string[] = [];
  let root: string;
  const at = (path: string): string => join(root, path);
  const open = (config: Omit<PoolConfig, 'driver'> = { sizeGiB: 1 }): BtrfsDatasets =>
    createBtrfsDatasets({ pools: { zones: { driver: 'btrfs', ...config } }, at, log: silentLog });
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'smartadm-pool-'));
    roots.push(root);
  });
  after(() => {
    roots.forEach(removeRoot);
  });
  const mounts = () =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(root));
  const rejects = (work: Promise<unknown>, code: string, message: string) =>
    assert.rejects(work, (error) => {
      assert.equal(codeOf(error), code, error instanceof Error ? error.stack : undefined);
      assert.ok(error instanceof Error && error.message.includes(message), String(error));
      return true;
    });

  it('is made by the first command that needs one, not by those that read', async () => {
    const datasets = open();
    assert.deepEqual(await datasets.pools(), []);
    assert.deepEqual(await datasets.list(), []);
    assert.equal(await datasets.find('zones/x'), undefined);
    await rejects(datasets.destroy('zones/x'), 'DatasetNotFound', 'zones/x');
    assert.ok(!existsSync(at('/zones')) && !existsSync(at('/var/lib/smartadm')));
    await datasets.create('zones/x');
    const file = statSync(at('/var/lib/smartadm/zones.btrfs'));
    assert.ok(file.size === GiB && file.blocks * 512 < 64 * 2 ** 20, 'sparse');
    assert.deepEqual([file.mode & 0o777, statSync(at('/zones')).mode & 0o777], [0o600, 0o755]);
    assert.match(mounts().join('\n'), /noatime - btrfs/);
    assert.equal(await loadNative('btrfs').quotaMode(at('/zones')), 'simple');
  });

  it('is made once by several commands at once', async () => {
    const commands = Array.from({ length: 5 }, () => open());
    await Promise.all(commands.map((datasets, index) => datasets.create(`zones/x${index}`)));
    assert.equal(mounts().length, 1);
    assert.equal((await open().list()).length, 6);
  });

  it('is mounted by the next command, one that reads too, when it is not', async () => {
    const datasets = open();
    await datasets.create('zones/x', { quota: '1G' });
    await datasets.unmountPools();
    await datasets.unmountPools();
    assert.equal(mounts().length, 0);
    assert.equal((await open().find('zones/x'))?.quotaBytes, GiB);
    await datasets.create('zones/x/y');
  });

  it('is not unmounted while it is in use', async () => {
    const datasets = open();
    await datasets.create('zones/x');
    mkdirSync(at('/zones/x/mnt'));
    const posix = loadNative('posix');
    await posix.mount('none', at('/zones/x/mnt'), 'tmpfs', [], '');
    await rejects(datasets.unmountPools(), 'DatasetBusy', 'zones');
    await posix.unmount(at('/zones/x/mnt'), false);
    await datasets.unmountPools();
  });

  it('hides nothing: not in its mountpoint', async () => {
    mkdirSync(at('/zones/old'), { recursive: true });
    await rejects(open().create('zones/x'), 'ConfigInvalid', 'not empty');
    assert.equal(mounts().length, 0);
  });

  it('is not made over a file with something in it', async () => {
    const file = at('/disk.img');
    writeFileSync(file, 'precious'.repeat(100_000));
    await rejects(open({ file: '/disk.img' }).create('zones/x'), 'ConfigInvalid', 'holds data');
    await rejects(open({ file: '/disk.img' }).list(), 'ConfigInvalid', 'holds data');
    truncateSync(file, 0);
    truncateSync(file, GiB);
    spawnSync('mkfs.ext4', ['-q', file]);
    await rejects(open({ file: '/disk.img' }).create('zones/x'), 'ConfigInvalid', 'ext4');
    mkdirSync(at('/folder'));
    await rejects(open({ file: '/folder' }).list(), 'ConfigInvalid', 'not a file');
  });

  it('is not made in a btrfs that somebody else uses', async () => {
    const file = at('/other.img');
    writeFileSync(file, '');
    truncateSync(file, GiB);
    spawnSync('mkfs.btrfs', ['-q', file]);
    const posix = loadNative('posix');
    mkdirSync(at('/mnt'));
    const loop = await posix.attachLoop(file, false);
    await posix.mount(loop.path, at('/mnt'), 'btrfs', [], '');
    loop.close();
    writeFileSync(at('/mnt/precious'), 'x');
    await posix.unmount(at('/mnt'), false);
    await rejects(open({ file: '/other.img' }).create('zones/x'), 'ConfigInvalid', 'other data');
    assert.equal(mounts().length, 0);
  });

  it('takes an empty file, or an empty device, as it is', async () => {
    writeFileSync(at('/empty.img'), '');
    truncateSync(at('/empty.img'), GiB);
    const loop = await loadNative('posix').attachLoop(at('/empty.img'), false);
    const datasets = open({ device: loop.path, mountpoint: '/tank/deep' });
    assert.deepEqual(await datasets.list(), []);
    await datasets.create('zones/x');
    assert.equal((await datasets.find('zones/x'))?.mountpoint, at('/tank/deep/x'));
    await datasets.unmountPools();
    loop.close();
    const again = open({ file: '/empty.img', mountpoint: '/zones' });
    assert.equal((await again.find('zones/x'))?.mountpoint, at('/zones/x'));
  });

  it('needs its device, and a block device at that', async () => {
    await rejects(open({ device: join(root, 'none') }).create('zones/x'), 'ConfigInvalid', 'none');
    await rejects(open({ device: '/dev/null' }).create('zones/x'), 'ConfigInvalid', 'not a block device');
  });

  it('refuses to be where something else is mounted', async () => {
    mkdirSync(at('/zones'));
    const posix = loadNative('posix');
    await posix.mount('none', at('/zones'), 'tmpfs', [], '');
    await rejects(open().create('zones/x'), 'ConfigInvalid', 'something else');
    await posix.unmount(at('/zones'), false);
  });

  it('makes do with ordinary quotas where they are on', async () => {
    const datasets = open();
    await datasets.ensurePool('zones');
    const { status } = spawnSync('btrfs', ['quota', 'disable', at('/zones')]);
    assert.equal(status, 0);
    assert.equal(spawnSync('btrfs', ['quota', 'enable', at('/zones')]).status, 0);
    const ordinary = open();
    await ordinary.create('zones/image');
    writeFileSync(at('/zones/image/f'), Buffer.alloc(8 * 2 ** 20, 7));
    await ordinary.snapshot('zones/image@final');
    await ordinary.clone('zones/image@final', 'zones/u', { quota: '16M' });
    assert.ok(((await ordinary.find('zones/u'))?.usedBytes ?? GiB) < 2 ** 20);
    assert.throws(() => {
      writeFileSync(at('/zones/u/g'), Buffer.alloc(32 * 2 ** 20, 7));
    }, { errno: -122 }); // prettier-ignore
    await ordinary.destroy('zones/u');
    await ordinary.destroy('zones/image', { recursive: true });
  });

  it('has locks and file below the root only', async () => {
    await open().create('zones/x');
    assert.equal(mounts()[0]?.split(' ')[4], at('/zones'));
    assert.ok(existsSync(at('/var/run/smartadm/datasets.zones.lock')));
  });
});
