/** The network resources of a zone as vnics. Pure. */
import { hostError } from './errors.js';
import type { VnicSpec } from './links.js';
import type { ZoneConfig, ZoneResource } from './zones.js';

/** A vnic as the configuration has it, and whether the zone's default route goes through it. */
export interface ZoneVnic {
  readonly spec: VnicSpec;
  readonly primary: boolean;
}

/** The vnics in the order of the configuration. Throws `ZoneInvalid` for one without name, tag or MAC. */
export function zoneVnics(config: ZoneConfig): readonly ZoneVnic[] {
  return config.resources.filter((resource) => resource.kind === 'network').map((resource) => toVnic(resource, config));
}

function toVnic(resource: ZoneResource, { attributes: zone }: ZoneConfig): ZoneVnic {
  const property = (name: string) =>
    resource.children.find((child) => child.kind === 'net-attr' && child.attributes['name'] === name)?.attributes[
      'value'
    ];
  const list = (name: string) => (property(name) ?? '').split(',').filter((each) => each !== '');
  const isTrue = (name: string) => property(name) === 'true';
  const physical = resource.attributes['physical'];
  const nicTag = resource.attributes['global-nic'];
  const mac = resource.attributes['mac-addr'];
  if (physical === undefined || nicTag === undefined || mac === undefined) {
    const lacking = physical === undefined ? 'physical' : nicTag === undefined ? 'global-nic' : 'mac-addr';
    throw hostError('ZoneInvalid', `a NIC in the configuration of zone ${zone['name'] ?? ''} has no ${lacking}`);
  }
  const vlan = Number(resource.attributes['vlan-id'] ?? 0);
  const mtu = Number(property('mtu') ?? Number.NaN);
  const ips = list('ips');
  const gateways = list('gateways');
  const vrrp = list('vrrp_primary_ip');
  // A DHCP server answers for addresses that are not its own (`dladm(8)`, protection).
  const serves = isTrue('dhcp_server') || isTrue('allow_dhcp_spoofing');
  return {
    primary: isTrue('primary'),
    spec: {
      physical,
      nicTag,
      mac,
      vlanId: Number.isInteger(vlan) ? vlan : 0,
      addresses: ips.length > 0 ? ips : legacyAddress(property('ip'), property('netmask')),
      gateways: gateways.length > 0 ? gateways : list('gateway'),
      mtu: Number.isInteger(mtu) ? mtu : undefined,
      allowIpSpoofing: isTrue('allow_ip_spoofing') || serves,
      allowMacSpoofing: isTrue('allow_mac_spoofing'),
      allowDhcpSpoofing: serves,
      allowedIps: [...list('allowed_ips'), ...vrrp],
      allowRestrictedTraffic: isTrue('allow_restricted_traffic'),
    },
  };
}

/** `ip` and `netmask`, which old configurations have instead of `ips`. */
function legacyAddress(ip: string | undefined, netmask: string | undefined): readonly string[] {
  if (ip === undefined || ip === '') return [];
  if (ip === 'dhcp' || ip === 'addrconf' || ip.includes('/')) return [ip];
  if (netmask === undefined) return [`${ip}/${ip.includes(':') ? 128 : 32}`];
  const bits = netmask
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
  return [`${ip}/${bits.replace(/0+$/, '').length}`];
}
