/** Gives a running zone one more interface: a veth pair with its addresses and routes. */
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import type { Addressing, VnicSpec } from '../links.js';
import type { NativeNetlink } from '../native-linux.js';
import { canonicalMac } from './guard.js';
import { parseAddress } from './ip.js';

/**
 * Makes the pair `link` (host, on `bridge`) and `spec.physical` (in the network namespace of `pid`) and configures the
 * inner end. Throws `LinkExists` when either name is taken; on any failure the pair is gone again.
 */
export async function plugVnic(
  netlink: NativeNetlink,
  link: string,
  bridge: string,
  spec: VnicSpec,
  addressing: Addressing,
  pid: number,
): Promise<void> {
  const { physical, mtu } = spec;
  try {
    await netlink.createVeth(
      link,
      { name: physical, mac: canonicalMac(spec.mac), namespace: { pid } },
      mtu === undefined ? {} : { mtu },
    );
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause;
    throw hostError('LinkExists', `interface ${physical} or its host end ${link} is there already`, { cause });
  }
  try {
    await netlink.changeLink(link, { master: bridge, up: true });
    await netlink.changeLink(physical, { up: true }, { pid });
    await configure(netlink, physical, addressing, pid);
  } catch (error) {
    // Taking away one end takes away the other.
    await netlink.deleteLink(link).catch(() => undefined);
    throw error;
  }
}

async function configure(netlink: NativeNetlink, physical: string, wanted: Addressing, pid: number): Promise<void> {
  for (const address of wanted.addresses) {
    if (address !== 'dhcp' && address !== 'addrconf') await netlink.addAddress(physical, address, { pid });
  }
  const routes = await netlink.routes({ pid });
  for (const gateway of wanted.gateways) {
    const family = parseAddress(gateway).family === 4 ? 'inet' : 'inet6';
    // Cannot be reached before there is a lease: left to its client.
    if (family === 'inet' && wanted.addresses.includes('dhcp')) continue;
    // The zone's first interface has the default route; a further one does not take it over.
    if (routes.some((route) => route.destination === 'default' && route.family === family)) continue;
    await netlink.addRoute({ destination: 'default', gateway, link: physical }, { pid });
    break;
  }
}
