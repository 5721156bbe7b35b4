/** Payload judgement for update: a change of a VM becomes an {@link UpdatePlan}, or is refused. */
import type { Disk, VmObject } from '../schema/generated/vm.js';
import { accept } from './accept.js';
import { adjusted, ofPayload } from './adjustments.js';
import { isBrand, rulesOf } from './brand-rules.js';
import { convertNumbersAndLists } from './conversions.js';
import { placeDisks } from './disk-rules.js';
import { added, draftOf, has, removed, updated, type Draft } from './draft.js';
import { refused } from './errors.js';
import { edited } from './key-values.js';
import { settleMemory } from './memory-rules.js';
import { settleNics } from './nic-set.js';
import { rowOf } from './property-rules.js';
import type { PayloadFacts, UpdatePlan } from './spec.js';
import {
  addSerialPorts, frozenCopy, storedDisk, storedFilesystem, storedPciDevice,
} from './stored-values.js'; // prettier-ignore
import { reach } from './update-reach.js';
import { toBoolean, toNumber } from './values.js';

type Disks = UpdatePlan['updateDisks'];

/**
 * Judges a payload for `update` of the VM `current`. Throws `PayloadInvalid` or `AddressInUse` with the original's texts,
 * the first fault in the original's order; and, before anything is changed, what the original finds out on the way.
 */
export async function planUpdate(current: VmObject, payload: unknown, facts: PayloadFacts): Promise<UpdatePlan> {
  const draft = draftOf(payload);
  const { brand, uuid = '' } = current;
  if (!isBrand(brand)) throw refused(`Unsupported brand: ${String(brand)}`);
  convertNumbersAndLists(draft);
  settleMemory(draft, brand, current);
  const dropped = await accept(draft, { action: 'update', uuid, brand, vm: current, facts });
  addSerialPorts(draft, brand);
  requireRemoved(draft, current);

  const addDisks = added(draft, 'disks');
  placeDisks(addDisks, brand, current.zonename ?? uuid, current.zpool ?? 'zones', current);
  const nicChanges = settleNics(draft, current, rulesOf(brand).nicPrefix);
  const { customer_metadata: customer = {}, internal_metadata: internal = {}, tags = {}, routes = {} } = current;
  const metadata = {
    customer_metadata: edited(draft, 'customer_metadata', customer),
    internal_metadata: edited(draft, 'internal_metadata', internal),
  };
  const newTags = edited(draft, 'tags', tags);
  const newRoutes = edited(draft, 'routes', routes);
  const gone = new Set(removed(draft, 'disks'));
  const { nics, added: addedNics, updated: updatedNics, removed: removedNics } = nicChanges;

  return frozenCopy({
    uuid,
    brand,
    payload: finalForm(draft),
    removeDisks: (current.disks ?? []).filter((disk) => gone.has(disk.path ?? '')),
    addDisks: addDisks.map(storedDisk),
    updateDisks: diskUpdates(draft, current.disks ?? []),
    metadata: metadata.customer_metadata === customer && metadata.internal_metadata === internal ? undefined : metadata,
    tags: newTags === tags ? undefined : newTags,
    routes: newRoutes === routes ? undefined : newRoutes,
    nics,
    nicChanges: { added: addedNics, updated: updatedNics, removed: removedNics },
    quota: has(draft, 'quota') && draft['quota'] !== current.quota ? Number(draft['quota']) : undefined,
    datasetProperties: changedDatasetProperties(draft, current),
    indestructible: indestructible(draft, current),
    ...reach(draft, current, brand),
    adjustments: [...ofPayload(dropped, payload), ...adjusted(payload, draft)],
  });
}

/** zonecfg's words for resources that it is asked to remove and that are not there; the original meets them half way. */
function requireRemoved(draft: Draft, vm: VmObject): void {
  const nics = new Set(vm.nics?.map((nic) => nic.mac));
  const filesystems = new Set(vm.filesystems?.map((one) => one.target));
  for (const [noun, kind, known] of [
    ['nics', 'net', nics],
    ['filesystems', 'fs', filesystems],
  ] as const) {
    if (removed(draft, noun).some((key) => !known.has(key))) {
      throw refused(`first of 1 error: Command failed: No such ${kind} resource.\n`);
    }
  }
}

/** Lists that a VM object has as text are joined, elements are as they are stored. What is to be removed is empty. */
function finalForm(draft: Draft): Readonly<Record<string, unknown>> {
  const entries = Object.entries(draft).map(([name, value]): [string, unknown] => {
    if (name === 'add_filesystems') return [name, added(draft, 'filesystems').map(storedFilesystem)];
    if (name === 'add_pci_devices') return [name, added(draft, 'pci_devices').map(storedPciDevice)];
    return [name, rowOf(name)?.store?.in === 'zone' && Array.isArray(value) ? value.join(',') : value];
  });
  return Object.fromEntries(entries);
}

/** Throws `PayloadInvalid` for disks that would lose data. */
function diskUpdates(draft: Draft, disks: readonly Disk[]): Disks {
  return updated(draft, 'disks').map((change) => {
    const disk = disks.find((one) => one.path === change['path']);
    const result: Record<string, unknown> = { ...change };
    for (const name of ['size', 'refreservation']) if (has(change, name)) result[name] = toNumber(change[name]);
    for (const name of ['boot', 'notrim', 'dangerous_allow_shrink']) {
      if (has(change, name)) result[name] = toBoolean(change[name]);
    }
    if (has(change, 'size')) {
      if (disk?.size === undefined) throw refused('first of 1 error: failed to identify device to resize');
      if (Number(result['size']) < disk.size && result['dangerous_allow_shrink'] !== true) {
        throw refused(
          `first of 1 error: cannot resize disk: new size must be greater than current size. (${disk.size} > ${Number(result['size'])})`,
        );
      }
    }
    return result as Disks[number];
  });
}

function delegates(vm: VmObject): boolean {
  return vm.datasets?.includes(`${vm.zfs_filesystem ?? ''}/data`) ?? false;
}

function changedDatasetProperties(draft: Draft, vm: VmObject): UpdatePlan['datasetProperties'] {
  const of = (names: readonly string[]): Record<string, string> => {
    const changes = names.flatMap((name): [string, string][] => {
      const { store, default: usual = 'none' } = rowOf(name) ?? {};
      const old: unknown = vm[name as keyof VmObject] ?? usual;
      return store?.in === 'dataset' && has(draft, name) && draft[name] !== old
        ? [[store.name, String(draft[name])]]
        : [];
    });
    return Object.fromEntries(changes);
  };
  return {
    root: of(['zfs_root_recsize', 'zfs_filesystem_limit', 'zfs_snapshot_limit', 'zfs_root_compression']),
    data: delegates(vm) ? of(['zfs_data_recsize', 'zfs_data_compression']) : {},
  };
}

function indestructible(draft: Draft, vm: VmObject): UpdatePlan['indestructible'] {
  const { indestructible_zoneroot: zoneroot, indestructible_delegated: delegated } = draft;
  return {
    ...(typeof zoneroot === 'boolean' ? { zoneroot } : {}),
    ...(typeof delegated === 'boolean' && delegates(vm) ? { delegated } : {}),
  };
}
