/** What a payload asks of the host that only one VM can have, or that the host does not have. */
import type { Nic, VmObject } from '../schema/generated/vm.js';
import { macKey } from './addresses.js';
import { added, removed, updated, type Draft, type Element } from './draft.js';
import { refused, vmError } from './errors.js';
import { staticAddresses } from './nic-addressing.js';
import type { PayloadFacts } from './spec.js';
import { isBlank, textOf } from './values.js';

const leastMtu = 1500;

/**
 * Refuses addresses, MACs, VRIDs and display ports that another VM of the host has, or another NIC of the VM; failed VMs
 * that do not run do not count. Throws `AddressInUse`. The original compares an update's element alone, so misses addresses
 * of NICs whose tag is not repeated, and takes a NIC for another one's: here the NIC as it will be counts, once.
 */
export async function checkConflicts(
  draft: Draft,
  uuid: string,
  vm: VmObject | undefined,
  facts: PayloadFacts,
): Promise<void> {
  const wanted = new Set<string>();
  for (const nic of added(draft, 'nics')) {
    wanted.add(`mac ${macKey(nic['mac'])}`);
    for (const key of keysOf(nic)) wanted.add(key);
  }
  const existing = new Map((vm?.nics ?? []).map((nic) => [nic.mac, nic]));
  const staying = new Map(existing);
  for (const mac of removed(draft, 'nics')) staying.delete(mac);
  for (const change of updated(draft, 'nics')) {
    const moves = ['ips', 'nic_tag', 'vlan_id'].some((member) => Object.hasOwn(change, member));
    if (moves) staying.delete(String(change['mac']));
    const nic: Element = { ...existing.get(String(change['mac'])), ...change };
    for (const key of keysOf(moves ? nic : { vrrp_vrid: change['vrrp_vrid'] })) wanted.add(key);
  }
  const port = Number(draft['vnc_port'] ?? 0);
  if (port > 0) wanted.add(`port ${port}`);
  if (wanted.size === 0) return;

  const refuseTaken = (owner: string, keys: readonly string[]): void => {
    if (!keys.some((key) => wanted.has(key))) return;
    throw vmError('AddressInUse', 'Conflict detected with another vm, please check the MAC, IP, and VRID', {
      info: { uuid: owner },
    });
  };
  refuseTaken(uuid, [...staying.values()].flatMap(addressKeysOf));
  for (const other of await facts.vms()) {
    if (other.uuid === uuid || (other.state === 'failed' && other.zone_state !== 'running')) continue;
    const ports = other.vnc_port === undefined ? [] : [`port ${other.vnc_port}`];
    refuseTaken(other.uuid ?? '', [...(other.nics ?? []).flatMap(addressKeysOf), ...ports]);
  }
}

function addressKeysOf(nic: Nic): readonly string[] {
  return [`mac ${macKey(nic.mac)}`, ...keysOf({ ...nic })];
}

function keysOf(nic: Element): string[] {
  const network = `${String(nic['nic_tag'])} ${String(nic['vlan_id'])}`;
  const keys = staticAddresses(nic).map(({ address, prefix }) => `ip ${address}/${prefix} ${network}`);
  return isBlank(nic['vrrp_vrid']) ? keys : [...keys, `vrid ${String(nic['vrrp_vrid'])}`];
}

/** Refuses NICs on tags that the host lacks, and MTUs that a tag of the host's own links cannot have. Throws `PayloadInvalid`. */
export async function checkNicTags(draft: Draft, vm: VmObject | undefined, facts: PayloadFacts): Promise<void> {
  const given = [...added(draft, 'nics'), ...updated(draft, 'nics')];
  if (!given.some((nic) => !isBlank(nic['nic_tag']) || !isBlank(nic['mtu']))) return;
  const tags = new Map((await facts.nicTags()).map((tag) => [tag.name, tag]));
  const named = new Set(given.flatMap((nic) => (isBlank(nic['nic_tag']) ? [] : [String(nic['nic_tag'])])));
  // Of an overlay, `TAG/VNID`, the tag is what must exist.
  const unknown = [...named].filter((name) => !tags.has(name.split('/')[0] ?? name));
  if (unknown.length > 0) throw refused(unknown.map((name) => `Invalid nic tag "${name}"`).join('\n'));

  const existing = new Map((vm?.nics ?? []).map((nic) => [nic.mac, nic]));
  const small = given.flatMap((nic, index) => {
    const tag = tags.get(textOf(nic['nic_tag'] ?? existing.get(textOf(nic['mac']))?.nic_tag));
    if (tag?.kind !== 'normal' || isBlank(nic['mtu']) || Number(nic['mtu']) >= leastMtu) return [];
    return [
      `nic ${index} (${String(nic['mac'])}): MTU is below the supported MTU (${leastMtu}) of nic tag "${tag.name}"`,
    ];
  });
  if (small.length > 0) throw refused(small.join('\n'));
}
