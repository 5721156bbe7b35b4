/** What NICs of a payload may not be (`vmadm(8)`, `nics.*`): each by itself, and all that the VM will have together. */
import type { VmObject } from '../schema/generated/vm.js';
import type { Brand } from '../schema/property.js';
import { isAddress, macKey, parseCidr, parseNicAddress, vrrpMac } from './addresses.js';
import { rulesOf } from './brand-rules.js';
import { added, updated, type Draft, type Element } from './draft.js';
import { refused } from './errors.js';
import { staticAddresses } from './nic-addressing.js';
import { isBlank, textOf } from './values.js';

const mostIps = 20;
const mostAllowedIps = 13;
const mostAddresses = 32;
const mostCids = 20;
/** Of all client ids of a NIC, joined. */
const cidLength = 1024;
const addedTag = /^[a-zA-Z0-9_/]+$/;
const updatedTag = /^[a-zA-Z0-9_]+$/;
const interfaceName = /^[a-zA-Z][a-zA-Z0-9_.]{0,14}$/;

function listOf(nic: Element, name: string): readonly unknown[] {
  const value = nic[name];
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** Checks the NICs to add, then those to update, each for all rules. Fills in `model`. Throws `PayloadInvalid`. */
export function checkEachNic(draft: Draft, brand: Brand, vm: VmObject | undefined): void {
  const changing = new Set(updated(draft, 'nics').map((nic) => nic['mac']));
  // A NIC may repeat its own VRID.
  const others = (vm?.nics ?? []).filter((nic) => !changing.has(nic.mac));
  const seen = {
    vrids: new Set(others.flatMap((nic) => (nic.vrrp_vrid === undefined ? [] : [String(nic.vrrp_vrid)]))),
    macs: new Set<string>(),
    ips: new Set<unknown>(),
  };
  for (const nic of added(draft, 'nics')) {
    checkIdentity(nic, seen, true);
    checkAddresses(nic, seen.ips);
    checkAdded(nic, brand, vm);
    checkAllowed(nic);
  }
  for (const nic of updated(draft, 'nics')) {
    checkIdentity(nic, seen, false);
    checkAddresses(nic, seen.ips);
    checkUpdated(nic);
    checkAllowed(nic);
  }
}

function checkIdentity(nic: Element, seen: { vrids: Set<string>; macs: Set<string> }, isNew: boolean): void {
  const vrid = isBlank(nic['vrrp_vrid']) ? undefined : String(nic['vrrp_vrid']);
  if (vrid !== undefined) {
    if (seen.vrids.has(vrid)) throw refused(`Cannot add multiple NICs with the same VRID: ${vrid}`);
    seen.vrids.add(vrid);
  }
  if (isNew) {
    const mac = macKey(nic['mac']);
    if (seen.macs.has(mac)) throw refused(`Cannot add multiple NICs with the same MAC: ${String(nic['mac'])}`);
    seen.macs.add(mac);
  }
  if (Object.hasOwn(nic, 'primary') && nic['primary'] !== true) {
    throw refused(`invalid value for NIC's primary flag: ${String(nic['primary'])} (must be true)`);
  }
}

function checkAddresses(nic: Element, seen: Set<unknown>): void {
  for (const gateway of listOf(nic, 'gateways')) {
    if (!isAddress(gateway) || gateway.includes(':')) {
      throw refused(`Static gateways must be IPv4 addresses: ${String(gateway)}`);
    }
  }
  const ips = listOf(nic, 'ips');
  if (ips.length > mostIps) {
    throw refused(`nic.*.ips contains ${ips.length} addresses, but is limited to ${mostIps}`);
  }
  for (const ip of ips) {
    if (ip === 'dhcp' || ip === 'addrconf') continue;
    if (parseNicAddress(ip) === undefined) throw refused(`Invalid IP for NIC: ${JSON.stringify(nic)}`);
    if (seen.has(ip)) throw refused(`Cannot add multiple NICs with the same IP: ${String(ip)}`);
    seen.add(ip);
  }
}

function checkAdded(nic: Element, brand: Brand, vm: VmObject | undefined): void {
  if (!isBlank(nic['vrrp_vrid']) && macKey(nic['mac']) !== vrrpMac(nic['vrrp_vrid'])) {
    throw refused('Cannot set both mac and vrrp_vrid');
  }
  if (rulesOf(brand).hvm && isBlank(nic['model'])) {
    const model = vm?.nic_driver ?? vm?.nics?.[0]?.model;
    if (model === undefined) throw refused(`missing .model option for NIC: ${JSON.stringify(nic)}`);
    nic['model'] = model;
  }
  const tag = nic['nic_tag'];
  if (typeof tag !== 'string' || !addedTag.test(tag)) {
    throw refused(`invalid or missing .nic_tag option for NIC: ${JSON.stringify(nic)}`);
  }
}

function checkUpdated(nic: Element): void {
  if (Object.hasOwn(nic, 'model') && isBlank(nic['model'])) {
    throw refused(`invalid .model option for NIC: ${JSON.stringify(nic)}`);
  }
  const tag = nic['nic_tag'];
  if (Object.hasOwn(nic, 'nic_tag') && (typeof tag !== 'string' || !updatedTag.test(tag))) {
    throw refused(`invalid .nic_tag option for NIC: ${JSON.stringify(nic)}`);
  }
  // Names of links: the original leaves this to the kernel.
  const name = nic['interface'];
  if (Object.hasOwn(nic, 'interface') && (typeof name !== 'string' || !interfaceName.test(name))) {
    throw refused(`invalid .interface option for NIC: ${JSON.stringify(nic)}`);
  }
}

function checkAllowed(nic: Element): void {
  const allowed = listOf(nic, 'allowed_ips');
  const invalid = allowed.filter((ip) => !isAddress(ip) && parseCidr(ip, { v4: 1, v6: 1 }) === undefined);
  if (invalid.length > 0) throw refused(`invalid allowed_ips: ${invalid.join(', ')}`);
  if (allowed.length > mostAllowedIps) throw refused(`Maximum of ${mostAllowedIps} allowed_ips per nic`);
  const cids = listOf(nic, 'allowed_dhcp_cids');
  if (cids.length > mostCids) {
    throw refused(`nics.*.allowed_dhcp_cids contains ${cids.length} Client Identifiers, but is limited to ${mostCids}`);
  }
  if (cids.join(',').length >= cidLength) {
    throw refused('nics.*.allowed_dhcp_cids contains too many long Client Identifiers');
  }
}

/** Checks the NICs that the VM will have. Throws `PayloadInvalid`. */
export function checkNicSet(nics: readonly Element[], draft: Draft): void {
  const routers = nics.filter((nic) => !isBlank(nic['vrrp_vrid']));
  const addressesOf = (some: readonly Element[]): Set<unknown> =>
    new Set(some.flatMap((nic) => staticAddresses(nic).map(({ address }) => address)));
  const wanted = nics.map((nic) => nic['vrrp_primary_ip']).filter((ip) => !isBlank(ip));

  const routed = addressesOf(routers);
  if (wanted.some((ip) => routed.has(ip))) throw refused('Cannot set vrrp_primary_ip to the IP of a VRRP nic');
  if (routers.some((nic) => isBlank(nic['vrrp_primary_ip']))) {
    throw refused('vrrp_vrid set but not vrrp_primary_ip');
  }
  for (const nic of nics) {
    const count =
      listOf(nic, 'allowed_ips').length + listOf(nic, 'ips').length + (isBlank(nic['vrrp_primary_ip']) ? 0 : 1);
    if (count > mostAddresses) throw refused(`More than ${mostAddresses} IPs cannot be associated with a NIC`);
  }
  if (nics.length > 0 && routers.length === nics.length) throw refused('VM cannot contain only VRRP nics');
  const owned = addressesOf(nics);
  if (wanted.some((ip) => !owned.has(ip))) throw refused('vrrp_primary_ip must belong to the same VM');

  const primaries = [...added(draft, 'nics'), ...updated(draft, 'nics')].filter((nic) => nic['primary'] === true);
  if (primaries.length > 1) throw refused('payload specifies more than 1 primary NIC');
  const names = new Set<unknown>();
  for (const { interface: name } of nics) {
    if (name !== undefined && names.has(name)) {
      throw refused(`Cannot have multiple NICs with the same interface: ${textOf(name)}`);
    }
    names.add(name);
  }
}
