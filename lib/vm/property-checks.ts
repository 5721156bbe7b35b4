/** What single values of a payload may not be, beyond their type, and what else the original says while it checks. */
import type { VmObject } from '../schema/generated/vm.js';
import { isAddress, macKey, parseCidr } from './addresses.js';
import { compressions, isBlockSize, isCompression } from './disk-rules.js';
import { added, has, updated, type Draft, type Element } from './draft.js';
import { refused } from './errors.js';
import { edited, flatObject } from './key-values.js';
import { hasStaticAddress } from './nic-set.js';
import { listNouns, rowOf } from './property-rules.js';
import { isBlank, textOf } from './values.js';

const vgaTypes = ['cirrus', 'std', 'vmware', 'qxl', 'xenfb'];
const longestVncPassword = 8;

/** What the platform counts bytes up to, in the units of properties, and what JSON numbers are exact up to. */
const mostOf: Readonly<Record<string, number>> = { MiB: 2 ** 43 - 1, GiB: 2 ** 33 - 1 };

/** Refuses numbers that nothing could be limited to. Throws `PayloadInvalid` naming property, value and limit. */
export function checkSizes(draft: Draft): void {
  const told = new Set<string>();
  const faults = Object.entries(draft).flatMap(([name, value]) => {
    const { type, unit = '' } = rowOf(name) ?? {};
    if ((type !== 'integer' && type !== 'number') || (typeof value !== 'number' && typeof value !== 'string'))
      return [];
    const most = mostOf[unit] ?? Number.MAX_SAFE_INTEGER;
    if (!(Number(value) > most) || told.has(String(value))) return [];
    // Others follow from it.
    told.add(String(value));
    const written = unit === 'MiB' || unit === 'GiB' ? ` ${unit}` : '';
    return [`${name} is ${value}${written}, the most is ${most}${written}`];
  });
  if (faults.length > 0) throw refused(faults.join('; '));
}

/** Throws `PayloadInvalid` unless every `add_`, `update_` and `remove_` is an array. */
export function checkLists(draft: Draft): void {
  for (const noun of listNouns) {
    for (const verb of ['add', 'update', 'remove']) {
      const list = `${verb}_${noun}`;
      if (has(draft, list) && !Array.isArray(draft[list])) throw refused(`${list} must be an array.`);
    }
  }
}

/** What zonecfg would say of file systems and devices. Throws `PayloadInvalid`. */
export function checkFilesystemsAndDevices(draft: Draft, vm: VmObject | undefined): void {
  for (const one of added(draft, 'filesystems')) {
    const lacking = ['source', 'target', 'type'].find((member) => isBlank(one[member]));
    if (lacking !== undefined) throw refused(`missing .${lacking} option for filesystem: ${JSON.stringify(one)}`);
  }
  requireExisting(updated(draft, 'filesystems'), 'filesystem', 'target', vm?.filesystems);
  requireExisting(updated(draft, 'pci_devices'), 'PCI device', 'path', vm?.pci_devices);
}

function requireExisting<Key extends string>(
  elements: readonly Element[],
  what: string,
  key: Key,
  existing: readonly { readonly [name in Key]?: string }[] = [],
): void {
  const known = new Set<unknown>(existing.map((one) => one[key]));
  for (const element of elements) {
    if (isBlank(element[key])) throw refused(`${what} object needs a .${key} property to update`);
    if (!known.has(element[key]))
      throw refused(`There is no existing ${what} with that ${key}: ${String(element[key])}`);
  }
}

export function checkVga(draft: Draft): void {
  const { vga } = draft;
  if (!isBlank(vga) && !vgaTypes.some((type) => type === vga)) {
    throw refused(`Invalid VGA type: "${String(vga)}", supported types are: ${vgaTypes.join(',')}`);
  }
}

/**
 * Checks routes that are set, then that those which lead to a NIC still do. Throws `PayloadInvalid`.
 *
 * @param nics - The VM's NICs as they will be.
 */
export function checkRoutes(draft: Draft, nics: readonly Element[], vm: VmObject | undefined): void {
  const byMac = new Map(nics.map((nic) => [macKey(nic['mac']), nic]));
  const target = (gateway: string): Element | undefined => {
    const [, index, mac] = /^(?:nics\[(\d+)\]|macs\[([0-9a-fA-F:]+)\])$/.exec(gateway) ?? [];
    return mac === undefined ? nics[Number(index)] : byMac.get(macKey(mac));
  };
  const set = flatObject(draft[vm === undefined ? 'routes' : 'set_routes']);
  for (const [destination, gateway] of Object.entries(set)) {
    if (!isIpv4(destination) && parseCidr(destination, { v4: 8, v6: 129 }) === undefined) {
      throw refused(`Invalid route destination: "${destination}" (must be IP address or CIDR)`);
    }
    if (isIpv4(gateway)) continue;
    if (!isLink(gateway)) {
      throw refused(`Invalid route gateway: "${gateway}" (must be IP address, MAC address, or nic)`);
    }
    requireStatic(gateway, target(gateway));
  }
  for (const gateway of Object.values(vm === undefined ? {} : edited(draft, 'routes', vm.routes ?? {}))) {
    if (isLink(gateway)) requireStatic(gateway, target(gateway));
  }
}

function isIpv4(text: unknown): boolean {
  return isAddress(text) && !text.includes(':');
}

function isLink(gateway: unknown): gateway is string {
  return (
    typeof gateway === 'string' &&
    /^(?:nics\[\d{1,9}\]|macs\[(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}\])$/.test(gateway)
  );
}

function requireStatic(gateway: string, nic: Element | undefined): void {
  if (!hasStaticAddress(nic)) throw refused(`Route gateway: "${gateway}" refers to non-existent or DHCP nic`);
}

export function checkVncPassword(draft: Draft): void {
  const password = draft['vnc_password'];
  if (typeof password === 'string' && password.length > longestVncPassword) {
    throw refused(`VNC password is too long, maximum length is ${longestVncPassword} characters.`);
  }
}

/** Checks properties of datasets, and gives those that are unset the value that means so. Throws `PayloadInvalid`. */
export function checkDatasetProperties(draft: Draft): void {
  for (const name of ['zfs_root_recsize', 'zfs_data_recsize']) {
    if (!has(draft, name)) continue;
    const size = draft[name];
    if (size === undefined || size === 0) draft[name] = 131072;
    else if (!isBlockSize(size)) {
      throw refused(`invalid ${name} (${textOf(size)}), must be 512-131072 and a power of 2. (0 to disable)`);
    }
  }
  for (const name of ['zfs_root_compression', 'zfs_data_compression']) {
    if (has(draft, name) && !isCompression(draft[name])) {
      throw refused(`invalid compression type for ${String(draft[name])}, must be one of: ${compressions}`);
    }
  }
  for (const name of ['zfs_filesystem_limit', 'zfs_snapshot_limit']) {
    if (has(draft, name)) draft[name] ??= 'none';
  }
}

/**
 * Refuses control characters in what is stored as text: neither the file format of zones nor the platform's commands can
 * hold them. Throws `PayloadInvalid` naming the properties.
 */
export function checkText(draft: Draft): void {
  const found = new Set<string>();
  const look = (name: string, value: unknown): void => {
    if (typeof value === 'string' && unstorable.test(value)) found.add(name);
    else if (Array.isArray(value) && value.some((one) => typeof one === 'string' && unstorable.test(one)))
      found.add(name);
  };
  for (const name of Object.keys(draft)) {
    if (!base64.has(name)) look(name, draft[name]);
  }
  for (const noun of listNouns) {
    for (const element of [...added(draft, noun), ...updated(draft, noun)]) {
      for (const member of Object.keys(element)) look(`${noun}.*.${member}`, element[member]);
    }
  }
  if (found.size > 0) throw refused(`Invalid value(s) for: ${[...found].join(',')}`);
}

const unstorable = /[\u0000-\u001f\u007f\ufffe\uffff]|\p{Surrogate}/u;
const base64 = new Set(['alias', 'vnc_password', 'spice_password', 'spice_opts', 'qemu_opts', 'qemu_extra_opts']);
