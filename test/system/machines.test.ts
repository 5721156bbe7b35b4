/** Machines of a Linux host from outside: what they show, what they leave, and what is in reach of their emulator. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { codeOf } from '../../lib/errors.js';
import { hvmPlans, type HvmPlan } from '../../lib/host/linux/hvm-plan.js';
import { readMounts } from '../../lib/host/linux/mounts.js';
import { greeting, openTestMachines, seenOn } from '../machines.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { zoneConfig } from '../zone-root.js';

inOwnNetworkNamespace(import.meta.url);

const net0 = { physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', properties: { ips: 'dhcp' } };

describe('a machine', () => {
  let tested: ReturnType<typeof openTestMachines>;
  const rejects = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);

  before(() => {
    tested = openTestMachines();
  });
  after(() => tested.close());

  const state = async (name: string) => (await tested.zones.find(name))?.state;
  const vnicsOf = async (zone: string) => (await tested.links.list()).filter((link) => link.zone === zone);
  const tapsOf = async () => (await tested.links.list()).filter((link) => link.kind === 'vnic').map(({ name }) => name);

  /** Control groups whose name has that of the zone in it. */
  function groupsOf(zone: string): readonly string[] {
    const found = execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `*${zone}*`], { encoding: 'utf8' });
    return found.split('\n').filter((line) => line !== '');
  }

  /** Nothing of a process that has gone. */
  function statusOf(pid: number): string {
    try {
      return readFileSync(`/proc/${pid}/status`, 'utf8');
    } catch {
      return '';
    }
  }

  async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!(await holds())) {
      if (Date.now() > deadline) assert.fail(`waited in vain until ${what}`);
      await sleep(5);
    }
  }

  it('has its first serial line for a console, for one at a time', async () => {
    const { zones, hvm } = tested;
    await hvm.prepare(await tested.install('serial'));
    await zones.boot('serial');
    const console = await zones.console('serial');
    await rejects(zones.console('serial'), 'ZoneConsoleBusy');
    await hvm.reset('serial');
    await seenOn(console.stream, greeting);
    console.stream.write('typed');
    await seenOn(console.stream, 'typed');
    console.close();
    await until('it is free again', async () => {
      try {
        (await zones.console('serial')).close();
        return true;
      } catch {
        return false;
      }
    });
    await zones.halt('serial');
  });

  it('leaves nothing when its emulator is killed, and is stopped at once', async () => {
    const { zones, hvm } = tested;
    await hvm.prepare(
      await tested.install('killed', { vnics: [net0], rctls: { 'zone.max-physical-memory': 1024 ** 3 } }),
    );
    await zones.boot('killed');
    const [tap] = await vnicsOf('killed');
    assert.ok(tap?.up);
    assert.equal(tap.name, tested.links.hostName('killed', 'net0'));
    assert.notDeepEqual(groupsOf('killed'), []);
    const { pid = 0 } = (await zones.runtime('killed')) ?? {};
    process.kill(pid, 'SIGKILL');
    await until('it does not run', async () => (await zones.runtime('killed')) === undefined);
    assert.notEqual(await state('killed'), 'running');
    await until('it is stopped', async () => (await state('killed')) === 'installed');
    assert.deepEqual(await tapsOf(), []);
    assert.deepEqual(groupsOf('killed'), []);
    assert.deepEqual(
      (await readMounts()).filter(({ target }) => target.startsWith(tested.root)),
      [],
    );
    await hvm.prepare(await tested.install('killed', { vnics: [net0] }));
    await zones.boot('killed');
    assert.equal(await state('killed'), 'running');
    assert.equal((await tapsOf()).length, 1);
    await zones.halt('killed');
    assert.deepEqual(await tapsOf(), []);
  });

  it('ends with its monitor, and leaves nothing that its next boot minds', async () => {
    const { zones, hvm } = tested;
    await hvm.prepare(await tested.install('orphan', { vnics: [net0] }));
    await zones.boot('orphan');
    const { pid = 0 } = (await zones.runtime('orphan')) ?? {};
    process.kill((await zones.find('orphan'))?.id ?? 0, 'SIGKILL');
    await until('its emulator has ended', () => !/^State:\s+[RSD]/m.test(statusOf(pid)));
    assert.equal(await state('orphan'), 'installed');
    await until('its tap has gone', async () => (await tapsOf()).length === 0);
    await zones.boot('orphan');
    assert.equal(await state('orphan'), 'running');
    await zones.halt('orphan');
    assert.deepEqual(groupsOf('orphan'), []);
  });

  it('has what its vnics let through changed while it runs, and the rest at its next boot', async () => {
    const { zones, hvm, links } = tested;
    const allowed = (more: Readonly<Record<string, string>>) => ({
      ...net0,
      properties: { ...net0.properties, ...more },
    });
    await hvm.prepare(await tested.install('changed', { vnics: [net0] }));
    await zones.boot('changed');
    const before = await zones.config('changed');
    const taps = await tapsOf();
    const net1 = { physical: 'net1', nicTag: 'stub0', mac: '2:8:20:0:0:2' };
    const vnics = [allowed({ allow_ip_spoofing: 'true' }), net1];
    const { resources } = zoneConfig('changed', { vnics, rctls: { 'zone.max-physical-memory': 1024 ** 2 } });
    const isLetThrough = () => {
      const rules = execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
      const [, any = ''] = /set anyip \{[^}]*elements = \{([^}]*)\}/.exec(rules) ?? [];
      return any.includes(links.hostName('changed', 'net0'));
    };
    assert.ok(!isLetThrough());
    await zones.configure({ attributes: before.attributes, resources });
    await zones.refresh('changed', before);
    assert.ok(isLetThrough());
    assert.deepEqual(await tapsOf(), taps);
    assert.equal(await state('changed'), 'running');
    await hvm.info('changed', ['status']);
    await zones.halt('changed');
  });

  it('is reached by its display as long as it runs, and only there', async () => {
    const { zones, hvm } = tested;
    await hvm.prepare(await tested.install('shown'));
    await zones.boot('shown');
    const { vnc } = (await hvm.info('shown', ['vnc'])) as { vnc: { host: string; port: number } };
    const first = connect(vnc.port, vnc.host);
    await seenOn(first, 'RFB 003.008');
    first.destroy();
    // What the emulator puts in the place of its socket leads nowhere.
    const socket = tested.at('/zones/shown/root/tmp/vm.vnc');
    rmSync(socket);
    symlinkSync('vm.qmp', socket);
    const second = connect(vnc.port, vnc.host);
    let said = '';
    second.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
    await new Promise((resolve) => second.once('close', resolve).resume());
    assert.equal(said, '');
    await zones.halt('shown');
    await until('nobody listens', () => {
      return new Promise((resolve) => {
        const third = connect(vnc.port, vnc.host);
        third.once('error', () => {
          resolve(true);
        });
        third.once('connect', () => {
          third.destroy();
          resolve(false);
        });
      });
    });
  });

  it('that cannot start says what its emulator said, and leaves nothing', async () => {
    const { zones, hvm } = tested;
    const vm = await tested.install('broken', { vnics: [net0] });
    await rejects(zones.boot('broken'), 'ZoneBadState');
    await hvm.prepare({ ...vm, qemu_extra_opts: '-device nonsense' });
    await assert.rejects(zones.boot('broken'), (error: Error) => {
      assert.equal(codeOf(error), 'ZoneBootFailed');
      assert.match((error.cause as Error).message, /nonsense/);
      return true;
    });
    assert.equal(await state('broken'), 'installed');
    assert.deepEqual(await tapsOf(), []);
    assert.ok(!existsSync(tested.at('/var/run/smartadm/zones/broken')));
  });

  it('keeps the logs of its last boots', async () => {
    const { zones, hvm } = tested;
    const vm = await tested.install('logged');
    for (const ram of [64, 65]) {
      await hvm.prepare({ ...vm, ram });
      await zones.boot('logged');
      await zones.halt('logged');
    }
    const log = (name: string) => readFileSync(tested.at(`/zones/logged/root/tmp/${name}`), 'utf8');
    assert.match(log('vm.log'), /^65M$/m);
    assert.match(log('vm.log.0'), /^64M$/m);
    assert.match(log('vm.log'), /^=== OUTPUT \(\S+Z\) ===$/m);
  });

  it('boots by firmware of its own, which is in its root', async () => {
    const { zones, hvm } = tested;
    const vm = { ...(await tested.install('firmware', { attributes: { brand: 'bhyve' } })), brand: 'bhyve' };
    const root = tested.at('/zones/firmware/root');
    // What every firmware has at its end: where a processor begins.
    const rom = Buffer.alloc(65_536, 0xf4);
    rom.set([0xeb, 0xfe], 0xfff0);
    writeFileSync(join(root, 'rom.bin'), rom);
    for (const bootrom of ['/missing.bin', '/../firmware/root/rom.bin', '/disk.img/rom.bin']) {
      await rejects(hvm.prepare({ ...vm, bootrom }), 'ZoneInvalid');
    }
    await hvm.prepare({ ...vm, bootrom: '/rom.bin' });
    await zones.boot('firmware');
    const { cpus } = await hvm.info('firmware', ['cpus']);
    const [cpu] = cpus as readonly { readonly pc: number }[];
    assert.equal(cpu?.pc, 0xfff0);
    await zones.halt('firmware');
  });

  it('reads cdroms that it cannot write, from its own root only', async () => {
    const { zones, hvm } = tested;
    const vm = await tested.install('cdrom');
    const root = tested.at('/zones/cdrom/root');
    writeFileSync(join(root, 'install.iso'), Buffer.alloc(2048 * 16));
    symlinkSync('/etc/passwd', join(root, 'link.iso'));
    await rejects(hvm.prepare(vm, { disks: [{ path: '/link.iso', model: 'ide', media: 'cdrom' }] }), 'ZoneInvalid');
    await rejects(hvm.prepare(vm, { disks: [{ path: '/../serial/root/disk.img', model: 'ide', media: 'disk' }] }), 'ZoneInvalid'); // prettier-ignore
    await hvm.prepare(vm, { disks: [{ path: '/install.iso', model: 'ide', media: 'cdrom' }], order: 'dc' });
    await zones.boot('cdrom');
    const { pid = 0 } = (await zones.runtime('cdrom')) ?? {};
    const held = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
      const target = execFileSync('readlink', [`/proc/${pid}/fd/${fd}`], { encoding: 'utf8' }).trim();
      return target.endsWith('/install.iso') ? [Number.parseInt(flags, 8) & 3] : [];
    });
    assert.ok(held.length > 0);
    assert.ok(held.every((mode) => mode === 0));
    await zones.halt('cdrom');
  });
});

/** In place of the emulator, a program that tries what a guest would that has got out of its machine. */
describe('an emulator that has been taken over', () => {
  let tested: ReturnType<typeof openTestMachines>;
  let answers: ReadonlyMap<string, readonly string[]>;

  before(async () => {
    tested = openTestMachines();
    const { at, zones, hvm } = tested;
    await tested.install('other');
    await hvm.prepare(await tested.install('prison', { vnics: [net0] }));
    const program = join(tested.root, 'prisoner');
    const source = fileURLToPath(new URL('../stand-ins/emulator/prisoner.c', import.meta.url));
    execFileSync('gcc', ['-static', '-O1', '-o', program, source]);
    const plans = hvmPlans(at);
    const plan = (await plans.read('prison')) as HvmPlan;
    const [tap, disk] = [plan.taps[0]?.fd, plan.files[0]?.fd];
    const secrets = [at('/zones/other/root/disk.img'), at('/zones/prison/root/disk.img'), at('/etc'), tested.root];
    await plans.write('prison', {
      ...plan,
      // Stands for what runs guests, which not every machine has.
      kvm: '/dev/full',
      binds: [...plan.binds, { source: program, target: '/usr/bin/prisoner' }],
      argv: ['/usr/bin/prisoner', String(tap), String(disk), ...secrets, '/dev/full', '/dev/zero'],
    });
    // It ends, and is no emulator that answers.
    await assert.rejects(zones.boot('prison'), (error) => codeOf(error) === 'ZoneBootFailed');
    const [, said = ''] = readFileSync(at('/zones/prison/root/tmp/vm.log'), 'utf8').split(/^=== OUTPUT .*\n/m);
    const found = new Map<string, string[]>();
    for (const line of said.trim().split('\n')) {
      const [, what = line, answer = ''] = /^(.*): (.*)$/.exec(line) ?? [];
      found.set(what, [...(found.get(what) ?? []), answer]);
    }
    answers = found;
  });
  after(() => tested.close());

  const answer = (what: string) => (answers.get(what) ?? ['never tried']).join(' ');

  it('is nobody, and becomes nobody else', () => {
    assert.equal(answer('user'), '65533 65533');
    assert.equal(answer('become root'), 'EPERM');
    assert.equal(answer('become another'), 'EPERM');
    assert.equal(answer('no new privileges'), '1');
    assert.equal(answer('seccomp'), '2');
  });

  it('sees no file of the host, no disk of another machine, and no process', () => {
    const reads = [...answers].filter(([what]) => what.startsWith('read '));
    assert.ok(reads.length >= 14);
    for (const [what, [said]] of reads) assert.equal(said, what === 'read /dev/full' ? 'done' : 'ENOENT', what);
    assert.equal(answer('see a process'), 'ESRCH');
    assert.equal(answer('processes beside it'), '0');
    const root = answers.get('in its root') ?? [];
    assert.deepEqual([...root].sort(), ['dev', 'lib', 'lib64', 'proc', 'tmp', 'usr']);
  });

  it('gets no device, no mount, no name space and no other root', () => {
    for (const what of [
      'make a device', 'make a pipe', 'mount proc', 'mount anew', 'unmount', 'get a name space', 'get a child in one',
      'change its root', 'open by handle', 'trace',
    ]) assert.equal(answer(what), 'EPERM', what); // prettier-ignore
    assert.equal(answer('get a child by clone3'), 'ENOSYS');
  });

  it('changes nothing but its disks and its own files, of which it runs none', () => {
    assert.equal(answer('write to its root'), 'EROFS');
    assert.equal(answer('write to its programs'), 'EROFS');
    assert.equal(answer('write to its log'), 'EACCES');
    assert.equal(answer('move its log'), 'EPERM');
    assert.equal(answer('open its disk to others'), 'EPERM');
    assert.equal(answer('leave its disk upwards'), 'ENOTDIR');
    assert.equal(answer('run a file of its own'), 'EACCES');
    assert.equal(answer('write to its disk'), 'done');
  });

  it('reaches nobody but by its tap, which it can neither keep nor change', async () => {
    assert.equal(answer('link'), 'lo');
    assert.match(answer('connect'), /^ENETUNREACH$/);
    assert.match(answer('connect to loopback'), /^(ENETUNREACH|ECONNREFUSED)$/);
    assert.equal(answer('open a raw socket'), 'EPERM');
    assert.equal(answer('open a packet socket'), 'EPERM');
    for (const what of [
      'keep the tap',
      'make another of the tap',
      'give the tap away',
      'give the tap another address',
    ]) {
      assert.equal(answer(what), 'EPERM', what);
    }
    assert.deepEqual(answers.get('inherited'), ['100', '400']);
    assert.deepEqual(
      (await tested.links.list()).filter(({ kind }) => kind === 'vnic'),
      [],
    );
  });
});
