/** What changes VMs of every brand on an illumos host, by whole commands; at the end they move to another one. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IllumosHost } from '../stand-ins/host.js';
import { zfsEvents } from '../stand-ins/pool.js';

type Vm = Readonly<Record<string, unknown>>;

interface Row {
  readonly brand: string;
  /** Beside what all have. */
  readonly payload: Vm;
  readonly update: Vm;
  /** What the update leaves, of what it names in another way. */
  readonly updated: (vm: Vm) => unknown;
  readonly wanted: unknown;
  /** What is said instead, where a brand has no such action. */
  readonly snapshots?: RegExp;
  readonly reprovision?: RegExp;
}

const images = join(import.meta.dirname, '../fixtures/images');
const zonesImage = '7b9e1c3a-52d4-4e0f-9a86-3f5c0d1e2b47';
const joyentImage = '7b9e1c3a-52d4-4e0f-9a86-3f5c0d1e2b48';
const volumeImage = '2c8f5e17-9b60-4d3a-b1f4-70a9e63d84c2';

const zone = { max_physical_memory: 256, quota: 5 };
const limits = {
  update: { max_lwps: 1234, set_tags: { b: 2 }, quota: 6, remove_nics: ['c0:ff:ee:00:00:01'] },
  updated: ({ max_lwps: lwps, tags, quota, nics }: Vm) => [lwps, tags, quota, nics],
  wanted: [1234, { a: 1, b: 2 }, 6, []],
};
const machine = {
  ram: 128,
  vcpus: 1,
  disks: [
    { image_uuid: volumeImage, model: 'virtio', boot: true },
    { size: 64, model: 'virtio' },
  ],
};
const sizes = (vm: Vm) => (vm['disks'] as { readonly size: number }[]).map(({ size }) => size);
const devices = {
  update: { ram: 256, add_disks: [{ size: 32, model: 'virtio' }], remove_nics: ['c0:ff:ee:00:00:01'] },
  updated: (vm: Vm) => [vm['ram'], sizes(vm), vm['nics']],
  wanted: [256, [10240, 64, 32], []],
};

const rows: readonly Row[] = [
  { brand: 'joyent', payload: { ...zone, image_uuid: joyentImage }, ...limits },
  { brand: 'joyent-minimal', payload: { ...zone, image_uuid: joyentImage }, ...limits },
  {
    brand: 'lx',
    payload: { ...zone, image_uuid: zonesImage, kernel_version: '4.3.0', delegate_dataset: true },
    ...limits,
    snapshots: /^Cannot currently snapshot zones that have datasets$/m,
  },
  {
    brand: 'kvm',
    payload: machine,
    ...devices,
    snapshots: /snapshots for kvm VMs currently unsupported$/m,
    reprovision: /brand "kvm" does not yet support reprovision$/m,
  },
  { brand: 'bhyve', payload: { ...machine, flexible_disk_size: 12_288 }, ...devices },
];

let from: IllumosHost;
let to: IllumosHost;

before(async () => {
  [from, to] = [new IllumosHost(), new IllumosHost()];
  for (const host of [from, to]) {
    await host.installSamples(joyentImage);
    const volume = join(images, 'echo-volume-1.0.0');
    await host.ok('imgadm', ['install', '-m', `${volume}.imgmanifest`, '-f', `${volume}.zfs.gz`]);
  }
});
after(() => {
  from.remove();
  to.remove();
});

for (const [index, { brand, payload, update, updated, wanted, snapshots, reprovision }] of rows.entries()) {
  const uuid = `c0000000-0000-4000-8000-0000000000b${index}`;
  const isMachine = 'ram' in payload;
  const mark = (host: IllumosHost) => `${host.path}/zones/${uuid}/root/mark`;

  describe(`a VM of brand ${brand} on illumos`, () => {
    it('is made and updated', async () => {
      const nic = { nic_tag: 'admin', mac: 'c0:ff:ee:00:00:01', ips: ['10.0.0.9/24'], ...(isMachine ? { model: 'virtio' } : {}) }; // prettier-ignore
      await from.ok('vmadm', ['create'], { brand, uuid, autoboot: false, tags: { a: 1 }, nics: [nic], ...payload });
      await from.ok('vmadm', ['update', uuid], update);
      assert.deepEqual(updated(await from.get(uuid)), wanted);
    });

    it(snapshots === undefined ? 'goes back to a snapshot' : 'has no snapshots, and says why', async () => {
      const taken = await from.command('vmadm', ['create-snapshot', uuid, 'before']);
      if (snapshots !== undefined) {
        assert.equal(taken.status, 1);
        assert.match(taken.stderr, snapshots);
        return;
      }
      assert.equal(taken.status, 0, taken.stderr);
      writeFileSync(mark(from), '');
      await from.ok('vmadm', ['rollback-snapshot', uuid, 'before']);
      assert.ok(!existsSync(mark(from)));
      const disk = `zones/${uuid}${isMachine ? '/disk0' : ''}@vmsnap-before`;
      assert.ok(zfsEvents(from).includes(`rollback ${disk}`));
      await from.ok('vmadm', ['delete-snapshot', uuid, 'before']);
      const vm = await from.get(uuid);
      assert.deepEqual([vm['snapshots'], vm['state']], [[], 'running']);
    });

    it(reprovision === undefined ? 'is put onto an image anew' : 'is not put onto another image', async () => {
      const image = { image_uuid: isMachine ? volumeImage : payload['image_uuid'] };
      const before = await from.get(uuid);
      writeFileSync(mark(from), '');
      const done = await from.command('vmadm', ['reprovision', uuid], JSON.stringify(image));
      if (reprovision !== undefined) {
        assert.equal(done.status, 1);
        assert.match(done.stderr, reprovision);
        return;
      }
      assert.equal(done.status, 0, done.stderr);
      const root = isMachine ? `zones/${uuid}/disk0` : `zones/${uuid}`;
      const made = zfsEvents(from).filter((event) => event === `clone zones/${String(image.image_uuid)}@final ${root}`);
      assert.equal(made.length, 2);
      // What is in the zone of a machine is the host's.
      assert.equal(existsSync(mark(from)), isMachine);
      const vm = await from.get(uuid);
      assert.equal(vm['state'], 'running');
      for (const kept of ['tags', 'quota', 'datasets', 'ram']) assert.deepEqual(vm[kept], before[kept], kept);
      assert.deepEqual(updated(vm), wanted);
    });

    it('moves to another host with what is in it, and runs there', async () => {
      if ((await from.get(uuid))['state'] !== 'stopped') await from.ok('vmadm', ['stop', uuid]);
      writeFileSync(mark(from), brand);
      const { bytes } = await from.ok('vmadm', ['send', uuid]);
      await to.ok('vmadm', ['receive'], bytes);
      assert.equal(readFileSync(mark(to), 'utf8'), brand);
      const [here, there] = [await from.get(uuid), await to.get(uuid)];
      assert.deepEqual(updated(there), updated(here));
      assert.deepEqual(there['datasets'], here['datasets']);
      assert.equal(there['state'], 'stopped');
      await to.ok('vmadm', ['start', uuid]);
      assert.equal((await to.get(uuid))['state'], 'running');
    });

    it('is removed from both', async () => {
      for (const host of [from, to]) {
        await host.ok('vmadm', ['delete', uuid]);
        assert.equal(host.read(`/etc/zones/${uuid}.xml`), undefined);
        for (const file of ['/system/zfs/state', '/etc/zones/index']) {
          assert.ok(!readFileSync(host.path + file, 'utf8').includes(uuid), file);
        }
      }
    });
  });
}
