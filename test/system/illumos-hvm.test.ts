/** Machines by whole commands on an illumos host, whose emulator and libraries stand in for the system's. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IllumosHost } from '../stand-ins/host.js';
import { zfsEvents } from '../stand-ins/pool.js';

const images = join(import.meta.dirname, '../fixtures/images');
const volumeImage = '2c8f5e17-9b60-4d3a-b1f4-70a9e63d84c2';
const nics = [{ nic_tag: 'admin', model: 'virtio', ips: ['10.0.0.6/24'], gateways: ['10.0.0.1'], primary: true }];
const disks = [
  { image_uuid: volumeImage, boot: true, model: 'virtio' },
  { size: 64, model: 'virtio' },
];

let host: IllumosHost;

before(async () => {
  host = new IllumosHost();
  const manifest = join(images, 'echo-volume-1.0.0.imgmanifest');
  await host.ok('imgadm', ['install', '-m', manifest, '-f', join(images, 'echo-volume-1.0.0.zfs.gz')]);
});
after(() => {
  host.remove();
});

for (const brand of ['kvm', 'bhyve'] as const) {
  const uuid = `c0000000-0000-4000-8000-0000000000${brand === 'kvm' ? '21' : '22'}`;
  const volumes =
    brand === 'kvm' ? [`zones/${uuid}-disk0`, `zones/${uuid}-disk1`] : [`zones/${uuid}/disk0`, `zones/${uuid}/disk1`];
  const root = `/zones/${uuid}/root`;

  describe(`a machine of brand ${brand} on illumos`, () => {
    it('is made with volumes for disks, and boots', async () => {
      await host.ok('vmadm', ['create'], { brand, uuid, alias: `${brand}0`, ram: 512, vcpus: 2, nics, disks });
      const vm = await host.get(uuid);
      assert.equal(vm['state'], 'running');
      const found = vm['disks'] as Record<string, unknown>[];
      assert.deepEqual(found.map((disk) => disk['path']), volumes.map((name) => `/dev/zvol/rdsk/${name}`)); // prettier-ignore
      assert.deepEqual(found.map((disk) => disk['size']), [10240, 64]); // prettier-ignore
      const made = zfsEvents(host).filter((event) => volumes.some((name) => event.endsWith(name)));
      assert.deepEqual(made, [`clone zones/${volumeImage}@final ${volumes[0] ?? ''}`, `create ${volumes[1] ?? ''}`]);
      assert.match(host.text(`${root}/tmp/vm.metadata`), /"internal_metadata"/);
    });

    it('is started with the command line of its platform', () => {
      const script = host.text(`${root}/startvm`);
      assert.match(script, /^exec >\/tmp\/vm\.startvm\.log 2>&1$/m);
      assert.match(script, /qemu-exec \/smartdc\/bin\/qemu-system-x86_64 "-m" "512" "-name"/);
      assert.ok(script.includes(`file=/dev/zvol/rdsk/${volumes[0] ?? ''},if=virtio,index=0,media=disk,boot=on`));
      assert.match(script, /ifname=net0,ip=10\.0\.0\.6,netmask=255\.255\.255\.0,gateway_ip=10\.0\.0\.1/);
    });

    it('tells of itself', async () => {
      const info = JSON.parse((await host.ok('vmadm', ['info', uuid])).stdout) as Record<string, unknown>;
      assert.deepEqual(info['vnc'], {});
      if (brand === 'bhyve') return;
      assert.equal((info['status'] as { running: boolean }).running, true);
      assert.equal((info['cpus'] as unknown[]).length, 2);
    });

    it('is interrupted', async () => {
      await host.ok('vmadm', ['sysrq', uuid, 'nmi']);
      const said = brand === 'kvm' ? host.text(`${root}/tmp/vm.human`) : host.text('/system/bhyvectl');
      if (brand === 'kvm') assert.equal(said, 'nmi 0\n');
      else assert.match(said, /^--vm=SYSbhyve-\d+ --inject-nmi\n$/);
    });

    it('is stopped by its power button, and started again', async () => {
      await host.ok('vmadm', ['stop', uuid]);
      const stopped = await host.get(uuid);
      assert.equal(stopped['state'], 'stopped');
      assert.equal(stopped['autoboot'], false);
      await host.ok('vmadm', ['start', uuid]);
      assert.equal((await host.get(uuid))['autoboot'], true);
    });

    it('is rebooted', async () => {
      const { pid } = await host.get(uuid);
      await host.ok('vmadm', ['reboot', uuid]);
      const vm = await host.get(uuid);
      assert.equal(vm['state'], 'running');
      assert.notEqual(vm['pid'], pid);
    });

    it('goes back to a snapshot, where its disks have those', async () => {
      // Those of kvm lie beside its root.
      if (brand === 'kvm') {
        assert.equal((await host.command('vmadm', ['create-snapshot', uuid, 'before'])).status, 1);
        return;
      }
      await host.ok('vmadm', ['create-snapshot', uuid, 'before']);
      await host.ok('vmadm', ['rollback-snapshot', uuid, 'before']);
      await host.ok('vmadm', ['delete-snapshot', uuid, 'before']);
      assert.deepEqual((await host.get(uuid))['snapshots'], []);
      const made = zfsEvents(host).filter((event) => event.endsWith(`/disk0@vmsnap-before`));
      assert.equal(made.filter((event) => event.startsWith('snapshot')).length, 1);
    });

    it('that does not heed the button is ended when its time is up, and by force at once', async () => {
      writeFileSync(`${host.path}${root}/deaf`, '');
      await host.ok('vmadm', ['stop', uuid, '-F']);
      await host.ok('vmadm', ['start', uuid]);
      await host.ok('vmadm', ['stop', uuid, '-t', '1']);
      assert.equal((await host.get(uuid))['state'], 'stopped');
    });

    it('is removed with its disks', async () => {
      await host.ok('vmadm', ['delete', uuid]);
      assert.equal(host.read(`/etc/zones/${uuid}.xml`), undefined);
      assert.ok(!host.text('/system/zfs/state').includes(uuid));
      assert.ok(!host.text('/etc/zones/index').includes(uuid));
    });
  });
}
