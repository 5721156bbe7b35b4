/** NICs of a payload in their final form: MACs made, old ways to write addresses turned into `ips` and `gateways`. */
import type { Nic } from '../schema/generated/vm.js';
import { parseNicAddress, prefixOf, randomMac, vrrpMac, type Cidr } from './addresses.js';
import type { Element } from './draft.js';
import { refused } from './errors.js';
import { isBlank } from './values.js';

/** A NIC to add: gets a MAC, loses the name of its interface (`physical` holds it for messages), `primary` becomes true or goes. */
export function prepareAdded(nic: Element, random: (limit: number) => number): void {
  if (isBlank(nic['mac'])) nic['mac'] = isBlank(nic['vrrp_vrid']) ? randomMac(random) : vrrpMac(nic['vrrp_vrid']);
  if (Object.hasOwn(nic, 'interface')) {
    nic['physical'] = nic['interface'];
    delete nic['interface'];
  }
  if (nic['primary']) nic['primary'] = true;
  else delete nic['primary'];
}

/** Turns `ip`, `netmask` and `gateway` of a NIC to add into `ips` and `gateways`. Throws `PayloadInvalid`. */
export function addressAdded(nic: Element): void {
  const prefix = checkedPrefix(nic);
  const { ip } = nic;
  if (!isBlank(ip) && nic['ips'] === undefined) {
    if (ip === 'dhcp' || ip === 'addrconf') nic['ips'] = [ip];
    else if (prefix === undefined) throw refused(`Missing .netmask option for NIC: ${JSON.stringify(nic)}`);
    else {
      nic['ips'] = [`${String(ip)}/${prefix}`];
      delete nic['netmask'];
    }
  }
  delete nic['ip'];
  moveGateway(nic);
  nic['ips'] ??= [];
}

/** The same for a NIC that exists; what is not given stays. Throws `PayloadInvalid`. */
export function addressUpdated(nic: Element, existing: Nic): void {
  const prefix = checkedPrefix(nic);
  const { ip } = nic;
  if (nic['ips'] === undefined && (!isBlank(ip) || prefix !== undefined)) {
    if (ip === 'dhcp' || ip === 'addrconf') nic['ips'] = [ip];
    else {
      const address = isBlank(ip) ? existingAddress(existing).address : String(ip);
      const bits = prefix ?? existingAddress(existing).prefix;
      if (bits === undefined) {
        throw refused('Updating IP address of NIC, but there is currently no specified netmask');
      }
      nic['ips'] = [`${address}/${bits}`];
    }
  }
  delete nic['ip'];
  delete nic['netmask'];
  moveGateway(nic);
}

function checkedPrefix(nic: Element): number | undefined {
  const { netmask } = nic;
  if (isBlank(netmask)) {
    delete nic['netmask'];
    return undefined;
  }
  const prefix = prefixOf(netmask);
  if (prefix === undefined) throw refused(`Specified netmask value is invalid: ${String(netmask)}`);
  return prefix;
}

function moveGateway(nic: Element): void {
  if (!isBlank(nic['gateway']) && nic['gateways'] === undefined) nic['gateways'] = [nic['gateway']];
  delete nic['gateway'];
}

/** The one address that an update of `ip` or `netmask` can mean. */
function existingAddress(nic: Nic): { readonly address: string; readonly prefix: number | undefined } {
  const { ips = [], ip, netmask } = nic;
  if (ips.length === 0 && ip !== undefined && ip !== 'dhcp' && ip !== 'addrconf') {
    return { address: ip, prefix: prefixOf(netmask) };
  }
  const [only, ...others] = ips.map(parseNicAddress);
  if (only?.family !== 4 || others.length > 0) {
    throw refused('Need a single existing IPv4 address to update .ip or .netmask');
  }
  return only;
}

/** The addresses of a NIC that are written in CIDR form. */
export function staticAddresses(nic: { readonly ips?: unknown }): readonly Cidr[] {
  const ips: readonly unknown[] = Array.isArray(nic.ips) ? nic.ips : [];
  return ips.flatMap((text) => parseNicAddress(text) ?? []);
}
