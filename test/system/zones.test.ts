/** Zones on the real kernel: what they are kept from, what they leave behind, and what they survive. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { codeOf, describeError } from '../../lib/errors.js';
import { rootId } from '../../lib/host/linux/root-id.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { makeZoneRoot, openTestZones, zoneConfig, type TestZone } from '../zone-root.js';

inOwnNetworkNamespace(import.meta.url);

const { root, at, zones, links, close } = openTestZones();
after(close);

const vnic = (last: number, properties: Readonly<Record<string, string>> = { ips: 'dhcp', primary: 'true' }) => ({
  physical: 'net0', nicTag: 'admin', mac: `2:8:20:0:0:${last.toString(16)}`, properties,
}); // prettier-ignore

async function install(name: string, zone: TestZone = {}): Promise<string> {
  const inner = makeZoneRoot(at(`/zones/${name}`));
  await zones.configure(zoneConfig(name, zone));
  await zones.mark(name, 'installed');
  return inner;
}

async function boot(name: string, zone: TestZone = {}): Promise<void> {
  await install(name, zone);
  await zones.boot(name);
}

async function gone(name: string): Promise<void> {
  await zones.halt(name).catch((error: unknown) => {
    if (codeOf(error) !== 'ZoneBadState') throw error;
  });
  await zones.unconfigure(name);
  rmSync(at(`/zones/${name}`), { recursive: true, force: true });
}

async function inside(name: string, script: string): Promise<string> {
  const { stdout, stderr } = await zones.exec(name, ['sh', '-c', script]);
  return stdout + stderr;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if (await holds()) return;
    await sleep(10);
  }
  assert.fail(`waited in vain until ${what}`);
}

const state = async (name: string) => (await zones.find(name))?.state;

/** What is left on the host of the zones of this root: control groups, links, packet filter, mounts, folders, processes. */
function traces(name: string): readonly string[] {
  const found: string[] = [];
  const base = `smartadm-${rootId(root)}`;
  for (const mount of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, target = '', type = ''] = mount.split(' ');
    if (target.startsWith(`${root}/`)) found.push(`mount ${target}`);
    if (!type.startsWith('cgroup')) continue;
    for (const kind of ['zones', 'monitors']) {
      if (existsSync(join(target, base, kind, name))) found.push(join(target, base, kind, name));
    }
  }
  for (const link of readdirSync('/sys/class/net')) if (link === links.hostName(name, 'net0')) found.push(link);
  const ruleset = spawnSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).stdout;
  if (ruleset.includes(`"${links.hostName(name, 'net0')}"`)) found.push('nft elements');
  for (const file of [`/var/run/smartadm/zones/${name}`, `/var/run/smartadm/vnics/${name}`]) {
    if (existsSync(at(file))) found.push(file);
  }
  for (const pid of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    const command = readOrNothing(`/proc/${pid}/cmdline`);
    if (command.includes('zone-start') && command.includes(`\0${name}\0`) && command.includes(root))
      found.push(command);
  }
  return found;
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

describe('a zone', () => {
  it('has a pid 1, a host name and a network of its own, and does not see the processes of the host', async () => {
    await boot('alone', { attrs: { hostname: 'alone-host' }, vnics: [vnic(1)] });
    assert.equal(await inside('alone', 'hostname'), 'alone-host\n');
    assert.match(await inside('alone', 'cat /proc/1/cmdline | tr "\\0" " "'), /init/);
    const pids = (await inside('alone', 'cd /proc; echo [0-9]*')).trim().split(' ').map(Number);
    assert.ok(pids.length < 10 && Math.max(...pids) < 100, pids.join());
    assert.match(await inside('alone', `kill -0 ${process.pid}`), /No such process/);
    const interfaces = (await inside('alone', 'ls /sys/class/net')).trim().split('\n');
    assert.deepEqual(interfaces, ['lo', 'net0']);
    const { pid } = (await zones.runtime('alone')) ?? { pid: 0 };
    for (const space of ['pid', 'mnt', 'net', 'ipc', 'uts', 'user', 'cgroup']) {
      const ids = [pid, 'self'].map((of) => spawnSync('readlink', [`/proc/${of}/ns/${space}`]).stdout.toString());
      assert.notEqual(ids[0], ids[1], space);
    }
    await gone('alone');
  });

  it('is root over its own files, which keep their owners on disk, and nobody on the host', async () => {
    await boot('owner');
    await boot('other');
    assert.equal(await inside('owner', 'id -u; touch /mine; stat -c %u /mine'), '0\n0\n');
    assert.equal(statSync(at('/zones/owner/root/mine')).uid, 0);
    const range = async (name: string) => {
      const { pid } = (await zones.runtime(name)) ?? { pid: 0 };
      const [, first, count] = readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/).map(Number);
      assert.equal(count, 65_536);
      return first ?? 0;
    };
    const [one, two] = [await range('owner'), await range('other')];
    assert.ok(one >= 2 ** 31 && Math.abs(one - two) >= 65_536);
    await gone('owner');
    await gone('other');
  });

  it('gets neither at devices of the host, nor at its kernel', async () => {
    const inner = await install('caged');
    const made = spawnSync('mknod', [join(inner, 'disk'), 'b', '7', '0']);
    assert.equal(made.status, 0);
    await zones.boot('caged');
    assert.match(await inside('caged', 'cat /disk'), /Operation not permitted|Permission denied/);
    assert.match(await inside('caged', 'mknod /tmp/disk b 7 0'), /Operation not permitted/);
    assert.match(await inside('caged', 'echo b >/proc/sysrq-trigger'), /Read-only|Permission denied|can't create/);
    assert.match(await inside('caged', 'echo 1 >/proc/sys/kernel/panic'), /Read-only|Permission denied|can't create/);
    assert.match(await inside('caged', 'mount -t ext4 /disk /root'), /not permitted|denied|failed/);
    assert.equal((await zones.exec('caged', ['true'])).status, 0);
    await gone('caged');
  });

  it('runs without the privileges that limit_priv takes away', async () => {
    await boot('weak', { attributes: { limitpriv: 'default,-file_chown,-net_rawaccess' }, vnics: [vnic(1)] });
    assert.match(await inside('weak', 'ping -c 1 127.0.0.1'), /permission denied|not permitted|are you root/i);
    await gone('weak');
  });

  it('has the file systems and datasets of its configuration', async () => {
    mkdirSync(at('/zones/shares/data'), { recursive: true });
    writeFileSync(at('/zones/shares/data/given'), 'given\n');
    mkdirSync(at('/zones/shares/set'), { recursive: true });
    const special = '/zones/shares/data';
    const lofs = (directory: string, options: readonly string[]) => ({
      kind: 'filesystem',
      attributes: { special, directory, type: 'lofs' },
      children: options.map((name) => ({ kind: 'fsoption', attributes: { name } })),
    });
    await boot('mounts', {
      resources: [
        lofs('/srv/rw', []),
        lofs('/srv/ro', ['ro']),
        { kind: 'dataset', attributes: { name: 'zones/shares/set' }, children: [] },
      ],
    });
    assert.equal(await inside('mounts', 'cat /srv/ro/given /srv/rw/given'), 'given\ngiven\n');
    assert.match(await inside('mounts', 'touch /srv/ro/x'), /Read-only/);
    assert.match(await inside('mounts', 'mount -o remount,rw,bind x /srv/ro; touch /srv/ro/x'), /Read-only/);
    assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(`${root}/var/run/smartadm/zones`));
    assert.equal(await inside('mounts', 'touch /srv/rw/x /zones/shares/set/y'), '');
    assert.equal(statSync(at('/zones/shares/data/x')).uid, 0);
    assert.ok(existsSync(at('/zones/shares/set/y')));
    await gone('mounts');
  });

  it('has its file systems again after a reboot, files among them, and none by way of a link in the pool', async () => {
    mkdirSync(at('/zones/linked'), { recursive: true });
    writeFileSync(at('/zones/linked/file'), 'a file\n');
    symlinkSync('/etc', at('/zones/linked/etc'));
    const lofs = (special: string, directory: string) => ({
      kind: 'filesystem', attributes: { special, directory, type: 'lofs' }, children: [],
    }); // prettier-ignore
    await boot('again', { resources: [lofs('/zones/linked/file', '/etc/given')] });
    const before = await zones.runtime('again');
    await zones.exec('again', ['reboot', '-f']).catch(() => undefined);
    await until('it runs again', async () => ![undefined, before?.pid].includes((await zones.runtime('again'))?.pid));
    assert.equal(await inside('again', 'cat /etc/given'), 'a file\n');
    await gone('again');
    await install('escape', { resources: [lofs('/zones/linked/etc', '/srv/etc')] });
    await assert.rejects(zones.boot('escape'), (error) => codeOf(error) === 'ZoneBootFailed');
    await zones.configure(zoneConfig('escape', { resources: [lofs('/zones/nowhere', '/srv/etc')] }));
    await assert.rejects(zones.boot('escape'), (error) => codeOf(error) === 'ZoneInvalid');
    assert.deepEqual(traces('escape'), []);
    await gone('escape');
  });

  it('leaves neither group, link, rule, mount nor folder when it is halted', async () => {
    await boot('traces', { vnics: [vnic(2)] });
    assert.ok(traces('traces').length > 4);
    await zones.halt('traces');
    assert.deepEqual(traces('traces'), []);
    assert.match(readFileSync(at('/zones/traces/lastexited'), 'utf8'), /^\d+\.\d{6} -1\n$/);
    await gone('traces');
  });

  it('is halted when it is frozen', async () => {
    await boot('frozen');
    const { pid } = (await zones.runtime('frozen')) ?? { pid: 0 };
    const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    const v1 = /^\d+:freezer:(\S+)$/m.exec(groups)?.[1];
    const unified = /^0::(\S+)$/m.exec(groups)?.[1] ?? '';
    if (v1 !== undefined) writeFileSync(`/sys/fs/cgroup/freezer${v1}/freezer.state`, 'FROZEN');
    else writeFileSync(`/sys/fs/cgroup${unified}/cgroup.freeze`, '1');
    await zones.halt('frozen');
    assert.deepEqual(traces('frozen'), []);
    await gone('frozen');
  });
});

describe('the files of a zone', () => {
  const wanted = { attrs: { hostname: 'web', 'dns-domain': 'example.com', resolvers: '192.0.2.1,2001:db8::1' } };
  const resolv = '# AUTOMATIC ZONE CONFIG\nsearch example.com\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n';

  it('with its name and its resolvers are written at boot and when they change', async () => {
    await boot('named', wanted);
    assert.equal(await inside('named', 'cat /etc/resolv.conf'), resolv);
    assert.equal(await inside('named', 'cat /etc/hostname'), 'web\n');
    assert.match(await inside('named', 'cat /etc/hosts'), /^127\.0\.1\.1\tweb\.example\.com web$/m);
    assert.equal(readFileSync(at('/zones/named/lastbooted'), 'utf8').split('\n').length, 2);
    const old = await zones.config('named');
    await zones.configure(
      zoneConfig('named', { attrs: { ...wanted.attrs, hostname: 'web2', resolvers: '192.0.2.9' } }),
    );
    await zones.refresh('named', old);
    assert.match(await inside('named', 'cat /etc/resolv.conf /etc/hostname; hostname'), /192\.0\.2\.9\nweb2\nweb2\n$/);
    await gone('named');
  });

  it('name the resolver of the network where none is configured', async () => {
    await boot('offered', { vnics: [vnic(3)] });
    const { resolvers } = await links.addressing('offered', {
      physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:3', vlanId: 0, addresses: ['dhcp'], gateways: [],
      mtu: undefined, allowIpSpoofing: false, allowMacSpoofing: false, allowDhcpSpoofing: false, allowedIps: [],
    }); // prettier-ignore
    assert.equal(
      await inside('offered', 'cat /etc/resolv.conf'),
      `# AUTOMATIC ZONE CONFIG\nnameserver ${resolvers[0]}\n`,
    );
    await gone('offered');
  });

  it('that are symbolic links to the host are replaced, not followed', async () => {
    const victim = join(root, 'victim');
    writeFileSync(victim, 'untouched');
    const inner = await install('links', wanted);
    for (const name of ['resolv.conf', 'hostname', 'hosts']) symlinkSync(victim, join(inner, 'etc', name));
    symlinkSync(victim, at('/zones/links/lastbooted'));
    symlinkSync(victim, at('/zones/links/lastexited'));
    await zones.boot('links');
    assert.equal(readFileSync(victim, 'utf8'), 'untouched');
    assert.equal(readFileSync(join(inner, 'etc/resolv.conf'), 'utf8'), resolv);
    assert.ok(lstatSync(join(inner, 'etc/hostname')).isFile());
    await zones.halt('links');
    assert.equal(readFileSync(victim, 'utf8'), 'untouched');
    await gone('links');
  });

  it('whose folder is a symbolic link are not written, and it does not boot', async () => {
    const outside = join(root, 'outside');
    mkdirSync(outside);
    const inner = await install('led', wanted);
    rmSync(join(inner, 'etc'), { recursive: true });
    symlinkSync(outside, join(inner, 'etc'));
    await assert.rejects(zones.boot('led'), (error) => codeOf(error) === 'ZoneInvalid');
    assert.deepEqual(readdirSync(outside), []);
    assert.deepEqual(traces('led'), []);
    await gone('led');
  });

  it('are not looked for where the root itself is a symbolic link', async () => {
    const inner = await install('rootless');
    rmSync(inner, { recursive: true });
    await assert.rejects(zones.boot('rootless'), (error) => codeOf(error) === 'ZoneInvalid');
    symlinkSync('/', inner);
    await assert.rejects(zones.boot('rootless'), (error) => codeOf(error) === 'ZoneInvalid');
    await gone('rootless');
  });

  it('are not missed in an image without /etc', async () => {
    const inner = await install('bare', wanted);
    rmSync(join(inner, 'etc'), { recursive: true });
    writeFileSync(join(inner, 'init.sh'), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    await zones.configure(zoneConfig('bare', { attrs: { ...wanted.attrs, 'init-name': '/init.sh' } }));
    await zones.boot('bare');
    assert.ok(!existsSync(join(inner, 'etc/resolv.conf')));
    await gone('bare');
  });
});

describe('an init', () => {
  it('that is missing or cannot run is the reason why a zone does not boot, and nothing is left', async () => {
    const inner = await install('noinit', { vnics: [vnic(4)] });
    rmSync(join(inner, 'sbin/init'));
    await assert.rejects(zones.boot('noinit'), (error) => {
      assert.equal(codeOf(error), 'ZoneBootFailed');
      assert.match(describeError(error), /\/sbin\/init|No such file/);
      return true;
    });
    assert.equal(await state('noinit'), 'installed');
    assert.deepEqual(traces('noinit'), []);
    await gone('noinit');
  });

  it('that dies is started again, and counted', async () => {
    await boot('phoenix');
    const first = await zones.runtime('phoenix');
    assert.ok(first !== undefined);
    await sleep(1100);
    process.kill(first.pid, 'SIGKILL');
    await until('it runs again', async () => {
      const runtime = await zones.runtime('phoenix');
      return runtime !== undefined && runtime.pid !== first.pid;
    });
    assert.equal((await zones.runtime('phoenix'))?.initRestarts, 1);
    assert.match(readFileSync(at('/zones/phoenix/lastexited'), 'utf8'), / 9\n$/);
    await gone('phoenix');
  });

  it('that dies stays dead where restart_init is false, with its status kept', async () => {
    const inner = await install('mortal', { attrs: { 'restart-init': 'false', 'init-name': '/init.sh' } });
    writeFileSync(join(inner, 'init.sh'), '#!/bin/sh\nsleep 0.3\nexit 7\n', { mode: 0o755 });
    await zones.boot('mortal');
    await until('it has ended', async () => (await state('mortal')) === 'installed');
    assert.match(readFileSync(at('/zones/mortal/lastexited'), 'utf8'), new RegExp(` ${7 << 8}\n$`));
    await gone('mortal');
  });

  it('that ends again and again is given up', async () => {
    const inner = await install('hopeless', { attrs: { 'init-name': '/init.sh' } });
    writeFileSync(join(inner, 'init.sh'), '#!/bin/sh\nsleep 0.1\nexit 1\n', { mode: 0o755 });
    await zones.boot('hopeless');
    await until('it is given up', async () => (await state('hopeless')) === 'installed');
    await gone('hopeless');
  });
});

describe('from inside', () => {
  it('poweroff stops a zone, as a halt would say, and nothing is left without a zone', async () => {
    await boot('off', { vnics: [vnic(5)] });
    await zones.exec('off', ['poweroff']);
    await until('it has stopped', async () => (await state('off')) === 'installed');
    assert.match(readFileSync(at('/zones/off/lastexited'), 'utf8'), / -1\n$/);
    await zones.boot('off');
    await zones.exec('off', ['poweroff', '-f']).catch(() => undefined);
    await until('it has stopped', async () => (await state('off')) === 'installed');
    await zones.unconfigure('off');
    assert.deepEqual(traces('off'), []);
  });

  it('reboot boots by the configuration as it is now, again and again, with its vnic', async () => {
    await boot('loop', { attrs: { hostname: 'first' }, vnics: [vnic(6)] });
    const gateway = /via (\S+)/.exec(await inside('loop', 'ip route'))?.[1] ?? '';
    const reaches = async () => (await inside('loop', `ping -c 1 -W 2 ${gateway}`)).includes('1 packets received');
    await until('it reaches its gateway', reaches);
    const old = await zones.config('loop');
    await zones.configure(zoneConfig('loop', { attrs: { hostname: 'second' }, vnics: [vnic(6)] }));
    await zones.refresh('loop', old);
    for (let i = 0; i < 5; i++) {
      const before = await zones.runtime('loop');
      await zones.exec('loop', ['reboot', '-f']).catch(() => undefined);
      await until('it runs again', async () => ![undefined, before?.pid].includes((await zones.runtime('loop'))?.pid));
      assert.equal(await inside('loop', 'hostname'), 'second\n');
      await until('it reaches its gateway', reaches);
    }
    await gone('loop');
    assert.deepEqual(traces('loop'), []);
  });

  it('a vnic plugged while the zone runs is there after a reboot, one unplugged is not', async () => {
    await boot('plug', { vnics: [vnic(7)] });
    const second = { physical: 'net1', nicTag: 'stub0', mac: '2:8:20:0:1:7', properties: { ips: '10.9.9.7/24' } };
    const old = await zones.config('plug');
    await zones.configure(zoneConfig('plug', { vnics: [second] }));
    await zones.refresh('plug', old);
    const interfaces = async () => (await inside('plug', 'ls /sys/class/net')).trim().split('\n');
    assert.deepEqual(await interfaces(), ['lo', 'net1']);
    const before = await zones.runtime('plug');
    await zones.exec('plug', ['reboot', '-f']).catch(() => undefined);
    await until('it runs again', async () => ![undefined, before?.pid].includes((await zones.runtime('plug'))?.pid));
    assert.deepEqual(await interfaces(), ['lo', 'net1']);
    assert.match(await inside('plug', 'ip addr show net1'), /inet 10\.9\.9\.7\/24 brd 10\.9\.9\.255/);
    await gone('plug');
  });
});

describe('a program run in a zone', () => {
  it('tells what it printed, how it ended and by which signal', async () => {
    await boot('exec');
    assert.deepEqual(await zones.exec('exec', ['sh', '-c', 'echo out; echo err >&2; exit 3']), {
      status: 3, stdout: 'out\n', stderr: 'err\n',
    }); // prettier-ignore
    assert.equal((await zones.exec('exec', ['sh', '-c', 'kill -TERM $$'])).status, 128 + 15);
    assert.deepEqual(await zones.exec('exec', ['no-such-program']), {
      status: 127, stdout: '', stderr: 'cannot run no-such-program: No such file or directory\n',
    }); // prettier-ignore
    assert.deepEqual(await zones.exec('exec', ['/etc/passwd']), {
      status: 126, stdout: '', stderr: 'cannot run /etc/passwd: Permission denied\n',
    }); // prettier-ignore
    assert.equal((await zones.exec('exec', ['sh', '-c', 'cat; echo read'])).stdout, 'read\n');
    const environment = (await inside('exec', 'env; pwd')).split('\n').filter((line) => /^(PATH|HOME|\/)/.test(line));
    assert.ok(environment.includes('HOME=/root') && environment.includes('/'));
    assert.ok(!(await inside('exec', 'env')).includes('SMARTADM'));
  });

  it('may leave something running, and print a lot, but not without end', async () => {
    const began = performance.now();
    assert.equal((await zones.exec('exec', ['sh', '-c', 'sleep 30 & echo left'])).stdout, 'left\n');
    assert.ok(performance.now() - began < 10_000);
    assert.equal((await zones.exec('exec', ['seq', '200000'])).stdout.length, 1_288_895);
    await assert.rejects(zones.exec('exec', ['yes']), (error) => codeOf(error) === 'HostFailed');
  });

  it('is killed when its time is over', async () => {
    await assert.rejects(
      zones.exec('exec', ['sh', '-c', 'exec sleep 1234'], { timeoutMs: 300 }),
      (error) => codeOf(error) === 'TimedOut',
    );
    assert.ok(!(await inside('exec', 'ps')).includes('sleep 1234'));
  });

  it('does so thirty at a time', async () => {
    const results = await Promise.all(Array.from({ length: 30 }, (_, i) => zones.exec('exec', ['echo', String(i)])));
    assert.deepEqual(results.map((result) => result.stdout), results.map((_, i) => `${i}\n`)); // prettier-ignore
    await gone('exec');
  });
});

describe('a console', () => {
  it('is a terminal of the size that it is given, and the zone outlives who leaves it', async () => {
    await boot('tty');
    const console_ = await zones.console('tty');
    let text = '';
    console_.stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const says = (what: RegExp) => until(String(what), () => Promise.resolve(what.test(text)));
    console_.resize(132, 50);
    console_.stream.write('\nstty size; tty\n');
    await says(/50 132\r\n\/dev\/console\r\n/);
    console_.stream.write('sleep 100\n');
    await sleep(100);
    console_.stream.write('\x03');
    console_.stream.write('echo after-$((1 + 1))\n');
    await says(/after-2\r\n/);
    console_.close();
    assert.throws(() => {
      console_.resize(80, 25);
    });
    assert.equal(await state('tty'), 'running');
    await until('the console is free', async () => {
      const next = await zones.console('tty').catch(() => undefined);
      next?.close();
      return next !== undefined;
    });
  });

  it('ends with its zone', async () => {
    let console_: Awaited<ReturnType<typeof zones.console>> | undefined;
    await until('the console is free', async () => {
      console_ = await zones.console('tty').catch(() => undefined);
      return console_ !== undefined;
    });
    const ended = new Promise((resolve) => console_?.stream.on('error', () => undefined).once('close', resolve));
    console_?.stream.resume();
    await zones.halt('tty');
    await Promise.race([ended, sleep(10_000).then(() => assert.fail('the stream stays open'))]);
    await gone('tty');
  });
});

describe('whatever happens', () => {
  it('twenty zones boot at once and are halted at once', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name, i) => install(name, { vnics: [vnic(0x20 + i)] })));
    await Promise.all(names.map((name) => zones.boot(name)));
    const records = (await zones.list()).filter((record) => names.includes(record.name));
    assert.deepEqual(records.map((record) => record.state), names.map(() => 'running')); // prettier-ignore
    assert.equal(new Set(records.map((record) => record.id)).size, names.length);
    const addresses = await Promise.all(names.map((name) => inside(name, 'ip -4 addr show net0 | grep inet')));
    assert.equal(new Set(addresses).size, names.length);
    await Promise.all(names.map((name) => zones.halt(name)));
    assert.deepEqual(names.flatMap(traces), []);
    for (const name of names) await gone(name);
  });

  it('a zone whose monitor is killed ends, and boots again', async () => {
    await boot('orphan', { vnics: [vnic(8)] });
    const { id } = (await zones.find('orphan')) ?? {};
    assert.ok(id !== undefined);
    process.kill(id, 'SIGKILL');
    await until('it has ended', async () => (await state('orphan')) === 'installed');
    await zones.boot('orphan');
    assert.equal((await zones.exec('orphan', ['true'])).status, 0);
    await gone('orphan');
    assert.deepEqual(traces('orphan'), []);
  });

  it('who boots a zone may be killed at any moment: halt and unconfigure leave nothing of it', async () => {
    const script = fileURLToPath(new URL('boot-and-wait.ts', import.meta.url));
    let ran = 0;
    for (const delayMs of [0, 10, 20, 30, 45, 60, 80, 100, 150, Infinity]) {
      const name = `killed-${delayMs}`;
      await install(name, { vnics: [vnic(9)] });
      const child = spawn(process.execPath, [...process.execArgv, script, root, name], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined },
      });
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await new Promise((resolve) => child.stdout.once('data', resolve));
      if (Number.isFinite(delayMs)) await sleep(delayMs);
      else await new Promise((resolve) => child.stdout.once('data', resolve));
      child.kill('SIGKILL');
      await ended;
      await zones.halt(name).then(
        () => ran++,
        (error: unknown) => assert.equal(codeOf(error), 'ZoneBadState'),
      );
      await zones.unconfigure(name);
      // A zone-start that was on its way finds nothing to start.
      await sleep(30);
      assert.deepEqual(traces(name), [], `killed after ${delayMs} ms`);
      rmSync(at(`/zones/${name}`), { recursive: true });
    }
    assert.ok(ran > 0, 'none was killed late enough');
  });
});
