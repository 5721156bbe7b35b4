/** What a zone configuration says about a VM. Pure. */
import { diskRows } from '../schema/disk.js';
import { filesystemRows } from '../schema/filesystem.js';
import type { VmObject } from '../schema/generated/vm.js';
import { nicRows } from '../schema/nic.js';
import { pciDeviceRows } from '../schema/pci-device.js';
import type { Encoding, PropertyRow } from '../schema/property.js';
import { vmRows } from '../schema/vm.js';
import type { ZoneConfig, ZoneRecord, ZoneResource } from '../host/zones.js';
import { vmError } from './errors.js';
import { decode, passthrough } from './zone-values.js';

interface Target {
  readonly member: string;
  readonly as: Encoding | undefined;
}
type Targets = ReadonlyMap<string, Target>;
/** A VM in the making: members in the order in which they are found, which is the order of the object. */
type Draft = Record<string, unknown>;

function targets(
  rows: readonly PropertyRow[],
  key: (store: NonNullable<PropertyRow['store']>) => string | undefined,
): Targets {
  const found = new Map<string, Target>();
  for (const { name, store } of rows) {
    const at = store === undefined ? undefined : key(store);
    if (at !== undefined)
      found.set(at, { member: name, as: store !== undefined && 'as' in store ? store.as : undefined });
  }
  return found;
}

const elementTargets = (rows: readonly PropertyRow[]) =>
  targets(rows, (store) => (store.in === 'element' ? store.name : undefined));
const childTargets = (rows: readonly PropertyRow[]) =>
  targets(rows, (store) => (store.in === 'child' ? store.name : undefined));

const zoneTargets = targets(vmRows, (store) => (store.in === 'zone' ? store.name : undefined));
const attrTargets = targets(vmRows, (store) => (store.in === 'attr' ? store.name : undefined));
/** By name of the control; each has one action, and is privileged. */
const rctlTargets = new Map<string, Target & { readonly action: string }>(
  vmRows.flatMap(({ name, store }) =>
    store?.in === 'rctl' ? [[`zone.${store.name}`, { member: name, as: store.as, action: store.action }] as const] : [],
  ),
);
const nicTargets = { element: elementTargets(nicRows), child: childTargets(nicRows) };
// A device is known for a disk or a passed-through one only by its children: both are read by the rows of either.
const deviceTargets = {
  element: elementTargets(diskRows),
  child: new Map([...childTargets(pciDeviceRows), ...childTargets(diskRows)]),
};
deviceTargets.child.delete('image-name');
const filesystemTargets = { element: elementTargets(filesystemRows), child: new Map() as Targets };

/** Members that say what others mean, and the state: they are read whatever is asked for. */
const telling = [
  'autoboot', 'vm_autoboot', 'brand', 'create_timestamp', 'failed', 'provisioning', 'state', 'transition', 'zfs_filesystem',
] as const; // prettier-ignore

/** What {@link zoneConfigToVm} has to read for `fields` of a VM. */
export function membersFor(fields: Iterable<string>): ReadonlySet<string> {
  return new Set([...fields, ...telling]);
}

/**
 * The VM that a configuration describes, members in the order of the file. With `record`, identity and state of the
 * zone are added; with `members` (see {@link membersFor}), others are left out. Resources and attributes that mean
 * nothing to a VM are passed over. Throws `VmDamaged` when the configuration lacks a brand.
 */
export function zoneConfigToVm(config: ZoneConfig, record?: ZoneRecord, members?: ReadonlySet<string>): VmObject {
  const vm: Draft = {};
  const { attributes } = config;
  for (const name of Object.keys(attributes)) put(vm, zoneTargets.get(name), attributes[name] ?? '', members);
  for (const resource of config.resources) if (isWanted(resource.kind, members)) read(vm, resource, members);
  const { brand } = attributes;
  if (brand === undefined)
    throw vmError('VmDamaged', `configuration of zone ${attributes['name'] ?? ''} names no brand`);
  vm['nics'] ??= [];
  if (isHvm(brand)) vm['disks'] ??= [];
  if (brand === 'kvm') moveAutoboot(vm);
  readTransition(vm);
  sortByNumber(vm['disks'], 'path', /[-/]disk(\d+)$/);
  sortByNumber(vm['nics'], 'interface', /^net(\d+)$/);
  sortByTarget(vm['filesystems']);
  if (record === undefined) return vm;
  addRecord(vm, record);
  vm['state'] = stateOf(vm);
  return vm;
}

/** Whether guests of this brand are hardware virtual machines. */
export function isHvm(brand: string | undefined): boolean {
  return brand === 'bhyve' || brand === 'kvm';
}

/** Adds what the index and the kernel say about the zone; members there keep their place. */
export function addRecord(vm: Record<string, unknown>, record: ZoneRecord): void {
  // Lines of the index that older systems wrote do not name it.
  if (record.brand !== '') vm['brand'] = record.brand;
  vm['uuid'] = uuidOf(record);
  vm['zone_state'] = record.state;
  vm['zonename'] = record.name;
  vm['zonepath'] = record.zonepath;
  vm['hvm'] = isHvm(String(vm['brand']));
  vm['zoneid'] = record.id ?? null;
  vm['zonedid'] = record.debugId < 0 ? null : record.debugId;
}

const isUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The uuid of a zone's VM; zones without one are known by a name that is a uuid. Undefined: the zone is no VM. */
export function uuidOf(record: ZoneRecord): string | undefined {
  return record.uuid ?? (isUuid.test(record.name) ? record.name : undefined);
}

/** The state of a VM, from `zone_state`, a transition under way (`state` of the configuration), `provisioning` and `failed`. */
export function stateOf(vm: VmObject): string | undefined {
  if (vm.failed !== undefined && vm.failed !== '') return 'failed';
  if (vm.transition_to !== undefined && vm.state !== undefined) return vm.state;
  const state = vm.zone_state === 'installed' ? 'stopped' : vm.zone_state;
  return state === 'stopped' && vm.provisioning === true ? 'provisioning' : state;
}

/** Members that the resources of a kind become. */
const membersOf: Readonly<Record<string, readonly string[]>> = {
  network: ['nics'],
  device: ['disks', 'pci_devices', 'device'],
  filesystem: ['filesystems'],
  dataset: ['datasets'],
};

function isWanted(kind: string, members: ReadonlySet<string> | undefined): boolean {
  return members === undefined || (membersOf[kind]?.some((member) => members.has(member)) ?? true);
}

function put(into: Draft, target: Target | undefined, text: string, members?: ReadonlySet<string>): void {
  if (target === undefined || (members !== undefined && !members.has(target.member))) return;
  into[target.member] = decode(text, target.as);
}

function read(vm: Draft, resource: ZoneResource, members: ReadonlySet<string> | undefined): void {
  const { kind, attributes, children } = resource;
  switch (kind) {
    case 'attr':
      put(vm, attrTargets.get(attributes['name'] ?? ''), attributes['value'] ?? '', members);
      break;
    case 'rctl':
      for (const child of children) {
        const { priv, limit = '', action } = child.attributes;
        const target = rctlTargets.get(attributes['name'] ?? '');
        if (priv === 'privileged' && action === target?.action) put(vm, target, limit, members);
      }
      break;
    case 'network':
      append(vm, 'nics', readNoun(resource, nicTargets));
      break;
    case 'device': {
      // Seen in every VM with devices since the first version of the original.
      vm['device'] = null;
      const device = readNoun(resource, deviceTargets);
      append(vm, device['model'] === passthrough ? 'pci_devices' : 'disks', device);
      break;
    }
    case 'filesystem': {
      const options = children
        .filter((child) => child.kind === 'fsoption')
        .map((child) => child.attributes['name'] ?? '');
      append(vm, 'filesystems', {
        ...readNoun(resource, filesystemTargets),
        ...(options.length > 0 ? { options } : {}),
      });
      break;
    }
    case 'dataset':
      append(vm, 'datasets', attributes['name'] ?? '');
      break;
  }
}

function readNoun(resource: ZoneResource, { element, child }: { element: Targets; child: Targets }): Draft {
  const noun: Draft = {};
  for (const [name, text] of Object.entries(resource.attributes)) put(noun, element.get(name), text);
  for (const { attributes } of resource.children)
    put(noun, child.get(attributes['name'] ?? ''), attributes['value'] ?? '');
  return noun;
}

function append(vm: Draft, member: string, element: unknown): void {
  const list = vm[member];
  if (Array.isArray(list)) list.push(element);
  else vm[member] = [element];
}

/** kvm zones never boot by themselves; what the VM is to do stands in an attribute. */
function moveAutoboot(vm: Draft): void {
  if (vm['vm_autoboot'] === undefined) delete vm['autoboot'];
  else vm['autoboot'] = vm['vm_autoboot'];
  delete vm['vm_autoboot'];
}

/** `NAME:TARGET:EXPIRY`; anything else stays as it is. */
function readTransition(vm: Draft): void {
  if (typeof vm['transition'] !== 'string') return;
  const [state, target, expiry, ...more] = vm['transition'].trimEnd().split(':');
  if (expiry === undefined || more.length > 0) return;
  delete vm['transition'];
  vm['state'] = state;
  vm['transition_to'] = target;
  vm['transition_expire'] = Number(expiry);
}

function sortByNumber(list: unknown, member: string, pattern: RegExp): void {
  if (!Array.isArray(list) || list.length < 2) return;
  const number = (each: Draft) => Number(pattern.exec(String(each[member]))?.[1] ?? 0);
  list.sort((a: Draft, b: Draft) => number(a) - number(b));
}

/** Only targets that are numbers have an order (`vmadm(8)`); no real target is one. */
function sortByTarget(filesystems: unknown): void {
  if (!Array.isArray(filesystems)) return;
  filesystems.sort((a: Draft, b: Draft) => Number(a['target']) - Number(b['target']) || 0);
}
