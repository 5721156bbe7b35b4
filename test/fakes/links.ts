/** Links with real state and no kernel: nic tags, carriers, vnics and guards in memory. */
import { createHash } from 'node:crypto';
import { hostError } from '../../lib/host/errors.js';
import type { Addressing, Link, Links, NicTag, VnicSpec } from '../../lib/host/links.js';

export interface FakeVnic {
  readonly zone: string;
  readonly spec: VnicSpec;
  /** Init of the zone it was plugged into; undefined while only guarded. */
  readonly pid: number | undefined;
}

export interface FakeLinks extends Links {
  /** Every vnic with a guard, by host name. */
  readonly vnics: ReadonlyMap<string, FakeVnic>;
  /** Carriers made so far. */
  readonly carriers: ReadonlySet<string>;
  /** Makes the next call of `method` throw `error`. */
  failNext(method: keyof Links, error: Error): void;
}

const defaultTags: readonly NicTag[] = [
  { name: 'admin', kind: 'normal', link: 'fake-admin', mtu: 1500 },
  { name: 'external', kind: 'normal', link: 'fake-external', mtu: 1500 },
  { name: 'stub0', kind: 'etherstub', link: 'fake-stub0', mtu: 9000 },
];

/** The tag `admin` serves 10.100.0.0/20 by DHCP, `external` has somebody else's server, `stub0` none. */
export function fakeLinks(tags: readonly NicTag[] = defaultTags): FakeLinks {
  const vnics = new Map<string, FakeVnic>();
  const carriers = new Set<string>();
  const faults = new Map<string, Error>();
  const kept = new Map<string, string>();

  function begin(method: keyof Links): void {
    const fault = faults.get(method);
    faults.delete(method);
    if (fault !== undefined) throw fault;
  }

  function tagOf(name: string): NicTag {
    const tag = tags.find((each) => each.name === name);
    if (tag === undefined) throw hostError('NicTagNotFound', `there is no nic tag "${name}" on this host`);
    return tag;
  }

  function carrierOf(nicTag: string, vlanId: number): string {
    const { link } = tagOf(nicTag);
    const carrier = vlanId === 0 ? link : `${link}.${vlanId}`;
    carriers.add(carrier);
    return carrier;
  }

  function hostName(zone: string, physical: string): string {
    if (!/^[\w.-]{1,64}$/.test(zone) || zone.startsWith('.')) {
      throw hostError('InvalidName', `"${zone}" is not a zone name`);
    }
    if (!/^[A-Za-z][\w.-]{0,14}$/.test(physical)) {
      throw hostError('InvalidName', `"${physical}" is not the name of an interface`);
    }
    return `vfake${createHash('sha256').update(`${zone}/${physical}`).digest('hex').slice(0, 10)}`;
  }

  function addressing(zone: string, spec: VnicSpec): Addressing {
    hostName(zone, spec.physical);
    carrierOf(spec.nicTag, spec.vlanId);
    const served = spec.nicTag === 'admin' && spec.vlanId === 0;
    const resolvers = served ? ['10.100.0.1'] : [];
    if (!served || !spec.addresses.includes('dhcp')) {
      return { addresses: spec.addresses, gateways: spec.gateways, resolvers };
    }
    const address = kept.get(spec.mac) ?? `10.100.8.${kept.size + 1}/20`;
    kept.set(spec.mac, address);
    return {
      addresses: spec.addresses.map((each) => (each === 'dhcp' ? address : each)),
      gateways: spec.gateways.length > 0 ? spec.gateways : ['10.100.0.1'],
      resolvers,
    };
  }

  function guard(zone: string, spec: VnicSpec, pid: number | undefined): void {
    const name = hostName(zone, spec.physical);
    if (!/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(spec.mac)) {
      throw hostError('AddressInvalid', `"${spec.mac}" is not a MAC address`);
    }
    const addresses = [...spec.addresses, ...spec.allowedIps];
    const wrong = addresses.find(
      (each) => each !== 'dhcp' && each !== 'addrconf' && !/^[0-9a-f.:]+(\/\d+)?$/i.test(each),
    );
    if (wrong !== undefined) throw hostError('AddressInvalid', `"${wrong}" is not an IP address`);
    addressing(zone, spec);
    vnics.set(name, { zone, spec, pid: pid ?? vnics.get(name)?.pid });
  }

  // Each in a microtask, as the real ones never answer at once.
  const run = async <T>(method: keyof Links, work: () => T): Promise<T> => {
    await Promise.resolve();
    begin(method);
    return work();
  };

  return {
    vnics,
    carriers,
    failNext: (method, error) => void faults.set(method, error),
    nicTags: () => run('nicTags', () => tags),
    list: () =>
      run('list', () => [
        ...[...carriers].map((name): Link => {
          const stub = tags.some((tag) => tag.kind === 'etherstub' && name.startsWith(tag.link));
          return { name, kind: stub ? 'etherstub' : 'bridge', up: true, mac: undefined, mtu: 1500, zone: undefined };
        }),
        ...[...vnics]
          .filter(([, vnic]) => vnic.pid !== undefined)
          .map(([name, { zone, spec }]): Link => ({
            name,
            kind: 'vnic',
            up: true,
            mac: spec.mac,
            mtu: spec.mtu ?? 1500,
            zone,
          })),
      ]),
    ensureCarrier: (nicTag, vlanId) => run('ensureCarrier', () => carrierOf(nicTag, vlanId)),
    hostName,
    addressing: (zone, spec) => run('addressing', () => addressing(zone, spec)),
    guard: (zone, spec) => run('guard', () => guard(zone, spec, undefined)),
    acquire: () => run('acquire', () => undefined),
    plug: (zone, spec, pid) =>
      run('plug', () => {
        const name = hostName(zone, spec.physical);
        if (vnics.get(name)?.pid !== undefined) {
          throw hostError('LinkExists', `interface ${spec.physical} or its host end ${name} is there already`);
        }
        guard(zone, spec, pid);
      }),
    unplug: (zone, physical) => run('unplug', () => void vnics.delete(hostName(zone, physical))),
    forget: (zone) =>
      run('forget', () => {
        for (const [name, vnic] of vnics) if (vnic.zone === zone) vnics.delete(name);
      }),
  };
}
