/** Accepted values in the form in which they are stored, and what the platform derives and stores beside them. */
import type { Filesystem, PciDevice } from '../schema/generated/vm.js';
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
function isStored(row: PropertyRow): boolean {
  const { in: home } = row.store ?? { in: 'computed' };
  return home === 'attr' || home === 'rctl' || home === 'zone';
}

/** Properties of a new VM that are stored in its configuration, in the order of the rows. */
export function storedProperties(draft: Draft, except: readonly string[]): Readonly<Record<string, unknown>> {
  const rows = vmRows.filter((row) => isStored(row) && has(draft, row.name) && !except.includes(row.name));
  const values = rows.map((row) => [row.name, storedValue(row.name, draft[row.name])] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function ordered(rows: readonly PropertyRow[], element: Element): Element {
  const members = rows.map((row) => [row.name, element[row.name]] as const);
  return Object.fromEntries(members.filter(([, value]) => !isBlank(value)));
}

/** A disk to be added; `boot` is always stored. */
export function storedDisk(element: Element): NewDisk {
  return ordered(diskRows, { ...element, boot: toBoolean(element['boot']) ?? false });
}

export function storedFilesystem(element: Element): Filesystem {
  return ordered(filesystemRows, element);
}

export function storedPciDevice(element: Element): PciDevice {
  return ordered(pciDeviceRows, { ...element, model: 'passthru' });
}

/** Serial ports of bhyve: a payload without `com1` and `com2` resets both, as the original does. */
export function addSerialPorts(draft: Draft, brand: Brand): void {
  if (brand !== 'bhyve' || has(draft, 'com1') || has(draft, 'com2')) return;
  for (const name of ['com1', 'com2']) draft[name] = rowOf(name)?.default;
}

/** A copy that nobody can change: parts of a payload or of a VM stay with their owners. What passed judgement is never deep. */
export function frozenCopy<Of>(value: Of): Of {
  const copy = structuredClone(value);
  freeze(copy);
  return copy;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  Object.values(value).forEach(freeze);
}
