/** Payload judgement for create and receive: the user's JSON becomes a complete {@link VmSpec}, or is refused. */
import type { Brand } from '../schema/property.js';
import { accept } from './accept.js';
import { adjusted, ofPayload } from './adjustments.js';
import { isBrand, rulesOf } from './brand-rules.js';
import { convertNumbersAndLists } from './conversions.js';
import { placeDisks } from './disk-rules.js';
import { added, draftOf, elementsOf, has, type Draft, type Element } from './draft.js';
import { refused, vmError } from './errors.js';
import { flatObject } from './key-values.js';
import { settleMemory } from './memory-rules.js';
import { settleNics } from './nic-set.js';
import { isAllowed, rowOf } from './property-rules.js';
import type { PayloadFacts, VmSpec } from './spec.js';
import {
  addSerialPorts, frozenCopy, storedDisk, storedFilesystem, storedPciDevice, storedProperties,
} from './stored-values.js'; // prettier-ignore
import { isBlank, isFit } from './values.js';

const mostCpuShares = 65535;
/** Milliseconds. Expiry of `receiving` is what the original writes; nothing enforces it. */
const provisioningTimeout = 300_000;
const receivingTimeout = 86_400;
/** Each full 4 GiB of a machine's memory beyond the first prolong its first boot. */
const memoryStep = 4096;

/** Members of a {@link VmSpec} by themselves, so not among its `properties`. */
const ownMembers = ['uuid', 'zonename', 'brand', 'autoboot', 'image_uuid', 'v', 'create_timestamp', 'transition'];

/**
 * Judges a payload for `create` (or `receive`) and completes it. Throws `PayloadInvalid`, `VmExists` or `AddressInUse`
 * with the original's texts, the first fault in the original's order. The payload itself is not changed.
 */
export async function parseCreatePayload(
  payload: unknown,
  facts: PayloadFacts,
  action: 'create' | 'receive' = 'create',
): Promise<VmSpec> {
  const draft = draftOf(payload);
  if (action === 'receive') prepareReceived(draft);
  if (!has(draft, 'uuid')) draft['uuid'] = facts.newUuid();
  const uuid = typeof draft['uuid'] === 'string' && isFit('uuid', 'uuid', draft['uuid']) ? draft['uuid'] : '';
  if (uuid !== '' && (await facts.exists(uuid))) throw vmError('VmExists', `VM with UUID ${uuid} already exists`);
  convertNumbersAndLists(draft);
  if (!has(draft, 'brand')) draft['brand'] = 'joyent';
  const { brand } = draft;
  if (!isBrand(brand)) throw refused(`Unsupported brand: ${wordFor(brand)}`);
  await renamePool(draft, brand, facts);
  addDefaults(draft, brand, action);
  settleMemory(draft, brand, undefined);
  const dropped = await accept(draft, { action, uuid, brand, vm: undefined, facts });
  // The original aborts over other names.
  if (!isFit('uuid', 'uuid', draft['zonename'])) throw refused('Invalid value(s) for: zonename');
  return frozenCopy({
    ...assemble(draft, brand, action, facts),
    adjustments: [...ofPayload(dropped, payload), ...adjusted(payload, draft)],
  });
}

/** What is sent along with a VM's datasets, or is there when they arrive. */
function prepareReceived(draft: Draft): void {
  for (const name of ['customer_metadata', 'internal_metadata', 'tags']) Reflect.deleteProperty(draft, name);
  for (const disk of elementsOf(draft, 'disks')) {
    disk['nocreate'] = true;
    if (has(disk, 'image_uuid')) delete disk['block_size'];
  }
}

/** The old name of `zpool`. One that is no pool is left for the validator to name. */
async function renamePool(draft: Draft, brand: Brand, facts: PayloadFacts): Promise<void> {
  const pool = draft['zfs_storage_pool_name'];
  if (typeof pool !== 'string' || has(draft, 'zpool') || !isAllowed('zfs_storage_pool_name', brand, 'create')) return;
  if ((await facts.zpools()).includes(pool)) draft['zpool'] = pool;
}

const defaulted = [
  'owner_uuid', 'autoboot', 'zpool', 'dns_domain', 'cpu_shares', 'zfs_io_priority', 'max_lwps', 'ram', 'vcpus', 'limit_priv',
  'quota', 'billing_id',
] as const; // prettier-ignore

function addDefaults(draft: Draft, brand: Brand, action: 'create' | 'receive'): void {
  for (const name of defaulted) {
    if (has(draft, name) || !isAllowed(name, brand, action)) continue;
    const usual = rowOf(name)?.default;
    draft[name] = typeof usual === 'object' ? (usual as Readonly<Record<string, unknown>>)[brand] : usual;
  }
  draft['limit_priv'] = typeof draft['limit_priv'] === 'string' ? draft['limit_priv'].split(',') : draft['limit_priv'];
  if (Number(draft['cpu_shares']) > mostCpuShares) draft['cpu_shares'] = mostCpuShares;
  for (const disk of elementsOf(draft, 'disks')) {
    if (!has(disk, 'model') && has(draft, 'disk_driver')) disk['model'] = draft['disk_driver'];
    if (!has(disk, 'media')) disk['media'] = 'disk';
  }
  for (const nic of elementsOf(draft, 'nics')) {
    if (!has(nic, 'model') && has(draft, 'nic_driver')) nic['model'] = draft['nic_driver'];
  }
}

function assemble(
  draft: Draft,
  brand: Brand,
  action: 'create' | 'receive',
  facts: PayloadFacts,
): Omit<VmSpec, 'adjustments'> {
  const [uuid, zonename, zpool] = [String(draft['uuid']), String(draft['zonename']), String(draft['zpool'])];
  const autoboot = draft['autoboot'] !== false;
  const now = facts.now();
  const disks = added(draft, 'disks');
  const internal = { ...flatObject(draft['internal_metadata']) };
  addSerialPorts(draft, brand);
  const nocloud = action === 'create' && brand === 'bhyve' ? nocloudDisk(draft, internal) : undefined;
  if (nocloud !== undefined) disks.push(nocloud);
  placeDisks(disks, brand, zonename, zpool, undefined);
  if (nocloud !== undefined) internal['cloudinit_nocloud_path'] = String(nocloud['path']);
  const filesystems = added(draft, 'filesystems');
  for (const one of filesystems) if (one['source'] === 'create-volume') one['source'] = facts.newUuid();

  return {
    uuid,
    zonename,
    brand,
    zpool,
    zonepath: `/${zpool}/${zonename}`,
    zfs_filesystem: `${zpool}/${zonename}`,
    autoboot,
    image_uuid: has(draft, 'image_uuid') ? String(draft['image_uuid']) : undefined,
    properties: {
      ...storedProperties(draft, rulesOf(brand).hvm ? ownMembers : [...ownMembers, 'ram']),
      ...(has(draft, 'datasets') ? { datasets: draft['datasets'] } : {}),
    },
    nics: settleNics(draft, undefined, rulesOf(brand).nicPrefix).nics,
    disks: disks.map(storedDisk),
    filesystems: filesystems.map(storedFilesystem),
    pci_devices: added(draft, 'pci_devices').map(storedPciDevice),
    customer_metadata: flatObject(draft['customer_metadata']),
    internal_metadata: internal,
    tags: flatObject(draft['tags']),
    routes: flatObject(draft['routes']),
    quota: Number(draft['quota']),
    delegate_dataset: draft['delegate_dataset'] === true,
    indestructible_zoneroot: draft['indestructible_zoneroot'] === true,
    indestructible_delegated: draft['indestructible_delegated'] === true,
    nowait: draft['nowait'] === true,
    datasetProperties: {
      root: newDatasetProperties(draft, 'root', true),
      data: draft['delegate_dataset'] === true ? newDatasetProperties(draft, 'data', false) : {},
    },
    create_timestamp: isBlank(draft['create_timestamp'])
      ? new Date(now).toISOString()
      : String(draft['create_timestamp']),
    v: typeof draft['v'] === 'number' ? draft['v'] : 1,
    transition: transition(draft, brand, action, autoboot, now),
  };
}

function transition(draft: Draft, brand: Brand, action: string, boots: boolean, now: number): string | undefined {
  if (action === 'receive') return `receiving:stopped:${now + receivingTimeout}`;
  if (!boots) return undefined;
  const steps = rulesOf(brand).hvm ? Math.max(1, Math.floor(Number(draft['ram']) / memoryStep)) : 1;
  return `provisioning:running:${now + steps * provisioningTimeout}`;
}

/** Room for what cloud-init reads, on a VM whose image wants it; it is filled at each start. */
function nocloudDisk(draft: Draft, metadata: Readonly<Record<string, unknown>>): Element | undefined {
  if (metadata['cloudinit_datasource'] !== 'nocloud' || Object.hasOwn(metadata, 'cloudinit_nocloud_path'))
    return undefined;
  const size = 16;
  if (draft['flexible_disk_size'] === undefined) draft['quota'] = Math.max(1, Number(draft['quota']));
  else draft['flexible_disk_size'] = Number(draft['flexible_disk_size']) + size;
  return { size, model: 'virtio', boot: false, media: 'disk', block_size: 512 };
}

/** What is to be set on a new dataset; the root gets only what differs from the defaults, which an image may have changed. */
function newDatasetProperties(draft: Draft, of: 'root' | 'data', sparing: boolean): Readonly<Record<string, string>> {
  const names = [`zfs_${of}_compression`, `zfs_${of}_recsize`];
  if (of === 'root') names.push('zfs_snapshot_limit', 'zfs_filesystem_limit');
  const found: [string, string][] = [];
  for (const name of names) {
    const { store, default: usual = 'none' } = rowOf(name) ?? {};
    if (store?.in !== 'dataset' || !has(draft, name) || (sparing && draft[name] === usual)) continue;
    found.push([store.name, String(draft[name])]);
  }
  return Object.fromEntries(found);
}

/** A value as a refusal names it. Objects may be deeper than the stack. */
function wordFor(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
