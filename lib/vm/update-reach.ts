/** Which changes of an update reach a running VM at once, and which wait for its next boot. */
import type { VmObject } from '../schema/generated/vm.js';
import type { Brand } from '../schema/property.js';
import { rulesOf } from './brand-rules.js';
import { has, updated, type Draft, type Element } from './draft.js';
import { edited, type KeyValues } from './key-values.js';
import { listNouns, memberRowOf, rowOf, type ListNoun } from './property-rules.js';
import type { UpdatePlan } from './spec.js';
import { storedValue } from './stored-values.js';

/** What identifies an element of a list. */
export const elementKeys: Readonly<Record<ListNoun, string>> = {
  disks: 'path',
  nics: 'mac',
  filesystems: 'target',
  pci_devices: 'path',
};
const keyValues: readonly KeyValues[] = ['tags', 'customer_metadata', 'internal_metadata', 'routes'];

/**
 * Sorts the names of what really changes: of properties, of verbs that add or remove (`add_nics`, `set_tags`), and of members
 * (`nics.*.mtu`).
 */
export function reach(draft: Draft, vm: VmObject, brand: Brand): Pick<UpdatePlan, 'live' | 'nextBoot'> {
  const live = new Set<string>();
  const nextBoot = new Set<string>();
  const put = (name: string, isLive: boolean): void => void (isLive ? live : nextBoot).add(name);
  for (const name of Object.keys(draft)) {
    if (changesItself(name, draft, vm, brand)) put(name, isLive(name, draft, vm, brand));
  }
  for (const noun of listNouns) {
    for (const verb of ['add', 'remove']) {
      const list = draft[`${verb}_${noun}`];
      if (Array.isArray(list) && list.length > 0) put(`${verb}_${noun}`, false);
    }
    for (const change of updated(draft, noun)) {
      for (const member of changedMembers(noun, change, vm)) {
        put(`${noun}.*.${member}`, memberRowOf(noun, member)?.live?.includes(brand) ?? false);
      }
    }
  }
  for (const name of keyValues) {
    const old = vm[name] ?? {};
    if (edited(draft, name, old) === old) continue;
    for (const verb of ['set', 'remove']) {
      const property = `${verb}_${name}`;
      if (has(draft, property)) put(property, rowOf(property)?.live?.includes(brand) ?? false);
    }
  }
  return { live: [...live], nextBoot: [...nextBoot] };
}

/** Whether a property with a value of its own gets another one. */
function changesItself(name: string, draft: Draft, vm: VmObject, brand: Brand): boolean {
  const row = rowOf(name);
  if (row === undefined || row.noun !== undefined || /^(?:add|update|set|remove)_/.test(name)) return false;
  // Zones have no memory of their own beside max_physical_memory.
  const old: unknown = name === 'ram' && !rulesOf(brand).hvm ? vm.max_physical_memory : vm[name as keyof VmObject];
  const usual = row.store?.in === 'dataset' ? (row.default ?? 'none') : undefined;
  return JSON.stringify(storedValue(name, draft[name]) ?? usual) !== JSON.stringify(storedValue(name, old) ?? usual);
}

function isLive(name: string, draft: Draft, vm: VmObject, brand: Brand): boolean {
  // The guest fetches them only when it is told to keep them.
  if (name === 'resolvers')
    return rulesOf(brand).refreshesMetadata && (draft['maintain_resolvers'] ?? vm.maintain_resolvers) === true;
  if (name === 'ram' && !rulesOf(brand).hvm) return true;
  if (comesWithBoot(name, draft, vm, brand)) return false;
  // Unmounting /tmp is not possible, nor mounting over what is in it.
  if (name === 'tmpfs' && (draft['tmpfs'] === 0 || !vm.tmpfs)) return false;
  return rowOf(name)?.live?.includes(brand) ?? false;
}

/** Whether the emulator has to be started for a display that it lacks, or for SPICE to ask for a password or no more. */
function comesWithBoot(name: string, draft: Draft, vm: VmObject, brand: Brand): boolean {
  if (name === 'spice_password') return Boolean(draft[name]) !== Boolean(vm.spice_password);
  if (name === 'spice_port') return (vm.spice_port ?? -1) === -1 && draft[name] !== -1;
  return name === 'vnc_port' && brand === 'bhyve' && vm.vnc_port === -1;
}

function changedMembers(noun: ListNoun, change: Element, vm: VmObject): string[] {
  const key = elementKeys[noun];
  const existing: Element = {
    ...(vm[noun] as readonly Element[] | undefined)?.find((one) => one[key] === change[key]),
  };
  return Object.keys(change).filter(
    (member) =>
      member !== key &&
      member !== 'dangerous_allow_shrink' &&
      JSON.stringify(change[member]) !== JSON.stringify(existing[member]),
  );
}
