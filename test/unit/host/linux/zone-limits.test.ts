/** Resource controls in the terms of a Linux kernel. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCgroupMounts, type CgroupLayout } from '../../../../lib/host/linux/cgroups.js';
import { cgroupLimits, ipcSettings, isUnlimited, rctl } from '../../../../lib/host/linux/zone-limits.js';
import { zoneConfig } from '../../../zone-root.js';

const controllers = ['cpu', 'memory', 'pids', 'blkio'];
const v1 = parseCgroupMounts(controllers.map((name) => `cgroup /c/${name} cgroup rw,${name} 0 0\n`).join(''), '');
const v2 = parseCgroupMounts('cgroup2 /c cgroup2 rw 0 0\n', 'cpu io memory pids');
const none = parseCgroupMounts('', '');
const MiB = 2 ** 20;

function limits(rctls: Readonly<Record<string, number>>, layout: CgroupLayout, ioFile?: string) {
  const settings = cgroupLimits(zoneConfig('z', { rctls }), layout, ioFile);
  return Object.fromEntries(settings.map(({ file, value }) => [file, value]));
}

describe('a resource control', () => {
  it('is a number, and nothing where there is none or no limit', () => {
    const config = zoneConfig('z', { rctls: { 'zone.max-lwps': 2000 } });
    assert.equal(rctl(config, 'zone.max-lwps'), 2000n);
    assert.equal(rctl(config, 'zone.cpu-cap'), undefined);
    for (const limit of ['18446744073709551615', '99999999999999999999', 'many', '-1', '', '1'.repeat(30)]) {
      const child = { kind: 'rctl-value', attributes: { limit } };
      const odd = zoneConfig('z', { resources: [{ kind: 'rctl', attributes: { name: 'zone.x' }, children: [child] }] });
      assert.equal(rctl(odd, 'zone.x'), undefined, limit);
    }
  });
});

describe('control groups', () => {
  it('of version 1 get every limit, or the word for none', () => {
    const all = {
      'zone.cpu-cap': 150, 'zone.cpu-shares': 200, 'zone.max-physical-memory': 64 * MiB, 'zone.max-swap': 128 * MiB,
      'zone.max-lwps': 100,
    }; // prettier-ignore
    assert.deepEqual(limits(all, v1), {
      'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '150000', 'cpu.shares': '2048',
      'memory.limit_in_bytes': '67108864', 'memory.memsw.limit_in_bytes': '134217728', 'pids.max': '100',
    }); // prettier-ignore
    assert.deepEqual(limits({}, v1), {
      'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '-1', 'cpu.shares': '1024',
      'memory.limit_in_bytes': '-1', 'memory.memsw.limit_in_bytes': '-1', 'pids.max': 'max',
    }); // prettier-ignore
  });

  it('of version 2 likewise, with swap apart from memory', () => {
    const all = { 'zone.cpu-cap': 25, 'zone.max-physical-memory': 64 * MiB, 'zone.max-swap': 96 * MiB };
    assert.deepEqual(limits(all, v2), {
      'cpu.max': '25000 100000', 'cpu.weight': '100', 'memory.max': '67108864', 'memory.swap.max': '33554432',
      'pids.max': 'max',
    }); // prettier-ignore
    assert.equal(limits({}, v2)['cpu.max'], 'max 100000');
    assert.equal(limits({}, v2)['memory.swap.max'], 'max');
  });

  it('let nothing be swapped out where only memory is limited, or swap is below it', () => {
    assert.equal(limits({ 'zone.max-physical-memory': MiB }, v1)['memory.memsw.limit_in_bytes'], String(MiB));
    assert.equal(limits({ 'zone.max-physical-memory': MiB }, v2)['memory.swap.max'], '0');
    const below = { 'zone.max-physical-memory': 2 * MiB, 'zone.max-swap': MiB };
    assert.equal(limits(below, v1)['memory.memsw.limit_in_bytes'], String(2 * MiB));
    assert.equal(limits(below, v2)['memory.swap.max'], '0');
  });

  it('are kept within what the kernel takes', () => {
    assert.equal(limits({ 'zone.cpu-cap': 0 }, v1)['cpu.cfs_quota_us'], '-1');
    assert.equal(limits({ 'zone.cpu-cap': 1 }, v1)['cpu.cfs_quota_us'], '1000');
    assert.equal(limits({ 'zone.cpu-shares': 0 }, v1)['cpu.shares'], '2');
    assert.equal(limits({ 'zone.cpu-shares': 1e9 }, v1)['cpu.shares'], '262144');
    assert.equal(limits({ 'zone.cpu-shares': 1e9 }, v2)['cpu.weight'], '10000');
  });

  it('weigh I/O by the file that there is', () => {
    const priority = { 'zone.zfs-io-priority': 5 };
    assert.equal(limits(priority, v2, 'io.weight')['io.weight'], '5');
    assert.equal(limits(priority, v1, 'blkio.weight')['blkio.weight'], '10');
    assert.equal(limits({ 'zone.zfs-io-priority': 9999 }, v1, 'blkio.bfq.weight')['blkio.bfq.weight'], '1000');
    assert.equal(limits({}, v2, 'io.weight')['io.weight'], '100');
  });

  it('are left alone where the host has none', () => {
    assert.deepEqual(limits({ 'zone.cpu-cap': 25, 'zone.max-lwps': 5 }, none), {});
  });

  it('without a limit are told from others', () => {
    const settings = cgroupLimits(zoneConfig('z'), v2, undefined);
    assert.deepEqual(settings.filter(isUnlimited).map(({ file }) => file), [
      'cpu.max', 'memory.max', 'memory.swap.max', 'pids.max',
    ]); // prettier-ignore
  });
});

describe('System V IPC', () => {
  it('gets files below /proc/sys for what is limited, and keeps the other numbers of semaphores', () => {
    const rctls = {
      'zone.max-msg-ids': 4096, 'zone.max-shm-ids': 99_999, 'zone.max-sem-ids': 128, 'zone.max-shm-memory': MiB + 1,
    }; // prettier-ignore
    assert.deepEqual(ipcSettings(zoneConfig('z', { rctls }), '32000\t1024000000\t500\t32000\n'), {
      'kernel/msgmni': '4096', 'kernel/shmmni': '32768', 'kernel/sem': '32000 1024000000 500 128',
      'kernel/shmall': '257', 'kernel/shmmax': String(MiB + 1),
    }); // prettier-ignore
    assert.deepEqual(ipcSettings(zoneConfig('z'), '1 2 3 4'), {});
    assert.deepEqual(ipcSettings(zoneConfig('z', { rctls: { 'zone.max-sem-ids': 1 } }), ''), {});
  });
});
