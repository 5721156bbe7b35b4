/** Hardware virtual machines of brand bhyve on a Linux host: a real guest that UEFI boots, and what becomes of its disks. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildGuest, guestLack } from '../guest/build.js';
import { openGuestConsole, type GuestConsole } from '../guest/console.js';
import { writeVolumeImage } from '../guest/image.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

interface Vm {
  readonly state: string;
  readonly disks: readonly { readonly path: string; readonly size: number; readonly image_uuid?: string }[];
}

describe('a bhyve VM with UEFI', { skip: guestLack() ?? false }, () => {
  let host: TestHost;
  let guest: GuestConsole | undefined;
  let [image, other] = ['', ''];
  const uuid = randomUUID();
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-uefi-'));

  before(async () => {
    host = openTestHost();
    const disk = join(folder, 'disk');
    buildGuest(disk);
    const images = ['one', 'two'].map((name) => writeVolumeImage(folder, name, disk, 64));
    for (const made of images) await host.ok('imgadm', ['install', '-m', made.manifest, '-f', made.file]);
    [image = '', other = ''] = images.map((made) => made.uuid);
  });
  after(async () => {
    guest?.close();
    await host.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = async () => JSON.parse(await host.ok('vmadm', ['get', uuid])) as Vm;
  const update = (change: object) => host.ok('vmadm', ['update', uuid], { input: JSON.stringify(change) });
  const inside = (line: string) => (guest ?? assert.fail('nobody is at the console')).runs(line);

  async function attach(): Promise<GuestConsole> {
    guest?.close();
    guest = await openGuestConsole(host.at(`/zones/${uuid}`));
    return guest;
  }

  async function powerOff(): Promise<void> {
    const done = host.ok('vmadm', ['stop', uuid]);
    await guest?.sees(/guest: power button/);
    await done;
    assert.equal((await get()).state, 'stopped');
  }

  it('boots from a clone of its image, with its disks in their slots and one for cloud-init', async () => {
    const payload = {
      brand: 'bhyve', uuid, ram: 384, vcpus: 1, bootrom: 'uefi', hostname: 'cloudy',
      internal_metadata: { cloudinit_datasource: 'nocloud' }, customer_metadata: { 'cloud-init:user-data': '#!/bin/sh\n' },
      disks: [{ image_uuid: image, boot: true, model: 'virtio' }, { size: 20, model: 'nvme' }],
      nics: [{ nic_tag: 'admin', ips: ['dhcp'], model: 'virtio', primary: true }],
    }; // prettier-ignore
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload) });
    const console = await attach();
    const [, firmware, product] = await console.sees(/guest: up firmware=(\w+) product=(.*)\n/);
    assert.deepEqual([firmware, product], ['uefi', 'SmartDC HVM']);
    await console.sees(/guest: ready\n/);
    assert.ok(existsSync(host.at(`/zones/${uuid}/uefi-variables.fd`)));
    const slots = await inside('for d in /sys/block/vd* /sys/block/nvme*; do readlink -f $d; done');
    const placed = slots.trim().split('\n').map((path) => path.replace(/^.*pci0000:00\/([^/]+)\/.*\/(\w+)$/, '$1 $2')); // prettier-ignore
    assert.deepEqual(placed.sort(), ['0000:00:04.0 vda', '0000:00:04.1 nvme0n1', '0000:00:05.0 vdb']);
    assert.equal((await inside('dd if=/dev/vdb bs=1 skip=43 count=6 2>/dev/null; echo')).trim(), 'CIDATA');
    assert.match(await inside('strings /dev/vdb'), new RegExp(`instance-id: ${uuid}\\nlocal-hostname: cloudy\\n`));
    await inside('echo written by the guest | dd of=/dev/nvme0n1 conv=fsync 2>/dev/null');
    await powerOff();
  });

  it('finds a disk that has been resized in its new size, and another with what it has written', async () => {
    const { disks } = await get();
    await host.ok('vmadm', ['create-snapshot', uuid, 'before']);
    await update({ flexible_disk_size: 400 });
    await update({ update_disks: [{ path: disks[0]?.path, size: 100 }] });
    await host.ok('vmadm', ['start', uuid]);
    await (await attach()).sees(/guest: ready\n/);
    assert.equal(Number(await inside('cat /sys/block/vda/size')), 100 * 2048);
    assert.equal(await inside('head -n 1 /dev/nvme0n1'), 'written by the guest\n');
    await inside('echo something else altogether | dd of=/dev/nvme0n1 conv=fsync 2>/dev/null');
    await powerOff();
  });

  it('goes back to a snapshot with all its disks', async () => {
    await host.ok('vmadm', ['rollback-snapshot', uuid, 'before']);
    await (await attach()).sees(/guest: ready\n/);
    assert.equal(await inside('head -n 1 /dev/nvme0n1'), 'written by the guest\n');
    assert.equal(Number(await inside('cat /sys/block/vda/size')), 64 * 2048);
    await powerOff();
  });

  it('is put onto another image and keeps its other disks', async () => {
    await host.ok('vmadm', ['delete-snapshot', uuid, 'before']);
    await host.ok('vmadm', ['reprovision', uuid], { input: JSON.stringify({ image_uuid: other }) });
    assert.equal((await get()).disks.find((disk) => disk.path.endsWith('disk0'))?.image_uuid, other);
    await host.ok('vmadm', ['delete', uuid]);
    await host.ok('imgadm', ['delete', image]);
    await host.ok('imgadm', ['delete', other]);
  });
});
