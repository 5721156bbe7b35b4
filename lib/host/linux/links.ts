/** Links of a Linux host: vnics are veth pairs on a bridge for each nic tag and VLAN, guarded by nftables. */
import { codeOf } from '../../errors.js';
import { withLock } from '../../lock.js';
import type { Addressing, Link, Links, VnicSpec } from '../links.js';
import { loadNative } from '../native.js';
import type { NativeLink } from '../native-linux.js';
import { createCarriers } from './carriers.js';
import type { NicTagConfig } from './config.js';
import { canonicalMac, guardElements, guardRules, leasedElement, type GuardElement } from './guard.js';
import { overlaps, parseAddress } from './ip.js';
import { leaseClients, type LeaseRoute } from './lease-clients.js';
import { checkVnicName, linkNames } from './link-names.js';
import { applyNft } from './nft.js';
import { plugVnic } from './plug.js';
import { rootId } from './root-id.js';
import { vnicRecords, type VnicRecord } from './vnic-records.js';

export interface LinuxLinksOptions {
  /** The root prefix of the state. */
  readonly root: string;
  readonly at: (path: string) => string;
  readonly tags: Readonly<Record<string, NicTagConfig>>;
}

/** Links, what a zone's monitor needs of them, and how to take all of a root's away again. */
export interface LinuxLinks extends Links {
  /**
   * As for every host. With `offer`, a configured address is also what this host's server gives a guest that asks it: the
   * platform cannot set addresses inside a machine.
   */
  guard(zone: string, spec: VnicSpec, options?: { readonly offer: boolean }): Promise<void>;
  /**
   * Arguments of `zone-lease` but the first, for a vnic whose `addressing` left the word `dhcp` standing. The zone's default
   * route may be another vnic's alone, or its guest has a client of its own.
   */
  leaseArguments(zone: string, spec: VnicSpec, route: 'any' | 'none' | 'watch'): readonly string[];
  /** Where administrators reach this host: its address on `admin`, or on itself alone where that is for guests only. */
  adminAddress(): Promise<string>;
  /** Removes every bridge, vnic, table and server of this root; its zones must not run. */
  removeAll(): Promise<void>;
}

export function createLinuxLinks({ root, at, tags }: LinuxLinksOptions): LinuxLinks {
  const id = rootId(root);
  const names = linkNames(id);
  const carriers = createCarriers({ id, names, tags, at });
  const folder = at('/var/run/smartadm/vnics');
  const lock = at('/var/run/smartadm/links.lock');
  const records = vnicRecords(folder);
  const clients = leaseClients({
    folder, table: names.table, lock, routes: (zone) => at(`/var/run/smartadm/zones/${zone}/routes`),
  }); // prettier-ignore
  const locked = <T>(work: () => Promise<T>) => withLock(lock, work);
  const netlink = () => loadNative('netlink');

  /** The address this host's server keeps for the vnic, in CIDR form; undefined where it has no server. */
  async function keptAddress(zone: string, spec: VnicSpec): Promise<string | undefined> {
    const service = await carriers.service(spec.nicTag, spec.vlanId);
    if (service?.server === undefined) return undefined;
    const before = await records.find(zone, spec.physical);
    const address = await service.server.reserve(canonicalMac(spec.mac), before?.reserved);
    return `${address}/${service.network.subnet.prefix}`;
  }

  /** Has the server of this host keep an address that the vnic is configured with; undefined where it cannot. */
  async function keepOwnAddress(spec: VnicSpec): Promise<string | undefined> {
    const service = await carriers.service(spec.nicTag, spec.vlanId);
    if (service?.server === undefined) return undefined;
    const plain = spec.addresses.filter((each) => each.includes('.')).map((each) => each.split('/')[0] ?? '');
    const address = plain.find((each) => overlaps({ ...parseAddress(each), prefix: 32 }, service.network.subnet));
    if (address === undefined) return undefined;
    const mac = canonicalMac(spec.mac);
    const kept = await service.server.reserve(mac, address);
    if (kept === address) return `${address}/${service.network.subnet.prefix}`;
    // Somebody else has it, and this one has no use for another.
    await service.server.release(kept, mac);
    return undefined;
  }

  async function addressing(zone: string, spec: VnicSpec): Promise<Addressing> {
    checkVnicName(zone, spec.physical);
    const service = await carriers.service(spec.nicTag, spec.vlanId);
    const resolvers = service?.server === undefined ? [] : [service.gateway];
    if (!spec.addresses.includes('dhcp')) return { addresses: spec.addresses, gateways: spec.gateways, resolvers };
    const kept = await keptAddress(zone, spec);
    if (kept === undefined || service === undefined) {
      const leases = await clients.leases(zone, spec.physical);
      const offered = leases.flatMap((lease) => lease.resolvers);
      return { addresses: spec.addresses, gateways: spec.gateways, resolvers: [...resolvers, ...offered] };
    }
    return {
      addresses: spec.addresses.map((address) => (address === 'dhcp' ? kept : address)),
      gateways: spec.gateways.length > 0 ? spec.gateways : [service.gateway],
      resolvers,
    };
  }

  async function guard(zone: string, spec: VnicSpec, { offer } = { offer: false }): Promise<void> {
    checkVnicName(zone, spec.physical);
    const link = names.vnic(zone, spec.physical);
    const before = await records.find(zone, spec.physical);
    // Without an address of its own a guest may still ask for one, so the one it would get is let through.
    const isConfigured = spec.addresses.some((address) => address.includes('.'));
    const kept = !isConfigured ? await keptAddress(zone, spec) : offer ? await keepOwnAddress(spec) : undefined;
    const addresses = [...spec.addresses, ...(kept === undefined ? [] : [kept])];
    const elements = guardElements(link, spec, addresses);
    const { physical, nicTag, vlanId } = spec;
    const record: VnicRecord = {
      zone, physical, link, nicTag, vlanId, mac: canonicalMac(spec.mac), elements,
      ...(kept === undefined ? {} : { reserved: kept.split('/')[0] ?? '' }),
    }; // prettier-ignore
    await locked(async () => {
      await records.put(record);
      await replaceElements(before?.elements ?? [], [...elements, ...(await leasedElements(record))]);
    });
    if (before?.reserved !== undefined && before.reserved !== record.reserved) await release(before);
  }

  /** What a lease lets through, which its client adds and takes away by itself. */
  async function leasedElements({ zone, physical, link }: VnicRecord): Promise<readonly GuardElement[]> {
    const leases = await clients.leases(zone, physical);
    return leases.map(({ address }) => leasedElement(link, address));
  }

  /** Exchanges elements in one transaction; where that fails (table gone, or out of step), loads everything anew. */
  async function replaceElements(old: readonly GuardElement[], fresh: readonly GuardElement[]): Promise<void> {
    // Adding first makes the removal of what is not there succeed.
    const script = [...change('add', old), ...change('delete', old), ...change('add', fresh)];
    try {
      await applyNft(script.join('\n'));
    } catch (error) {
      if (codeOf(error) !== 'HostFailed') throw error;
      const others = await records.all();
      const leased = await Promise.all(others.map(leasedElements));
      const all = [...others.flatMap((record) => record.elements), ...leased.flat()];
      await applyNft([guardRules(names.table, names.vnicPrefix), ...change('add', all)].join('\n'));
    }
  }

  /** One command per set. */
  function change(verb: 'add' | 'delete', elements: readonly GuardElement[]): readonly string[] {
    const sets = new Map<string, string[]>();
    for (const { set, element } of elements) sets.set(set, [...(sets.get(set) ?? []), element]);
    return [...sets].map(([set, list]) => `${verb} element bridge ${names.table} ${set} { ${list.join(', ')} }\n`);
  }

  async function release(record: VnicRecord): Promise<void> {
    if (record.reserved === undefined) return;
    const service = await carriers.knownService(record.nicTag, record.vlanId);
    await service?.server?.release(record.reserved, record.mac);
  }

  /** Takes back all that was set up for a vnic, the record last: as long as there is a link, its guard is there. */
  async function drop(record: VnicRecord): Promise<void> {
    await clients.stop(record.zone, record.physical);
    await removeLink(record.link);
    await release(record);
    await locked(async () => {
      await replaceElements([...record.elements, ...(await leasedElements(record))], []);
      await records.remove(record.zone, record.physical);
    });
  }

  async function removeLink(name: string): Promise<void> {
    await netlink()
      .deleteLink(name)
      .catch((error: unknown) => {
        if (codeOf(error) !== 'ENODEV') throw error;
      });
  }

  /** How a client knows the vnic, also where nothing has been set up for it yet. */
  function leasing(zone: string, spec: VnicSpec) {
    checkVnicName(zone, spec.physical);
    const { physical } = spec;
    return { zone, physical, link: names.vnic(zone, physical), mac: canonicalMac(spec.mac) };
  }

  async function acquire(zone: string, spec: VnicSpec, pid: number): Promise<void> {
    const wanted = await addressing(zone, spec);
    if (wanted.addresses.includes('dhcp')) await clients.acquire(leasing(zone, spec), leaseRoute(spec), pid);
  }

  function describe(link: NativeLink, zones: ReadonlyMap<string, string>): Link {
    const base = { name: link.name, up: link.up, mac: link.mac === '' ? undefined : link.mac, mtu: link.mtu };
    if (link.name.startsWith(names.vnicPrefix)) return { ...base, kind: 'vnic', zone: zones.get(link.name) };
    const tag = link.alias.startsWith(names.aliasPrefix) ? link.alias.split(' ')[2] : undefined;
    const stub = tag !== undefined && tags[tag]?.etherstub === true;
    return { ...base, kind: stub ? 'etherstub' : link.kind === 'bridge' ? 'bridge' : 'physical', zone: undefined };
  }

  return {
    async nicTags() {
      const links = new Map((await netlink().links()).map((link) => [link.name, link]));
      return Object.entries(tags).map(([name, tag]) => {
        const link = carriers.nameOf(name, 0);
        const kind = tag.etherstub === true ? 'etherstub' : 'normal';
        return { name, kind, link, mtu: tag.mtu ?? links.get(link)?.mtu ?? 1500 };
      });
    },
    async list() {
      const zones = new Map((await records.all()).map((record) => [record.link, record.zone]));
      const links = (await netlink().links()).filter((link) => !link.loopback);
      return links.map((link) => describe(link, zones));
    },
    ensureCarrier: (nicTag, vlanId) => carriers.ensure(nicTag, vlanId),
    hostName(zone, physical) {
      checkVnicName(zone, physical);
      return names.vnic(zone, physical);
    },
    addressing,
    guard,
    acquire,
    leaseArguments: (zone, spec, route) =>
      clients.arguments(leasing(zone, spec), route === 'any' ? leaseRoute(spec) : route),
    async plug(zone, spec, pid) {
      const bridge = await carriers.ensure(spec.nicTag, spec.vlanId);
      await guard(zone, spec);
      try {
        await plugVnic(netlink(), names.vnic(zone, spec.physical), bridge, spec, await addressing(zone, spec), pid);
        await acquire(zone, spec, pid);
      } catch (error) {
        const record = await records.find(zone, spec.physical);
        // A link that was there before is not ours to take away.
        if (record !== undefined && codeOf(error) !== 'LinkExists') await drop(record);
        throw error;
      }
    },
    async unplug(zone, physical) {
      checkVnicName(zone, physical);
      const record = await records.find(zone, physical);
      if (record === undefined) await removeLink(names.vnic(zone, physical));
      else await drop(record);
    },
    async forget(zone) {
      checkVnicName(zone, 'net0');
      for (const record of await records.ofZone(zone)) await drop(record);
      await records.tidy(zone);
    },
    async adminAddress() {
      const { bridge, uplink } = tags['admin'] ?? {};
      const own = '127.0.0.1';
      if (bridge === undefined && uplink === undefined) return own;
      const all = await netlink().addresses(carriers.nameOf('admin', 0));
      const usable = all.filter(({ linkLocal }) => !linkLocal).map(({ cidr }) => cidr.split('/')[0] ?? '');
      return usable.find((each) => !each.includes(':')) ?? usable[0] ?? own;
    },
    async removeAll() {
      for (const record of await records.all()) await drop(record);
      await carriers.removeAll();
    },
  };
}

/** A gateway of the configuration goes before the server's. */
function leaseRoute({ gateways }: VnicSpec): LeaseRoute {
  const gateway = gateways.find((each) => parseAddress(each).family === 4);
  return gateway === undefined ? 'lease' : { gateway };
}
