/** What of a running zone's vnics follows its configuration. */
import type { VnicSpec } from '../links.js';
import type { IllumosLinks } from './links.js';
import { zoneVnics } from '../zone-vnics.js';
import type { ZoneConfig } from '../zones.js';

/** Brings vnics that are in both configurations in line with `to`. Others come and go with the next boot. */
export async function refreshVnics(links: IllumosLinks, zone: string, from: ZoneConfig, to: ZoneConfig): Promise<void> {
  const old = new Map(zoneVnics(from).map(({ spec }) => [spec.physical, spec]));
  for (const { spec } of zoneVnics(to)) {
    const before = old.get(spec.physical);
    if (before !== undefined && !isSame(before, spec)) await links.guard(zone, spec);
  }
}

function isSame(one: VnicSpec, other: VnicSpec): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
