/** The members of a NIC, in the order in which they are written. */
import { any, hvm, notBhyve, type PropertyRow } from './property.js';

// prettier-ignore
export const nicRows: readonly PropertyRow[] = [
  { name: 'interface', type: 'string', allowed: [['au', any]], store: { in: 'element', name: 'physical' }, filter: true, doc: 'a value given in nics/add_nics is ignored; a value given in update_nics renames the interface' },
  { name: 'mac', type: 'string', allowed: [['au', any]], format: 'mac-address', store: { in: 'element', name: 'mac-addr' }, filter: true, doc: 'xx:xx:xx:xx:xx:xx, one or two hex digits per octet, or 12 hex digits without separator; dashes rejected; unique in the payload, in the VM and on the host; key for update_nics and remove_nics (exact text comparison); passed to zonecfg with leading zeros of each octet removed' },
  { name: 'vlan_id', type: 'integer', allowed: [['au', any]], min: 0, max: 4095, store: { in: 'element', name: 'vlan-id', as: 'number' }, filter: true, doc: 'integer 0-4095' },
  { name: 'nic_tag', type: 'string', allowed: [['au', any]], store: { in: 'element', name: 'global-nic' }, filter: true, doc: 'required when adding, /^[a-zA-Z0-9_\\/]+$/ (add) or /^[a-zA-Z0-9_]+$/ (update); must exist (nictagadm exists -l): error "Invalid nic tag \\"<tag>\\""' },
  { name: 'gateway', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'gateway' }, filter: true, deprecated: true, doc: 'Use gateways.' },
  { name: 'gateways', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'gateways', as: 'list' }, doc: 'array of IPv4 addresses: error "Static gateways must be IPv4 addresses: <value>"; an empty array removes both properties' },
  { name: 'netmask', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'netmask' }, filter: true, deprecated: true, doc: 'Netmask of ip; use ips.' },
  { name: 'ip', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'ip' }, filter: true, deprecated: true, doc: 'Use ips.' },
  { name: 'ips', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'ips', as: 'list' }, live: any, doc: 'array of CIDR strings, dhcp or addrconf; IPv4 prefix 8-32, IPv6 prefix 0-128: error "Invalid IP for NIC: <json>"; at most 20 entries; each address unique in payload and VM, and on the host for the same nic_tag and vlan_id' },
  { name: 'allowed_ips', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'allowed_ips', as: 'list' }, live: any, doc: 'array of IPs or CIDRs, IPv4 mask 1-32, IPv6 mask 1-128: error "invalid allowed_ips: <list>"; at most 13: error "Maximum of 13 allowed_ips per nic"; allowed_ips + vrrp_primary_ip + ips together at most 32' },
  { name: 'allowed_dhcp_cids', type: 'list', allowed: [['au', notBhyve]], format: 'dhcp-cid', store: { in: 'child', name: 'allowed_dhcp_cids', as: 'list' }, live: notBhyve, doc: 'each /^0x[0-9a-fA-F]+$/, even length, at most 512 characters; at most 20 entries; joined length below 1024; not allowed for bhyve' },
  { name: 'network_uuid', type: 'uuid', allowed: [['au', any]], store: { in: 'child', name: 'network_uuid' }, doc: 'Label: the network it is on.' },
  { name: 'model', type: 'string', allowed: [['au', hvm]], store: { in: 'child', name: 'model' }, filter: true, doc: 'Model of the adapter. Required when adding to a hardware virtual machine without nic_driver.' },
  { name: 'dhcp_server', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'dhcp_server', as: 'boolean' }, live: any, filter: true, deprecated: true, doc: 'boolean; same effect as allow_dhcp_spoofing' },
  { name: 'allow_dhcp_spoofing', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_dhcp_spoofing', as: 'boolean' }, live: any, doc: 'boolean' },
  { name: 'blocked_outgoing_ports', type: 'list', allowed: [['au', any]], store: { in: 'child', name: 'blocked_outgoing_ports', as: 'numbers' }, doc: 'Ports; their range is not checked.' },
  { name: 'allow_ip_spoofing', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_ip_spoofing', as: 'boolean' }, live: any, doc: 'boolean' },
  { name: 'allow_mac_spoofing', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_mac_spoofing', as: 'boolean' }, live: any, doc: 'boolean' },
  { name: 'allow_restricted_traffic', type: 'boolean', allowed: [['au', any]], default: false, store: { in: 'child', name: 'allow_restricted_traffic', as: 'boolean' }, live: any, doc: 'boolean' },
  { name: 'allow_unfiltered_promisc', type: 'boolean', allowed: [['au', hvm]], default: false, store: { in: 'child', name: 'allow_unfiltered_promisc', as: 'boolean' }, doc: 'boolean; HVM only' },
  { name: 'vrrp_vrid', type: 'integer', allowed: [['au', any]], min: 0, max: 255, store: { in: 'child', name: 'vrrp_vrid', as: 'number' }, doc: 'integer 0-255; unique per host; needs vrrp_primary_ip; cannot be combined with another mac; a VM cannot have only VRRP NICs' },
  { name: 'vrrp_primary_ip', type: 'string', allowed: [['au', any]], store: { in: 'child', name: 'vrrp_primary_ip' }, live: any, doc: 'must equal a static IP of another, non-VRRP NIC of the VM' },
  { name: 'mtu', type: 'integer', allowed: [['au', any]], min: 576, max: 9000, store: { in: 'child', name: 'mtu', as: 'number' }, doc: 'integer 576-9000; >= 1500 on a nic tag of type normal: error "nic <index> (<mac>): MTU is below the supported MTU (1500) of nic tag \\"<tag>\\""' },
  { name: 'primary', type: 'boolean', allowed: [['au', any]], store: { in: 'child', name: 'primary', as: 'boolean' }, doc: 'add: any truthy value (even the string "false") means true, falsy is dropped; update: must be JSON true: error "invalid value for NIC\'s primary flag: <value> (must be true)"; at most one in a payload: error "payload specifies more than 1 primary NIC"' },
];
