/** Nic tags of the platform: which link carries which. Pure. */
import type { NicTag } from '../links.js';
import type { NativeDatalink } from '../native-dladm.js';
import type { SysinfoDocument } from './sysinfo.js';

const usualMtu = 1500;

/**
 * The tags that sysinfo has on interfaces, then the etherstubs of the global zone, whose names are tags as well. A tag on
 * several interfaces counts once, on the first.
 */
export function nicTagsOf(sysinfo: SysinfoDocument, links: readonly NativeDatalink[]): readonly NicTag[] {
  const mtuOf = (name: string) => links.find((link) => link.name === name && link.zone === undefined)?.mtu ?? usualMtu;
  const tags = new Map<string, NicTag>();
  for (const [link, { 'NIC Names': names = [] }] of Object.entries(sysinfo['Network Interfaces'] ?? {})) {
    for (const name of names) {
      if (!tags.has(name)) tags.set(name, { name, kind: 'normal', link, mtu: mtuOf(link) });
    }
  }
  for (const { name, class: kind, zone, mtu = usualMtu } of links) {
    if (kind !== 'etherstub' || zone !== undefined || tags.has(name)) continue;
    tags.set(name, { name, kind: 'etherstub', link: name, mtu });
  }
  return [...tags.values()];
}
