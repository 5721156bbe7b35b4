/** Nic tags of the platform: which link carries which (`illumos-api`, nic tags and overlays). Pure. */
import type { NicTag } from '../links.js';
import type { NativeDatalink } from '../native-dladm.js';
import type { SysinfoDocument } from './sysinfo.js';

const usualMtu = 1500;

/** A rule of the overlay networks and a number: `sdc_overlay/1234`. */
const isOverlay = /^(\w+)\/(\d+)$/;

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

/** The link that carries `tag`, in the order in which the platform looks; undefined when nothing does. */
export function linkOfTag(tag: string, sysinfo: SysinfoDocument, links: readonly NativeDatalink[]): string | undefined {
  const [, rule, number] = isOverlay.exec(tag) ?? [];
  if (rule !== undefined && number !== undefined) return `${rule}${number}`;
  const known = nicTagsOf(sysinfo, links).find((each) => each.name === tag);
  if (known !== undefined) return known.link;
  const own = links.find((link) => link.name === tag && link.zone === undefined && link.class === 'phys');
  return own?.name;
}
