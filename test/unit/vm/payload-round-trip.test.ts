/** A payload that the published schema takes becomes a VM whose own properties, as a payload, make the same VM. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { codeOf } from '../../../lib/errors.js';
import { parseZoneXml, writeZoneXml } from '../../../lib/host/zone-xml.js';
import { rowAllows } from '../../../lib/schema/allowed.js';
import { memberRows } from '../../../lib/schema/json-schema.js';
import { brands, type Brand, type Noun, type PropertyRow } from '../../../lib/schema/property.js';
import { publishedSchema } from '../../../lib/schema/published.js';
import { vmRows } from '../../../lib/schema/vm.js';
import { parseCreatePayload } from '../../../lib/vm/payload.js';
import type { VmSpec } from '../../../lib/vm/spec.js';
import { vmToZoneConfig, withAttr } from '../../../lib/vm/zone-config.js';
import { zoneConfigToVm } from '../../../lib/vm/zone-config-read.js';
import { recordedFacts } from './flows.js';

type Payload = Record<string, unknown>;

const uuid = 'f1d2c3b0-0030-4010-b8f0-000012345670';
const os = { image_uuid: '11111111-1111-4111-8111-111111111111' };
/** What each brand cannot do without. */
const needed: Readonly<Record<Brand, Payload>> = {
  bhyve: {}, kvm: {}, builder: os, joyent: os, 'joyent-minimal': os,
  lx: { image_uuid: '33333333-3333-4333-8333-333333333333', kernel_version: '4.4.0' },
}; // prettier-ignore

/** What text files and XML can carry, commas left to lists. */
const plain = fc.stringMatching(/^[!-+\--~é☃][ -+\--~é☃]{0,12}[!-+\--~é☃]$/);
const address = fc
  .tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255), fc.integer({ min: 1, max: 254 }))
  .map(([a, b, c]) => `${a}.0.${b}.${c}`);
const flat = fc.dictionary(
  fc.stringMatching(/^[a-z][a-z0-9:._-]{0,10}$/),
  fc.oneof(plain, fc.integer(), fc.boolean()),
  { maxKeys: 4 },
);

/** Values with rules beyond their types. */
const special: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  alias: fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}$/),
  vnc_password: fc.stringMatching(/^[ -~]{1,8}$/),
  vga: fc.constantFrom('cirrus', 'std', 'vmware', 'qxl', 'xenfb'),
  disk_driver: fc.constant('virtio'),
  hostname: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
  max_swap: fc.integer({ min: 256, max: 8192 }),
  ram: fc.integer({ min: 64, max: 8192 }),
  vcpus: fc.integer({ min: 1, max: 8 }),
  vnc_port: fc.constantFrom(-1, 0, 5901),
  spice_port: fc.constantFrom(-1, 0, 5902),
  cpu_shares: fc.integer({ min: 0, max: 65_535 }),
  zfs_root_recsize: fc.constantFrom(512, 8192, 131_072),
  zfs_data_recsize: fc.constantFrom(512, 8192, 131_072),
  zfs_root_compression: fc.constantFrom('on', 'off', 'gzip-3', 'lz4'),
  zfs_data_compression: fc.constantFrom('on', 'off', 'gzip-3', 'lz4'),
  resolvers: fc.array(address, { maxLength: 3 }),
  internal_metadata_namespaces: fc.array(fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/), { maxLength: 3 }),
  routes: fc.dictionary(address.map((ip) => `${ip}/32`), address, { maxKeys: 3 }),
  'nics.*.gateways': fc.array(address, { maxLength: 1 }),
  'nics.*.allowed_ips': fc.array(address, { minLength: 1, maxLength: 3 }),
  'nics.*.allowed_dhcp_cids': fc.array(fc.constantFrom('0x01', '0xabcd'), { minLength: 1, maxLength: 2 }),
  'nics.*.blocked_outgoing_ports': fc.array(fc.nat(65_535), { minLength: 1, maxLength: 3 }),
  'nics.*.mtu': fc.integer({ min: 1500, max: 9000 }),
  'nics.*.model': fc.constant('virtio'),
  'disks.*.model': fc.constant('virtio'),
  'disks.*.block_size': fc.constantFrom(512, 8192),
  'disks.*.compression': fc.constantFrom('on', 'off', 'lz4'),
  'disks.*.guest_block_size': fc.constantFrom('512', '512/4096'),
}; // prettier-ignore

/** Members that `completed` adds, or that are tested elsewhere. */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  nics: [
    'interface',
    'mac',
    'nic_tag',
    'vrrp_vrid',
    'vrrp_primary_ip',
    'primary',
    'dhcp_server',
    'ip',
    'netmask',
    'gateway',
    'ips',
  ],
  disks: [
    'path',
    'boot',
    'image_uuid',
    'image_size',
    'image_name',
    'nocreate',
    'pci_slot',
    'uuid',
    'zpool',
    'media',
    'size',
  ],
  filesystems: ['source', 'target', 'type'],
  pci_devices: ['path', 'pci_slot'],
};

/** What is tested elsewhere, or by something other than its value: identity, old names, what sets off other things. */
const left = ['uuid', 'zonename', 'brand', 'image_uuid', 'kernel_version', 'zpool', 'docker', 'dataset_uuid', 'zone_dataset_uuid', 'zfs_storage_pool_name', 'add_pci_devices', 'nic_driver', 'flexible_disk_size']; // prettier-ignore

/** A VM's own properties in every spelling that stands for the same value; members of elements stay as they are written. */
function valueOf(path: string, row: PropertyRow): fc.Arbitrary<unknown> {
  const own = special[path];
  const isMember = path.includes('.*.');
  switch (row.type) {
    case 'boolean':
      return isMember ? fc.boolean() : fc.oneof(fc.boolean(), fc.constantFrom('true', 'false', 1, '1'));
    case 'integer': {
      const number = own ?? fc.integer({ min: Math.max(1, row.min ?? 1), max: Math.min(4096, row.max ?? 4096) });
      return isMember ? number : fc.oneof(
        number, number.map((value) => ` ${String(value)}`)); // prettier-ignore
    }
    case 'list': {
      const list = (own ?? fc.array(fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/), { maxLength: 3 })) as fc.Arbitrary<
        readonly unknown[]
      >;
      return isMember ? list : fc.oneof(
        list, list.map((value) => value.join(','))); // prettier-ignore
    }
    case 'flat-object':
      return own ?? flat;
    case 'object-array':
      return fc.array(element(row.name as Noun), { maxLength: 3 });
    case 'uuid':
      return fc.uuid({ version: 4 });
    default:
      return own ?? plain;
  }
}

function element(noun: Noun): fc.Arbitrary<Payload> {
  const rows = memberRows[noun].filter(
    (row) =>
      row.allowed?.some(([letters]) => letters.includes('a')) === true && leftOut[noun]?.includes(row.name) !== true,
  );
  const members = rows.map((row): [string, fc.Arbitrary<unknown>] => {
    return [row.name, valueOf(`${noun}.*.${row.name}`, row)];
  });
  return fc.record(Object.fromEntries(members), { requiredKeys: [] });
}

/** Elements differ in what has to be unlike, and have what the brand allows and demands. */
function completed(brand: Brand, payload: Payload): Payload {
  const each = (noun: Noun, add: (at: number) => Payload) =>
    noun in payload
      ? { [noun]: (payload[noun] as Payload[]).map((one, at) => ({ ...allowed(memberRows[noun], brand, 'a', one), ...add(at) })) }
      : {}; // prettier-ignore
  const isHvm = brand === 'kvm' || brand === 'bhyve';
  return {
    uuid, brand, ...needed[brand], ...payload,
    ...each('nics', (at) => ({ mac: `02:08:20:00:00:0${at}`, nic_tag: 'admin', ips: [`10.9.8.${at + 1}/24`], ...(isHvm ? { model: 'virtio' } : {}) })),
    ...each('disks', (at) => ({ size: 10 + at, model: 'virtio', boot: at === 0 })),
    ...each('filesystems', (at) => ({ source: `/data/${at}`, target: `/mnt/${at}`, type: 'lofs' })),
    ...each('pci_devices', (at) => ({ path: `/devices/pci@${at}`, pci_slot: `1:${at}:0` })),
  }; // prettier-ignore
}

function allowed(rows: readonly PropertyRow[], brand: Brand, letter: string, values: Payload): Payload {
  return Object.fromEntries(Object.entries(values).filter(([name]) => rowAllows(rows.find((row) => row.name === name), brand, [letter]))); // prettier-ignore
}

function payloads(brand: Brand): fc.Arbitrary<Payload> {
  const rows = vmRows.filter((row) => rowAllows(row, brand, ['c']) && !left.includes(row.name));
  const members = fc.record(Object.fromEntries(rows.map((row) => [row.name, valueOf(row.name, row)])), {
    requiredKeys: [],
  });
  return members.map((payload) => completed(brand, payload));
}

const facts = () => recordedFacts([]);
const xmlOf = (spec: VmSpec) => writeZoneXml(withAttr(vmToZoneConfig(spec), 'provisioning', undefined));

/** What is kept beside the configuration: files, datasets; and what is used up by create. */
function besideConfig(payload: Payload, spec: VmSpec): Payload {
  const { tags, customer_metadata, internal_metadata, routes } = JSON.parse(JSON.stringify(spec)) as VmSpec;
  const rest = vmRows.filter(
    ({ name, store }) => name in payload && (store === undefined || store.in === 'dataset' || store.in === 'computed'),
  );
  const kept = Object.fromEntries(rest.map(({ name }) => [name, payload[name]]));
  return { ...kept, tags, customer_metadata, internal_metadata, routes };
}

/** Of a disk's members those that are kept with its volume, whose path the new VM has yet to get. */
function payloadOf(vm: Payload, brand: Brand, given: Payload): Payload {
  const lists = (['nics', 'disks', 'filesystems', 'pci_devices'] as const).flatMap((noun) => {
    const list = vm[noun] as Payload[] | undefined;
    if (list === undefined || !(noun in given)) return [];
    const volumes = noun === 'disks' ? (given[noun] as Payload[]) : [];
    const elements = list.map((one, at) => {
      const { path, ...members } = allowed(memberRows[noun], brand, 'a', { ...volumes[at], ...one });
      return noun === 'disks' || path === undefined ? members : { path, ...members };
    });
    return [[noun, elements] as const];
  });
  return { ...allowed(vmRows, brand, 'c', vm), ...Object.fromEntries(lists) };
}

/** All that was decided, empty text left out, which stands for nothing; what was said about it as well. */
function decided(spec: VmSpec): unknown {
  const plainSpec = JSON.parse(JSON.stringify(spec)) as VmSpec;
  const properties = Object.entries(plainSpec.properties).filter(([, value]) => value !== '');
  return { ...plainSpec, adjustments: [], properties: Object.fromEntries(properties) };
}

describe('a payload', () => {
  const ajv = new Ajv2020({ allowUnionTypes: true, strictTypes: false, inlineRefs: false, code: { optimize: false } });
  for (const brand of brands) {
    it(`of ${brand} comes back from what is stored of its VM`, async () => {
      const isPublished = ajv.compile(publishedSchema('create', brand));
      let refused = 0;
      let count = 0;
      await fc.assert(
        fc.asyncProperty(payloads(brand), async (payload) => {
          assert.ok(isPublished(payload), JSON.stringify(isPublished.errors));
          count += 1;
          const spec = await parseCreatePayload(payload, facts()).catch((error: unknown) => {
            assert.equal(codeOf(error), 'PayloadInvalid', String(error));
            refused += 1;
          });
          if (spec === undefined) return;
          const stored = xmlOf(spec);
          const vm = { ...zoneConfigToVm(parseZoneXml(stored)) } as Payload;
          const again = { ...payloadOf(vm, brand, payload), ...besideConfig(payload, spec), uuid, zonename: uuid };
          assert.ok(isPublished(again), JSON.stringify(isPublished.errors));
          const second = await parseCreatePayload(again, facts());
          assert.equal(xmlOf(second), stored);
          assert.deepEqual(decided(second), decided(spec));
        }),
        { numRuns: 100, seed: 7 },
      );
      assert.ok(refused * 20 < count, `${refused} of ${count} were refused`);
    });
  }
});
