/** The same hosts as real ones: an illumos host of real addons, on what stands in for its system. */
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../lib/host/host.js';
import { openIllumosHost } from '../../lib/host/illumos/host.js';
import { addonFile } from '../../lib/host/native.js';
import { silentLog } from '../../lib/log.js';
import { sysinfo } from '../stand-ins/host.js';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { installImages, type HostFacts } from './host.js';

export interface IllumosSystem {
  readonly root: string;
  readonly host: Host;
  readonly remove: () => void;
}

/** Whether the addons that it needs have been built. */
export const hasIllumos = existsSync(addonFile('zonecfg'));

export interface IllumosSystemParts {
  /** A folder with zones, as `/etc/zones`. */
  readonly etcZones?: string;
  /** What the machine says of itself beside its interfaces. */
  readonly machine?: object;
}

/** Opens one with the pools, tags and images of `facts`. */
export async function openIllumosSystem(
  facts: HostFacts,
  { etcZones, machine = sysinfo }: IllumosSystemParts = {},
): Promise<IllumosSystem> {
  const tree = new IllumosRoot(etcZones === undefined ? undefined : readFileSync(join(etcZones, 'index'), 'utf8'));
  const root = tree.path;
  if (etcZones !== undefined) cpSync(etcZones, join(root, 'etc/zones'), { recursive: true });
  addPools(tree, Object.fromEntries(facts.zpools.map((name) => [name, 2 ** 40])));
  tree.write('/tmp/.sysinfo.json', JSON.stringify({ ...machine, ...interfaces(facts.nictags) }));
  facts.nictags.forEach((name, index) => {
    tree.addLink(index + 1, { name: `e1000g${index}`, class: 1, flags: 3, mac: `00:50:56:00:00:0${index + 1}` });
  });
  const host = openIllumosHost({ root, log: silentLog, programs: root });
  for (const { name, type, properties = {} } of installImages(root, facts)) {
    if (type === 'snapshot') await host.datasets.snapshot(name);
    else await host.datasets.create(name, withoutSize(properties), sizeOf(properties));
    if (type === 'filesystem') mkdirSync(join(root, name, 'root'));
  }
  return {
    root,
    host,
    remove: () => {
      tree.remove();
    },
  };
}

function interfaces(nicTags: readonly string[]): object {
  const each = nicTags.map((tag, index) => [
    `e1000g${index}`,
    { 'NIC Names': [tag], 'MAC Address': `00:50:56:00:00:0${index + 1}`, 'Link Status': 'up' },
  ]);
  return { 'Network Interfaces': Object.fromEntries(each) as object };
}

function withoutSize(properties: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => name !== 'volsize'));
}

function sizeOf({ volsize }: Readonly<Record<string, string>>): number | undefined {
  return volsize === undefined ? undefined : Number(volsize);
}
