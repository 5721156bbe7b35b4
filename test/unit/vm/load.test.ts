/** VM objects come from their homes, and from no more of them than the wanted members need. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { codeOf, describeError, hasCode } from '../../../lib/errors.js';
import type { ZoneConfig, Zones } from '../../../lib/host/zones.js';
import { findVm, loadVm, loadVms } from '../../../lib/vm/load.js';
import { rctlResource } from '../../../lib/vm/zone-values.js';
import { readingHost, uuidOf, zoneConfig, type ReadingHost } from './reading-host.js';

let all: ReadingHost;
const uuid = uuidOf(1);
const zonepath = `/zones/${uuid}`;

beforeEach(() => {
  all = readingHost();
});
afterEach(() => {
  all.remove();
});

const withDisk = (config: ZoneConfig): ZoneConfig => ({
  ...config,
  resources: [
    ...config.resources,
    { kind: 'device', attributes: { match: `/dev/zvol/rdsk/zones/${uuid}/disk0` }, children: [] },
  ],
});

describe('homes', () => {
  beforeEach(() => {
    for (const number of [1, 2, 3]) all.addZone(zoneConfig(uuidOf(number), 'joyent', { alias: 'eA==' }));
  });

  it('uuids alone are known from the index', async () => {
    const vms = await loadVms(all.host, ['uuid']);
    assert.deepEqual(
      vms,
      [1, 2, 3].map((number) => ({ uuid: uuidOf(number) })),
    );
    assert.deepEqual(all.asked, ['zones.list']);
  });

  it('what the configuration has is read from it, once a VM', async () => {
    await loadVms(all.host, ['uuid', 'state', 'alias', 'brand']);
    assert.deepEqual(all.asked, ['zones.list', 'zones.config', 'zones.config', 'zones.config']);
  });

  it('sizes take one pass over the datasets of all VMs, without their snapshots', async () => {
    await loadVms(all.host, ['quota', 'zpool']);
    assert.deepEqual(
      all.asked.filter((home) => !home.startsWith('zones')),
      ['datasets'],
    );
  });

  it('snapshots are asked for where they are wanted', async () => {
    for (const field of ['snapshots', 'indestructible_zoneroot', 'free_space']) {
      all.asked.length = 0;
      await loadVms(all.host, [field]);
      assert.ok(all.asked.includes('snapshots'), field);
    }
  });

  it('the kernel is asked about running zones only', async () => {
    all.running.set(uuidOf(2), 4711);
    const [, vm] = await loadVms(all.host, ['pid', 'boot_timestamp', 'init_restarts']);
    assert.deepEqual(vm, { boot_timestamp: '2023-11-14T22:13:20.000Z', init_restarts: 2, pid: 4711 });
    assert.equal(all.asked.filter((home) => home === 'zones.runtime').length, 1);
  });

  it('one VM costs the same however many there are', async () => {
    assert.equal((await loadVm(all.host, uuidOf(2))).uuid, uuidOf(2));
    assert.deepEqual(
      all.asked.filter((home) => home.startsWith('zones')),
      ['zones.find', 'zones.config'],
    );
  });

  it('the machine says who it is', async () => {
    const vm = await findVm(all.host, uuid, ['server_uuid', 'platform_buildstamp', 'datacenter_name', 'headnode_id']);
    assert.deepEqual(vm, { server_uuid: 'server', datacenter_name: 'dc', platform_buildstamp: 'stamp' });
  });
});

describe('a VM that is not as usual', () => {
  it('is not found under a name that is none, or that nobody has', async () => {
    all.addZone(zoneConfig(uuid, 'joyent'));
    for (const name of [uuidOf(2), '../../etc', '', 'global']) {
      assert.equal(await findVm(all.host, name), undefined);
      await assert.rejects(loadVm(all.host, name), (error) => codeOf(error) === 'VmNotFound');
    }
  });

  it('is passed over when it goes while all are loaded', async () => {
    all.addZone(zoneConfig(uuidOf(1), 'joyent'));
    all.addZone(zoneConfig(uuidOf(2), 'joyent'));
    const zones: Zones = {
      ...all.host.zones,
      config(name) {
        if (name === uuidOf(1)) rmSync(all.host.at(`/etc/zones/${name}.xml`), { force: true });
        return all.host.zones.config(name);
      },
      find: (name) => (name === uuidOf(1) ? Promise.resolve(undefined) : all.host.zones.find(name)),
    };
    assert.deepEqual(await loadVms({ ...all.host, zones }, ['uuid', 'alias']), [{ uuid: uuidOf(2) }]);
  });

  it('fails the whole load when its configuration is damaged or missing', async () => {
    all.addZone(zoneConfig(uuid, 'joyent'));
    all.addFile(`/etc/zones/${uuid}.xml`, '<zone name="');
    await assert.rejects(loadVms(all.host, ['alias']), (error) => hasCode(error, 'ZoneInvalid'));
    rmSync(all.host.at(`/etc/zones/${uuid}.xml`));
    await assert.rejects(loadVms(all.host, ['alias']), (error) => hasCode(error, 'ZoneNotFound'));
  });

  it('is left out where somebody is told of its damage by the name of the file', async () => {
    const told: string[] = [];
    for (const number of [1, 2, 3, 4, 5]) all.addZone(zoneConfig(uuidOf(number), 'joyent'));
    all.addFile(`/etc/zones/${uuidOf(1)}.xml`, '<zone name="');
    rmSync(all.host.at(`/etc/zones/${uuidOf(2)}.xml`));
    rmSync(all.host.at(`/etc/zones/${uuidOf(3)}.xml`));
    mkdirSync(all.host.at(`/etc/zones/${uuidOf(3)}.xml`));
    all.addFile(`/zones/${uuidOf(4)}/config/tags.json`, '{"a": ');
    const vms = await loadVms(all.host, ['uuid', 'tags', 'hvm', 'alias'], (error) => told.push(describeError(error)));
    assert.deepEqual(
      vms.map((vm) => [vm.uuid, vm.tags]),
      [
        [uuidOf(4), {}],
        [uuidOf(5), {}],
      ],
    );
    assert.equal(told.length, 4);
    for (const file of [1, 2, 3].map((number) => `/etc/zones/${uuidOf(number)}.xml`)) {
      assert.ok(told.some((text) => text.includes(file)), told.join('\n')); // prettier-ignore
    }
    assert.ok(told.some((text) => text.includes(`/zones/${uuidOf(4)}/config/tags.json is no JSON object`)));
  });

  it('is no excuse for a host that fails', async () => {
    all.addZone(zoneConfig(uuid, 'joyent'));
    const datasets = { ...all.host.datasets, list: () => Promise.reject(new Error('no pool')) };
    await assert.rejects(
      loadVms({ ...all.host, datasets }, ['quota'], () => undefined),
      /no pool/,
    );
  });

  it('fails when a file of it cannot be read, unless it is half installed', async () => {
    mkdirSync(all.host.at(`${zonepath}/config/tags.json`), { recursive: true });
    all.addZone(zoneConfig(uuid, 'joyent'), 'incomplete');
    assert.equal((await loadVm(all.host, uuid)).tags, undefined);
    const installed = readingHost();
    installed.addZone(zoneConfig(uuid, 'joyent'));
    mkdirSync(installed.host.at(`${zonepath}/config/tags.json`), { recursive: true });
    await assert.rejects(loadVm(installed.host, uuid), (error) => codeOf(error) === 'VmDamaged');
    installed.remove();
  });

  it('has empty metadata where its files are no JSON', async () => {
    all.addZone(zoneConfig(uuid, 'joyent'));
    all.addFile(`${zonepath}/config/metadata.json`, '{"customer_metadata": {"a"');
    all.addFile(`${zonepath}/config/routes.json`, 'null');
    const vm = await findVm(all.host, uuid, ['customer_metadata', 'internal_metadata', 'routes', 'tags']);
    assert.deepEqual(vm, { customer_metadata: {}, internal_metadata: {}, routes: {}, tags: {} });
  });

  it('is found by its uuid, and by the name of its zone where that is another', async () => {
    all.addZone(zoneConfig(uuidOf(1), 'joyent'));
    all.addFile('/etc/zones/index', `${uuidOf(1)}:installed:/zones/${uuidOf(1)}:${uuidOf(2)}:joyent:ex:1\n`);
    for (const name of [uuidOf(1), uuidOf(2)]) {
      assert.deepEqual(await findVm(all.host, name, ['uuid', 'zonename']), { zonename: uuidOf(1), uuid: uuidOf(2) });
    }
  });

  it('lacks its brand in an old index, and has it from its configuration', async () => {
    all.addZone(zoneConfig(uuid, 'kvm'));
    all.addFile('/etc/zones/index', `${uuid}:installed:${zonepath}:${uuid}\n`);
    assert.deepEqual(await loadVms(all.host, ['brand', 'hvm']), [{ brand: 'kvm', hvm: true }]);
  });
});

describe('what the platform left behind', () => {
  for (const [status, shown] of [['-1', 0], ['0', 0], ['256', 1], ['9', -9], ['139', -139]] as const) {
    it(`a wait status of ${status} is shown as ${shown}`, async () => {
      all.addZone(zoneConfig(uuid, 'joyent'));
      all.addFile(`${zonepath}/lastexited`, `1700000000.25 ${status}\n`);
      const vm = await findVm(all.host, uuid, ['exit_status', 'exit_timestamp']);
      assert.deepEqual(vm, { exit_status: shown, exit_timestamp: '2023-11-14T22:13:20.250Z' });
    });
  } // prettier-ignore

  it('is not shown while the zone runs, nor when it makes no sense', async () => {
    all.addZone(zoneConfig(uuid, 'joyent'));
    for (const text of ['', 'x', '1 2 3', '1e99 0', 'NaN 1', '1 one']) {
      all.addFile(`${zonepath}/lastexited`, text);
      assert.deepEqual(await findVm(all.host, uuid, ['exit_status', 'exit_timestamp']), {}, text);
    }
    all.addFile(`${zonepath}/lastexited`, '1700000000 0');
    all.running.set(uuid, 1);
    assert.deepEqual(await findVm(all.host, uuid, ['exit_status']), {});
  });

  it('the newest change of its files is that of the VM, in whole seconds', async () => {
    all.addZone(zoneConfig(uuid, 'joyent'));
    all.addFile(`${zonepath}/config/tags.json`, '{}');
    utimesSync(all.host.at(`/etc/zones/${uuid}.xml`), 1_600_000_000, 1_600_000_000);
    utimesSync(all.host.at(`${zonepath}/config/tags.json`), 1_700_000_000.9, 1_700_000_000.9);
    assert.deepEqual(await findVm(all.host, uuid, ['last_modified']), { last_modified: '2023-11-14T22:13:20.000Z' });
  });
});

describe('datasets', () => {
  const root = `zones/${uuid}`;

  it('tell quota, limits, compression, holds and snapshots, newest first', async () => {
    all.addZone(zoneConfig(uuid, 'joyent'));
    const { datasets } = all.host;
    await datasets.create(root, { quota: '20G', compression: 'lz4', filesystem_limit: '5' });
    await datasets.create(`${root}/data`, { recordsize: '8K' });
    for (const name of ['vmsnap-one', 'other', 'vmsnap-two', 'indestructible'])
      await datasets.snapshot(`${root}@${name}`);
    const { snapshots, ...vm } = await loadVm(all.host, uuid, [
      'quota', 'zfs_root_compression', 'zfs_filesystem_limit', 'zfs_snapshot_limit', 'zfs_root_recsize', 'zfs_data_recsize',
      'indestructible_zoneroot', 'indestructible_delegated', 'zpool', 'zfs_filesystem', 'snapshots',
    ]); // prettier-ignore
    assert.deepEqual(vm, {
      indestructible_zoneroot: true, quota: 20, zfs_root_compression: 'lz4', zfs_root_recsize: 131_072,
      zfs_filesystem_limit: 5, zfs_filesystem: root, zpool: 'zones', zfs_data_recsize: 8192,
    }); // prettier-ignore
    assert.deepEqual(
      snapshots?.map(({ name }) => name),
      ['two', 'one'],
    );
  });

  it('tell the size of disks, and what a flexible guest has left', async () => {
    all.addZone(withDisk(zoneConfig(uuid, 'bhyve', { 'flexible-disk-size': '1000' })));
    const { datasets } = all.host;
    await datasets.create(root, { refquota: '3G' });
    await datasets.create(`${root}/disk0`, { compression: 'lz4', volblocksize: '4096' }, 300 * 2 ** 20);
    const vm = await loadVm(all.host, uuid, ['disks', 'quota', 'free_space']);
    const { size, block_size, compression, zpool, missing } = vm.disks?.[0] ?? {};
    assert.deepEqual([size, block_size, compression, zpool, missing], [300, 4096, 'lz4', 'zones', undefined]);
    assert.deepEqual([vm.quota, vm.free_space], [3, 700]);
  });

  it('that are not there are missing, and named while a VM is received', async () => {
    all.addZone(withDisk(zoneConfig(uuid, 'bhyve', { transition: 'receiving:stopped:1' })), 'configured');
    const vm = await loadVm(all.host, uuid, ['disks', 'missing', 'state']);
    assert.equal(vm.disks?.[0]?.missing, true);
    const path = `/dev/zvol/rdsk/${root}/disk0`;
    assert.deepEqual(vm.missing, { datasets: [root], disks: [path], filesystems: [] });
  });

  it('are not asked about a time of creation that the configuration has', async () => {
    all.addZone(zoneConfig(uuid, 'joyent', { 'create-timestamp': '2020-01-01T00:00:00.000Z' }));
    await loadVms(all.host, ['create_timestamp']);
    assert.ok(!all.asked.includes('datasets'));
  });
});

it('the state follows from zone, transition, marker and failure', async () => {
  const cases: [attrs: Record<string, string>, stored: string, state: string][] = [
    [{}, 'installed', 'stopped'],
    [{}, 'incomplete', 'incomplete'],
    [{ provisioning: 'true' }, 'installed', 'provisioning'],
    [{ provisioning: 'true' }, 'configured', 'configured'],
    [{ transition: 'stopping:stopped:1  ' }, 'installed', 'stopping'],
    [{ transition: 'a:b' }, 'installed', 'stopped'],
    [{ transition: 'stopping:stopped:1', failed: 'provisioning' }, 'installed', 'failed'],
  ];
  cases.forEach(([attrs, stored], number) => {
    all.addZone(zoneConfig(uuidOf(number), 'joyent', attrs), stored);
  });
  const vms = await loadVms(all.host, ['state']);
  assert.deepEqual(vms.map((vm) => vm.state), cases.map(([, , state]) => state)); // prettier-ignore
});

it('memory limits are shown in MiB', async () => {
  const config = zoneConfig(uuid, 'joyent');
  all.addZone({ ...config, resources: [rctlResource('max-physical-memory', '536870912', 'deny')] });
  assert.deepEqual(await findVm(all.host, uuid, ['max_physical_memory']), { max_physical_memory: 512 });
});
