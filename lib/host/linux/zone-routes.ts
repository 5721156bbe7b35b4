/** Routes of a zone beside those of its addresses: from `config/routes.json` to the kernel's table. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import { loadNative } from '../native.js';
import type { ZoneConfig } from '../zones.js';
import { canonicalMac } from './guard.js';
import { baseOf, formatNetwork, parseAddress, parseNetwork } from './ip.js';
import { zoneVnics, type ZoneVnic } from '../zone-vnics.js';

/** A network in CIDR form, and what leads to it. */
export type ZoneRoute =
  { readonly destination: string; readonly gateway: string } | { readonly destination: string; readonly link: string };

/** What stands in the file below `zonepath`, a path of this host. Empty for no file, and for one that is damaged (`vmadm(8)`). */
export async function readZoneRoutes(zonepath: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const routes: unknown = JSON.parse(await readFile(join(zonepath, 'config/routes.json'), 'utf8'));
    const isObject = typeof routes === 'object' && routes !== null && !Array.isArray(routes);
    return isObject ? (routes as Readonly<Record<string, unknown>>) : {};
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return {};
    throw error;
  }
}

/**
 * What of `routes` (destination → gateway, `nics[N]` or `macs[MAC]`) the kernel can be told. As in what SmartOS gives its
 * guests (`sdc:routes`), a nic stands for its own address and the link behind it, and routes by one that is missing or has
 * no fixed address are left out. Those of a machine are for the guest in it: it has none here. Pure.
 */
export function zoneRoutes(config: ZoneConfig, routes: Readonly<Record<string, unknown>>): readonly ZoneRoute[] {
  if (['kvm', 'bhyve'].includes(config.attributes['brand'] ?? '')) return [];
  const vnics = zoneVnics(config);
  return Object.entries(routes).flatMap(([to, by]): readonly ZoneRoute[] => {
    const destination = destinationOf(to);
    if (destination === undefined || typeof by !== 'string') return [];
    const [, index, mac] = /^(?:nics\[(\d{1,9})\]|macs\[([0-9a-fA-F:]+)\])$/.exec(by) ?? [];
    const vnic =
      index !== undefined
        ? vnics[Number(index)]
        : vnics.find(({ spec }) => (mac === undefined ? hasAddress(spec, by) : isSameMac(spec.mac, mac)));
    if (vnic !== undefined) return isFixed(vnic) ? [{ destination, link: vnic.spec.physical }] : [];
    return isIpv4(by) ? [{ destination, gateway: by }] : [];
  });
}

/** The lines that `zone-start` and `zone-lease` read. */
export function routeLines(routes: readonly ZoneRoute[]): string {
  const line = (route: ZoneRoute) => ('link' in route ? `-\t${route.link}` : `${route.gateway}\t-`);
  return routes.map((route) => `${route.destination}\t${line(route)}\n`).join('');
}

export function parseRouteLines(text: string): readonly ZoneRoute[] {
  return text.split('\n').flatMap((line) => {
    const [destination, gateway, link] = line.split('\t');
    if (destination === undefined || gateway === undefined || link === undefined) return [];
    return [link === '-' ? { destination, gateway } : { destination, link }];
  });
}

/**
 * Brings the routes of the running zone whose init is `init` from `old` to `wanted`; those it has already stay. A route
 * that the zone cannot have, since no network of its own leads to the gateway, is told to `report`: it comes true at the
 * next change or boot after which it can.
 */
export async function changeZoneRoutes(
  init: number,
  old: readonly ZoneRoute[],
  wanted: readonly ZoneRoute[],
  report: (what: string, error: unknown) => void,
): Promise<void> {
  const netlink = loadNative('netlink');
  const kept = new Set(wanted.map((route) => routeLines([route])));
  for (const route of old) {
    if (kept.has(routeLines([route]))) continue;
    await netlink.deleteRoute(route, { pid: init }).catch((error: unknown) => {
      // It may have gone with its link, or the guest has taken it away.
      if (codeOf(error) !== 'ESRCH' && codeOf(error) !== 'ENODEV') throw error;
    });
  }
  for (const route of wanted) {
    await netlink.addRoute(route, { pid: init }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') report(`route to ${route.destination}`, error);
    });
  }
}

function destinationOf(text: string): string | undefined {
  try {
    const network = parseNetwork(text);
    return network.family === 4 ? formatNetwork(baseOf(network)) : undefined;
  } catch {
    return undefined;
  }
}

function isIpv4(text: string): boolean {
  try {
    return parseAddress(text).family === 4;
  } catch {
    return false;
  }
}

function isSameMac(one: string, other: string): boolean {
  try {
    return canonicalMac(one) === canonicalMac(other);
  } catch {
    return false;
  }
}

function hasAddress({ addresses }: ZoneVnic['spec'], address: string): boolean {
  return addresses.some((each) => each.startsWith(`${address}/`));
}

function isFixed({ spec: { addresses } }: ZoneVnic): boolean {
  return !addresses.includes('dhcp') && addresses.some((each) => each.includes('/') && !each.includes(':'));
}
