/** Whole commands on an illumos host: real addons, on libraries and programs that stand in for the system's. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { IllumosHost } from '../stand-ins/host.js';
import { zfsEvents } from '../stand-ins/pool.js';

const zonesImage = '7b9e1c3a-52d4-4e0f-9a86-3f5c0d1e2b47';
const joyentImage = '7b9e1c3a-52d4-4e0f-9a86-3f5c0d1e2b48';

let host: IllumosHost;

before(async () => {
  host = new IllumosHost();
  await host.installSamples(joyentImage);
});
after(() => {
  host.remove();
});

const nics = [{ nic_tag: 'admin', ips: ['10.0.0.5/24'], gateways: ['10.0.0.1'] }];

for (const [index, brand] of (['joyent', 'joyent-minimal', 'lx'] as const).entries()) {
  const uuid = `c0000000-0000-4000-8000-00000000000${index + 1}`;
  const payload = {
    brand, uuid, alias: `${brand}0`, max_physical_memory: 256, quota: 5, nics, delegate_dataset: brand === 'joyent',
    image_uuid: brand === 'lx' ? zonesImage : joyentImage, tags: { a: 1 }, customer_metadata: { k: 'v' },
    ...(brand === 'lx' ? { kernel_version: '4.3.0' } : {}),
  }; // prettier-ignore

  describe(`a zone of brand ${brand} on illumos`, () => {
    it('is made by its brand and booted by zoneadmd', async () => {
      await host.ok('vmadm', ['create'], payload);
      const vm = await host.get(uuid);
      assert.equal(vm['state'], 'running');
      assert.equal(vm['zpool'], 'zones');
      assert.equal(vm['quota'], 5);
      assert.deepEqual(vm['datasets'], brand === 'joyent' ? [`zones/${uuid}/data`] : undefined);
      assert.deepEqual([vm['tags'], vm['customer_metadata']], [{ a: 1 }, { k: 'v' }]);
      assert.equal(vm['server_uuid'], '00000000-0000-4000-8000-0000000000aa');
      assert.equal(vm['platform_buildstamp'], '20260101T000000Z');
      const events = zfsEvents(host).filter((event) => event.includes(uuid));
      assert.deepEqual(events.filter((event) => !event.startsWith('mount')), [
        `clone zones/${brand === 'lx' ? zonesImage : joyentImage}@final zones/${uuid}`,
        `create zones/cores/${uuid}`,
        ...(brand === 'joyent' ? [`create zones/${uuid}/data`] : []),
      ]); // prettier-ignore
    });

    it('goes through the states as zoneadm has them go', () => {
      const events = host.files().events.filter(([zone]) => zone === uuid).map(([, , to]) => to); // prettier-ignore
      assert.deepEqual(events, ['configured', 'incomplete', 'installed', 'ready', 'running']);
    });

    it('takes new limits while it runs', async () => {
      await host.ok('vmadm', ['update', uuid, 'max_lwps=1234']);
      assert.match(host.text(`/system/rctls/${uuid}`), /^zone\.max-lwps 1234 deny$/m);
      assert.equal((await host.get(uuid))['max_lwps'], 1234);
    });

    it('is found, listed, stopped, started and rebooted', async () => {
      assert.equal((await host.ok('vmadm', ['lookup', '-1', `alias=${brand}0`])).stdout, `${uuid}\n`);
      await host.ok('vmadm', ['stop', uuid]);
      assert.equal((await host.get(uuid))['state'], 'stopped');
      assert.equal((await host.get(uuid))['autoboot'], false);
      await host.ok('vmadm', ['start', uuid]);
      const { pid } = await host.get(uuid);
      await host.ok('vmadm', ['reboot', uuid]);
      const vm = await host.get(uuid);
      assert.equal(vm['state'], 'running');
      assert.notEqual(vm['pid'], pid);
      assert.equal(vm['autoboot'], true);
    });

    it('goes back to a snapshot', async () => {
      // No zone with delegated datasets has snapshots.
      if (brand === 'joyent') return;
      await host.ok('vmadm', ['create-snapshot', uuid, 'before']);
      const place = `/zones/${uuid}/root/checkpoints/before`;
      const mounted = () => host.lofs().filter(([target]) => target === place);
      assert.deepEqual(mounted(), [[place, `/zones/${uuid}/.zfs/snapshot/vmsnap-before/root`, 'ro,setuid,nodevices']]); // prettier-ignore
      await host.ok('vmadm', ['delete-snapshot', uuid, 'before']);
      assert.deepEqual(mounted(), []);
      assert.ok(!existsSync(host.path + place));
      await host.ok('vmadm', ['create-snapshot', uuid, 'before']);
      writeFileSync(`${host.path}/zones/${uuid}/root/after`, '');
      assert.deepEqual(((await host.get(uuid))['snapshots'] as { name: string }[]).map(({ name }) => name), ['before']); // prettier-ignore
      await host.ok('vmadm', ['rollback-snapshot', uuid, 'before']);
      assert.throws(() => readFileSync(`${host.path}/zones/${uuid}/root/after`));
      await host.ok('vmadm', ['delete-snapshot', uuid, 'before']);
      assert.deepEqual((await host.get(uuid))['snapshots'], []);
    });

    it('is stopped at once by force, and says so when it is', async () => {
      await host.ok('vmadm', ['stop', uuid, '-F']);
      const again = await host.command('vmadm', ['stop', uuid, '-F']);
      assert.equal(again.status, 1);
      assert.match(again.stderr, /already not 'running'/);
    });

    it('is removed with all that is its own', async () => {
      await host.ok('vmadm', ['delete', uuid]);
      assert.equal((await host.ok('vmadm', ['list', '-H', '-o', 'uuid', `uuid=${uuid}`])).stdout, '');
      assert.equal(host.read(`/etc/zones/${uuid}.xml`), undefined);
      assert.ok(!host.text('/system/zfs/state').includes(uuid));
      assert.ok(!host.text('/etc/zones/index').includes(uuid));
    });
  });
}

describe('what cannot be on illumos', () => {
  it('is said, and leaves nothing', async () => {
    const uuid = 'c0000000-0000-4000-8000-00000000000e';
    const broken = { brand: 'joyent', uuid, image_uuid: joyentImage, max_physical_memory: 256, quota: 5 };
    host.write(`/system/refuse/${uuid}`, `zone '${uuid}': the hook has failed\n`);
    const { status, stderr } = await host.command('vmadm', ['create'], JSON.stringify(broken));
    assert.equal(status, 1);
    assert.match(stderr, /the hook has failed/);
    assert.equal(host.read(`/etc/zones/${uuid}.xml`), undefined);
    assert.ok(!host.text('/system/zfs/state').includes(uuid));
  });

  it('is a nic tag that no interface has', async () => {
    const payload = {
      brand: 'joyent',
      image_uuid: joyentImage,
      quota: 1,
      nics: [{ nic_tag: 'nowhere', ips: ['dhcp'] }],
    };
    const { status, stderr } = await host.command('vmadm', ['create'], JSON.stringify(payload));
    assert.equal(status, 1);
    assert.match(stderr, /nic_tag|nic tag/);
  });
});
