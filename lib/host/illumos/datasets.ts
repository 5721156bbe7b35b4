/** Datasets by libzfs: what ZFS calls a filesystem, volume, snapshot or clone is one. */
import { codeOf } from '../../errors.js';
import { parseDatasetName } from '../dataset-names.js';
import type { Dataset, DatasetQuery, Datasets, Pool } from '../datasets.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import type { NativeZfsLibrary } from '../native-zfs.js';
import {
  cloneDataset,
  createDataset,
  destroyDataset,
  renameDataset,
  rollBack,
  setProperties,
  takeSnapshot,
} from './dataset-change.js';
import { describe, describing, inOrder } from './dataset-describe.js';
import { whileDoing } from './dataset-failures.js';

export interface ZfsDatasetsOptions {
  /** Path of the state on this host. */
  readonly at: (absolutePath: string) => string;
}

/** The datasets of all pools of the system. libzfs is opened by the first call, and stays so. */
export function createZfsDatasets({ at }: ZfsDatasetsOptions): Datasets {
  let opening: Promise<NativeZfsLibrary> | undefined;

  function open(): Promise<NativeZfsLibrary> {
    if (opening === undefined) {
      opening = whileDoing('cannot use ZFS', () => loadNative('zfs').open(), {
        ENOENT: 'Unsupported',
        ENXIO: 'Unsupported',
      });
      opening.catch(() => (opening = undefined));
    }
    return opening;
  }

  async function list({ root, types, depth }: DatasetQuery = {}): Promise<readonly Dataset[]> {
    if (root !== undefined) parseDatasetName(root);
    const zfs = await open();
    const query = {
      ...describing,
      ...(root === undefined ? {} : { root }),
      ...(types === undefined ? {} : { types }),
      ...(depth === undefined ? {} : { depth }),
    };
    try {
      return inOrder(await zfs.list(query)).map((dataset) => describe(dataset, at));
    } catch (cause) {
      if (root !== undefined && codeOf(cause) === 'EZFS_NOENT') return [];
      return whileDoing(`cannot list ${root ?? 'datasets'}`, () => Promise.reject(cause as Error));
    }
  }

  async function find(name: string): Promise<Dataset | undefined> {
    const [found] = await list({ root: name, depth: 0 });
    return found;
  }

  async function pools(): Promise<readonly Pool[]> {
    const roots = await list({ types: ['filesystem'], depth: 0 });
    return roots.map(({ name, mountpoint = at(`/${name}`), usedBytes, availableBytes }) => ({
      name,
      driver: 'zfs',
      // What can be used of it: the pool's own size counts parity.
      sizeBytes: usedBytes + availableBytes,
      freeBytes: availableBytes,
      mountpoint,
    }));
  }

  return {
    pools,
    async ensurePool(name) {
      const pool = (await pools()).find((each) => each.name === name);
      if (pool === undefined) throw hostError('PoolNotFound', `there is no pool ${JSON.stringify(name)} on this host`);
      return pool;
    },
    list,
    find,
    create: async (name, properties = {}, volsizeBytes) => createDataset(await open(), name, properties, volsizeBytes),
    snapshot: async (name, properties = {}) => takeSnapshot(await open(), name, properties),
    clone: async (snapshot, name, properties = {}) => cloneDataset(await open(), snapshot, name, properties),
    destroy: async (name, { recursive = false } = {}) => destroyDataset(await open(), name, recursive),
    rename: async (from, to) => renameDataset(await open(), from, to),
    set: async (name, properties) => setProperties(await open(), name, properties),
    rollback: async (snapshot) => rollBack(await open(), snapshot),
    async receive(name, stream, options = {}) {
      const zfs = await open();
      const { receiveDataset } = await import('./dataset-streams.js');
      return receiveDataset(zfs, name, stream, options);
    },
    async send(snapshot, options = {}) {
      const zfs = await open();
      const { sendDataset } = await import('./dataset-streams.js');
      return sendDataset(zfs, snapshot, options);
    },
  };
}
