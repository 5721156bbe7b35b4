/** The members of a NIC, in the order in which they are written. */
import { any, hvm, notBhyve, type PropertyRow } from './property.js';

// prettier-ignore
export const nicRows: readonly PropertyRow[] = [
  { name: 'interface', type: 'string', allowed: [['au', any]], store: { in: 'element', name: 'physical' }, filter: true, doc: 'Name in the zone, which is chosen when the NIC is added. An update may change it.' },
  { name: 'mac', type: 'string', allowed: [['au', any]], format: 'mac-address', store: { in: 'element', name: 'mac-addr' }, filter: true, doc: 'Hardware address: six pairs of hexadecimal digits with colons, in which zeros may be left out, or twelve digits. No other NIC of the host may have it. By its text, update_nics and remove_nics find the NIC.' },
  { name: 'vlan_id', type: 'integer', allowed: [['au', any]], min: 0, max: 4095, store: { in: 'element', name: 'vlan-id', as: 'number' }, filter: true, doc: 'VLAN that the NIC is in; 0 is none.' },
  { name: 'nic_tag', type: 'string', allowed: [['au', any]], store: { in: 'element', name: 'global-nic' }, filter: true, doc: 'Network of the host that the NIC is on. Required when adding.' },
  { name: 'gateway', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'gateway' }, filter: true, deprecated: true, doc: 'Use gateways.' },
  { name: 'gateways', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'gateways', as: 'list' }, doc: 'IPv4 addresses of gateways. An empty array takes gateway away as well.' },
  { name: 'netmask', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'netmask' }, filter: true, deprecated: true, doc: 'Netmask of ip; use ips.' },
  { name: 'ip', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'ip' }, filter: true, deprecated: true, doc: 'Use ips.' },
  { name: 'ips', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'ips', as: 'list' }, live: any, doc: 'Addresses with the lengths of their prefixes, dhcp and addrconf: at most 20. No other NIC with the same nic_tag and vlan_id may have one of the addresses.' },
  { name: 'allowed_ips', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'allowed_ips', as: 'list' }, live: any, doc: 'Further addresses and networks that the guest may send from: at most 13, and 32 together with ips and vrrp_primary_ip.' },
  { name: 'allowed_dhcp_cids', type: 'list', allowed: [['au', notBhyve]], format: 'dhcp-cid', store: { in: 'child', name: 'allowed_dhcp_cids', as: 'list' }, live: notBhyve, doc: 'Client identifiers that the guest may send to DHCP servers, as 0x and hexadecimal digits in pairs: at most 20, of less than 1024 characters together.' },
  { name: 'network_uuid', type: 'uuid', allowed: [['au', any]], store: { in: 'child', name: 'network_uuid' }, doc: 'Label: the network it is on.' },
  { name: 'model', type: 'string', allowed: [['au', hvm]], store: { in: 'child', name: 'model' }, filter: true, doc: 'Model of the adapter. Required when adding to a hardware virtual machine without nic_driver.' },
  { name: 'dhcp_server', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'dhcp_server', as: 'boolean' }, live: any, filter: true, deprecated: true, doc: 'The same as allow_dhcp_spoofing.' },
  { name: 'allow_dhcp_spoofing', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_dhcp_spoofing', as: 'boolean' }, live: any, doc: 'Lets the guest serve DHCP.' },
  { name: 'blocked_outgoing_ports', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'blocked_outgoing_ports', as: 'numbers' }, doc: 'Ports; their range is not checked.' },
  { name: 'allow_ip_spoofing', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_ip_spoofing', as: 'boolean' }, live: any, doc: 'Lets the guest send from any IP address.' },
  { name: 'allow_mac_spoofing', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_mac_spoofing', as: 'boolean' }, live: any, doc: 'Lets the guest send from any hardware address.' },
  { name: 'allow_restricted_traffic', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_restricted_traffic', as: 'boolean' }, live: any, doc: 'Lets the guest send other protocols than IP and ARP.' },
  { name: 'allow_unfiltered_promisc', type: 'boolean', allowed: [['au', hvm]], default: false, store: { in: 'child', name: 'allow_unfiltered_promisc', as: 'boolean' }, doc: 'Lets the guest see all traffic of the network.' },
  { name: 'vrrp_vrid', type: 'integer', allowed: [['au', any]], min: 0, max: 255, store: { in: 'child', name: 'vrrp_vrid', as: 'number' }, doc: 'Virtual router that the NIC belongs to, which decides its mac. Unique on the host. Needs vrrp_primary_ip, and another NIC in the VM that has none.' },
  { name: 'vrrp_primary_ip', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'vrrp_primary_ip' }, live: any, doc: 'Static address of another NIC of the VM, which has no vrrp_vrid.' },
  { name: 'mtu', type: 'integer', allowed: [['au', any]], min: 576, max: 9000, store: { in: 'child', name: 'mtu', as: 'number' }, doc: 'Largest packet, in bytes; at least 1500 where nic_tag is a physical network.' },
  { name: 'primary', type: 'boolean', allowed: [['au', any]], store: { in: 'child', name: 'primary', as: 'boolean' }, doc: 'Gives the guest its default route by this NIC. Only true is taken in an update, and only of one NIC in a payload.' },
];
