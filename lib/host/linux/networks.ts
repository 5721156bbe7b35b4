/** The IPv4 networks that this host serves itself: their addresses, chosen once and remembered. Pure but for one file. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from '../../atomic-file.js';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import { baseOf, formatNetwork, overlaps, parseNetwork, rangeOf, type IpAddress, type IpNetwork } from './ip.js';

/** A network with an address of the host on its bridge. */
export interface ServedNetwork {
  readonly subnet: IpNetwork;
  /** The host's address: gateway and name server of the guests. */
  readonly gateway: IpAddress;
  /** First and last address that `dhcp` may give; the upper half, so that the lower one is free for static use. */
  readonly dhcpRange: readonly [bigint, bigint];
}

/** A network from its CIDR form. Throws `ConfigInvalid` where there is no room for guests. */
export function servedNetwork(text: string): ServedNetwork {
  const subnet = baseOf(parseNetwork(text));
  if (subnet.family !== 4 || subnet.prefix < 8 || subnet.prefix > 29) {
    throw hostError('ConfigInvalid', `subnet "${text}" is not an IPv4 network of 8 to 29 bits`);
  }
  const [first, last] = rangeOf(subnet);
  const middle = (first + last + 1n) / 2n;
  return { subnet, gateway: { family: 4, value: first + 1n }, dhcpRange: [middle, last - 1n] };
}

/**
 * The private /20 for a network of the root with identity `id`: the first candidate that overlaps none of `taken`. Roots
 * begin at different candidates, so that two that choose at once seldom meet.
 */
export function chooseSubnet(id: string, taken: readonly IpNetwork[]): string {
  const candidates = 256;
  const start = Number.parseInt(id, 16) % candidates;
  for (let i = 0; i < candidates; i++) {
    const at = (start + i) % candidates;
    const text = `10.${100 + (at >> 4)}.${(at & 15) * 16}.0/20`;
    const subnet = parseNetwork(text);
    if (!taken.some((other) => overlaps(subnet, other))) return text;
  }
  throw hostError('ConfigInvalid', 'no private network is free for guests', {
    hint: 'set "subnet" of the nic tag in /etc/smartadm/config.json',
  });
}

/** Where the subnets that were chosen are kept. */
export function chosenNetworksFile(at: (path: string) => string): string {
  return at('/var/lib/smartadm/networks.json');
}

/** Subnets chosen earlier, by nic tag, as kept in `file`. */
export async function readChosen(file: string): Promise<Readonly<Record<string, string>>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null) throw new TypeError('not an object');
    return Object.fromEntries(
      Object.entries(parsed).map(([tag, subnet]) => [tag, formatNetwork(parseNetwork(String(subnet)))]),
    );
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return {};
    throw hostError('ConfigInvalid', `cannot read ${file}`, { cause, hint: 'remove the file to choose networks anew' });
  }
}

/** Remembers a choice. */
export async function writeChosen(file: string, chosen: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeAtomically(file, `${JSON.stringify(chosen, null, 2)}\n`);
}
