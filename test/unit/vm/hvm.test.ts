/** The life of hardware virtual machines, on zones, datasets and guests with real state and no emulator. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { quietProgress } from '../../../lib/cli/context.js';
import type { Context } from '../../../lib/context.js';
import { hostError } from '../../../lib/host/errors.js';
import type { Host } from '../../../lib/host/host.js';
import { silentLog } from '../../../lib/log.js';
import { createVm } from '../../../lib/vm/create.js';
import { sendSysrq, vmInfo } from '../../../lib/vm/info.js';
import { loadVm } from '../../../lib/vm/load.js';
import { rebootVm, startVm, stopVm } from '../../../lib/vm/power.js';
import { reprovisionVm } from '../../../lib/vm/reprovision.js';
import { updateVm } from '../../../lib/vm/update.js';
import { withAttr } from '../../../lib/vm/zone-config.js';
import { fakeDatasets, type FakeDatasets } from '../../fakes/datasets.js';
import { fakeHvm, type FakeHvm } from '../../fakes/hvm.js';
import { fakeLinks } from '../../fakes/links.js';
import { fakeZones, type FakeZones } from '../../fakes/zones.js';

const top = mkdtempSync(join(tmpdir(), 'smartadm-hvm-'));
after(() => {
  rmSync(top, { recursive: true, force: true });
});

const images = { old: '11111111-1111-4111-8111-111111111111', young: '22222222-2222-4222-8222-222222222222' };
let root: string;
let host: Host;
let zones: FakeZones;
let hvm: FakeHvm;
let datasets: FakeDatasets;
let ctx: Context;
let listens = true;

beforeEach(async () => {
  root = mkdtempSync(join(top, 'host-'));
  listens = true;
  const at = (path: string) => join(root, path);
  const links = fakeLinks();
  zones = fakeZones({ links });
  datasets = fakeDatasets({ at });
  hvm = fakeHvm({ zones, heedsPower: () => listens });
  const sysinfo = { read: () => Promise.resolve({ uuid: '', liveImage: '6.1.0' }) };
  const features = { guestOs: 'linux' };
  host = { zones, datasets, links, hvm, at, sysinfo, features, close: () => Promise.resolve() } as unknown as Host;
  const { signal } = new AbortController();
  ctx = { host: () => Promise.resolve(host), log: silentLog, progress: quietProgress, signal, root };
  mkdirSync(at('/var/imgadm/images'), { recursive: true });
  for (const [uuid, image_size] of [[images.old, 16], [images.young, 24]] as const) {
    const manifest = { v: 2, uuid, name: 'disk', version: '1', type: 'zvol', os: 'linux', image_size };
    writeFileSync(at(`/var/imgadm/images/zones-${uuid}.json`), JSON.stringify({ manifest, zpool: 'zones' }));
    await datasets.create(`zones/${uuid}`, { volblocksize: '8192' }, image_size * 2 ** 20);
    await datasets.snapshot(`zones/${uuid}@final`);
  } // prettier-ignore
});

const payload = (brand: 'kvm' | 'bhyve', more: object = {}) => ({
  brand, ram: 256, vcpus: 1, disks: [{ image_uuid: images.old, image_size: 16, boot: true, model: 'virtio' }],
  nics: [{ nic_tag: 'admin', ips: ['10.0.0.6/24'], model: 'virtio', primary: true }], ...more,
}); // prettier-ignore

async function make(brand: 'kvm' | 'bhyve', more: object = {}): Promise<string> {
  return (await createVm(ctx, payload(brand, more))).uuid;
}
const stateOf = async (uuid: string) => (await loadVm(host, uuid)).state;
const guestOf = (uuid: string) => hvm.guest(uuid) ?? assert.fail('its boot has not been prepared');

for (const brand of ['kvm', 'bhyve'] as const) {
  describe(`a VM of brand ${brand}`, () => {
    it('runs when it has been made, on a clone of the image', async () => {
      const uuid = await make(brand);
      assert.equal(await stateOf(uuid), 'running');
      const vm = await loadVm(host, uuid);
      assert.equal(vm.autoboot, true);
      const volume = `zones/${uuid}${brand === 'kvm' ? '-disk0' : '/disk0'}`;
      assert.equal((await datasets.find(volume))?.origin, `zones/${images.old}@final`);
      assert.equal(guestOf(uuid).vm.disks?.[0]?.path, `/dev/zvol/rdsk/${volume}`);
    });

    it('leaves its metadata where only root reads it', async () => {
      const uuid = await make(brand, { internal_metadata: { root_pw: 'x' } });
      const file = host.at(`/zones/${uuid}/root/tmp/vm.metadata`);
      assert.equal(readFileSync(file, 'utf8'), '{\n  "internal_metadata": {\n    "root_pw": "x"\n  }\n}\n');
      assert.equal(statSync(file).mode & 0o777, 0o600);
    });

    it('is asked to power off, and is stopped when it has done so', async () => {
      const uuid = await make(brand);
      await stopVm(ctx, uuid);
      assert.deepEqual(guestOf(uuid).told, ['power']);
      const { state, autoboot, transition_to } = await loadVm(host, uuid);
      assert.deepEqual(
        { state, autoboot, transition_to },
        { state: 'stopped', autoboot: false, transition_to: undefined },
      );
      await assert.rejects(stopVm(ctx, uuid), { code: 'ENOTRUNNING' });
    });

    it('is ended at the time given when it does not listen', async () => {
      listens = false;
      const uuid = await make(brand);
      const begun = Date.now();
      const stopped = stopVm(ctx, uuid, { timeout: 1 });
      await sleep(300);
      assert.equal(await stateOf(uuid), brand === 'kvm' ? 'stopping' : 'running');
      await stopped;
      assert.ok(Date.now() - begun >= 1000);
      assert.equal(await stateOf(uuid), 'stopped');
    });

    it('is ended when its emulator does not answer', async () => {
      const uuid = await make(brand);
      hvm.failNext('powerDown', hostError('TimedOut', 'no answer'));
      await stopVm(ctx, uuid, { timeout: 0 });
      assert.equal(await stateOf(uuid), 'stopped');
    });

    it('is back after a reboot', async () => {
      const uuid = await make(brand);
      const before = (await zones.runtime(uuid))?.pid;
      await rebootVm(ctx, uuid);
      const vm = await loadVm(host, uuid);
      assert.equal(vm.state, 'running');
      assert.equal(vm.autoboot, true);
      assert.notEqual(vm.pid, before);
    });

    it('does not run when its boot cannot be prepared, and starts later', async () => {
      const uuid = await make(brand, { autoboot: false });
      hvm.failNext('prepare', hostError('ZoneInvalid', 'broken'));
      await assert.rejects(startVm(ctx, uuid), { code: 'ZoneInvalid' });
      assert.equal(await stateOf(uuid), 'stopped');
      await startVm(ctx, uuid);
      assert.equal(await stateOf(uuid), 'running');
    });

    it('is not made at all when its boot cannot be prepared', async () => {
      hvm.failNext('prepare', hostError('ZoneInvalid', 'broken'));
      await assert.rejects(make(brand), { code: 'ZoneInvalid' });
      assert.deepEqual(await zones.list(), []);
      assert.deepEqual((await datasets.list({ types: ['volume'] })).map(({ name }) => name).sort(), Object.values(images).map((uuid) => `zones/${uuid}`)); // prettier-ignore
    });
  });
}

describe('a kvm VM', () => {
  it('takes disks and an order for one boot', async () => {
    const uuid = await make('kvm', { autoboot: false });
    writeFileSync(host.at(`/zones/${uuid}/root/install.iso`), '');
    const boot = { order: 'cd,once=d', disks: [{ path: '/install.iso', model: 'ide', media: 'cdrom' as const }] };
    await startVm(ctx, uuid, boot);
    assert.deepEqual(guestOf(uuid).boot, boot);
    await stopVm(ctx, uuid);
    await startVm(ctx, uuid);
    assert.deepEqual(guestOf(uuid).boot, {});
  });

  it('takes no disk that is not there, nor a model there is none of', async () => {
    const uuid = await make('kvm', { autoboot: false });
    const start = (path: string, model: string) => startVm(ctx, uuid, { disks: [{ path, model, media: 'disk' }] });
    await assert.rejects(start('/missing', 'ide'), { code: 'PayloadInvalid', message: 'Cannot find disk: /missing' });
    const { disks = [] } = await loadVm(host, uuid);
    await assert.rejects(start(disks[0]?.path ?? '', 'nvme'), /"nvme" is not a valid disk model for kvm brand/);
  });

  it('that was being stopped by a command that did not live is started, or ended, all the same', async () => {
    for (const act of ['start', 'stop'] as const) {
      const uuid = await make('kvm', { nics: [] });
      const stopping = withAttr(await zones.config(uuid), 'transition', `stopping:stopped:${Date.now() + 60_000}`);
      await zones.configure(stopping);
      assert.equal(await stateOf(uuid), 'stopping');
      if (act === 'stop') {
        await stopVm(ctx, uuid, { force: true });
        assert.equal(await stateOf(uuid), 'stopped');
        continue;
      }
      await zones.end(uuid);
      await startVm(ctx, uuid);
      assert.equal(await stateOf(uuid), 'running');
    }
  });

  it('is reset in place', async () => {
    const uuid = await make('kvm');
    const before = (await zones.runtime(uuid))?.pid;
    await rebootVm(ctx, uuid, { force: true });
    assert.deepEqual(guestOf(uuid).told, ['reset']);
    assert.equal((await zones.runtime(uuid))?.pid, before);
  });

  it('tells what its hypervisor knows, in the order of the original', async () => {
    const uuid = await make('kvm', { vnc_port: 5907, vnc_password: 'pw' });
    const whole = ['status', 'version', 'chardev', 'block', 'blockstats', 'cpus', 'pci', 'kvm', 'vnc', 'spice'];
    assert.deepEqual(Object.keys(await vmInfo(ctx, uuid, [])), whole);
    assert.deepEqual(Object.keys(await vmInfo(ctx, uuid, ['vnc', 'all'])), whole);
    const some = await vmInfo(ctx, uuid, ['vnc', 'spice', 'status']);
    assert.deepEqual(Object.keys(some), ['status', 'vnc', 'spice']);
    assert.deepEqual(some['vnc'], { host: '192.0.2.1', port: 5907, display: 7, password: 'pw' });
    assert.deepEqual(some['spice'], {});
    await assert.rejects(vmInfo(ctx, uuid, ['cpu']), { message: 'unknown info type cpu' });
  });

  it('takes requests while it runs', async () => {
    const uuid = await make('kvm');
    await sendSysrq(ctx, uuid, 'nmi');
    await sendSysrq(ctx, uuid, 'screenshot');
    assert.deepEqual(guestOf(uuid).told, ['nmi', 'screenshot']);
  });

  it('has its displays brought in line by an update', async () => {
    const uuid = await make('kvm', { vnc_port: 5907 });
    await updateVm(ctx, uuid, { vnc_port: 5908, vnc_password: 'new' });
    const { vnc } = await vmInfo(ctx, uuid, ['vnc']);
    assert.deepEqual(vnc, { host: '192.0.2.1', port: 5908, display: 8, password: 'new' });
    // A guest that cannot be told has them at its next boot.
    hvm.failNext('reloadDisplays', hostError('TimedOut', 'no answer'));
    await updateVm(ctx, uuid, { vnc_port: 5909 });
    assert.equal((await loadVm(host, uuid)).vnc_port, 5909);
  });

  it('on a host without such machines is refused before anything is made', async () => {
    const { hvm: none, ...without } = host;
    host = without;
    await assert.rejects(make('kvm'), { code: 'Unsupported', message: 'this host cannot run VMs of brand kvm' });
    assert.deepEqual(await zones.list(), []);
    assert.ok(none);
  });
});

describe('a bhyve VM', () => {
  it('gives disks slots and uuids when it starts, and keeps them', async () => {
    const uuid = await make('bhyve', {
      internal_metadata: { cloudinit_datasource: 'nocloud' },
      com2: 'socket,/tmp/other',
      autoboot: false,
    });
    const unplaced = (await loadVm(host, uuid)).disks?.find(
      (disk) => disk.size === 16 && disk.image_uuid === undefined,
    );
    assert.equal(unplaced?.pci_slot, undefined);
    await startVm(ctx, uuid);
    const vm = await loadVm(host, uuid);
    const seed = vm.disks?.find((disk) => disk.path === unplaced?.path);
    assert.equal(seed?.pci_slot, '0:5:0');
    assert.match(seed.uuid ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(vm.com2, 'socket,/tmp/other');
    assert.deepEqual(guestOf(uuid).vm.disks, vm.disks);
    const device = (await datasets.find(seed.zfs_filesystem ?? ''))?.device ?? '';
    assert.ok(readFileSync(device).includes(`instance-id: ${uuid}`));
    await stopVm(ctx, uuid);
    await startVm(ctx, uuid);
    assert.deepEqual((await loadVm(host, uuid)).disks, vm.disks);
  });

  it('answers for its VNC alone', async () => {
    const uuid = await make('bhyve', { vnc_port: 5910 });
    assert.deepEqual(Object.keys(await vmInfo(ctx, uuid, ['all'])), ['vnc']);
    await assert.rejects(vmInfo(ctx, uuid, ['status']), { message: 'unknown info type status' });
    await assert.rejects(sendSysrq(ctx, uuid, 'screenshot'), {
      message: 'Invalid sysrq "screenshot" valid values: "nmi".',
    });
  });

  it('is put onto another image, with all its other disks', async () => {
    const disks = [
      { image_uuid: images.old, image_size: 16, boot: true, model: 'virtio' },
      { size: 8, model: 'virtio' },
    ];
    const uuid = await make('bhyve', { disks });
    const before = await loadVm(host, uuid);
    await assert.rejects(reprovisionVm(ctx, uuid, { image_uuid: images.young }), {
      message: 'Cannot reprovision: image (24 MiB) > disk0 (16 MiB)',
    });
    assert.equal(await stateOf(uuid), 'running');
    await stopVm(ctx, uuid);
    await updateVm(ctx, uuid, { update_disks: [{ path: before.disks?.[0]?.path, size: 32 }], autoboot: true });
    await reprovisionVm(ctx, uuid, { image_uuid: images.young });
    const vm = await loadVm(host, uuid);
    assert.equal(vm.state, 'running');
    const boot = vm.disks?.find((disk) => disk.boot === true);
    assert.equal(boot?.image_uuid, images.young);
    assert.equal((await datasets.find(`zones/${uuid}/disk0`))?.origin, `zones/${images.young}@final`);
    assert.equal(await datasets.find(`zones/${uuid}/disk0-reprovisioning`), undefined);
    assert.equal(vm.disks?.find((disk) => disk.size === 8)?.uuid, before.disks?.[1]?.uuid);
  });

  it('keeps its old disk when the new one cannot be made', async () => {
    const uuid = await make('bhyve', {
      disks: [{ image_uuid: images.young, image_size: 24, boot: true, model: 'virtio' }],
    });
    await stopVm(ctx, uuid);
    datasets.failNext('clone', hostError('NoSpace', 'full'));
    await assert.rejects(reprovisionVm(ctx, uuid, { image_uuid: images.old }), { code: 'NoSpace' });
    assert.equal((await datasets.find(`zones/${uuid}/disk0`))?.origin, `zones/${images.young}@final`);
    assert.equal(await stateOf(uuid), 'stopped');
    // Killed after the old disk had been moved.
    await datasets.rename(`zones/${uuid}/disk0`, `zones/${uuid}/disk0-reprovisioning`);
    await reprovisionVm(ctx, uuid, { image_uuid: images.old });
    assert.equal((await datasets.find(`zones/${uuid}/disk0`))?.origin, `zones/${images.old}@final`);
    assert.ok(existsSync(host.at(`/zones/${uuid}`)));
  });
});
