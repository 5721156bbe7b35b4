/** Hardware virtual machines of a Linux host by the commands: a real guest that the BIOS boots. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildGuest, guestLack } from '../guest/build.js';
import { openGuestConsole, type GuestConsole } from '../guest/console.js';
import { writeVolumeImage } from '../guest/image.js';
import { bootSector, greeting } from '../machines.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { eventually, openTestHost, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);
// Displays listen there where the host has no network of its own.
spawnSync('ip', ['link', 'set', 'lo', 'up']);

const lack = guestLack();

describe('a kvm VM of the sample volume', () => {
  let host: TestHost;
  const uuid = randomUUID();

  before(async () => {
    host = openTestHost();
    await host.install('echo-volume-1.0.0');
  });
  after(() => host.close());

  it('is made of a 10 GiB image without copying it, and echoes on its console until CTRL-] is typed', async () => {
    const disks = [{ image_uuid: '2c8f5e17-9b60-4d3a-b1f4-70a9e63d84c2', boot: true, model: 'virtio' }];
    await host.ok('vmadm', ['create'], { input: JSON.stringify({ brand: 'kvm', uuid, ram: 128, vcpus: 1, disks }) });
    const vm = JSON.parse(await host.ok('vmadm', ['get', uuid])) as { state: string; disks: { size: number }[] };
    assert.equal(vm.state, 'running');
    assert.equal(vm.disks[0]?.size, 10_240);
    const child = host.start('vmadm', ['console', uuid]);
    let seen = '';
    child.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString('latin1')));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    await eventually(
      `an echo in ${JSON.stringify(seen)}`,
      () => {
        child.stdin?.write('hello');
        return Promise.resolve(seen.includes('hello'));
      },
      60_000,
    );
    child.stdin?.write('\u001d');
    assert.equal(await ended, 0);
    await host.ok('vmadm', ['stop', uuid, '-F']);
    await host.ok('vmadm', ['delete', uuid]);
  });
});

describe('a kvm VM with an empty disk', { skip: existsSync('/usr/bin/xorriso') ? false : 'xorriso is missing' }, () => {
  let host: TestHost;
  const uuid = randomUUID();
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-iso-'));

  before(() => {
    host = openTestHost();
    mkdirSync(join(folder, 'files'));
    writeFileSync(join(folder, 'files/boot.bin'), Buffer.concat([bootSector(), Buffer.alloc(1536)]));
    const boot = ['-b', 'boot.bin', '-no-emul-boot', '-boot-load-size', '4', '-c', 'boot.cat'];
    const made = spawnSync('xorriso', ['-as', 'mkisofs', '-quiet', '-o', join(folder, 'boot.iso'), ...boot, join(folder, 'files')], { encoding: 'utf8' }); // prettier-ignore
    assert.equal(made.status, 0, made.stderr);
  });
  after(async () => {
    await host.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Starts it, at its console from the first moment, and waits until the disc has said its word. */
  async function greets(...operands: readonly string[]): Promise<void> {
    const starting = host.ok('vmadm', ['start', uuid, ...operands]);
    let guest: GuestConsole | undefined;
    await eventually('a console', async () => {
      guest = await openGuestConsole(host.at(`/zones/${uuid}`)).catch(() => undefined);
      return guest !== undefined;
    });
    await guest?.sees(new RegExp(greeting), 60_000);
    guest?.close();
    await starting;
  }

  it('boots from a disc in its drive, and from one that it has for one boot', async () => {
    const disks = [
      { size: 16, model: 'virtio', boot: true },
      { media: 'cdrom', path: '/own.iso', model: 'ide' },
    ];
    const payload = { brand: 'kvm', uuid, ram: 64, vcpus: 1, autoboot: false, disks };
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload) });
    const missing = await host.vmadm(['start', uuid]);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /there is no disk \/own\.iso/);
    for (const name of ['own.iso', 'other.iso'])
      copyFileSync(join(folder, 'boot.iso'), host.at(`/zones/${uuid}/root/${name}`));
    await greets();
    await host.ok('vmadm', ['stop', uuid, '-F']);
    await host.ok('vmadm', ['update', uuid], { input: JSON.stringify({ remove_disks: ['/own.iso'] }) });
    await greets('order=cd,once=d', 'cdrom=/other.iso,ide');
    await host.ok('vmadm', ['stop', uuid, '-F']);
    await greets('order=dc', 'cdrom=/other.iso,scsi');
    await host.ok('vmadm', ['delete', uuid]);
  });
});

describe('a kvm VM', { skip: lack ?? false }, () => {
  let host: TestHost;
  let guest: GuestConsole;
  let image: string;
  const uuid = randomUUID();
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-hvm-'));

  before(async () => {
    host = openTestHost();
    const disk = join(folder, 'disk');
    buildGuest(disk);
    const made = writeVolumeImage(folder, 'guest', disk, 64);
    image = made.uuid;
    await host.ok('imgadm', ['install', '-m', made.manifest, '-f', made.file]);
  });
  after(async () => {
    guest.close();
    await host.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = async () => JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
  const join_ = async () => (guest = await openGuestConsole(host.at(`/zones/${uuid}`)));
  const info = async (types: string) =>
    JSON.parse(await host.ok('vmadm', ['info', uuid, types])) as Record<string, never>;

  it('boots from a clone of its image', async () => {
    const payload = {
      brand: 'kvm', uuid, ram: 256, vcpus: 2, vnc_password: 'secret',
      disks: [{ image_uuid: image, boot: true, model: 'virtio' }, { size: 20, model: 'virtio' }],
      nics: [{ nic_tag: 'admin', ips: ['dhcp'], model: 'virtio', primary: true }],
    }; // prettier-ignore
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload) });
    await join_();
    const [, firmware, product] = await guest.sees(/guest: up firmware=(\w+) product=(.*)\n/);
    assert.deepEqual([firmware, product], ['bios', 'SmartDC HVM']);
    const { state, type, autoboot } = { ...(await get()), type: (await host.ok('vmadm', ['list', '-Ho', 'type'])).trim() } as Record<string, unknown>; // prettier-ignore
    assert.deepEqual([state, type, autoboot], ['running', 'KVM', true]);
  });

  it('is reached by the network, at the address that the host keeps for it', async () => {
    const [, address = ''] = await guest.sees(/guest: address ([\d.]+)\n/);
    await guest.sees(/guest: ready\n/);
    const ping = spawnSync('busybox', ['ping', '-c', '3', '-W', '5', address], { encoding: 'utf8' });
    assert.equal(ping.status, 0, ping.stdout + ping.stderr);
  });

  it('sees its processors, disks and memory', async () => {
    assert.equal((await guest.runs('nproc')).trim(), '2');
    const sizes = await guest.runs('cat /sys/block/vda/size /sys/block/vdb/size');
    assert.deepEqual(sizes.trim().split('\n').map(Number), [64 * 2048, 20 * 2048]);
  });

  it('tells what its hypervisor knows', async () => {
    const { status, cpus, vnc, kvm } = await info('status,cpus,vnc,kvm');
    assert.equal(status?.['running'], true);
    assert.equal((cpus as unknown as unknown[] | undefined)?.length, 2);
    assert.equal(typeof kvm?.['enabled'], 'boolean');
    const { block } = await info('block');
    const drives = block as unknown as { device: string; inserted: { file: string; ro: boolean } }[];
    const path = (number: number) => `/dev/zvol/rdsk/zones/${uuid}-disk${number}`;
    assert.deepEqual(
      drives.map(({ device, inserted }) => [device, inserted.file, inserted.ro]),
      [0, 1].map((number) => [`disk${number}`, path(number), false]),
    );
    const { host: where, port, password } = vnc as unknown as { host: string; port: number; password: string };
    assert.equal(password, 'secret');
    const banner = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, where);
      socket.on('error', reject).once('data', (chunk: Buffer) => {
        socket.destroy();
        resolve(chunk.toString('latin1'));
      });
    });
    assert.match(banner, /^RFB 003\./);
  });

  it('gives a picture of its screen, and takes an interrupt', async () => {
    await host.ok('vmadm', ['sysrq', uuid, 'screenshot']);
    const picture = readFileSync(host.at(`/zones/${uuid}/root/tmp/vm.ppm`));
    assert.equal(picture.subarray(0, 2).toString(), 'P6');
    await host.ok('vmadm', ['sysrq', uuid, 'nmi']);
    await eventually('NMI', async () => (await guest.runs('dmesg')).includes('NMI'));
  });

  it('is reset in place', async () => {
    const before = (await get())['pid'];
    await host.ok('vmadm', ['reboot', '-F', uuid]);
    await guest.sees(/guest: ready\n/);
    assert.equal((await get())['pid'], before);
  });

  it('reboots by its power button', async () => {
    const before = (await get())['pid'];
    const done = host.ok('vmadm', ['reboot', uuid]);
    await guest.sees(/guest: power button/);
    await done;
    guest.close();
    await join_();
    await guest.sees(/guest: ready\n/);
    assert.notEqual((await get())['pid'], before);
  });

  it('powers off when it is asked to, well before its time', async () => {
    const done = host.ok('vmadm', ['stop', uuid]);
    await guest.sees(/guest: power button/);
    await done;
    guest.close();
    const { state, autoboot } = await get();
    assert.deepEqual([state, autoboot], ['stopped', false]);
  });

  it('has a further disk for one boot only', async () => {
    const file = host.at(`/zones/${uuid}/root/further.img`);
    writeFileSync(file, 'from outside');
    truncateSync(file, 4 * 2 ** 20);
    await host.ok('vmadm', ['start', uuid, 'order=c', 'disk=/further.img,virtio']);
    await join_();
    await guest.sees(/guest: ready\n/);
    assert.equal(await guest.runs('head -c 12 /dev/vdc; echo'), 'from outside\n');
  });

  it('is ended by force at the time given when it does not listen', async () => {
    await guest.runs('kill $(cat /button.pid); killall head');
    const begun = Date.now();
    const done = host.ok('vmadm', ['stop', uuid, '-t', '3']);
    await eventually('stopping', async () => (await get())['state'] === 'stopping', 3000);
    await done;
    guest.close();
    const took = Date.now() - begun;
    assert.ok(took >= 3000 && took < 30_000, `${took} ms`);
    assert.equal((await get())['state'], 'stopped');
  });

  it('lacks that disk at the next boot, and has one that has been added', async () => {
    const disks = (await get())['disks'] as { path: string }[];
    const change = { add_disks: [{ size: 30, model: 'virtio' }], remove_disks: [disks[1]?.path] };
    await host.ok('vmadm', ['update', uuid], { input: JSON.stringify(change) });
    await host.ok('vmadm', ['start', uuid]);
    await join_();
    await guest.sees(/guest: ready\n/);
    const sizes = await guest.runs('cat /sys/block/vd*/size');
    assert.deepEqual(sizes.trim().split('\n').map(Number), [64 * 2048, 30 * 2048]);
  });

  it('is stopped at once when its emulator dies, and leaves nothing', async () => {
    process.kill(Number((await get())['pid']), 'SIGKILL');
    await eventually('stopped', async () => (await get())['state'] === 'stopped', 3000);
    const links = spawnSync('ip', ['-o', 'link'], { encoding: 'utf8' }).stdout;
    assert.doesNotMatch(links, /tun type|: tap/);
    await host.ok('vmadm', ['delete', uuid]);
    assert.equal((await host.ok('vmadm', ['list', '-H'])).trim(), '');
  });
});
