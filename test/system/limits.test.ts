/** Limits of zones on the real kernel: memory, processes and CPU, from boot and changed while a zone runs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../lib/errors.js';
import { readCgroupLayout, versionOf, type CgroupController, type CgroupLayout } from '../../lib/host/linux/cgroups.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { makeZoneRoot, openTestZones, zoneConfig, type TestZone } from '../zone-root.js';

inOwnNetworkNamespace(import.meta.url);

const MiB = 2 ** 20;
const { at, zones, close } = openTestZones();
let layout: CgroupLayout;

before(async () => {
  layout = await readCgroupLayout();
});
after(close);

async function boot(name: string, zone: TestZone): Promise<void> {
  makeZoneRoot(at(`/zones/${name}`));
  await zones.configure(zoneConfig(name, zone));
  await zones.mark(name, 'installed');
  await zones.boot(name);
}

async function reconfigure(name: string, zone: TestZone): Promise<void> {
  const old = await zones.config(name);
  await zones.configure(zoneConfig(name, zone));
  await zones.refresh(name, old);
}

async function gone(name: string): Promise<void> {
  await zones.halt(name);
  await zones.unconfigure(name);
}

/** Text of a file of the zone's control group. */
async function cgroupFile(name: string, controller: CgroupController, file: string): Promise<string> {
  const { pid } = (await zones.runtime(name)) ?? { pid: 0 };
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const version = versionOf(layout, controller);
  const line = lines.find((each) =>
    version === 2 ? each.startsWith('0::') : each.split(':')[1]?.split(',').includes(controller),
  );
  const mount = version === 2 ? layout.v2 : layout.v1[controller];
  return readFileSync(join(mount ?? '', line?.split(':')[2] ?? '', file), 'utf8').trim();
}

/** Nanoseconds of CPU time that a zone has used. */
async function cpuTime(name: string): Promise<number> {
  const usec = /^usage_usec (\d+)$/m;
  if (versionOf(layout, 'cpu') === 2) {
    return Number(usec.exec(await cgroupFile(name, 'cpu', 'cpu.stat'))?.[1]) * 1000;
  }
  const { pid } = (await zones.runtime(name)) ?? { pid: 0 };
  const path = /^\d+:(?:\S*,)?cpuacct(?:,\S*)?:(\S+)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  return Number(readFileSync(join(layout.v1['cpuacct'] ?? '', path ?? '', 'cpuacct.usage'), 'utf8'));
}

/** Share of one core that a zone uses during the next two seconds. */
async function cpuShare(name: string): Promise<number> {
  const [began, used] = [performance.now(), await cpuTime(name)];
  await sleep(2000);
  return ((await cpuTime(name)) - used) / ((performance.now() - began) * 1e6);
}

/** Status of a program that wants `megabytes` of memory at once, all of them touched. */
async function hog(name: string, megabytes: number): Promise<number> {
  const argv = ['dd', 'if=/dev/zero', 'of=/dev/null', `bs=${megabytes}M`, 'count=1'];
  return (await zones.exec(name, argv)).status;
}

describe('max_physical_memory', () => {
  const limited = (megabytes: number) => ({
    rctls: { 'zone.max-physical-memory': megabytes * MiB, 'zone.max-swap': megabytes * MiB },
  });

  it('kills what takes more, and what takes less runs', async () => {
    await boot('hog', limited(64));
    assert.equal(await hog('hog', 32), 0);
    assert.equal(await hog('hog', 128), 128 + 9);
    assert.equal((await zones.find('hog'))?.state, 'running');
    assert.equal((await zones.runtime('hog'))?.initRestarts, 0);
  });

  it('is raised and lowered while the zone runs', async () => {
    await reconfigure('hog', limited(256));
    assert.equal(await hog('hog', 128), 0);
    await reconfigure('hog', limited(64));
    assert.equal(await hog('hog', 128), 128 + 9);
  });

  it('counts what lies in /tmp', async () => {
    const { status } = await zones.exec('hog', ['dd', 'if=/dev/zero', 'of=/dev/shm/x', 'bs=1M', 'count=128']);
    assert.notEqual(status, 0);
    await zones.exec('hog', ['rm', '-f', '/dev/shm/x']);
    assert.equal((await zones.find('hog'))?.state, 'running');
  });

  it('holds for memory and swap together where max_swap is not set', async () => {
    await reconfigure('hog', { rctls: { 'zone.max-physical-memory': 64 * MiB } });
    assert.equal(await hog('hog', 128), 128 + 9);
  });

  it('below what is in use is refused, and everything stays as it was', async () => {
    await reconfigure('hog', limited(256));
    const { status } = await zones.exec('hog', ['dd', 'if=/dev/zero', 'of=/dev/shm/x', 'bs=1M', 'count=128']);
    assert.equal(status, 0);
    const old = await zones.config('hog');
    await zones.configure(zoneConfig('hog', { ...limited(32), attrs: { hostname: 'other' } }));
    await assert.rejects(zones.refresh('hog', old), (error) => codeOf(error) === 'HostFailed');
    assert.equal((await zones.exec('hog', ['hostname'])).stdout, 'hog\n');
    await zones.configure(old);
    await zones.exec('hog', ['rm', '/dev/shm/x']);
    assert.equal(await hog('hog', 128), 0);
    await gone('hog');
  });
});

describe('max_lwps', () => {
  const limited = (processes: number) => ({ rctls: { 'zone.max-lwps': processes } });
  /** Starts `count` processes that stay. */
  const bomb = (count: number) =>
    zones.exec('bomb', ['sh', '-c', `for i in $(seq ${count}); do sleep 60 & done; echo survived`]);
  const processes = async () => Number(await cgroupFile('bomb', 'pids', 'pids.current'));

  it('stops a fork bomb, and the host does not notice', async () => {
    await boot('bomb', limited(50));
    const { stdout, stderr } = await bomb(200);
    assert.match(stderr + stdout, /fork/);
    assert.ok((await processes()) <= 50);
    await zones.halt('bomb');
  });

  it('is raised and lowered while the zone runs', async () => {
    await zones.boot('bomb');
    await reconfigure('bomb', limited(300));
    assert.match((await bomb(200)).stdout, /survived/);
    assert.ok((await processes()) > 200);
    await reconfigure('bomb', limited(100));
    // Those that are there stay, but there are no new ones.
    await assert.rejects(zones.exec('bomb', ['true']), (error) => codeOf(error) === 'ZoneBadState');
    await gone('bomb');
  });
});

describe('cpu_cap', () => {
  it('of 25 gives a quarter of a core, of 50 a half, and none as much as there is', async () => {
    await boot('busy', { rctls: { 'zone.cpu-cap': 25 } });
    await zones.exec('busy', ['sh', '-c', 'yes >/dev/null & yes >/dev/null &']);
    const quarter = await cpuShare('busy');
    assert.ok(Math.abs(quarter - 0.25) < 0.25 * 0.15, `${quarter} of a core`);
    await reconfigure('busy', { rctls: { 'zone.cpu-cap': 50 } });
    const half = await cpuShare('busy');
    assert.ok(Math.abs(half - 0.5) < 0.5 * 0.15, `${half} of a core`);
    await reconfigure('busy', {});
    const free = await cpuShare('busy');
    assert.ok(free > 0.6, `${free} of a core`);
    await gone('busy');
  });
});

describe('other limits', () => {
  it('of System V IPC, CPU shares and I/O priority hold from the first, through a reboot, and change live', async () => {
    const ipc = async () => {
      const read = await zones.exec('other', ['cat', '/proc/sys/kernel/msgmni', '/proc/sys/kernel/shmall']);
      return read.stdout.split('\n').slice(0, 2).map(Number);
    };
    const shares = async () =>
      versionOf(layout, 'cpu') === 2
        ? Number(await cgroupFile('other', 'cpu', 'cpu.weight'))
        : Number(await cgroupFile('other', 'cpu', 'cpu.shares')) / 10.24;
    await boot('other', {
      rctls: { 'zone.max-msg-ids': 123, 'zone.max-shm-memory': 8 * MiB, 'zone.cpu-shares': 50, 'zone.max-sem-ids': 77 },
    });
    assert.deepEqual(await ipc(), [123, 2048]);
    assert.equal(await shares(), 50);
    assert.match((await zones.exec('other', ['cat', '/proc/sys/kernel/sem'])).stdout, /\s77$/m);
    await reconfigure('other', {
      rctls: { 'zone.max-msg-ids': 45, 'zone.max-shm-memory': 16 * MiB, 'zone.cpu-shares': 200 },
    });
    assert.deepEqual(await ipc(), [45, 4096]);
    assert.equal(await shares(), 200);
    const before_ = (await zones.runtime('other'))?.bootedAt;
    await zones.exec('other', ['reboot', '-f']).catch(() => undefined);
    for (let i = 0; i < 500 && [undefined, before_].includes((await zones.runtime('other'))?.bootedAt); i++)
      await sleep(20);
    assert.deepEqual(await ipc(), [45, 4096]);
    assert.equal(await shares(), 200);
    await gone('other');
  });

  it('of locked memory hold for every process', async () => {
    // More than this process may lock itself it may not be able to give.
    const hard = /Max locked memory\s+\S+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    const most = Math.min(MiB, Number(hard ?? MiB));
    await boot('locked', { rctls: { 'zone.max-locked-memory': most } });
    const locked = async () => {
      const { stdout } = await zones.exec('locked', ['cat', '/proc/1/limits']);
      return /Max locked memory\s+(\d+)\s+(\d+)/.exec(stdout)?.slice(1).map(Number);
    };
    assert.deepEqual(await locked(), [most, most]);
    await reconfigure('locked', { rctls: { 'zone.max-locked-memory': most / 2 } });
    assert.deepEqual(await locked(), [most / 2, most / 2]);
    await gone('locked');
  });

  it('of /tmp hold, live too', async () => {
    await boot('tmp', { attrs: { tmpfs: '16' } });
    const size = async () =>
      /\s(\d+)\s/.exec((await zones.exec('tmp', ['df', '-m', '/tmp'])).stdout.split('\n')[1] ?? '')?.[1];
    assert.equal(await size(), '16');
    await reconfigure('tmp', { attrs: { tmpfs: '32' } });
    assert.equal(await size(), '32');
    await gone('tmp');
  });
});
