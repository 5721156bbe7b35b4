import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { VmObject } from '../../../lib/schema/generated/vm.js';
import { parseCreatePayload } from '../../../lib/vm/payload.js';
import type { VmSpec } from '../../../lib/vm/spec.js';
import { vectors } from '../../vectors.js';
import { recordedFacts, recordedNow, type Flow } from './flows.js';

const uuid = 'c1000001-0000-4000-8000-000000000001';
const zoneImage = '11111111-1111-4111-8111-111111111111';
const lxImage = '33333333-3333-4333-8333-333333333333';
const diskImage = '22222222-2222-4222-8222-222222222222';
const nocloudImage = '44444444-4444-4444-8444-444444444444';

function create(payload: Readonly<Record<string, unknown>>, vms: readonly VmObject[] = []): Promise<VmSpec> {
  const { brand = 'joyent' } = payload;
  const image = brand === 'kvm' || brand === 'bhyve' ? {} : { image_uuid: brand === 'lx' ? lxImage : zoneImage };
  const kernel = brand === 'lx' ? { kernel_version: '4.4.0' } : {};
  return parseCreatePayload({ uuid, ...image, ...kernel, ...payload }, recordedFacts(vms));
}

async function refusal(payload: Readonly<Record<string, unknown>>, vms: readonly VmObject[] = []): Promise<string> {
  const error = await create(payload, vms).then(
    () => assert.fail(`accepted: ${JSON.stringify(payload)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error.message;
}

const nic = (more: object = {}): object => ({ nic_tag: 'admin', ips: ['dhcp'], mac: '02:08:20:00:00:01', ...more });

/** Refused before anything is made for it. A missing dataset is found later, by who makes the disks. */
const found = (vectors('vm-flow-create.jsonl') as readonly Flow[]).filter(
  ({ steps: [step] }) => step?.exit === 1 && !step.stderr.startsWith('unable to find dataset'),
);

describe('create refuses a payload in the words of the original', () => {
  for (const { id, steps } of found) {
    it(id, async () => {
      for (const { payload, stderr } of steps) {
        await assert.rejects(parseCreatePayload(payload, recordedFacts([])), (error: Error) => {
          const text = error.message.replace(/"mac":"12(?::01){5}"/, '"mac":"$RANDOM_MAC"');
          assert.equal(`${text}\n`, stderr);
          return true;
        });
      }
    });
  }
});

describe('a created VM', () => {
  it('gets what its payload does not say', async () => {
    const spec = await parseCreatePayload({ image_uuid: zoneImage }, recordedFacts([]));
    assert.match(spec.uuid, /^e0e0e0e0-/);
    assert.equal(spec.zonename, spec.uuid);
    assert.equal(spec.brand, 'joyent');
    assert.equal(spec.zonepath, `/zones/${spec.uuid}`);
    assert.equal(spec.quota, 10);
    assert.equal(spec.create_timestamp, '2030-01-02T03:04:05.678Z');
    assert.equal(spec.transition, `provisioning:running:${recordedNow + 300_000}`);
    assert.deepEqual(spec.properties, {
      cpu_shares: 100, limit_priv: 'default', max_lwps: 2000, max_msg_ids: 4096, max_sem_ids: 4096, max_shm_ids: 4096,
      max_shm_memory: 256, zfs_io_priority: 100, max_physical_memory: 256, max_locked_memory: 256, max_swap: 256,
      billing_id: '00000000-0000-0000-0000-000000000000', owner_uuid: '00000000-0000-0000-0000-000000000000', tmpfs: 256,
      dns_domain: 'local',
    }); // prettier-ignore
  });

  it('is frozen, and its payload is left as it was', async () => {
    const payload = { uuid, image_uuid: zoneImage, nics: [nic()], tags: { a: 1 }, resolvers: ['8.8.8.8'] };
    const before = JSON.stringify(payload);
    const spec = await parseCreatePayload(payload, recordedFacts([]));
    assert.ok(Object.isFrozen(spec) && Object.isFrozen(spec.nics[0]) && Object.isFrozen(spec.tags));
    assert.equal(JSON.stringify(payload), before);
    assert.ok(!Object.isFrozen(payload.nics[0]));
    payload.tags.a = 2;
    payload.resolvers.push('1.1.1.1');
    assert.equal(spec.tags['a'], 1);
  });

  for (const [what, payload, ...expected] of [
    ['a zone with nothing said', {}, 256, 256, 256, 256],
    ['a small zone', { max_physical_memory: 128 }, 128, 128, 256, 128],
    ['kvm', { brand: 'kvm', ram: 1024 }, 2048, 2048, 2048, undefined],
    ['bhyve', { brand: 'bhyve', ram: 1024 }, 2304, 2304, 2304, undefined],
    ['kvm with too little', { brand: 'kvm', ram: 1024, max_physical_memory: 1024 }, 1280, 1280, 1280, undefined],
  ] as const) {
    it(`has the memory of ${what}`, async () => {
      const { properties: p } = await create(payload);
      assert.deepEqual([p['max_physical_memory'], p['max_locked_memory'], p['max_swap'], p['tmpfs']], expected);
    });
  }

  it('may take longer for its first boot the more memory it has', async () => {
    for (const [ram, seconds] of [
      [1024, 300],
      [4096, 300],
      [8192, 600],
      [16384, 1200],
    ] as const) {
      // prettier-ignore
      const { transition } = await create({ brand: 'bhyve', ram });
      assert.equal(transition, `provisioning:running:${recordedNow + seconds * 1000}`);
    }
    assert.equal((await create({ autoboot: false })).transition, undefined);
  });

  it('says what was corrected and what was left out, and the name that was meant', async () => {
    const { adjustments } = await create({ vcpus: 2, max_physcal_memory: 5, zzz: 1, max_swap: 300, ram: 1024 });
    assert.deepEqual(adjustments, [
      { property: 'vcpus', kind: 'ignored', detail: 'not allowed in create of joyent' },
      {
        property: 'max_physcal_memory',
        kind: 'ignored',
        detail: 'unknown, did you mean max_physical_memory?',
        nearest: 'max_physical_memory',
      },
      { property: 'zzz', kind: 'ignored', detail: 'unknown' },
      { property: 'max_swap', kind: 'adjusted', detail: '300 became 1024', given: 300, taken: 1024 },
    ]);
  });

  it('has numbers for text, and what is unset is not stored', async () => {
    const { properties } = await create({ cpu_cap: '150', quota: '5', alias: '', hostname: null, cpu_shares: 70000 });
    assert.equal(properties['cpu_cap'], 150);
    assert.equal(properties['cpu_shares'], 65535);
    assert.ok(!('alias' in properties) && !('hostname' in properties));
    assert.equal(await refusal({ quota: 'ten' }), 'Invalid value for quota: null:number');
    assert.equal(
      await refusal({ max_physical_memory: null }),
      'Invalid value(s) for: max_locked_memory,max_swap,tmpfs',
    );
  });

  it('keeps metadata under any name', async () => {
    const tags: unknown = JSON.parse('{"__proto__": "a", "constructor": 1}');
    const spec = await create({ tags });
    assert.deepEqual(Object.entries(spec.tags), [['__proto__', 'a'], ['constructor', 1]]); // prettier-ignore
  });

  it('must have a uuid and zone name of its own', async () => {
    assert.equal(await refusal({}, [{ uuid }]), `VM with UUID ${uuid} already exists`);
    assert.equal(await refusal({ zonename: '../x' }), 'Invalid value(s) for: zonename');
  });

  it('must have a brand that is one, and is told what it has instead', async () => {
    assert.equal(await refusal({ brand: 'sngl' }), 'Unsupported brand: sngl');
    assert.equal(await refusal({ brand: 5 }), 'Unsupported brand: 5');
    assert.equal(await refusal({ brand: ['kvm'] }), 'Unsupported brand: a list');
    assert.equal(await refusal({ brand: null }), 'Unsupported brand: null');
  });

  it('lies in the pool it names, by the old name too', async () => {
    const tank = { image_uuid: '66666666-6666-4666-8666-666666666666', zfs_storage_pool_name: 'tank' };
    assert.equal((await create(tank)).zfs_filesystem, `tank/${uuid}`);
    assert.equal(await refusal({ zfs_storage_pool_name: 'x' }), 'Invalid value(s) for: zfs_storage_pool_name');
    assert.equal(await refusal({ zpool: 'tank' }), 'Invalid value(s) for: image_uuid');
  });

  it('holds no text that its configuration cannot', async () => {
    assert.equal(await refusal({ hostname: 'a\nb' }), 'Invalid value(s) for: hostname');
    assert.equal(
      await refusal({ nics: [nic({ vrrp_primary_ip: '\u0000' })] }),
      'Invalid value(s) for: nics.*.vrrp_primary_ip',
    );
    assert.equal((await create({ alias: 'a\nb' })).properties['alias'], 'a\nb');
  });

  it('has no limit that nothing could be limited to', async () => {
    for (const [payload, message] of [
      [{ quota: 1e14 }, 'quota is 100000000000000 GiB, the most is 8589934591 GiB'],
      [{ max_physical_memory: 1e30 }, 'max_physical_memory is 1e+30 MiB, the most is 8796093022207 MiB'],
      [{ max_lwps: 1e16, max_msg_ids: 1e17 }, 'max_lwps is 10000000000000000, the most is 9007199254740991; max_msg_ids is 100000000000000000, the most is 9007199254740991'],
    ] as const) assert.equal(await refusal(payload), message); // prettier-ignore
  });

  it('gets its container prepared by docker', async () => {
    const spec = await create({ brand: 'lx', docker: true, internal_metadata: { 'docker:tty': true } });
    assert.deepEqual(spec.properties['internal_metadata_namespaces'], ['docker']);
    assert.equal(spec.properties['init_name'], '/native/usr/vm/sbin/dockerinit');
    assert.equal(spec.properties['restart_init'], false);
    assert.match(String(spec.internal_metadata['docker:id']), /^c1000001000040008000000000000001[0-9a-f]{32}$/);
  });

  it('has an image that this kernel runs', async () => {
    const onLinux = { ...recordedFacts([]), guestOs: 'linux' } as const;
    await assert.rejects(parseCreatePayload({ brand: 'joyent', image_uuid: zoneImage }, onLinux), {
      code: 'PayloadInvalid',
      message: /image 1{8}-.* is for smartos: .* the kernel of this host, which is Linux/,
    });
    await parseCreatePayload({ brand: 'lx', image_uuid: lxImage, kernel_version: '4.4.0' }, onLinux);
    await parseCreatePayload({ brand: 'kvm', disks: [{ image_uuid: diskImage, model: 'virtio' }] }, onLinux);
  });
});

describe("a created VM's NICs", () => {
  it('are named, and one of them is primary', async () => {
    const { nics } = await create({
      brand: 'lx',
      nics: [nic(), nic({ mac: '2:8:20:0:0:A', interface: 'net7', primary: 'false' })],
    });
    assert.deepEqual(nics, [
      { interface: 'eth0', mac: '02:08:20:00:00:01', nic_tag: 'admin', ip: 'dhcp', ips: ['dhcp'] },
      { interface: 'eth1', mac: '02:08:20:00:00:0a', nic_tag: 'admin', ip: 'dhcp', ips: ['dhcp'], primary: true },
    ]);
    assert.equal((await create({ nics: [nic()] })).nics[0]?.primary, true);
  });

  it('have their old spelling of addresses turned into the new one', async () => {
    const { nics } = await create({
      nics: [nic({ ips: undefined, ip: '10.0.0.5', netmask: '255.255.240.0', gateway: '10.0.0.1' })],
    });
    assert.deepEqual(nics[0]?.ips, ['10.0.0.5/20']);
    assert.deepEqual(nics[0].gateways, ['10.0.0.1']);
    assert.equal(nics[0].netmask, '255.255.240.0');
    assert.equal(
      await refusal({ nics: [{ nic_tag: 'admin', ip: '10.0.0.5', netmask: '255.0.255.0' }] }),
      'Specified netmask value is invalid: 255.0.255.0',
    );
    assert.match(
      await refusal({ nics: [{ nic_tag: 'admin', ip: '10.0.0.5' }] }),
      /^Missing \.netmask option for NIC: \{/,
    );
  });

  it('may have lists as text', async () => {
    const { nics } = await create({ nics: [nic({ ips: '10.0.0.5/24,dhcp', allowed_ips: '10.1.0.0/16' })] });
    assert.deepEqual(nics[0]?.ips, ['10.0.0.5/24', 'dhcp']);
    assert.deepEqual(nics[0].allowed_ips, ['10.1.0.0/16']);
    const lofs = { source: '/a', target: '/b', type: 'lofs', options: 'ro,nodevices' };
    assert.deepEqual((await create({ filesystems: [lofs] })).filesystems[0]?.options, ['ro', 'nodevices']);
  });

  for (const [message, nics] of [
    [
      'Cannot add multiple NICs with the same VRID: 5',
      [
        { vrrp_vrid: 5, mac: undefined },
        { vrrp_vrid: 5, mac: undefined },
      ],
    ],
    ['Cannot add multiple NICs with the same MAC: 02:08:20:00:00:01', [{}, {}]],
    ['Cannot add multiple NICs with the same IP: 10.0.0.5/24', [{ ips: ['10.0.0.5/24', '10.0.0.5/24'] }]],
    ['Static gateways must be IPv4 addresses: fe80::1', [{ gateways: ['fe80::1'] }]],
    ['nic.*.ips contains 21 addresses, but is limited to 20', [{ ips: Array(21).fill('dhcp') }]],
    ['Cannot set both mac and vrrp_vrid', [{ vrrp_vrid: 5 }]],
    ['invalid allowed_ips: 10.0.0.0/0, x', [{ allowed_ips: ['10.0.0.0/0', 'x', '10.0.0.0/1'] }]],
    ['Maximum of 13 allowed_ips per nic', [{ allowed_ips: Array(14).fill('10.0.0.1') }]],
    [
      'nics.*.allowed_dhcp_cids contains 21 Client Identifiers, but is limited to 20',
      [{ allowed_dhcp_cids: Array(21).fill('0x01') }],
    ],
    [
      'nics.*.allowed_dhcp_cids contains too many long Client Identifiers',
      [{ allowed_dhcp_cids: Array(3).fill(`0x${'0'.repeat(400)}`) }],
    ],
    ['vrrp_vrid set but not vrrp_primary_ip', [{ vrrp_vrid: 5, mac: undefined }]],
    ['VM cannot contain only VRRP nics', [{ vrrp_vrid: 5, mac: undefined, vrrp_primary_ip: '10.0.0.5' }]],
    ['vrrp_primary_ip must belong to the same VM', [{ vrrp_primary_ip: '10.0.0.5' }]],
    [
      'Cannot set vrrp_primary_ip to the IP of a VRRP nic',
      [{}, { mac: undefined, vrrp_vrid: 5, ips: ['10.0.0.5/24'], vrrp_primary_ip: '10.0.0.5' }],
    ],
    ['Invalid value(s) for: nics', [null]],
  ] as const) {
    // prettier-ignore
    it(`are refused: ${message}`, async () => {
      assert.equal(await refusal({ nics: nics.map((one) => one && nic(one)) }), message);
    });
  }

  it('may not take what another VM has', async () => {
    const conflict = 'Conflict detected with another vm, please check the MAC, IP, and VRID';
    const other: VmObject = {
      uuid: 'b',
      state: 'stopped',
      vnc_port: 5900,
      nics: [{ nic_tag: 'admin', mac: '2:8:20:0:0:9', ips: ['10.0.0.5/24'] }],
    };
    assert.equal(await refusal({ nics: [nic({ ips: ['10.0.0.5/24'] })] }, [other]), conflict);
    assert.equal(await refusal({ nics: [nic({ mac: '02:08:20:00:00:09' })] }, [other]), conflict);
    assert.equal(await refusal({ brand: 'kvm', vnc_port: 5900 }, [other]), conflict);
    await create({ nics: [nic({ ips: ['10.0.0.5/24'], vlan_id: 7 })] }, [other]);
    await create({ nics: [nic({ ips: ['10.0.0.5/24'] })] }, [{ ...other, state: 'failed', zone_state: 'installed' }]);
  });

  it('carry routes', async () => {
    const nics = [nic({ ips: ['10.0.0.5/24'] })];
    const { routes } = await create({ nics, routes: { '10.1.0.0/16': 'nics[0]', '10.2.0.1': 'macs[2:8:20:0:0:1]' } });
    assert.deepEqual(routes, { '10.1.0.0/16': 'nics[0]', '10.2.0.1': 'macs[2:8:20:0:0:1]' });
    assert.equal(
      await refusal({ nics: [nic()], routes: { '10.1.0.0/16': 'nics[0]' } }),
      'Route gateway: "nics[0]" refers to non-existent or DHCP nic',
    );
    assert.equal(
      await refusal({ routes: { '10.0.0.0/7': '10.0.0.1' } }),
      'Invalid route destination: "10.0.0.0/7" (must be IP address or CIDR)',
    );
  });
});

describe("a created VM's disks", () => {
  it('of kvm lie beside the zone, those of bhyve below it', async () => {
    const disks = [{ size: 10, model: 'virtio' }, { media: 'cdrom', path: '/x.iso', model: 'ide' }, { size: 20, model: 'virtio', zpool: 'tank' }];
    const kvm = await create({ brand: 'kvm', disks });
    assert.deepEqual(kvm.disks.map((disk) => disk.path), [`/dev/zvol/rdsk/zones/${uuid}-disk0`, '/x.iso', `/dev/zvol/rdsk/tank/${uuid}-disk1`]);
    const bhyve = await create({ brand: 'bhyve', disks: [{ size: 10, model: 'nvme' }] });
    assert.equal(bhyve.disks[0]?.path, `/dev/zvol/rdsk/zones/${uuid}/disk0`);
  }); // prettier-ignore

  it('take size and bootrom from their image, and room for cloud-init where it asks for some', async () => {
    const spec = await create({
      brand: 'bhyve',
      quota: 0,
      disks: [{ image_uuid: nocloudImage, boot: true, model: 'virtio' }],
    });
    assert.equal(spec.properties['bootrom'], 'uefi');
    assert.equal(spec.disks[0]?.image_size, 5120);
    assert.deepEqual(spec.disks[1], {
      path: `/dev/zvol/rdsk/zones/${uuid}/disk1`, boot: false, model: 'virtio', media: 'disk', block_size: 512, size: 16, zpool: 'zones',
    }); // prettier-ignore
    assert.equal(spec.internal_metadata['cloudinit_nocloud_path'], `/dev/zvol/rdsk/zones/${uuid}/disk1`);
    assert.equal(spec.quota, 1);
  });

  it('get PCI slots, the one to boot from first', async () => {
    const disks = [{ size: 1 }, { size: 1, boot: true }, { media: 'cdrom', path: '/x' }, { size: 1, pci_slot: '0:4:1' }];
    const spec = await create({ brand: 'bhyve', disk_driver: 'virtio', disks });
    assert.deepEqual(spec.disks.map((disk) => disk.pci_slot), ['0:4:2', '0:4:0', '0:3:0', '0:4:1']);
    assert.equal(new Set(spec.disks.map((disk) => disk.uuid)).size, 4);
  }); // prettier-ignore

  for (const [message, disks] of [
    ['pci_slot "0:6:0" invalid: PCI device 6 is reserved', [{ size: 1, pci_slot: '0:6:0' }]],
    ['VM has more than 8 disk devices on PCI device 4', Array(9).fill({ size: 1 })],
    [
      'multiple boot disks: ""true"" and ""{"size":2,"boot":true,"model":"virtio","media":"disk"}""',
      [
        { size: 1, boot: true },
        { size: 2, boot: true },
      ],
    ],
    ['you cannot specify a path for a disk unless you set nocreate=true', [{ size: 1, path: '/x' }]],
    ['invalid .block_size(513), must be 512-131072 and a power of 2.', [{ size: 1, block_size: 513 }]],
    [
      'duplicate disk uuid c1000001-0000-4000-8000-000000000001',
      [
        { size: 1, uuid },
        { size: 1, uuid },
      ],
    ],
    ['Invalid value(s) for: disks.*.zpool', [{ size: 1, zpool: '../x' }]],
  ] as const) {
    it(`are refused: ${message}`, async () => {
      assert.equal(await refusal({ brand: 'bhyve', disk_driver: 'virtio', disks }), message);
    });
  }
});

describe('a received VM', () => {
  it('keeps its age, brings its disks along, and its metadata comes later', async () => {
    const sent = {
      uuid, brand: 'kvm', v: 1, create_timestamp: '2020-01-01T00:00:00.000Z', autoboot: true, state: 'running', pid: 5,
      tags: { a: 1 }, customer_metadata: { b: 1 }, internal_metadata: { c: 1 }, limit_priv: 'default,net_access',
      disks: [{ path: `/dev/zvol/rdsk/zones/${uuid}-disk0`, model: 'virtio', media: 'disk', image_uuid: diskImage, image_size: 10240, block_size: 8192, size: 10240 }],
    }; // prettier-ignore
    const spec = await parseCreatePayload(sent, recordedFacts([]), 'receive');
    assert.equal(spec.create_timestamp, sent.create_timestamp);
    assert.equal(spec.transition, `receiving:stopped:${recordedNow + 86400}`);
    assert.deepEqual([spec.tags, spec.customer_metadata, spec.internal_metadata], [{}, {}, {}]);
    assert.equal(spec.properties['limit_priv'], 'default,net_access');
    assert.equal(spec.disks[0]?.nocreate, true);
    assert.equal(spec.disks[0].block_size, undefined);
  });
});
