/** The NICs a VM has after a create or an update: merged, named, one of them primary, in the form in which they are stored. */
import { nicRows } from '../schema/nic.js';
import type { Nic, VmObject } from '../schema/generated/vm.js';
import { isPrivate, netmaskOf, parseNicAddress, vrrpMac } from './addresses.js';
import { added, removed, updated, type Draft, type Element } from './draft.js';
import { staticAddresses } from './nic-addressing.js';
import { isBlank } from './values.js';
import { padMac } from './zone-values.js';

/** Each NIC the VM will have: the existing ones in their order with their updates, then those added. */
export function resultingNics(draft: Draft, vm: VmObject | undefined): Element[] {
  const gone = new Set(removed(draft, 'nics'));
  const changes = new Map<unknown, Element>();
  for (const nic of updated(draft, 'nics')) changes.set(nic['mac'], { ...changes.get(nic['mac']), ...nic });
  const kept = (vm?.nics ?? []).filter((nic) => !gone.has(nic.mac ?? ''));
  return [...kept.map((nic) => ({ ...nic, ...changes.get(nic.mac) })), ...added(draft, 'nics')];
}

export interface NicOutcome {
  /** As `resultingNics`, stored form. */
  readonly nics: readonly Nic[];
  readonly added: readonly Nic[];
  readonly updated: readonly Nic[];
  readonly removed: readonly string[];
}

/** Names interfaces, settles which NIC is primary, and gives each NIC the form in which it is stored. */
export function settleNics(draft: Draft, vm: VmObject | undefined, prefix: 'net' | 'eth'): NicOutcome {
  const elements = resultingNics(draft, vm);
  const fresh = new Set(added(draft, 'nics'));
  nameInterfaces([...fresh], vm, prefix);
  settlePrimary(elements, draft, vm);

  const changed = new Set(updated(draft, 'nics').map((nic) => nic['mac']));
  const gone = new Set(removed(draft, 'nics'));
  const stored = elements.map((element) => ({
    nic: fresh.has(element) || changed.has(element['mac']) ? storedNic(element) : (element as Nic),
    fresh: fresh.has(element),
    changed: changed.has(element['mac']),
  }));
  return {
    nics: stored.map(({ nic }) => nic),
    added: stored.filter((one) => one.fresh).map(({ nic }) => nic),
    updated: stored.filter((one) => one.changed && !one.fresh).map(({ nic }) => nic),
    removed: [...gone].filter((mac) => vm?.nics?.some((nic) => nic.mac === mac)),
  };
}

/** The lowest numbers that no NIC of the VM uses, not even one about to go. */
function nameInterfaces(nics: readonly Element[], vm: VmObject | undefined, prefix: string): void {
  const used = new Set((vm?.nics ?? []).map((nic) => nic.interface));
  let next = 0;
  for (const nic of nics) {
    while (used.has(`${prefix}${next}`)) next += 1;
    nic['interface'] = `${prefix}${next}`;
    next += 1;
  }
}

function settlePrimary(elements: readonly Element[], draft: Draft, vm: VmObject | undefined): void {
  const asked = [...added(draft, 'nics'), ...updated(draft, 'nics')].find((nic) => nic['primary'] === true);
  let primary: Element | undefined;
  if (asked !== undefined) primary = elements.find((nic) => nic['mac'] === asked['mac']);
  else if (vm === undefined) primary = elements[0];
  else {
    const old = vm.nics?.find((nic) => nic.primary === true);
    if (old === undefined || elements.some((nic) => nic['mac'] === old.mac)) return;
    primary = successor(elements.filter((nic) => vm.nics?.some(({ mac }) => mac === nic['mac'])));
  }
  for (const nic of elements) {
    if (nic === primary) nic['primary'] = true;
    else delete nic['primary'];
  }
}

/**
 * Who follows a primary NIC that goes. Each NIC in turn may fill one of two vacant roles, public or private, with the first of its
 * addresses that fits; the public one wins.
 */
function successor(nics: readonly Element[]): Element | undefined {
  const roles = new Map<'public' | 'private', Element>();
  for (const nic of nics) {
    for (const text of Array.isArray(nic['ips']) ? nic['ips'] : []) {
      const address = parseNicAddress(text);
      const role = address !== undefined && isPrivate(address) ? 'private' : 'public';
      if (roles.has(role)) continue;
      roles.set(role, nic);
      break;
    }
  }
  return roles.get('public') ?? roles.get('private');
}

/** Members in the order of their rows; what is empty is not stored. Values keep the spelling they were given in. */
function storedNic(element: Element): Nic {
  const nic: Element = { ...element };
  if (!isBlank(nic['vrrp_vrid'])) nic['mac'] = vrrpMac(nic['vrrp_vrid']);
  nic['mac'] = padMac(String(nic['mac']));
  if (nic['vlan_id'] === '0') delete nic['vlan_id'];
  if (nic['ips'] !== undefined) showOneAddress(nic);
  if (nic['gateways'] !== undefined) nic['gateway'] = (nic['gateways'] as readonly unknown[])[0];
  const kept = nicRows.map((row) => [row.name, nic[row.name]] as const).filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(kept);
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isBlank(value);
}

/** `ip` and `netmask` repeat the first of `ips` that old software understands. */
function showOneAddress(nic: Element): void {
  const ips = nic['ips'] as readonly unknown[];
  const shown = ips.find((text) => text === 'dhcp' || parseNicAddress(text)?.family === 4);
  const cidr = parseNicAddress(shown);
  nic['ip'] = cidr?.address ?? shown;
  nic['netmask'] = cidr === undefined ? undefined : netmaskOf(cidr.prefix);
}

/** Whether a route may lead to the NIC: it has an address of its own. */
export function hasStaticAddress(nic: Element | undefined): boolean {
  return nic !== undefined && staticAddresses(nic).length > 0;
}
