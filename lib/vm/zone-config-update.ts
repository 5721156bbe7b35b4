/** The configuration of a zone after an update of its VM. Pure. */
import type { Disk, Filesystem, Nic, PciDevice, VmObject } from '../schema/generated/vm.js';
import type { ZoneConfig, ZoneResource } from '../host/zones.js';
import type { UpdatePlan } from './spec.js';
import { draftOf, isMadeLater, logValues, setProperties, type ZoneDraft } from './zone-config.js';
import { diskResource, filesystemResource, netAttr, nicResource, padMac, pciDeviceResource } from './zone-values.js';

/**
 * The configuration after an update. `current` is the VM before it, with the sizes of its disks. Disks added must carry
 * their final `path`. What is changed by removing and adding moves to the end, as with `vmadm(8)`.
 */
export function updateZoneConfig(config: ZoneConfig, current: VmObject, plan: UpdatePlan): ZoneConfig {
  const draft = draftOf(config);
  const isContainer = (plan.payload['docker'] ?? current.docker) === true;
  const metadata = plan.metadata?.internal_metadata ?? current.internal_metadata ?? {};
  const log = logValues(plan.brand, isContainer ? metadata : undefined, current.zlog_mode);
  setProperties(draft, plan.brand, { ...plan.payload, ...log });
  updateDisks(draft, current, plan);
  updateFilesystems(draft, current, plan.payload);
  updateNics(draft, plan);
  updatePciDevices(draft, current, plan.payload);
  return draft;
}

const diskMembers = ['boot', 'guest_block_size', 'model', 'notrim', 'pci_slot', 'uuid'] as const;
const filesystemMembers = ['options', 'raw', 'source', 'target', 'type'] as const;
const pciDeviceMembers = ['pci_slot'] as const;

function updateDisks(draft: ZoneDraft, current: VmObject, plan: UpdatePlan): void {
  const updated: Disk[] = [];
  for (const change of plan.updateDisks) {
    const disk = current.disks?.find((each) => each.path === change.path);
    if (disk !== undefined) updated.push(merged(disk, change, diskMembers));
  }
  const gone = [...updated, ...plan.removeDisks].map((disk) => disk.path);
  remove(draft, 'device', ({ match }) => gone.includes(match));
  draft.resources.push(...[...updated, ...plan.addDisks].map(diskResource));
}

function updateFilesystems(draft: ZoneDraft, current: VmObject, payload: UpdatePlan['payload']): void {
  const updated: Filesystem[] = [];
  const gone = list<string>(payload['remove_filesystems']);
  for (const change of list<Filesystem>(payload['update_filesystems'])) {
    const filesystem = current.filesystems?.find((each) => each.target === change.target);
    if (filesystem === undefined) continue;
    updated.push(merged(filesystem, change, filesystemMembers));
    gone.push(filesystem.target ?? '');
  }
  remove(draft, 'filesystem', ({ directory }) => directory !== undefined && gone.includes(directory));
  const added = list<Filesystem>(payload['add_filesystems']);
  draft.resources.push(...[...updated, ...added].filter((each) => !isMadeLater(each)).map(filesystemResource));
}

function updatePciDevices(draft: ZoneDraft, current: VmObject, payload: UpdatePlan['payload']): void {
  const updated: PciDevice[] = [];
  const gone = list<string>(payload['remove_pci_devices']);
  for (const change of list<PciDevice>(payload['update_pci_devices'])) {
    const device = current.pci_devices?.find((each) => each.path === change.path);
    if (device === undefined) continue;
    updated.push(merged(device, change, pciDeviceMembers));
    gone.push(device.path ?? '');
  }
  remove(draft, 'device', ({ match }) => match !== undefined && gone.includes(match));
  draft.resources.push(...[...updated, ...list<PciDevice>(payload['add_pci_devices'])].map(pciDeviceResource));
}

/** NICs that neither stay as they are nor come are removed; those that stay may gain or lose the mark of the primary one. */
function updateNics(draft: ZoneDraft, { nics, nicChanges }: UpdatePlan): void {
  const { added, updated, removed } = nicChanges;
  if (added.length + updated.length + removed.length === 0) return;
  const written = [...updated, ...added];
  const kept = nics.filter((nic) => !written.some((each) => sameMac(each.mac, nic.mac)));
  remove(draft, 'network', (attributes) => !kept.some((nic) => sameMac(nic.mac, attributes['mac-addr'])));
  draft.resources.forEach((resource, at) => {
    const nic = kept.find((each) => resource.kind === 'network' && sameMac(each.mac, resource.attributes['mac-addr']));
    if (nic !== undefined) draft.resources[at] = markPrimary(resource, nic);
  });
  // As they are after the update: a flag may have moved between them.
  draft.resources.push(...written.map((nic) => nicResource(nics.find((each) => sameMac(each.mac, nic.mac)) ?? nic)));
}

function markPrimary(resource: ZoneResource, nic: Nic): ZoneResource {
  const isMark = ({ attributes }: { attributes: Readonly<Record<string, string>> }) =>
    attributes['name'] === 'primary' && attributes['value'] === 'true';
  if (resource.children.some(isMark) === (nic.primary === true)) return resource;
  const children = resource.children.filter((child) => !isMark(child));
  return { ...resource, children: nic.primary === true ? [...children, netAttr('primary', 'true')] : children };
}

function sameMac(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && padMac(a) === padMac(b);
}

function remove(
  { resources }: ZoneDraft,
  kind: string,
  isGone: (attributes: Readonly<Record<string, string>>) => boolean,
): void {
  for (let at = resources.length - 1; at >= 0; at -= 1) {
    const resource = resources[at];
    if (resource?.kind === kind && isGone(resource.attributes)) resources.splice(at, 1);
  }
}

/** `base` with those of `members` that `change` has. */
function merged<T extends object>(base: T, change: Partial<T>, members: readonly (keyof T)[]): T {
  const result = { ...base };
  for (const member of members) {
    const value = change[member];
    if (value !== undefined) result[member] = value;
  }
  return result;
}

/** A judged array of a payload: its elements have passed the rows of their noun. */
function list<T>(value: unknown): T[] {
  return Array.isArray(value) ? [...(value as T[])] : [];
}
