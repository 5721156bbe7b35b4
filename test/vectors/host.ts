/** The hosts on which the records were made: a SmartOS with two pools, a few images, and zones where the record has some. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostError } from '../../lib/host/errors.js';
import type { Host } from '../../lib/host/host.js';
import { zoneStore } from '../../lib/host/linux/zone-store.js';
import type { ZoneIndexEntry } from '../../lib/host/zone-index.js';
import type { Sysinfo } from '../../lib/host/sysinfo.js';
import type { ZoneRecord, Zones } from '../../lib/host/zones.js';
import { fakeLinks } from '../fakes/links.js';
import { memoryDatasets, type GivenDataset } from './datasets.js';
import type { VectorFolder } from './records.js';

/** What `host.json` says. */
export interface HostFacts {
  readonly zpools: readonly string[];
  readonly nictags: readonly string[];
  readonly images: Readonly<Record<string, ImageFacts>>;
}

interface ImageFacts {
  readonly zpool: string;
  readonly manifest: Readonly<Record<string, unknown>>;
}

export interface HostParts {
  readonly zones: Zones;
  readonly pools?: readonly string[];
  readonly datasets?: readonly GivenDataset[];
  readonly nicTags?: readonly string[];
  /** What the machine says of itself; nothing by default. */
  readonly sysinfo?: Partial<Sysinfo>;
}

/** In memory where that is possible: hundreds of hosts write their files with care, and nobody needs them tomorrow. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder to be the root of a host; removed by `remove`. */
export function temporaryRoot(): { readonly root: string; remove: () => void } {
  const root = mkdtempSync(join(place, 'smartadm-vectors-'));
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** A SmartOS host below `root`. */
export function smartosHost(
  root: string,
  { zones, pools = [], datasets = [], nicTags = [], sysinfo = {} }: HostParts,
): Host {
  const tags = nicTags.map((name) => ({ name, kind: 'normal' as const, link: `fake-${name}`, mtu: 1500 }));
  return {
    zones,
    datasets: memoryDatasets(root, pools, datasets),
    links: fakeLinks(tags),
    sysinfo: {
      read: () =>
        Promise.resolve({
          uuid: '', liveImage: '', datacenter: undefined, headnodeId: undefined,
          os: 'smartos', zpool: pools[0], ...sysinfo,
        }), // prettier-ignore
    },
    features: { guestOs: 'smartos' },
    watch: () => ({ follow: () => false, close: () => undefined }),
    at: (path) => join(root, path),
    close: () => Promise.resolve(),
  };
}

/** The images of `host.json` as datasets; their records are written where imgadm keeps them. */
export function installImages(root: string, facts: HostFacts): readonly GivenDataset[] {
  const folder = join(root, 'var/imgadm/images');
  mkdirSync(folder, { recursive: true });
  return Object.entries(facts.images).flatMap(([uuid, { zpool, manifest }]): GivenDataset[] => {
    writeFileSync(join(folder, `${zpool}-${uuid}.json`), JSON.stringify({ manifest, zpool }));
    const name = `${zpool}/${uuid}`;
    const size = Number(manifest['image_size'] ?? 0) * 2 ** 20;
    const image: GivenDataset =
      manifest['type'] === 'zvol'
        ? { name, type: 'volume', properties: { volsize: String(size), volblocksize: '8192' } }
        : { name, type: 'filesystem' };
    return [image, { name: `${name}@final`, type: 'snapshot' }];
  });
}

export function hostFacts(folder: VectorFolder): HostFacts {
  return folder.json('host.json') as HostFacts;
}

/** Zones of the files below `root`, none of which runs or can be changed. */
export function storedZones(root: string): Zones {
  const store = zoneStore({ id: 'recorded', at: (path) => join(root, path) });
  const refused = (): Promise<never> => Promise.reject(hostError('Unsupported', 'these zones are only looked at'));
  return {
    list: async (damaged) => (await store.entries(damaged)).map(recordOf),
    async find(name) {
      const entry = await store.entry(name);
      return entry === undefined ? undefined : recordOf(entry);
    },
    config: (name) => store.config(name),
    runtime: () => Promise.resolve(undefined),
    configure: refused, mark: refused, unconfigure: refused, boot: refused, halt: refused, refresh: refused,
    exec: refused, console: refused, showSnapshot: refused, hideSnapshot: refused,
  }; // prettier-ignore
}

function recordOf(entry: ZoneIndexEntry): ZoneRecord {
  return { ...entry, brand: entry.brand ?? '', id: undefined };
}
