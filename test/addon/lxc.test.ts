/** Every export of lxc.node with good and bad arguments, on a real container. */
import assert from 'node:assert/strict';
import {
  closeSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeLxc } from '../../lib/host/native-linux.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { makeZoneRoot, openTestZones, zoneConfig } from '../zone-root.js';

inOwnNetworkNamespace(import.meta.url);

type Loose = Record<keyof NativeLxc, (...args: unknown[]) => unknown>;

const lxc = loadNative('lxc');
const loose = lxc as unknown as Loose;
const { at, zones, close } = openTestZones();
const path = at('/var/run/smartadm/zones');
const code =
  (...expected: string[]) =>
  (error: unknown) =>
    expected.includes(codeOf(error) ?? '');
let init = 0;

before(async () => {
  makeZoneRoot(at('/zones/here'));
  await zones.configure(zoneConfig('here', { attrs: { hostname: 'first' } }));
  await zones.mark('here', 'installed');
  await zones.boot('here');
  init = (await zones.runtime('here'))?.pid ?? 0;
});
after(close);

describe('monitors', () => {
  it('are found by name and all together, with init and time of boot', async () => {
    const monitor = await lxc.findMonitor(path, 'here');
    assert.ok(monitor !== undefined && monitor.monitor > 1 && monitor.init === init && monitor.restarts === 0);
    assert.ok(monitor.bootedAt > Date.now() - 60_000 && monitor.bootedAt <= Date.now());
    assert.deepEqual(await lxc.monitors(path), [monitor]);
  });

  it('are none where there is no folder, no lock, or nothing in the record', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smartadm-lxc-'));
    try {
      assert.deepEqual(await lxc.monitors(join(folder, 'nowhere')), []);
      assert.equal(await lxc.findMonitor(join(folder, 'nowhere'), 'x'), undefined);
      assert.equal(await lxc.findMonitor(folder, 'x'), undefined);
      mkdirSync(join(folder, 'x'));
      writeFileSync(join(folder, 'file'), '');
      writeFileSync(join(folder, 'x', 'monitor'), '1 2 3\n');
      assert.equal(await lxc.findMonitor(folder, 'x'), undefined);
      assert.equal(await lxc.findMonitor(folder, 'file'), undefined);
      assert.deepEqual(await lxc.monitors(folder), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are looked up a thousand times at once', async () => {
    const found = await Promise.all(Array.from({ length: 1000 }, () => lxc.findMonitor(path, 'here')));
    assert.ok(found.every((monitor) => monitor?.init === init));
    const lists = await Promise.all(Array.from({ length: 1000 }, () => lxc.monitors(path)));
    assert.ok(lists.every((list) => list.length === 1));
  });
});

describe('a namespace', () => {
  const hostname = async () => (await zones.exec('here', ['hostname'])).stdout.trim();

  it('gets a host name, and the host keeps its own', async () => {
    const own = readFileSync('/proc/sys/kernel/hostname', 'utf8');
    await lxc.setHostname(init, 'second');
    assert.equal(await hostname(), 'second');
    await Promise.all(Array.from({ length: 1000 }, () => lxc.setHostname(init, 'third')));
    assert.equal(await hostname(), 'third');
    assert.equal(readFileSync('/proc/sys/kernel/hostname', 'utf8'), own);
  });

  it('gets limits of System V IPC, and the host keeps its own', async () => {
    const own = readFileSync('/proc/sys/kernel/msgmni', 'utf8');
    await lxc.limitIpc(init, { 'kernel/msgmni': '77', 'kernel/shmmni': '78' });
    const { stdout } = await zones.exec('here', ['cat', '/proc/sys/kernel/msgmni', '/proc/sys/kernel/shmmni']);
    assert.equal(stdout, '77\n78\n');
    assert.equal(readFileSync('/proc/sys/kernel/msgmni', 'utf8'), own);
    await lxc.limitIpc(init, {});
    await Promise.all(Array.from({ length: 1000 }, () => lxc.limitIpc(init, { 'kernel/msgmni': '79' })));
    assert.equal(readFileSync('/proc/sys/kernel/msgmni', 'utf8'), own);
    // No thread that is used again has stayed in the zone, or somebody else than root.
    writeFileSync(join(at('/var'), 'mine'), '');
    assert.ok(existsSync(join(at('/var'), 'mine')));
  });

  it('of nobody, or settings that there are not, are refused with the reason', async () => {
    await assert.rejects(lxc.setHostname(2 ** 22 + 5, 'x'), code('ESRCH'));
    await assert.rejects(lxc.limitIpc(2 ** 22 + 5, { 'kernel/msgmni': '1' }), code('ESRCH'));
    await assert.rejects(lxc.limitIpc(init, { 'kernel/no-such': '1' }), code('ENOENT'));
    await assert.rejects(lxc.limitIpc(init, { 'kernel/msgmni': 'many' }), code('EINVAL'));
    await assert.rejects(lxc.limitLockedMemory(2 ** 22 + 5, 1024), code('ESRCH'));
  });
});

describe('locked memory', () => {
  it('is limited, and a limit that cannot be raised stays', async () => {
    const limit = () => /Max locked memory\s+(\d+)\s+(\d+)/.exec(readFileSync(`/proc/${init}/limits`, 'utf8'));
    await lxc.limitLockedMemory(init, 65_536);
    assert.deepEqual(limit()?.slice(1), ['65536', '65536']);
    await lxc.limitLockedMemory(init, 131_072);
    assert.ok(['65536', '131072'].includes(limit()?.[2] ?? ''));
    await Promise.all(Array.from({ length: 1000 }, () => lxc.limitLockedMemory(init, 65_536)));
  });
});

describe('a snapshot', () => {
  const root = at('/zones/here/root');
  const source = at('/source');
  const run = (line: string) => zones.exec('here', ['sh', '-c', line]);

  before(() => {
    mkdirSync(join(source, 'deep'), { recursive: true });
    writeFileSync(join(source, 'file'), 'as it was');
  });

  it('is shown read-only, with owners as in the zone, and is gone with the place it is shown at', async () => {
    await lxc.showSnapshot(init, root, 'first', source);
    assert.equal((await run('cat /checkpoints/first/file')).stdout, 'as it was');
    assert.equal((await run('stat -c "%u %a" /checkpoints/first/file /checkpoints')).stdout, '0 644\n0 755\n');
    assert.match((await run('echo x > /checkpoints/first/file')).stderr, /Read-only file system/);
    assert.match((await run('grep /checkpoints/first /proc/self/mountinfo')).stdout, /\bro\b.*\bnodev\b/);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /checkpoints/);
    await assert.rejects(lxc.showSnapshot(init, root, 'first', source), code('EXDEV'));
    // What the guest mounts in it is seen nowhere else.
    assert.equal((await run('mount -t tmpfs none /checkpoints/first/deep')).status, 0);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /first|source/);
    const held = zones.exec('here', ['sh', '-c', 'cd /checkpoints/first && exec 3<file && sleep 1 && cat <&3']);
    await sleep(300);
    await loadNative('rootfs').removeDirectory(root, '/checkpoints/first');
    assert.equal((await run('ls /checkpoints; grep -c checkpoints /proc/self/mountinfo')).stdout, '0\n');
    assert.equal((await held).stdout, 'as it was');
  });

  it('is not shown where the guest has something else, and waits for nobody', async () => {
    const outside = at('/outside');
    mkdirSync(outside);
    const refused = (name: string) => assert.rejects(lxc.showSnapshot(init, root, name, source), code('ELOOP', 'ENOTDIR', 'EXDEV')); // prettier-ignore
    await run(
      `ln -s ${outside} /checkpoints/absolute; ln -s ../../../outside /checkpoints/relative; ln -s . /checkpoints/dot`,
    );
    await run('touch /checkpoints/file; mkdir /checkpoints/taken; mount -t tmpfs none /checkpoints/taken');
    for (const name of ['absolute', 'relative', 'dot', 'file', 'taken']) await refused(name);
    await run('umount /checkpoints/taken; mount -t tmpfs none /checkpoints');
    await refused('below');
    await run('umount /checkpoints; mv /checkpoints /kept; ln -s /kept /checkpoints');
    await refused('linked');
    await run(`rm /checkpoints; ln -s ${outside} /checkpoints`);
    await refused('linked');
    await run('rm /checkpoints; mkfifo /checkpoints || mknod /checkpoints p');
    await refused('piped');
    await run('rm /checkpoints; rm -r /kept');
    assert.deepEqual(readdirSync(outside), []);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /outside|source/);
    assert.doesNotMatch((await run('cat /proc/self/mountinfo')).stdout, /source/);
  });

  it('is shown to zones only, and only what is a folder', async () => {
    await assert.rejects(lxc.showSnapshot(2 ** 22 + 5, root, 'x', source), code('ESRCH'));
    await assert.rejects(lxc.showSnapshot(process.pid, root, 'x', source), code('ESRCH'));
    await assert.rejects(lxc.showSnapshot(init, at('/nowhere'), 'x', source), code('ENOENT'));
    await assert.rejects(lxc.showSnapshot(init, root, 'x', at('/nowhere')), code('ENOENT'));
    await assert.rejects(lxc.showSnapshot(init, root, 'x', join(source, 'file')), code('ENOTDIR'));
    symlinkSync(source, at('/link'));
    await assert.rejects(lxc.showSnapshot(init, root, 'x', at('/link')), code('ELOOP', 'ENOTDIR'));
  });

  it('is shown by one of a thousand at once, and no thread stays in the zone', async () => {
    const all = Array.from({ length: 1000 }, () => lxc.showSnapshot(init, root, 'many', source));
    const done = (await Promise.allSettled(all)).filter(({ status }) => status === 'fulfilled');
    assert.equal(done.length, 1);
    await loadNative('rootfs').removeDirectory(root, '/checkpoints/many');
    assert.equal((await run('ls /checkpoints')).stdout.includes('many'), false);
    await Promise.all(Array.from({ length: 20 }, () => loadNative('rootfs').kindOf(at('/'), '/source/file'))).then(
      (kinds) => assert.ok(kinds.every((kind) => kind === 'file')),
    );
  });
});

describe('the console', () => {
  it('is held by one at a time, until the handle is closed, once or more often', async () => {
    const console_ = await lxc.openConsole(path, 'here');
    assert.ok(console_.fd > 2);
    console_.resize(100, 30);
    await assert.rejects(lxc.openConsole(path, 'here'), code('EBUSY'));
    console_.close();
    console_.close();
    assert.throws(() => {
      console_.resize(100, 30);
    }, code('ERR_CLOSED'));
    closeSync(console_.fd);
  });

  it('is not there for a zone that does not run', async () => {
    await assert.rejects(lxc.openConsole(path, 'nobody'), code('ESRCH'));
    await assert.rejects(lxc.openConsole('/nonexistent', 'here'), code('ESRCH'));
  });

  it('takes sizes that fit only', async () => {
    let console_: Awaited<ReturnType<NativeLxc['openConsole']>> | undefined;
    for (let i = 0; i < 100 && console_ === undefined; i++) {
      console_ = await lxc.openConsole(path, 'here').catch(() => undefined);
    }
    assert.ok(console_ !== undefined);
    const loose = console_ as unknown as { readonly resize: (...args: unknown[]) => void };
    for (const wrong of [[-1, 1], [1, 65_536], [1.5, 2], [1]]) {
      assert.throws(() => {
        loose.resize(...wrong);
      });
    }
    console_.close();
    closeSync(console_.fd);
  });
});

describe('arguments', () => {
  const wrong: readonly [string, () => unknown][] = [
    ['no path', () => loose.monitors()],
    ['a path that is no string', () => loose.monitors(7)],
    ['an empty path', () => loose.monitors('')],
    ['a path with a zero byte', () => loose.monitors('a\0b')],
    ['a path without end', () => loose.monitors('x'.repeat(1e6))],
    ['no name', () => loose.findMonitor(path)],
    ['a name that is no string', () => loose.findMonitor(path, {})],
    ['a name that leads elsewhere', () => loose.findMonitor(path, '../here')],
    ['a name of dots', () => loose.stop(path, '..')],
    ['an empty name', () => loose.stop(path, '')],
    ['a name without end', () => loose.openConsole(path, 'x'.repeat(1000))],
    ['no process', () => loose.setHostname()],
    ['process 0', () => loose.setHostname(0, 'x')],
    ['a negative process', () => loose.setHostname(-1, 'x')],
    ['a process that is no number', () => loose.limitIpc('1', {})],
    ['a host name without end', () => loose.setHostname(1, 'x'.repeat(65))],
    ['no snapshot', () => loose.showSnapshot(1, '/x')],
    ['a snapshot that leads elsewhere', () => loose.showSnapshot(1, '/x', '../y', '/z')],
    ['a snapshot of dots', () => loose.showSnapshot(1, '/x', '..', '/z')],
    ['a snapshot without a name', () => loose.showSnapshot(1, '/x', '', '/z')],
    ['a root that is no string', () => loose.showSnapshot(1, 7, 'x', '/z')],
    ['no source', () => loose.showSnapshot(1, '/x', 'y')],
    ['settings that are no object', () => loose.limitIpc(1, 'kernel/msgmni')],
    ['a setting outside', () => loose.limitIpc(1, { '../etc/passwd': 'x' })],
    ['an absolute setting', () => loose.limitIpc(1, { '/etc/passwd': 'x' })],
    ['a setting that is no string', () => loose.limitIpc(1, { 'kernel/msgmni': 7 })],
    ['a negative size', () => loose.limitLockedMemory(1, -1)],
    ['a size that is no number', () => loose.limitLockedMemory(1, '1')],
    ['a size past 2^53', () => loose.limitLockedMemory(1, 2 ** 60)],
  ];
  for (const [what, call] of wrong) {
    it(`refuse ${what} at once`, () => {
      assert.throws(call, (error) => error instanceof TypeError || error instanceof RangeError);
    });
  }
});

describe('a root that the guest has mounted over', () => {
  it('shows nothing', async () => {
    await zones.exec('here', ['sh', '-c', 'mkdir -p /checkpoints/over; mount -t tmpfs none /']);
    const shown = lxc.showSnapshot(init, at('/zones/here/root'), 'over', at('/source'));
    await assert.rejects(shown, code('EXDEV'));
  });
});

describe('stop', () => {
  it('says whether there was anything to stop', async () => {
    assert.equal(await lxc.stop(path, 'nobody'), false);
    const stops = await Promise.all(Array.from({ length: 1000 }, () => lxc.stop(path, 'nobody')));
    assert.ok(stops.every((stopped) => !stopped));
    writeFileSync(join(path, 'here', 'halting'), '');
    assert.equal(await lxc.stop(path, 'here'), true);
  });
});
