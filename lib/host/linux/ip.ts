/** Addresses and networks of IPv4 and IPv6 as numbers: reading, writing, containment. */
import { isIPv4, isIPv6 } from '../../ip-text.js';
import { hostError } from '../errors.js';

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** An address together with a prefix length; `value` keeps its host bits. */
export interface IpNetwork extends IpAddress {
  readonly prefix: number;
}

/** Reads `10.0.0.1` or `fd00::1`. Throws `AddressInvalid`. */
export function parseAddress(text: string): IpAddress {
  if (isIPv4(text)) return { family: 4, value: BigInt(ipv4Number(text)) };
  if (isIPv6(text) && !text.includes('%')) return { family: 6, value: ipv6Number(text) };
  throw hostError('AddressInvalid', `"${text}" is not an IP address`);
}

/** Reads `10.0.0.1/24`; a bare address is a network of one. Throws `AddressInvalid`. */
export function parseNetwork(text: string): IpNetwork {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const bits = addressBits(address.family);
  const length = slash < 0 ? String(bits) : text.slice(slash + 1);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (prefix < 0 || prefix > bits) throw hostError('AddressInvalid', `"${text}" is not a network in CIDR form`);
  return { ...address, prefix };
}

export function addressBits(family: 4 | 6): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** The shortest text of an address, as RFC 5952 has it for IPv6. */
export function formatAddress({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(
    ':',
  );
  // Node knows the rules for the run of zeros.
  return new URL(`http://[${groups}]/`).hostname.slice(1, -1);
}

export function formatNetwork(network: IpNetwork): string {
  return `${formatAddress(network)}/${network.prefix}`;
}

/** The network with its host bits cleared. */
export function baseOf(network: IpNetwork): IpNetwork {
  const host = BigInt(addressBits(network.family) - network.prefix);
  return { ...network, value: (network.value >> host) << host };
}

/** First and last address of a network, as numbers. */
export function rangeOf(network: IpNetwork): readonly [bigint, bigint] {
  const { family, prefix, value } = baseOf(network);
  return [value, value + (1n << BigInt(addressBits(family) - prefix)) - 1n];
}

export function overlaps(a: IpNetwork, b: IpNetwork): boolean {
  if (a.family !== b.family) return false;
  const [aFirst, aLast] = rangeOf(a);
  const [bFirst, bLast] = rangeOf(b);
  return aFirst <= bLast && bFirst <= aLast;
}

function ipv4Number(text: string): number {
  return text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function ipv6Number(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain =
    dotted?.[1] === undefined || dotted[2] === undefined
      ? text
      : `${dotted[1]}${(ipv4Number(dotted[2]) >>> 16).toString(16)}:${(ipv4Number(dotted[2]) & 0xffff).toString(16)}`;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
