/** The bridges that carry vnics: one for each nic tag and VLAN, made when first needed, with uplink, address, NAT and DHCP. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import { withLock } from '../../lock.js';
import { sha256Hex } from '../../sha256.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import type { NativeLink } from '../native-linux.js';
import type { NicTagConfig } from './config.js';
import { dhcpServer, type DhcpServer } from './dhcp-server.js';
import { formatAddress, formatNetwork, overlaps, parseNetwork } from './ip.js';
import type { LinkNames } from './link-names.js';
import {
  chooseSubnet,
  chosenNetworksFile,
  readChosen,
  servedNetwork,
  writeChosen,
  type ServedNetwork,
} from './networks.js';
import { applyNft } from './nft.js';

/** A network served by this host together with its server. */
export interface Service {
  readonly network: ServedNetwork;
  /** The host's address, as text. */
  readonly gateway: string;
  /** Undefined where the tag has `dhcp: false`. */
  readonly server: DhcpServer | undefined;
}

export interface Carriers {
  readonly tags: Readonly<Record<string, NicTagConfig>>;
  /** The bridge's name, made or not. Throws `NicTagNotFound`. */
  nameOf(nicTag: string, vlanId: number): string;
  /** Makes sure that the bridge exists and all that belongs to it runs. Throws `NicTagNotFound`, `LinkExists`, `Unsupported`. */
  ensure(nicTag: string, vlanId: number): Promise<string>;
  /** What this host serves on that carrier, if anything; in being, the carrier made if need be. */
  service(nicTag: string, vlanId: number): Promise<Service | undefined>;
  /** The same, but nothing is made or started. Undefined for a tag that is gone, too. */
  knownService(nicTag: string, vlanId: number): Promise<Service | undefined>;
  /** Takes away every bridge, table and server of this root. */
  removeAll(): Promise<void>;
}

export interface CarriersOptions {
  /** Identity of the root (`root-id.ts`). */
  readonly id: string;
  readonly names: LinkNames;
  readonly tags: Readonly<Record<string, NicTagConfig>>;
  /** Path of the state below the root. */
  readonly at: (path: string) => string;
}

export function createCarriers({ id, names, tags, at }: CarriersOptions): Carriers {
  const chosenFile = chosenNetworksFile(at);
  const dhcpFolder = (bridge: string) => join(at('/var/run/smartadm/dhcp'), bridge);
  const netlink = () => loadNative('netlink');
  const services = new Map<string, Service>();

  function tagOf(nicTag: string): NicTagConfig {
    const tag = Object.hasOwn(tags, nicTag) ? tags[nicTag] : undefined;
    if (tag === undefined) throw hostError('NicTagNotFound', `there is no nic tag "${nicTag}" on this host`);
    return tag;
  }

  /** Whether this host has an address on the carrier: only on untagged internal bridges. */
  function isServed(tag: NicTagConfig, vlanId: number): boolean {
    return vlanId === 0 && tag.bridge === undefined && tag.uplink === undefined && tag.etherstub !== true;
  }

  function nameOf(nicTag: string, vlanId: number): string {
    const { bridge } = tagOf(nicTag);
    return bridge !== undefined && vlanId === 0 ? bridge : names.bridge(nicTag, vlanId);
  }

  function serviceOf(nicTag: string, subnet: string): Service {
    const known = services.get(nicTag);
    if (known !== undefined) return known;
    const network = servedNetwork(subnet);
    const bridge = nameOf(nicTag, 0);
    const server = tagOf(nicTag).dhcp === false ? undefined : dhcpServer(bridge, network, dhcpFolder(bridge));
    const service = { network, gateway: formatAddress(network.gateway), server };
    services.set(nicTag, service);
    return service;
  }

  /** The service of a tag whose network is configured or was chosen before. */
  async function knownService(nicTag: string, vlanId: number): Promise<Service | undefined> {
    const tag = tagOf(nicTag);
    if (!isServed(tag, vlanId)) return undefined;
    const known = services.get(nicTag);
    if (known !== undefined) return known;
    const subnet = tag.subnet ?? (await readChosen(chosenFile))[nicTag];
    return subnet === undefined ? undefined : serviceOf(nicTag, subnet);
  }

  async function isReady(nicTag: string, vlanId: number): Promise<boolean> {
    const link = await netlink().findLink(names.bridge(nicTag, vlanId));
    // It is set up last of all.
    if (link === undefined || !link.up || link.alias !== names.bridgeAlias(nicTag, vlanId)) return false;
    const service = await knownService(nicTag, vlanId);
    if (service === undefined) return !isServed(tagOf(nicTag), vlanId);
    return service.server === undefined || (await service.server.running());
  }

  async function ensure(nicTag: string, vlanId: number): Promise<string> {
    const tag = tagOf(nicTag);
    const name = nameOf(nicTag, vlanId);
    if (tag.bridge !== undefined && vlanId === 0) {
      const link = await netlink().findLink(name);
      if (link?.kind === 'bridge') return name;
      const what = link === undefined ? 'does not exist' : 'is no bridge';
      throw hostError('LinkNotFound', `link ${name} of nic tag "${nicTag}" ${what}`);
    }
    if (await isReady(nicTag, vlanId)) return name;
    return withLock(at('/var/run/smartadm/links.lock'), async () => {
      if (!(await isReady(nicTag, vlanId))) await build(nicTag, vlanId, tag, name);
      return name;
    });
  }

  async function build(nicTag: string, vlanId: number, tag: NicTagConfig, name: string): Promise<void> {
    const link = netlink();
    await makeBridge(name, names.bridgeAlias(nicTag, vlanId), tag.mtu);
    const below = tag.uplink ?? tag.bridge;
    if (below !== undefined) await joinUplink(nicTag, vlanId, below, name);
    if (isServed(tag, vlanId)) {
      const service = serviceOf(nicTag, tag.subnet ?? (await subnetFor(nicTag, name)));
      const { gateway, subnet } = service.network;
      await refuseOverlap(nicTag, name, service.network);
      const address = `${formatAddress(gateway)}/${subnet.prefix}`;
      if (!(await link.addresses(name)).some((one) => one.cidr === address)) await link.addAddress(name, address);
      await applyNat();
      // The server goes by the address of the link, which it can have while down.
      await service.server?.start();
    } else {
      // The host takes no part in it, not even by a link-local address.
      await writeFile(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, '1').catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    }
    await link.changeLink(name, { up: true });
  }

  /** A bridge of ours: new, or left half made by somebody who was killed. */
  async function makeBridge(name: string, alias: string, mtu: number | undefined): Promise<void> {
    const link = netlink();
    const there = await link.findLink(name);
    if (there === undefined) {
      // A MAC of its own: otherwise the bridge takes over the lowest of its ports', and changes it with them.
      await link.createBridge(name, { mac: bridgeMac(id, name), ...(mtu === undefined ? {} : { mtu }) });
    } else if (!(there.kind === 'bridge' && (there.alias === alias || isUntouched(there, bridgeMac(id, name))))) {
      throw hostError('LinkExists', `there is a link ${name} already, and it is not a bridge made for this nic tag`, {
        hint: 'name it as "bridge" of the nic tag in /etc/smartadm/config.json, or rename it',
      });
    }
    await link.changeLink(name, { alias });
  }

  async function joinUplink(nicTag: string, vlanId: number, below: string, bridge: string): Promise<void> {
    const link = netlink();
    const uplink = await link.findLink(below);
    if (uplink === undefined) throw hostError('LinkNotFound', `link ${below} of nic tag "${nicTag}" does not exist`);
    if (vlanId === 0) {
      const addresses = (await link.addresses(below)).filter((address) => !address.linkLocal);
      if (uplink.master !== bridge && addresses.length > 0) {
        throw hostError('ConfigInvalid', `link ${below} of nic tag "${nicTag}" has addresses of the host`, {
          hint: `make a bridge that holds ${below} and its addresses, and name that as "bridge" of the nic tag`,
        });
      }
      await link.changeLink(below, { master: bridge, up: true });
      return;
    }
    const tagged = names.vlan(nicTag, vlanId);
    if ((await link.findLink(tagged)) === undefined) {
      try {
        await link.createVlan(tagged, below, vlanId);
      } catch (cause) {
        if (codeOf(cause) !== 'EOPNOTSUPP') throw cause;
        throw hostError('Unsupported', `this kernel has no 802.1Q links, so nic tag "${nicTag}" cannot have VLANs`, {
          cause,
          quietCause: true,
          hint: 'load or enable the kernel module 8021q',
        });
      }
    }
    await link.changeLink(tagged, { master: bridge, up: true });
    await link.changeLink(below, { up: true });
  }

  async function subnetFor(nicTag: string, bridge: string): Promise<string> {
    const chosen = await readChosen(chosenFile);
    const before = chosen[nicTag];
    if (before !== undefined) return before;
    const taken = [...(await takenNetworks(bridge)), ...Object.values(chosen).map(parseNetwork)];
    const subnet = chooseSubnet(id, taken);
    await writeChosen(chosenFile, { ...chosen, [nicTag]: subnet });
    return subnet;
  }

  /** Networks that the host reaches by other links than `bridge`. */
  async function takenNetworks(bridge: string) {
    const routes = await netlink().routes();
    return routes
      .filter((route) => route.family === 'inet' && route.destination !== 'default' && route.link !== bridge)
      .map((route) => parseNetwork(route.destination));
  }

  async function refuseOverlap(nicTag: string, bridge: string, network: ServedNetwork): Promise<void> {
    const clash = (await takenNetworks(bridge)).find((other) => overlaps(other, network.subnet));
    if (clash === undefined) return;
    const [ours, theirs] = [network.subnet, clash].map(formatNetwork);
    throw hostError(
      'AddressInvalid',
      `network ${ours} of nic tag "${nicTag}" overlaps ${theirs}, a route of this host`,
      {
        hint: 'set another "subnet" for the nic tag in /etc/smartadm/config.json',
      },
    );
  }

  /** Address translation for all networks of this root: guests leave the host under its own address. */
  async function applyNat(): Promise<void> {
    const rules: string[] = [];
    for (const [nicTag, tag] of Object.entries(tags)) {
      if (tag.nat === false) continue;
      const subnet = (await knownService(nicTag, 0))?.network.subnet;
      if (subnet !== undefined) {
        const text = formatNetwork(subnet);
        rules.push(`ip saddr ${text} ip daddr != { ${text}, 224.0.0.0/4 } masquerade`);
      }
    }
    const hook = 'type nat hook postrouting priority srcnat; policy accept;';
    const table = `table ip ${names.table}`;
    await applyNft(`add ${table}\ndelete ${table}\n${table} {\nchain leave { ${hook}\n${rules.join('\n')}\n}\n}\n`);
    const switchFile = '/proc/sys/net/ipv4/ip_forward';
    if (rules.length > 0 && (await readFile(switchFile, 'utf8')).trim() !== '1') await writeFile(switchFile, '1');
  }

  return {
    tags,
    nameOf,
    ensure,
    async service(nicTag, vlanId) {
      if (isServed(tagOf(nicTag), vlanId)) await ensure(nicTag, vlanId);
      return knownService(nicTag, vlanId);
    },
    knownService: async (nicTag, vlanId) =>
      Object.hasOwn(tags, nicTag) ? knownService(nicTag, vlanId) : Promise.resolve(undefined),
    removeAll: () =>
      withLock(at('/var/run/smartadm/links.lock'), async () => {
        const links = await netlink().links();
        for (const nicTag of Object.keys(tags)) await (await knownService(nicTag, 0))?.server?.stop();
        for (const link of links) {
          const ours = link.alias.startsWith(names.aliasPrefix) || names.isVlan(link.name);
          if (ours) await netlink().deleteLink(link.name).catch(ignoreMissingLink);
        }
        for (const table of [`bridge ${names.table}`, `ip ${names.table}`]) {
          await applyNft(`add table ${table}\ndelete table ${table}\n`);
        }
        services.clear();
      }),
  };
}

/** Made by us and not yet marked, or not ours: told by the MAC that only we give. */
function isUntouched(link: NativeLink, mac: string): boolean {
  return link.alias === '' && !link.up && link.mac === mac;
}

function bridgeMac(id: string, name: string): string {
  const octets = sha256Hex(`${id}/${name}`).slice(0, 10);
  return `02:${octets.match(/../g)?.join(':') ?? ''}`;
}

function ignoreMissingLink(error: unknown): void {
  if (codeOf(error) !== 'ENODEV') throw error;
}
