/** Whatever can be stored of a VM comes back from the text of its zone configuration. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseZoneXml, writeZoneXml } from '../../../lib/host/zone-xml.js';
import { memberRows } from '../../../lib/schema/json-schema.js';
import { brands, type PropertyRow } from '../../../lib/schema/property.js';
import { vmRows } from '../../../lib/schema/vm.js';
import type { VmSpec } from '../../../lib/vm/spec.js';
import { vmToZoneConfig } from '../../../lib/vm/zone-config.js';
import { zoneConfigToVm } from '../../../lib/vm/zone-config-read.js';

/** What XML can carry, and what a comma does not take apart. */
const plain = fc.stringMatching(/^[!-+\--~][ -+\--~é☃]{0,12}[!-+\--~]$/);
const uuid = 'f1d2c3b0-0030-4010-b8f0-000012345670';

/** A value of a row that is stored; undefined for rows whose home is elsewhere. */
function valueOf({ name, type, store }: PropertyRow): fc.Arbitrary<unknown> | undefined {
  if (store === undefined || name === 'mac' || name === 'path') return undefined;
  if (store.in === 'attr' && store.only !== undefined) return fc.constant(store.only);
  const isStored = store.in === 'attr' || store.in === 'rctl' || store.in === 'element' || store.in === 'child';
  if (!isStored) return undefined;
  if (store.in === 'child' && store.each === true) return fc.array(plain, { minLength: 1, maxLength: 3 });
  switch (store.as) {
    case 'boolean':
      return fc.boolean();
    case 'number':
    case 'mebibytes':
      return fc.integer({ min: 1, max: 1_000_000 });
    case 'list':
      return fc.array(plain, { minLength: 1, maxLength: 3 });
    case 'numbers':
      return fc.array(fc.nat(65_535), { minLength: 1, maxLength: 3 });
    default:
      return type === 'string' || type === 'uuid' ? plain : undefined;
  }
}

function some(rows: readonly PropertyRow[], without: readonly string[]): fc.Arbitrary<Record<string, unknown>> {
  const values = rows.flatMap((row) => {
    const value = without.includes(row.name) ? undefined : valueOf(row);
    return value === undefined ? [] : [[row.name, value] as const];
  });
  return fc.record(Object.fromEntries(values), { requiredKeys: [] });
}

/** Written by their own rules: identity, what follows from other members, what one brand has for itself. */
const derived = ['v', 'create_timestamp', 'transition', 'provisioning', 'failed', 'image_uuid', 'vm_autoboot', 'zlog_mode', 'zlog_name', 'app_svc_dependent', 'ram', 'docker']; // prettier-ignore
const address = fc.tuple(fc.integer({ min: 1, max: 223 }), fc.nat(255)).map(([a, b]) => `${a}.0.0.${b}`);
const nic = fc
  .record({
    members: some(memberRows.nics, ['interface', 'ip', 'netmask', 'gateway', 'gateways', 'ips', 'primary']),
    ips: fc.array(address.map((ip) => `${ip}/24`), { maxLength: 2 }),
    gateways: fc.array(address, { maxLength: 2 }),
  })
  .map(({ members, ips, gateways }) => ({ ...members, ips, gateways })); // prettier-ignore

const spec = fc.record({
  brand: fc.constantFrom(...brands),
  autoboot: fc.boolean(),
  properties: some(vmRows, derived),
  nics: fc.array(nic, { maxLength: 4 }),
  disks: fc.array(some(memberRows.disks, ['model', 'image_name']), { maxLength: 3 }),
  filesystems: fc.array(some(memberRows.filesystems, ['source']), { maxLength: 3 }),
});

describe('a VM', () => {
  it('comes back from its configuration', () => {
    fc.assert(
      fc.property(spec, ({ brand, autoboot, properties, nics, disks, filesystems }) => {
        const given = {
          nics: nics.map((each, at) => ({ interface: `net${at}`, mac: `02:08:20:00:00:0${at}`, ...each })),
          disks: disks.map((each, at) => ({ path: `/dev/zvol/rdsk/zones/${uuid}/disk${at}`, model: 'virtio', boot: false, ...each })),
          filesystems: filesystems.map((each) => ({ source: '/data', ...each })),
        }; // prettier-ignore
        const written = { ...base, brand, autoboot, properties, ...given } as unknown as VmSpec;
        const vm: Record<string, unknown> = { ...zoneConfigToVm(parseZoneXml(writeZoneXml(vmToZoneConfig(written)))) };
        assert.equal(vm['autoboot'], autoboot);
        // Beside serial ports and log, which bhyve always has.
        for (const [name, value] of Object.entries(properties)) assert.deepEqual(vm[name], value, name);
        assert.deepEqual(sortedMembers(vm['disks'] ?? []), sortedMembers(given.disks));
        assert.deepEqual(sortedMembers(vm['filesystems'] ?? []), sortedMembers(given.filesystems));
        const read = (vm['nics'] as readonly Readonly<Record<string, unknown>>[]).map(withoutOld);
        assert.deepEqual(sortedMembers(read), sortedMembers(given.nics.map(withoutEmpty)));
      }),
      { numRuns: 200 },
    );
  });
});

const base = {
  uuid, zonename: uuid, zpool: 'zones', zonepath: `/zones/${uuid}`, zfs_filesystem: `zones/${uuid}`, v: 1,
  create_timestamp: '2026-01-02T03:04:05.678Z', image_uuid: undefined, transition: undefined,
  pci_devices: [], internal_metadata: {},
}; // prettier-ignore

/** The order of members is that of the file, not of the payload. */
function sortedMembers(list: unknown): unknown {
  return JSON.parse(JSON.stringify(list, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort()) : value,
  )); // prettier-ignore
}

/** Without the members that old readers get beside `ips` and `gateways`. */
function withoutOld(nic: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(nic).filter(([name]) => !['ip', 'netmask', 'gateway'].includes(name)));
}

function withoutEmpty(nic: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(nic).filter(([, value]) => !Array.isArray(value) || value.length > 0));
}
