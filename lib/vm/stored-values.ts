/** Accepted values in the form in which they are stored, and what the platform derives and stores beside them. */
import type { Disk, Filesystem, PciDevice, VmObject } from '../schema/generated/vm.js';
import { diskRows } from '../schema/disk.js';
import { filesystemRows } from '../schema/filesystem.js';
import { pciDeviceRows } from '../schema/pci-device.js';
import type { Brand, PropertyRow } from '../schema/property.js';
import { vmRows } from '../schema/vm.js';
import { has, type Draft, type Element } from './draft.js';
import { rowOf } from './property-rules.js';
import type { NewDisk } from './spec.js';
import { isBlank, toBoolean } from './values.js';

/** The value of a VM's own property as a VM object has it; undefined when nothing is stored for it. */
export function storedValue(name: string, value: unknown): unknown {
  const store = rowOf(name)?.store;
  if (store?.in === 'zone' && Array.isArray(value)) return value.join(',');
  if (store?.in === 'attr') {
    if (store.only !== undefined) return value === store.only ? value : undefined;
    if (value === 0 && store.zero !== true) return undefined;
    if (Array.isArray(value) && value.length === 0) return undefined;
    // Encoded text may be all blanks.
    if (store.as === 'base64' ? value === '' || typeof value !== 'string' : isBlank(value)) return undefined;
  }
  if (name === 'cpu_cap' && value === 0) return undefined;
  return value ?? undefined;
}

/** Whether a property is part of a zone's configuration beyond what identifies the zone. */
export function isStored(row: PropertyRow): boolean {
  const { in: home } = row.store ?? { in: 'computed' };
  return home === 'attr' || home === 'rctl' || home === 'zone';
}

/** Properties of a new VM that are stored in its configuration, in the order of the rows. */
export function storedProperties(draft: Draft, except: readonly string[]): Readonly<Record<string, unknown>> {
  const rows = vmRows.filter((row) => isStored(row) && has(draft, row.name) && !except.includes(row.name));
  const values = rows.map((row) => [row.name, storedValue(row.name, draft[row.name])] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function ordered<Of>(rows: readonly PropertyRow[], element: Element): Of {
  const members = rows.map((row) => [row.name, element[row.name]] as const);
  return Object.fromEntries(members.filter(([, value]) => !isBlank(value))) as Of;
}

/** A disk to be added; `boot` is always stored. */
export function storedDisk(element: Element): NewDisk {
  return ordered<Disk>(diskRows, { ...element, boot: toBoolean(element['boot']) ?? false });
}

export function storedFilesystem(element: Element): Filesystem {
  return ordered<Filesystem>(filesystemRows, element);
}

export function storedPciDevice(element: Element): PciDevice {
  return ordered<PciDevice>(pciDeviceRows, { ...element, model: 'passthru' });
}

/** Serial ports and log of bhyve: a payload without `com1` and `com2` resets both, as the original does. */
export function addBhyveDefaults(draft: Draft): void {
  if (!has(draft, 'com1') && !has(draft, 'com2')) {
    for (const name of ['com1', 'com2']) draft[name] = rowOf(name)?.default;
  }
  draft['zlog_mode'] = 'g--';
  draft['zlog_name'] = 'platform.log';
}

/** How the streams of a docker VM are logged, from its metadata; see `zlog-mode` in `vmadm(8)`. */
export function addDockerLog(draft: Draft, brand: Brand, vm: VmObject | undefined): void {
  if (brand === 'bhyve' || (draft['docker'] ?? vm?.docker) !== true) return;
  const set = (draft[vm === undefined ? 'internal_metadata' : 'set_internal_metadata'] ?? {}) as Element;
  const removed = draft['remove_internal_metadata'];
  const current = (key: string): unknown =>
    Object.hasOwn(set, key)
      ? set[key]
      : Array.isArray(removed) && removed.includes(key)
        ? undefined
        : vm?.internal_metadata?.[key];
  const tty = current('docker:tty');
  const driver = current('docker:logdriver') ?? 'json-file';
  const file = driver === 'json-file';
  const logger = !file && driver !== 'none';
  const mode = `${driver === 'none' ? '-' : 'g'}${tty && tty !== 'false' ? 't' : '-'}${logger ? 'n' : '-'}`;
  if (vm?.zlog_mode === mode) return;
  draft['zlog_mode'] = mode;
  if (logger) draft['app_svc_dependent'] = true;
  else if (vm !== undefined) draft['app_svc_dependent'] = undefined;
}

/** Freezes a plan and all it holds. What payload judgement lets through is never deep. */
export function deepFrozen<Of>(value: Of): Of {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFrozen);
  }
  return value;
}
