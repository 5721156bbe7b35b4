/**
 * Datasets on btrfs: a filesystem is a subvolume, a volume a sparse file in a subvolume of its own, a snapshot a
 * read-only subvolume. What a name means is where the subvolume lies; what else is known of it lies on the subvolume.
 */
import type { Log } from '../../log.js';
import { parseDatasetName } from '../dataset-names.js';
import type { Dataset, DatasetQuery, Datasets, Pool } from '../datasets.js';
import { hostError } from '../errors.js';
import type { PoolConfig } from './config.js';
import { snapshotsIn } from './dataset-branch.js';
import { renameDataset, setProperties } from './dataset-change.js';
import { describeBelow, describePool } from './dataset-describe.js';
import { whileDoing } from './dataset-failures.js';
import { chainOf } from './dataset-lookup.js';
import { cloneDataset, createDataset } from './dataset-make.js';
import { destroyDataset } from './dataset-remove.js';
import { renameSnapshot, rollBack, takeSnapshot } from './dataset-snapshots.js';
import type { TreeNode } from './dataset-tree.js';
import { ensurePool, findPool, poolSpace, unmountPool, type OpenPool, type PoolSettings } from './pool.js';

export interface BtrfsDatasetsOptions {
  /** By name. */
  readonly pools: Readonly<Record<string, PoolConfig>>;
  /** Path of the state on this host. */
  readonly at: (absolutePath: string) => string;
  readonly log: Log;
}

export interface BtrfsDatasets extends Datasets {
  /** The snapshots of a dataset, oldest first, with the folders that hold them, and nothing more: figures take longer. */
  snapshotsOf(name: string): Promise<readonly Pick<TreeNode, 'name' | 'path'>[]>;
  /** Unmounts all pools. Throws `DatasetBusy`. */
  unmountPools(): Promise<void>;
}

/** The datasets of the pools in the configuration. Nothing is touched before the first call. */
export function createBtrfsDatasets({ pools, at, log }: BtrfsDatasetsOptions): BtrfsDatasets {
  const opened = new Map<string, Promise<OpenPool>>();

  function settingsOf(name: string): PoolSettings | undefined {
    const config = Object.hasOwn(pools, name) ? pools[name] : undefined;
    return config === undefined ? undefined : { name, config, at, log };
  }

  /** Mounted, and made if need be. */
  async function need(name: string): Promise<OpenPool> {
    const { pool } = parseDatasetName(name);
    const settings = settingsOf(pool);
    if (settings === undefined) {
      throw hostError('PoolNotFound', `there is no pool ${JSON.stringify(pool)} on this host`);
    }
    const known = opened.get(pool);
    if (known !== undefined) return known;
    const opening = whileDoing(`cannot open pool ${pool}`, () => ensurePool(settings));
    opened.set(pool, opening);
    opening.catch(() => opened.delete(pool));
    return opening;
  }

  /** The pool of something that must be there already. */
  async function existing(name: string): Promise<OpenPool> {
    const found = await look(parseDatasetName(name).pool);
    if (found === undefined) throw hostError('DatasetNotFound', `${name} does not exist`);
    return found;
  }

  /** Mounted, when it is there. */
  async function look(name: string): Promise<OpenPool | undefined> {
    const known = opened.get(name);
    if (known !== undefined) return known;
    const settings = settingsOf(name);
    if (settings === undefined) return undefined;
    const found = await whileDoing(`cannot open pool ${name}`, () => findPool(settings));
    if (found !== undefined) opened.set(name, Promise.resolve(found));
    return found;
  }

  async function lookAll(): Promise<readonly OpenPool[]> {
    const all = await Promise.all(Object.keys(pools).map(look));
    return all.filter((pool) => pool !== undefined);
  }

  async function list(query: DatasetQuery = {}): Promise<readonly Dataset[]> {
    const { root, types } = query;
    const listing = (pool: OpenPool, work: () => Promise<readonly Dataset[]>) =>
      whileDoing(`cannot list the datasets of pool ${pool.name}`, work);
    if (root === undefined) {
      const lists = await Promise.all((await lookAll()).map((pool) => listing(pool, () => describePool(pool, types))));
      return lists.flat();
    }
    const name = parseDatasetName(root);
    const pool = await look(name.pool);
    return pool === undefined ? [] : listing(pool, () => describeBelow(pool, name, query));
  }

  return {
    pools: async () => Promise.all((await lookAll()).map(poolOf)),
    ensurePool: async (name) => poolOf(await need(name)),
    list,
    async find(name) {
      const [found] = await list({ root: name, depth: 0 });
      return found;
    },
    async create(name, properties = {}, volsizeBytes) {
      const pool = await need(name);
      await whileDoing(`cannot create ${name}`, () => createDataset(pool, log, name, properties, volsizeBytes));
    },
    async snapshot(name, properties = {}) {
      const pool = await existing(name);
      await whileDoing(`cannot create snapshot ${name}`, () => takeSnapshot(pool, log, name, properties));
    },
    async clone(snapshot, name, properties = {}) {
      const pool = await existing(name);
      await whileDoing(`cannot clone ${snapshot} to ${name}`, () =>
        cloneDataset(pool, log, snapshot, name, properties),
      );
    },
    async destroy(name, { recursive = false } = {}) {
      const pool = await existing(name);
      await whileDoing(`cannot destroy ${name}`, () => destroyDataset(pool, log, name, recursive));
    },
    async rename(from, to) {
      const pool = await existing(from);
      const isSnapshot = parseDatasetName(from).snapshot !== undefined;
      await whileDoing(`cannot rename ${from} to ${to}`, () =>
        isSnapshot ? renameSnapshot(pool, log, from, to) : renameDataset(pool, log, from, to),
      );
    },
    async set(name, properties) {
      const pool = await existing(name);
      await whileDoing(`cannot set properties of ${name}`, () => setProperties(pool, log, name, properties));
    },
    async rollback(snapshot) {
      const pool = await existing(snapshot);
      await whileDoing(`cannot roll back to ${snapshot}`, () => rollBack(pool, log, snapshot));
    },
    async receive(name, stream, options = {}) {
      const pool = await need(name);
      // The reader of streams is large, and only imports need it.
      const { receiveDataset } = await import('./dataset-receive.js');
      return whileDoing(`cannot receive ${name}`, () => receiveDataset(pool, log, name, stream, options));
    },
    async send(snapshot, options = {}) {
      const pool = await existing(snapshot);
      const { sendDataset } = await import('./dataset-send.js');
      return whileDoing(`cannot send ${snapshot}`, () => sendDataset(pool, snapshot, options));
    },
    async snapshotsOf(given) {
      const name = parseDatasetName(given);
      const pool = await look(name.pool);
      const node = pool === undefined ? undefined : (await chainOf(pool, name))?.at(-1);
      return pool === undefined || node === undefined ? [] : snapshotsIn(pool, node);
    },
    async unmountPools() {
      for (const name of Object.keys(pools)) {
        const settings = settingsOf(name);
        if (settings !== undefined) await unmountPool(settings);
        opened.delete(name);
      }
    },
  };
}

async function poolOf(pool: OpenPool): Promise<Pool> {
  const { sizeBytes, freeBytes } = await poolSpace(pool);
  return { name: pool.name, driver: 'btrfs', sizeBytes, freeBytes, mountpoint: pool.mountpoint };
}
