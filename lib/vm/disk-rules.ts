/** What disks and devices of a payload may not be (`vmadm(8)`, `disks.*`), and where new disks go. */
import type { VmObject } from '../schema/generated/vm.js';
import type { Brand } from '../schema/property.js';
import { rulesOf } from './brand-rules.js';
import { added, has, updated, type Draft, type Element } from './draft.js';
import { refused } from './errors.js';
import { PciSlots } from './pci-slots.js';
import { isBlank, toNumber } from './values.js';

export const compressions =
  'on, off, gzip, gzip-1, gzip-2, gzip-3, gzip-4, gzip-5, gzip-6, gzip-7, gzip-8, gzip-9, lz4, lzjb, zle';
const compressionNames: readonly unknown[] = compressions.split(', ');
const poolName = /^[a-zA-Z][a-zA-Z0-9_.:-]*$/;

export function isCompression(value: unknown): boolean {
  return compressionNames.includes(value);
}

/** Sizes of blocks and records: a power of two from 512 to 128 KiB. */
export function isBlockSize(value: unknown): boolean {
  const size = toNumber(value);
  return size >= 512 && size <= 131072 && Number.isInteger(Math.log2(size));
}

/** Gives bhyve's new disks slots and uuids. Throws `PayloadInvalid`. */
export function identifyDisks(draft: Draft, vm: VmObject | undefined, newUuid: () => string): void {
  const disks = added(draft, 'disks');
  if (disks.length === 0) return;
  const slots = new PciSlots();
  const existing: Element[] = (vm?.disks ?? []).map((disk) => ({ ...disk }));
  slots.place(existing, true);
  slots.place(disks, false);
  const uuids = new Set(existing.map((disk) => disk['uuid']));
  for (const disk of disks) {
    disk['uuid'] ??= newUuid();
    if (uuids.has(disk['uuid'])) throw refused(`duplicate disk uuid ${String(disk['uuid'])}`);
    uuids.add(disk['uuid']);
  }
}

/** Whether an update may touch the disks and devices of a VM in its state. Throws `PayloadInvalid`. */
export function checkDiskStates(draft: Draft, vm: VmObject): void {
  const { state = '', zone_state: zoneState = '' } = vm;
  const allowed = `only allowed when state is "stopped", currently: ${state} (${zoneState})`;
  const still = state === 'stopped' || (state === 'provisioning' && zoneState === 'installed');
  if (!still && (has(draft, 'add_disks') || has(draft, 'remove_disks'))) {
    throw refused(`updates to disks are ${allowed}`);
  }
  const live = ['path', 'compression', 'refreservation'];
  if (!still && updated(draft, 'disks').some((disk) => Object.keys(disk).some((member) => !live.includes(member)))) {
    throw refused(`at least one specified update to disks is ${allowed}`);
  }
  const devices = ['add_pci_devices', 'update_pci_devices', 'remove_pci_devices'];
  if (state !== 'stopped' && devices.some((list) => has(draft, list))) {
    throw refused(`updates to pci_devices are ${allowed}`);
  }
}

/** Checks disks to add, then those to update. Fills in `model`. Throws `PayloadInvalid`. */
export function checkDisks(draft: Draft, brand: Brand, vm: VmObject | undefined): void {
  for (const disk of added(draft, 'disks')) checkAdded(disk, brand, vm);
  const paths = new Set((vm?.disks ?? []).map((disk) => disk.path));
  for (const disk of updated(draft, 'disks')) {
    if (isBlank(disk['path'])) throw refused('disk object needs a .path property to update');
    if (!paths.has(String(disk['path'])))
      throw refused(`There is no existing disk with that path: ${String(disk['path'])}`);
    if (has(disk, 'compression') && !isCompression(disk['compression'])) {
      throw refused(`invalid compression type for disk, must be one of: ${compressions}`);
    }
    if (has(disk, 'model')) checkModel(disk, brand);
  }
}

function checkAdded(disk: Element, brand: Brand, vm: VmObject | undefined): void {
  if (!isBlank(disk['path']) && disk['media'] !== 'cdrom' && !disk['nocreate']) {
    throw refused('you cannot specify a path for a disk unless you set nocreate=true');
  }
  if (isBlank(disk['path']) && disk['media'] === 'cdrom') {
    throw refused(`missing .path option for disk: ${JSON.stringify(disk)}`);
  }
  if (!isBlank(disk['block_size'])) {
    if (!isBlockSize(disk['block_size'])) {
      throw refused(`invalid .block_size(${String(disk['block_size'])}), must be 512-131072 and a power of 2.`);
    }
    if (has(disk, 'image_uuid')) throw refused('setting both .block_size and .image_uuid on a volume is invalid');
  }
  if (has(disk, 'compression') && !isCompression(disk['compression'])) {
    throw refused(`invalid compression setting for disk, must be one of: ${compressions}`);
  }
  if (isBlank(disk['model'])) {
    const model = vm?.disk_driver ?? vm?.disks?.[0]?.model;
    if (model === undefined) throw refused(`missing .model option for disk: ${JSON.stringify(disk)}`);
    disk['model'] = model;
  }
  checkModel(disk, brand);
  // Names a dataset: the original leaves this to ZFS.
  if (!isBlank(disk['zpool']) && !poolName.test(String(disk['zpool']))) {
    throw refused('Invalid value(s) for: disks.*.zpool');
  }
}

function checkModel(disk: Element, brand: Brand): void {
  const models = rulesOf(brand).diskModels ?? [];
  if (!models.some((model) => model === disk['model'])) {
    throw refused(
      `"${String(disk['model'])}" is not a valid disk model for ${brand} brand. Valid are: ${models.join(',')}`,
    );
  }
}

/**
 * Gives disks that are to be made a pool and a path, with the lowest numbers that no disk of the VM has; a disk that goes
 * in the same update keeps its number.
 */
export function placeDisks(
  disks: readonly Element[],
  brand: Brand,
  zonename: string,
  zpool: string,
  vm: VmObject | undefined,
): void {
  const volume = rulesOf(brand).volume;
  if (volume === undefined) return;
  const used = new Set([...(vm?.disks ?? []), ...disks].map((disk) => /[-/]disk(\d+)$/.exec(String(disk.path))?.[1]));
  let index = 0;
  for (const disk of disks) {
    if (!isBlank(disk['path'])) continue;
    while (used.has(String(index))) index += 1;
    if (isBlank(disk['zpool'])) disk['zpool'] = zpool;
    disk['path'] = `/dev/zvol/rdsk/${String(disk['zpool'])}/${volume(zonename, index)}`;
    index += 1;
  }
}
