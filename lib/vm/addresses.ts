/** Addresses as payloads write them: IPv4 and IPv6 with prefixes, netmasks, MACs. Pure. */
import { isIPv4, isIPv6 } from '../ip-text.js';
import { padMac } from './zone-values.js';

export interface Cidr {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
}

/** Reads `ADDRESS/PREFIX` with a prefix between `least` and the family's length; undefined for anything else. */
export function parseCidr(text: unknown, least: { readonly v4: number; readonly v6: number }): Cidr | undefined {
  const parts = typeof text === 'string' ? /^([^/%]+)\/(\d{1,3})$/.exec(text) : null;
  const [, address = '', digits = ''] = parts ?? [];
  const prefix = Number(digits);
  if (isIPv4(address)) return prefix >= least.v4 && prefix <= 32 ? { address, prefix, family: 4 } : undefined;
  return isIPv6(address) && prefix >= least.v6 && prefix <= 128 ? { address, prefix, family: 6 } : undefined;
}

/** An address of a NIC in CIDR form; undefined for `dhcp`, `addrconf` and what is none. */
export function parseNicAddress(text: unknown): Cidr | undefined {
  return parseCidr(text, { v4: 8, v6: 0 });
}

/** An address without prefix. */
export function isAddress(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('%') && (isIPv4(text) || isIPv6(text));
}

function bitsOf(ipv4: string): number {
  return ipv4.split('.').reduce((bits, octet) => bits * 256 + Number(octet), 0);
}

/** The number of leading ones of a netmask; undefined when it is no netmask. */
export function prefixOf(netmask: unknown): number | undefined {
  if (typeof netmask !== 'string' || !isIPv4(netmask)) return undefined;
  const zeros = 2 ** 32 - bitsOf(netmask);
  const prefix = 32 - Math.log2(zeros);
  return Number.isInteger(prefix) && prefix >= 0 ? prefix : undefined;
}

export function netmaskOf(prefix: number): string {
  const bits = 2 ** 32 - 2 ** (32 - prefix);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
}

/** 10/8, 172.16/12 and 192.168/16. */
export function isPrivate({ address, family }: Cidr): boolean {
  return family === 4 && /^(?:10|172\.(?:1[6-9]|2\d|3[01])|192\.168)\./.test(address);
}

/** For comparing MACs. */
export function macKey(mac: unknown): string {
  return padMac(String(mac));
}

/** The MAC of a virtual router (RFC 5798). */
export function vrrpMac(vrid: unknown): string {
  return `00:00:5e:00:01:${Number(vrid).toString(16).padStart(2, '0')}`;
}

/** A locally administered MAC: `?2`, then five octets that are not 0. */
export function randomMac(random: (limit: number) => number): string {
  const octet = (): string => (random(255) + 1).toString(16).padStart(2, '0');
  return [`${(random(15) + 1).toString(16)}2`, octet(), octet(), octet(), octet(), octet()].join(':');
}
