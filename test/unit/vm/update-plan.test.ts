import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseZoneXml } from '../../../lib/host/zone-xml.js';
import type { VmObject } from '../../../lib/schema/generated/vm.js';
import type { UpdatePlan } from '../../../lib/vm/spec.js';
import { planUpdate } from '../../../lib/vm/update-plan.js';
import { vectors, vectorsFolder } from '../../vectors.js';
import { recordedFacts, recordedVm, type Flow, type FlowAfter } from './flows.js';

const bases = JSON.parse(readFileSync(join(vectorsFolder, 'vm-flow-bases.json'), 'utf8')) as Readonly<
  Record<string, { readonly after: FlowAfter }>
>;

function base(name: string): VmObject {
  const { zone_xml: xml = '', zonepath_files: files } = bases[name]?.after ?? {};
  const config = parseZoneXml(xml);
  return recordedVm(config, config.attributes['autoboot'] === 'true', files);
}

const uuid = 'c1000001-0000-4000-8000-000000000001';
const path = `/dev/zvol/rdsk/zones/${uuid}/disk0`;
const [one, two, three] = ['02:08:20:00:00:01', '02:08:20:00:00:02', '02:08:20:00:00:03'] as const;

/** A stopped zone with two NICs. */
const zone: VmObject = {
  uuid, zonename: uuid, brand: 'joyent', state: 'stopped', zone_state: 'installed', zpool: 'zones', zfs_filesystem: `zones/${uuid}`,
  max_physical_memory: 512, max_locked_memory: 512, max_swap: 1024, tmpfs: 256, quota: 10, alias: 'a',
  nics: [
    { interface: 'net0', mac: one, nic_tag: 'admin', ip: '10.0.0.5', netmask: '255.255.255.0', ips: ['10.0.0.5/24'], primary: true },
    { interface: 'net1', mac: two, nic_tag: 'external', ip: 'dhcp', ips: ['dhcp'] },
  ],
  tags: { a: 1, b: 'x' }, routes: { '10.9.0.0/16': 'nics[0]' }, customer_metadata: {}, internal_metadata: {},
}; // prettier-ignore

const machine: VmObject = {
  ...zone, brand: 'bhyve', ram: 256, max_physical_memory: 1536, max_locked_memory: 1536, max_swap: 1536, nics: [], routes: {},
  com1: '/dev/zconsole', com2: 'socket,/tmp/vm.ttyb',
  disks: [{ path, model: 'nvme', size: 10, boot: true, uuid: 'c1000009-0000-4000-8000-000000000009' }],
}; // prettier-ignore

function plan(payload: unknown, vm: VmObject = zone, others: readonly VmObject[] = []): Promise<UpdatePlan> {
  return planUpdate(vm, payload, recordedFacts([vm, ...others]));
}

async function refusal(payload: unknown, vm: VmObject = zone, others: readonly VmObject[] = []): Promise<string> {
  const error = await plan(payload, vm, others).then(
    () => assert.fail(`accepted: ${JSON.stringify(payload)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error.message;
}

describe('update refuses a payload in the words of the original', () => {
  for (const { id, base: name = '', steps } of vectors('vm-flow-update.jsonl') as readonly Flow[]) {
    const [step] = steps;
    if (step?.exit !== 1) continue;
    it(id, async () => {
      await assert.rejects(plan(step.payload, base(name)), (error: Error) => {
        assert.equal(`${error.message}\n`, step.stderr);
        return true;
      });
    });
  }
});

describe('an update', () => {
  it('plans nothing for what is as it should be, or not allowed', async () => {
    const { metadata, tags, routes, quota, live, nextBoot, adjustments } = await plan({
      alias: 'a', quota: '10', set_tags: { a: 1 }, remove_tags: 'none', brand: 'lx', uuid, nics: [], vcpus: 3,
    }); // prettier-ignore
    assert.deepEqual([metadata, tags, routes, quota, live, nextBoot], [undefined, undefined, undefined, undefined, [], []]);
    assert.deepEqual(adjustments.map(({ property }) => property), ['brand', 'uuid', 'nics', 'vcpus']);
  }); // prettier-ignore

  it('is frozen, and changes neither its payload nor the VM', async () => {
    const payload = { update_nics: [{ mac: two, primary: true }], add_nics: [{ nic_tag: 'admin', ips: ['dhcp'] }] };
    const before = JSON.stringify([payload, zone]);
    const result = await plan(payload);
    assert.ok(Object.isFrozen(result) && Object.isFrozen(result.nics) && Object.isFrozen(result.payload));
    assert.equal(JSON.stringify([payload, zone]), before);
    assert.ok(!Object.isFrozen(zone.nics?.[0]) && !Object.isFrozen(zone.nics?.[0]?.ips));
    await plan({ remove_disks: path }, machine);
    assert.ok(!Object.isFrozen(machine.disks?.[0]));
  });

  for (const [payload, physical, locked, swap, tmpfs] of [
    [{ ram: 1024 }, 1024, 1024, 1536, 512],
    [{ max_physical_memory: 256 }, 256, 256, 768, 128],
    [{ max_swap: 100 }, undefined, undefined, 512, undefined],
    [{ max_locked_memory: 1000 }, undefined, 512, undefined, undefined],
    [{ tmpfs: 10000 }, undefined, undefined, undefined, 512],
    [{ max_physical_memory: 1024, tmpfs: 800 }, 1024, 1024, 1536, 512],
  ] as const) {
    it(`settles memory for ${JSON.stringify(payload)}`, async () => {
      const { payload: p } = await plan(payload);
      assert.deepEqual([p['max_physical_memory'], p['max_locked_memory'], p['max_swap'], p['tmpfs']], [physical, locked, swap, tmpfs]);
    }); // prettier-ignore
  }

  it('keeps no tmpfs where there is none, and swap at its minimum follows', async () => {
    const small = { ...zone, max_physical_memory: 128, max_locked_memory: 128, max_swap: 256, tmpfs: 0 };
    const { payload: p } = await plan({ max_physical_memory: 512 }, small);
    assert.deepEqual([p['max_locked_memory'], p['max_swap'], p['tmpfs']], [512, 512, 0]);
  });

  it('raises the memory of a machine for its guest', async () => {
    const { payload: p } = await plan({ max_physical_memory: 300 }, machine);
    assert.deepEqual([p['max_physical_memory'], p['max_locked_memory'], p['max_swap']], [512, 512, 512]);
  });

  it('cannot unset memory', async () => {
    assert.equal(await refusal({ max_physical_memory: '' }), 'Invalid value(s) for: max_locked_memory,max_swap,tmpfs');
  });

  it('removes keys before it sets some', async () => {
    const { tags, metadata, routes } = await plan({
      remove_tags: ['a', 'b'], set_tags: { b: true, c: 2 }, set_customer_metadata: { k: 'v' }, remove_routes: '10.9.0.0/16',
    }); // prettier-ignore
    assert.deepEqual(tags, { b: true, c: 2 });
    assert.deepEqual(metadata, { customer_metadata: { k: 'v' }, internal_metadata: {} });
    assert.deepEqual(routes, {});
  });

  it('tells what a running VM sees at once', async () => {
    const { live, nextBoot } = await plan({
      alias: 'b', hostname: 'h', cpu_cap: 100, limit_priv: 'default', update_nics: [{ mac: one, allow_ip_spoofing: true, mtu: 1500 }],
      add_filesystems: [{ source: '/a', target: '/b', type: 'lofs' }],
    }); // prettier-ignore
    assert.deepEqual(live, ['alias', 'cpu_cap', 'nics.*.allow_ip_spoofing']);
    assert.deepEqual(nextBoot, ['hostname', 'limit_priv', 'nics.*.mtu', 'add_filesystems']);
  });

  it('tells which changes of displays need an emulator that has been started for them', async () => {
    const kvm: VmObject = { ...machine, brand: 'kvm', vnc_port: 0 };
    const open = { ...kvm, spice_port: 5931 };
    const waiting = async (payload: object, vm: VmObject) => (await plan(payload, vm)).nextBoot;
    assert.deepEqual(await waiting({ vnc_password: 'x', vnc_port: 5901 }, kvm), []);
    assert.deepEqual(await waiting({ spice_port: 5931 }, kvm), ['spice_port']);
    assert.deepEqual(await waiting({ spice_port: 5932 }, open), []);
    assert.deepEqual(await waiting({ spice_port: -1 }, open), []);
    assert.deepEqual(await waiting({ spice_password: 'x' }, open), ['spice_password']);
    const locked = { ...open, spice_password: 'x' };
    assert.deepEqual(await waiting({ spice_password: 'y' }, locked), []);
    assert.deepEqual(await waiting({ spice_password: '' }, locked), ['spice_password']);
    assert.deepEqual(await waiting({ vnc_port: 5901 }, { ...machine, vnc_port: -1 }), ['vnc_port']);
  });

  it('pins what the delegated dataset would inherit', async () => {
    const delegating = { ...zone, datasets: [`zones/${uuid}/data`] };
    const { payload, datasetProperties } = await plan(
      { zfs_root_compression: 'lz4', zfs_root_recsize: 4096 },
      delegating,
    );
    assert.deepEqual([payload['zfs_data_compression'], payload['zfs_data_recsize']], ['off', 131072]);
    assert.deepEqual(datasetProperties, { root: { compression: 'lz4', recordsize: '4096' }, data: {} });
    const { indestructible } = await plan({ indestructible_delegated: true, indestructible_zoneroot: 'true' });
    assert.deepEqual(indestructible, { zoneroot: true });
  });

  it('resets the serial ports of bhyve that it does not name', async () => {
    const { payload, nextBoot } = await plan({ alias: 'b' }, { ...machine, com2: '/tmp/mine' });
    assert.equal(payload['com2'], 'socket,/tmp/vm.ttyb');
    assert.deepEqual(nextBoot, ['com2']);
  });

  it('does not remove what is not there', async () => {
    assert.equal(
      await refusal({ remove_filesystems: '/x' }),
      'first of 1 error: Command failed: No such fs resource.\n',
    );
    assert.equal(await refusal({ remove_nics: [three] }), 'first of 1 error: Command failed: No such net resource.\n');
    assert.match(await refusal({ update_filesystems: [{ target: '/x' }] }), /^There is no existing filesystem/);
  });
});

describe("an update of a VM's NICs", () => {
  it('merges, adds and removes', async () => {
    const { nics, nicChanges } = await plan({
      update_nics: [{ mac: one, ip: '10.0.0.9', gateway: '10.0.0.1', interface: 'net7' }],
      remove_nics: two,
      add_nics: [{ nic_tag: 'admin', ips: ['10.0.0.8/24'], mac: three }],
    });
    assert.deepEqual(nics, [
      { interface: 'net7', mac: one, nic_tag: 'admin', gateway: '10.0.0.1', gateways: ['10.0.0.1'], netmask: '255.255.255.0', ip: '10.0.0.9', ips: ['10.0.0.9/24'], primary: true },
      { interface: 'net2', mac: three, nic_tag: 'admin', netmask: '255.255.255.0', ip: '10.0.0.8', ips: ['10.0.0.8/24'] },
    ]); // prettier-ignore
    assert.deepEqual(nicChanges, { updated: [nics[0]], added: [nics[1]], removed: [two] });
  });

  it('moves the mark of the primary one, and finds a successor for it', async () => {
    const primaries = (nics: UpdatePlan['nics']): unknown[] => nics.flatMap((nic) => (nic.primary ? [nic.mac] : []));
    assert.deepEqual(primaries((await plan({ update_nics: [{ mac: two, primary: true }] })).nics), [two]);
    const vm = { ...zone, routes: {} };
    assert.deepEqual(primaries((await plan({ remove_nics: [one] }, vm)).nics), [two]);
    const third = { interface: 'net2', mac: three, nic_tag: 'admin', ips: ['10.0.0.7/24', '8.8.8.8/24'] };
    const many = { ...vm, nics: [...(zone.nics ?? []), third] };
    assert.deepEqual(primaries((await plan({ remove_nics: [one] }, many)).nics), [two]);
    assert.deepEqual(primaries((await plan({ remove_nics: [one, two] }, many)).nics), [three]);
  });

  for (const [message, payload] of [
    ['NIC object needs a .mac property to update', { update_nics: [{ ip: 'dhcp' }] }],
    ['There is no existing NIC with that mac address', { update_nics: [{ mac: three }] }],
    ['Need a single existing IPv4 address to update .ip or .netmask', { update_nics: [{ mac: two, ip: '10.0.0.1' }] }],
    ["invalid value for NIC's primary flag: false (must be true)", { update_nics: [{ mac: one, primary: false }] }],
    ['Invalid value(s) for: update_nics', { update_nics: {} }],
    ['Invalid nic tag "nope"', { update_nics: [{ mac: one, nic_tag: 'nope' }] }],
    [
      'nic 0 (02:08:20:00:00:01): MTU is below the supported MTU (1500) of nic tag "admin"',
      { update_nics: [{ mac: one, mtu: 1000 }] },
    ],
    ['Route gateway: "nics[0]" refers to non-existent or DHCP nic', { update_nics: [{ mac: one, ip: 'dhcp' }] }],
    ['Route gateway: "nics[0]" refers to non-existent or DHCP nic', { remove_nics: [one] }],
    ['Cannot have multiple NICs with the same interface: net1', { update_nics: [{ mac: one, interface: 'net1' }] }],
  ] as const) {
    // prettier-ignore
    it(`is refused: ${message} (${JSON.stringify(payload)})`, async () => {
      assert.equal(await refusal(payload), message);
    });
  }

  it('may not have an address twice within the VM, though one that goes leaves it free', async () => {
    const conflict = 'Conflict detected with another vm, please check the MAC, IP, and VRID';
    const mine = { nic_tag: 'admin', ips: ['10.0.0.5/24'] };
    assert.equal(await refusal({ add_nics: [{ mac: three, ...mine }] }), conflict);
    assert.equal(await refusal({ add_nics: [{ ...mine, mac: two, ips: ['10.0.0.9/24'] }] }), conflict);
    assert.equal(await refusal({ update_nics: [{ mac: two, ...mine }] }), conflict);
    assert.equal(
      await refusal({ update_nics: [{ mac: one, mtu: 1500 }], add_nics: [{ mac: three, ...mine }] }),
      conflict,
    );
    const twice = { add_nics: [{ mac: three, nic_tag: 'admin', ips: ['10.0.0.8/24'] }, { nic_tag: 'admin', ips: ['10.0.0.8/24'] }] }; // prettier-ignore
    assert.equal(await refusal(twice), 'Cannot add multiple NICs with the same IP: 10.0.0.8/24');
    await plan({ add_nics: [{ mac: three, ...mine, nic_tag: 'external' }] });
    await plan({ remove_nics: [one], add_nics: [{ mac: three, ...mine }], remove_routes: ['10.9.0.0/16'] });
    await plan({ update_nics: [{ mac: one, ips: ['10.0.0.7/24'] }], add_nics: [{ mac: three, ...mine }] });
  });

  it('may repeat what the VM has, and not take what another one has', async () => {
    const conflict = 'Conflict detected with another vm, please check the MAC, IP, and VRID';
    const other: VmObject = {
      uuid: 'b',
      state: 'running',
      nics: [{ mac: three, nic_tag: 'admin', ips: ['10.0.0.8/24'] }],
    };
    await plan({ update_nics: [{ mac: one, nic_tag: 'admin', ips: ['10.0.0.5/24'] }] }, zone, [other]);
    assert.equal(await refusal({ update_nics: [{ mac: one, ips: ['10.0.0.8/24'] }] }, zone, [other]), conflict);
    await plan({ update_nics: [{ mac: two, ips: ['10.0.0.8/24'] }] }, zone, [other]);
  });
});

describe("an update of a VM's disks", () => {
  it('adds them under free numbers and slots, with the model the VM has', async () => {
    const { addDisks } = await plan({ add_disks: [{ size: 5 }] }, machine);
    assert.deepEqual(addDisks, [
      { path: `/dev/zvol/rdsk/zones/${uuid}/disk1`, boot: false, model: 'nvme', pci_slot: '0:4:1', uuid: 'e0e0e0e0-0000-4000-8000-000000000001', size: 5, zpool: 'zones' },
    ]); // prettier-ignore
  });

  it('keeps a number in use until it is over', async () => {
    const result = await plan({ add_disks: [{ size: 5 }], remove_disks: path }, machine);
    assert.deepEqual(result.removeDisks, machine.disks);
    assert.equal(result.addDisks[0]?.path, `/dev/zvol/rdsk/zones/${uuid}/disk1`);
  });

  for (const [message, change, vm] of [
    [
      'first of 1 error: cannot resize disk: new size must be greater than current size. (10 > 5)',
      { path, size: 5 },
      machine,
    ],
    ['There is no existing disk with that path: /x', { path: '/x', model: 'nvme' }, machine],
    [
      'invalid compression type for disk, must be one of: on, off, gzip, gzip-1, gzip-2, gzip-3, gzip-4, gzip-5, gzip-6, gzip-7, gzip-8, gzip-9, lz4, lzjb, zle',
      { path, compression: 'zstd' },
      machine,
    ],
    [
      'at least one specified update to disks is only allowed when state is "stopped", currently: running (running)',
      { path, size: 20 },
      { ...machine, state: 'running', zone_state: 'running' },
    ],
  ] as const) {
    // prettier-ignore
    it(`is refused: ${message.slice(0, 100)}`, async () => {
      assert.equal(await refusal({ update_disks: [change] }, vm), message);
    });
  }

  it('may shrink them when told that this is meant', async () => {
    const { updateDisks } = await plan(
      { update_disks: [{ path, size: '5', dangerous_allow_shrink: 'true' }] },
      machine,
    );
    assert.deepEqual(updateDisks, [{ path, size: 5, dangerous_allow_shrink: true }]);
  });

  it('needs a machine that stands still', async () => {
    const running = { ...machine, state: 'running', zone_state: 'running' };
    assert.equal(
      await refusal({ remove_disks: [path] }, running),
      'updates to disks are only allowed when state is "stopped", currently: running (running)',
    );
    assert.equal(
      await refusal({ pci_devices: [{ path: '/devices/x', pci_slot: '8' }] }, running),
      'updates to pci_devices are only allowed when state is "stopped", currently: running (running)',
    );
    assert.equal(
      (await plan({ update_disks: [{ path, compression: 'lz4' }] }, running)).live[0],
      'disks.*.compression',
    );
  });
});
