/**
 * Links of an illumos host. Brands make the vnics of their zones when these become ready, and the kernel takes them away
 * with the zone: here they are read, and what may change of them is changed while the zone runs.
 */
import { hostError } from '../errors.js';
import type { HostLinks, Link, VnicSpec } from '../links.js';
import { loadNative } from '../native.js';
import type { NativeDatalink } from '../native-dladm.js';
import { nicTagsOf } from './nic-tags.js';
import type { IllumosSysinfo } from './sysinfo.js';

export interface IllumosLinks extends HostLinks {
  /**
   * Has a vnic of a running zone hold to what `spec` allows it. Fine when the zone has no vnic of that name yet. Throws
   * `AddressInvalid`, `HostFailed`.
   */
  guard(zone: string, spec: VnicSpec): Promise<void>;
}

export function illumosLinks(sysinfo: IllumosSysinfo): IllumosLinks {
  const native = () => loadNative('dladm');
  return {
    async nicTags() {
      const [document, links] = await Promise.all([
        sysinfo.document(),
        native().links({ zone: '', classes: ['phys', 'aggr', 'etherstub', 'overlay'] }),
      ]);
      return nicTagsOf(document, links);
    },
    async list() {
      return (await native().links()).map(toLink);
    },
    async guard(zone, spec) {
      const vnic = (await native().links({ zone, classes: ['vnic'] })).find(({ name }) => name === spec.physical);
      if (vnic === undefined) return;
      for (const [name, values] of guardProperties(spec)) {
        await native()
          .setProperty(vnic.id, name, values, false)
          .catch((cause: unknown) => {
            throw hostError('HostFailed', `cannot set ${name} of ${spec.physical} in zone ${zone}`, { cause });
          });
      }
    },
    async forget(zone) {
      // Those of a zone that runs are the zone's, and those of one that has halted are gone already.
      for (const link of await native().links({ zone, classes: ['vnic'] })) {
        await native().deleteVnic(link.id, link.persistent);
      }
    },
  };
}

/** The link properties that keep a vnic to what it may send, in the order in which they are set. */
function guardProperties(spec: VnicSpec): readonly (readonly [name: string, values: readonly string[]])[] {
  const { allowIpSpoofing, allowMacSpoofing, allowDhcpSpoofing, allowRestrictedTraffic, addresses, allowedIps } = spec;
  const protection = [
    ...(allowIpSpoofing || allowDhcpSpoofing ? [] : ['ip-nospoof']),
    ...(allowMacSpoofing ? [] : ['mac-nospoof']),
    ...(allowDhcpSpoofing ? [] : ['dhcp-nospoof']),
    ...(allowRestrictedTraffic === true ? [] : ['restricted']),
  ];
  const own = addresses
    .filter((each) => each !== 'dhcp' && each !== 'addrconf')
    .map((each) => each.split('/')[0] ?? '');
  const methods = [
    ...(addresses.includes('dhcp') ? ['dhcpv4'] : []),
    ...(addresses.includes('addrconf') ? ['addrconf'] : []),
  ];
  if (allowIpSpoofing) return [['protection', protection], ['allowed-ips', []]]; // prettier-ignore
  return [
    ['protection', protection],
    ['allowed-ips', [...new Set([...own, ...allowedIps])]],
    ['dynamic-methods', methods],
  ];
}

function toLink({ name, class: kind, mac, mtu = 0, zone }: NativeDatalink): Link {
  const known = kind === 'vnic' || kind === 'etherstub' || kind === 'bridge' ? kind : 'physical';
  return { name, kind: known, up: true, mac, mtu, zone };
}
