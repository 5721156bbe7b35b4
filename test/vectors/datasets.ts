/** Datasets in memory, with a real folder below the root for each filesystem. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset, Datasets, DatasetType } from '../../lib/host/datasets.js';
import { hostError } from '../../lib/host/errors.js';
import { recordedAt } from './runner.js';
import { volumeReservation } from '../../lib/vm/volume-space.js';

const sizeBytes = 100 * 2 ** 30;

/** A dataset that is there from the beginning. */
export interface GivenDataset {
  readonly name: string;
  readonly type: DatasetType;
  readonly origin?: string | undefined;
  readonly mountpoint?: string | undefined;
  readonly properties?: Readonly<Record<string, string>>;
}

export function memoryDatasets(root: string, pools: readonly string[], given: readonly GivenDataset[]): Datasets {
  const all = new Map<string, Dataset>();
  let guid = 0n;

  function add({ name, type, origin, mountpoint, properties = {} }: GivenDataset): void {
    const place = mountpoint ?? (type === 'filesystem' ? `/${name}` : undefined);
    all.set(name, withSizes({
      name, type, origin, properties, mountpoint: place,
      device: type === 'volume' ? `/dev/zvol/rdsk/${name}` : undefined,
      creation: Math.floor(recordedAt / 1000),
      guid: ++guid, usedBytes: 0, availableBytes: sizeBytes, referencedBytes: 0,
      quotaBytes: undefined, reservationBytes: undefined, volsizeBytes: undefined,
    })); // prettier-ignore
    if (place !== undefined) mkdirSync(join(root, place, 'root'), { recursive: true });
  }

  const known = (name: string): Dataset => {
    const dataset = all.get(name);
    if (dataset === undefined) throw hostError('DatasetNotFound', `there is no dataset ${name}`);
    return dataset;
  };
  const make = (dataset: GivenDataset): Promise<void> => {
    if (all.has(dataset.name)) throw hostError('DatasetExists', `dataset ${dataset.name} exists already`);
    add(dataset);
    return Promise.resolve();
  };
  const isBelow = (name: string, top: string) =>
    name === top || name.startsWith(`${top}/`) || name.startsWith(`${top}@`);

  const describePool = (name: string) => ({
    name, driver: 'zfs', sizeBytes, freeBytes: sizeBytes, mountpoint: `/${name}`,
  }); // prettier-ignore
  for (const pool of pools) add({ name: pool, type: 'filesystem' });
  for (const dataset of given) add(dataset);

  return {
    pools: () => Promise.resolve(pools.map(describePool)),
    ensurePool: (name) => Promise.resolve(describePool(name)),
    list({ root: top, types, depth } = {}) {
      const levels = (name: string) => name.slice(top?.length ?? 0).split(/[/@]/).length - 1;
      return Promise.resolve([...all.values()].filter(({ name, type }) =>
        (top === undefined || isBelow(name, top)) && (types?.includes(type) ?? true) && (depth === undefined || levels(name) <= depth),
      )); // prettier-ignore
    },
    find: (name) => Promise.resolve(all.get(name)),
    create: async (name, properties = {}, volsizeBytes) => {
      if (volsizeBytes === undefined) return make({ name, type: 'filesystem', properties });
      // What a new volume sets aside by itself is its size, in the recordings.
      const volsize = String(volsizeBytes);
      const own = properties['refreservation'] === 'auto' ? { refreservation: volsize } : {};
      return make({ name, type: 'volume', properties: { ...properties, volsize, ...own } });
    },
    snapshot: async (name, properties = {}) => {
      known(name.split('@')[0] ?? '');
      await make({ name, type: 'snapshot', properties });
    },
    clone: async (snapshot, name, properties = {}) => {
      const source = known(snapshot.split('@')[0] ?? '');
      known(snapshot);
      const { volsize = '' } = source.properties;
      const own = source.type === 'volume' ? { volsize, ...properties } : properties;
      await make({ name, type: source.type, origin: snapshot, properties: own });
    },
    destroy(name, { recursive = false } = {}) {
      known(name);
      const gone = [...all.keys()].filter((each) => isBelow(each, name));
      if (!recursive && gone.length > 1) throw hostError('DatasetHasChildren', `dataset ${name} has children`);
      const clone = [...all.values()].find(
        ({ origin, name: other }) => gone.includes(origin ?? '') && !gone.includes(other),
      );
      if (clone !== undefined) throw hostError('DatasetBusy', `dataset ${name} is the origin of ${clone.name}`);
      for (const each of gone) {
        const place = all.get(each)?.mountpoint;
        if (place !== undefined) rmSync(join(root, place), { recursive: true, force: true });
        all.delete(each);
      }
      return Promise.resolve();
    },
    rename(from, to) {
      for (const each of [...all.values()].filter(({ name }) => isBelow(name, from))) {
        const name = to + each.name.slice(from.length);
        all.delete(each.name);
        all.set(name, { ...each, name, mountpoint: each.type === 'filesystem' ? `/${name}` : undefined });
      }
      if (existsSync(join(root, from))) renameSync(join(root, from), join(root, to));
      return Promise.resolve();
    },
    set(name, changes) {
      const dataset = known(name);
      const properties = Object.entries({ ...dataset.properties, ...changes }).filter(([, value]) => value !== null);
      all.set(name, withSizes({ ...dataset, properties: Object.fromEntries(properties) as Record<string, string> }));
      return Promise.resolve();
    },
    rollback(snapshot) {
      known(snapshot);
      const names = [...all.keys()];
      const later = names.slice(names.indexOf(snapshot) + 1);
      for (const name of later) if (name.startsWith(`${snapshot.split('@')[0] ?? ''}@`)) all.delete(name);
      return Promise.resolve();
    },
    receive: () => Promise.reject(hostError('Unsupported', 'nothing is received here')),
    send: () => Promise.reject(hostError('Unsupported', 'nothing is sent here')),
  };
}

function withSizes(given: Dataset): Dataset {
  const properties: Record<string, string> = { ...given.properties };
  const bytes = (name: string) => {
    const value = Number(properties[name]);
    return value > 0 ? value : undefined;
  };
  const volsizeBytes = bytes('volsize');
  if (volsizeBytes !== undefined && properties['refreservation'] === 'auto') {
    properties['refreservation'] = String(volumeReservation(volsizeBytes, bytes('volblocksize') ?? 8192));
  }
  return { ...given, properties, volsizeBytes, quotaBytes: bytes('quota'), reservationBytes: bytes('reservation') };
}
