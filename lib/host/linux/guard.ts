/** Which frames a vnic may send, as an nft rule set and the set elements of one vnic. Pure. */
import { hostError } from '../errors.js';
import type { VnicSpec } from '../links.js';
import {
  addressBits, baseOf, formatAddress, formatNetwork, parseAddress, parseNetwork, rangeOf, type IpNetwork,
} from './ip.js'; // prettier-ignore

/** An element of one of the sets in {@link guardRules}, in nft's syntax. */
export interface GuardElement {
  readonly set: string;
  readonly element: string;
}

/**
 * The rules that hold for every vnic whose name begins with `prefix`: what is in none of the sets is dropped, so a vnic
 * without a guard is silent. They follow the link protection of dladm(8): mac-nospoof, ip-nospoof, dhcp-nospoof,
 * restricted.
 */
export function guardRules(table: string, prefix: string): string {
  return `
add table bridge ${table}
delete table bridge ${table}
table bridge ${table} {
  set macs { type ifname . ether_addr; }
  set anymac { type ifname; }
  set anyip { type ifname; }
  set anyv6 { type ifname; }
  set dhcpserver { type ifname; }
  set anyproto { type ifname; }
  set v4 { type ifname . ipv4_addr; }
  set v4net { type ifname . ipv4_addr; flags interval; }
  set v6 { type ifname . ipv6_addr; }
  set v6net { type ifname . ipv6_addr; flags interval; }
  # Targets of neighbour advertisements: nft 1.0 has no word for that field.
  set nd { typeof iifname . @th,64,128; }
  set ndnet { typeof iifname . @th,64,128; flags interval; }
  chain from_vnic {
    type filter hook prerouting priority -300; policy accept;
    iifname "${prefix}*" jump vnic
  }
  chain vnic {
    iifname . ether saddr @macs goto network
    iifname @anymac goto network
    drop
  }
  chain network {
    ether type arp goto arp_sender
    ether type ip goto v4_sender
    ether type ip6 goto v6_sender
    iifname @anyproto accept
    drop
  }
  chain arp_sender {
    iifname . arp saddr ether != @macs iifname != @anymac drop
    iifname @anyip accept
    arp saddr ip 0.0.0.0 accept
    iifname . arp saddr ip @v4 accept
    iifname . arp saddr ip @v4net accept
    drop
  }
  chain v4_sender {
    udp sport 67 iifname != @dhcpserver drop
    iifname @anyip accept
    ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
    iifname . ip saddr @v4 accept
    iifname . ip saddr @v4net accept
    drop
  }
  chain v6_sender {
    udp sport 547 iifname != @dhcpserver drop
    icmpv6 type { nd-router-advert, nd-redirect } iifname != @dhcpserver drop
    iifname @anyip accept
    iifname @anyv6 accept
    ip6 saddr :: meta l4proto icmpv6 accept
    iifname . ip6 saddr @v6 goto neighbour
    iifname . ip6 saddr @v6net goto neighbour
    drop
  }
  chain neighbour {
    icmpv6 type != nd-neighbor-advert accept
    iifname . @th,64,128 @nd accept
    iifname . @th,64,128 @ndnet accept
    drop
  }
}
`;
}

/**
 * What the vnic with host end `link` may do. `addresses` are those it really has (`dhcp` resolved); what is no address,
 * as the word `dhcp` where a lease will tell, allows nothing but asking for one. `allow_dhcp_spoofing` lifts the address
 * check too, as on SmartOS (`vmadm(8)`). Throws `AddressInvalid`.
 */
export function guardElements(link: string, spec: VnicSpec, addresses: readonly string[]): readonly GuardElement[] {
  const elements: GuardElement[] = [];
  const name = `"${link}"`;
  const add = (set: string, value?: string) =>
    elements.push({ set, element: value === undefined ? name : `${name} . ${value}` });
  const mac = canonicalMac(spec.mac);
  add('macs', mac);
  if (spec.allowMacSpoofing) add('anymac');
  if (spec.allowDhcpSpoofing) add('dhcpserver');
  if (spec.allowRestrictedTraffic === true) add('anyproto');
  if (spec.allowIpSpoofing || spec.allowDhcpSpoofing) {
    add('anyip');
    return elements;
  }
  if (spec.addresses.includes('addrconf')) add('anyv6');
  const single = addresses
    .filter((address) => address !== 'dhcp' && address !== 'addrconf')
    .map((address) => ({ ...parseNetwork(address), ...parseAddress(address.split('/')[0] ?? '') }))
    .map((address) => ({ ...address, prefix: addressBits(address.family) }));
  const allowed = withoutContained([...single, linkLocal(mac), ...spec.allowedIps.map(parseNetwork).map(baseOf)]);
  for (const network of allowed) {
    const one = network.prefix === addressBits(network.family);
    const version = network.family === 4 ? 'v4' : 'v6';
    add(one ? version : `${version}net`, one ? formatAddress(network) : formatNetwork(network));
    if (network.family === 6) add(one ? 'nd' : 'ndnet', rawRange(network));
  }
  return elements;
}

/** What lets an IPv4 address in CIDR form through that a server has leased to the vnic. */
export function leasedElement(link: string, address: string): GuardElement {
  return { set: 'v4', element: `"${link}" . ${formatAddress(parseNetwork(address))}` };
}

/** `2:8:20:A:b:c`, as zone files have it, to `02:08:20:0a:0b:0c`. Throws `AddressInvalid`. */
export function canonicalMac(text: string): string {
  if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text))
    throw hostError('AddressInvalid', `"${text}" is not a MAC address`);
  const octets = text.toLowerCase().split(':');
  return octets.map((octet) => octet.padStart(2, '0')).join(':');
}

/** The address below fe80::/64 that a link makes for itself from its MAC (RFC 4291, appendix A). */
function linkLocal(mac: string): IpNetwork {
  const octets = mac.split(':').map((octet) => BigInt(`0x${octet}`));
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = octets;
  const interfaceId = [a ^ 2n, b, c, 0xffn, 0xfen, d, e, f].reduce((sum, octet) => (sum << 8n) | octet, 0n);
  return { family: 6, value: (0xfe80n << 112n) | interfaceId, prefix: 128 };
}

/** Sets with intervals refuse overlapping elements: keeps only networks that no other holds. */
function withoutContained(networks: readonly IpNetwork[]): readonly IpNetwork[] {
  const kept: IpNetwork[] = [];
  for (const network of [...networks].sort((a, b) => a.prefix - b.prefix)) {
    const [first] = rangeOf(network);
    const held = kept.some((other) => {
      const [low, high] = rangeOf(other);
      return other.family === network.family && low <= first && first <= high;
    });
    if (!held) kept.push(network);
  }
  return kept;
}

function rawRange(network: IpNetwork): string {
  const [first, last] = rangeOf(network).map((value) => `0x${value.toString(16).padStart(32, '0')}`);
  return first === last ? `${first}` : `${first}-${last}`;
}
