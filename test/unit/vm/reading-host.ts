/** A host for what only reads VMs: zone files and datasets below a folder of its own, and how often each was asked. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchFolders } from '../../../lib/host/folder-watch.js';
import type { Host } from '../../../lib/host/host.js';
import { zoneStore } from '../../../lib/host/linux/zone-store.js';
import { writeZoneXml } from '../../../lib/host/zone-xml.js';
import type { ZoneConfig, ZoneRecord } from '../../../lib/host/zones.js';
import { attrResource } from '../../../lib/vm/zone-values.js';
import { fakeDatasets } from '../../fakes/datasets.js';

export type Home =
  'zones.list' | 'zones.find' | 'zones.config' | 'zones.runtime' | 'datasets' | 'snapshots' | 'sysinfo';

export interface ReadingHost {
  readonly host: Host;
  /** Homes that have been asked, each as often as it was. */
  readonly asked: Home[];
  /** Zones that run, with the process of their init. */
  readonly running: Map<string, number>;
  /** Writes a zone, with its line in the index. */
  addZone(config: ZoneConfig, state?: string): void;
  /** Writes a file; `path` as the host knows it. */
  addFile(path: string, text: string): void;
  remove(): void;
}

export function readingHost(): ReadingHost {
  const root = mkdtempSync(join(tmpdir(), 'smartadm-reading-'));
  const at = (path: string) => join(root, path);
  const store = zoneStore({ id: 'reading', at });
  const datasets = fakeDatasets({ at });
  const asked: Home[] = [];
  const running = new Map<string, number>();
  const lines: string[] = [];
  const note = <T>(home: Home, answer: T): T => {
    asked.push(home);
    return answer;
  };
  const recordOf = (entry: Awaited<ReturnType<typeof store.entries>>[number]): ZoneRecord => {
    const pid = running.get(entry.name);
    const state = pid === undefined ? entry.state : 'running';
    return { ...entry, brand: entry.brand ?? '', id: pid, state };
  };
  const host = {
    zones: {
      list: async () => note('zones.list', (await store.entries()).map(recordOf)),
      async find(name: string) {
        const entry = await store.entry(name);
        return note('zones.find', entry && recordOf(entry));
      },
      config: (name: string) => note('zones.config', store.config(name)),
      runtime: (name: string) => {
        const pid = running.get(name);
        return note('zones.runtime', Promise.resolve(pid && { pid, bootedAt: 1_700_000_000_000, initRestarts: 2 }));
      },
    },
    datasets: {
      ...datasets,
      list(query: Parameters<typeof datasets.list>[0] = {}) {
        note(query.types?.includes('snapshot') === false ? 'datasets' : 'snapshots', undefined);
        return datasets.list(query);
      },
    },
    sysinfo: { read: () => note('sysinfo', Promise.resolve({ uuid: 'server', liveImage: 'stamp', datacenter: 'dc' })) },
    watch: (changed: () => void) => {
      const { follow, close } = watchFolders(changed);
      return { follow: () => follow([at('/etc/zones')]) && false, close };
    },
    at,
  };
  const addFile = (path: string, text: string) => {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), text);
  };
  return {
    host: host as unknown as Host,
    asked,
    running,
    addFile,
    addZone(config, state = 'installed') {
      const { name = '', zonepath = '', brand = '' } = config.attributes;
      lines.push(`${name}:${state}:${zonepath}:${name}:${brand}:ex:${lines.length + 1}\n`);
      addFile(`/etc/zones/${name}.xml`, writeZoneXml(config));
      addFile('/etc/zones/index', `global:installed:/\n${lines.join('')}`);
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The configuration of a zone with these `attr`s. */
export function zoneConfig(name: string, brand: string, attrs: Readonly<Record<string, string>> = {}): ZoneConfig {
  return {
    attributes: { name, zonepath: `/zones/${name}`, autoboot: 'true', brand, 'ip-type': 'exclusive' },
    resources: Object.entries(attrs).map(([key, value]) => attrResource(key, value)),
  };
}

/** The uuid of the VM of this number. */
export function uuidOf(number: number): string {
  return `${String(number).padStart(8, '0')}-0000-4000-8000-000000000000`;
}
