/** Finds, makes and mounts the pools of this host. */
import { chmod, mkdir, readdir, realpath, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import { withLock } from '../../lock.js';
import type { Log } from '../../log.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import type { PoolConfig } from './config.js';
import { formatRecord, newGuid, now, parseRecord, recordAttribute } from './dataset-records.js';
import { readMounts } from './mounts.js';
import { format, isFormatted, loopOf, makeMountpoint, makePoolFile, storageExists } from './pool-storage.js';

/** A pool that is mounted and ready. */
export interface OpenPool {
  readonly name: string;
  /** Where users see it. */
  readonly mountpoint: string;
  /** The same without symbolic links, for the addon. */
  readonly top: string;
  /** Whether its quotas are simple ones. With ordinary ones only exclusive bytes are counted. */
  readonly simpleQuotas: boolean;
  /** Folder of the file it is kept in, whose filesystem limits it as well. */
  readonly storageFolder: string | undefined;
  /** File of the lock under which its datasets appear, disappear and change their names. */
  readonly lock: string;
}

export interface PoolSettings {
  readonly name: string;
  readonly config: PoolConfig;
  /** Path of the state on this host. */
  readonly at: (absolutePath: string) => string;
  readonly log: Log;
}

/** Root-only folder of a pool, with what no zone sees. */
export const hiddenFolder = '.smartadm';
export const snapshotsFolder = `${hiddenFolder}/snapshots`;
export const ledgersFolder = `${hiddenFolder}/ledgers`;
export const workFolder = `${hiddenFolder}/work`;

/** Id of the subvolume at the top of every btrfs. */
export const topId = 5n;

const bytesPerGiB = 2 ** 30;

interface Storage {
  readonly kind: 'file' | 'device';
  readonly path: string;
}

function mountpointOf({ name, config, at }: PoolSettings): string {
  return at(config.mountpoint ?? `/${name}`);
}

/** What a pool is kept on. */
export function storageOf({ name, config, at }: Omit<PoolSettings, 'log'>): Storage {
  if (config.device !== undefined) return { kind: 'device', path: config.device };
  return { kind: 'file', path: at(config.file ?? `/var/lib/smartadm/${name}.btrfs`) };
}

function lockOf({ name, at }: PoolSettings, what: string): string {
  return at(`/var/run/smartadm/${what}.${name}.lock`);
}

/**
 * The pool, mounted when it is not. Undefined when nobody has made it yet. Throws `ConfigInvalid` when its storage or
 * mountpoint holds something else.
 */
export async function findPool(settings: PoolSettings): Promise<OpenPool | undefined> {
  const ready = await mountedPool(settings);
  if (ready !== undefined) return ready;
  const storage = storageOf(settings);
  if (!(await storageExists(storage.path, storage.kind)) || !(await isFormatted(storage.path))) return undefined;
  return ensurePool(settings);
}

/**
 * The pool, made when there is none and mounted when it is not; safe at any number of times and from several processes
 * at once. What exists is never formatted over. Throws `ConfigInvalid`, `NoSpace`, `PermissionDenied`.
 */
export async function ensurePool(settings: PoolSettings): Promise<OpenPool> {
  const ready = await mountedPool(settings);
  if (ready !== undefined) return ready;
  return withLock(lockOf(settings, 'pool'), async () => {
    const made = await mountedPool(settings);
    if (made !== undefined) return made;
    const mounting = (await topMount(mountpointOf(settings))) === undefined;
    if (mounting) {
      await ensureStorage(settings);
      await mountPool(settings);
    }
    try {
      const known = await mountedPool(settings);
      if (known !== undefined) return known;
      await prepare(settings);
      const pool = await mountedPool(settings);
      if (pool === undefined) throw hostError('HostFailed', `cannot find pool ${settings.name} after making it`);
      return pool;
    } catch (error) {
      if (mounting) await unmountPool(settings);
      throw error;
    }
  });
}

async function ensureStorage(settings: PoolSettings): Promise<void> {
  const { name, config, log } = settings;
  const { kind, path } = storageOf(settings);
  if (!(await storageExists(path, kind))) {
    log.info({ pool: name, file: path }, 'making pool');
    const bytes = config.sizeGiB === undefined ? undefined : Math.floor(config.sizeGiB * bytesPerGiB);
    await makePoolFile(name, path, bytes);
  } else if (!(await isFormatted(path))) {
    log.info({ pool: name, [kind]: path }, 'formatting pool');
    await format(name, path);
  }
}

async function mountPool(settings: PoolSettings): Promise<void> {
  const { name } = settings;
  const { kind, path } = storageOf(settings);
  const mountpoint = mountpointOf(settings);
  await makeMountpoint(name, mountpoint);
  const target = await realpath(mountpoint);
  const posix = loadNative('posix');
  try {
    const known = kind === 'device' ? path : await loopOf(path);
    // Lives on through the mount, and ends with it.
    const loop = known === undefined ? await posix.attachLoop(path, false) : undefined;
    try {
      // Removed files give their space back to the file or device in the background.
      await posix.mount(loop?.path ?? known ?? path, target, 'btrfs', ['noatime'], 'discard=async');
    } finally {
      loop?.close();
    }
    // What zones mount below is no affair of other namespaces.
    await posix.mount('none', target, '', ['private'], '');
  } catch (cause) {
    const code = codeOf(cause) === 'EPERM' || codeOf(cause) === 'EACCES' ? 'PermissionDenied' : 'HostFailed';
    throw hostError(code, `cannot mount pool ${name} (${path}) on ${mountpoint}`, { cause });
  }
}

/** Makes a mounted btrfs a pool. What was begun is gone on with; the record at the top says that it is done. */
async function prepare(settings: PoolSettings): Promise<void> {
  const { name } = settings;
  const mountpoint = mountpointOf(settings);
  const top = await realpath(mountpoint);
  const btrfs = loadNative('btrfs');
  const entries = await readdir(top);
  if (!entries.every((entry) => entry === hiddenFolder)) {
    throw hostError(
      'ConfigInvalid',
      `cannot use ${mountpoint} as pool ${name}: a filesystem with other data is mounted there`,
    );
  }
  await btrfs.enableQuotas(top);
  await chmod(top, 0o755);
  for (const folder of [hiddenFolder, snapshotsFolder, ledgersFolder, workFolder]) {
    await mkdir(join(top, folder), { recursive: true, mode: 0o700 });
  }
  const record = formatRecord(
    {
      self: topId,
      id: topId,
      type: 'filesystem',
      guid: newGuid(),
      creation: now(),
      baseBytes: 0,
      method: '',
      properties: {},
    },
    name,
  );
  await btrfs.setAttribute(top, recordAttribute, record);
  await btrfs.sync(top);
}

async function topMount(mountpoint: string) {
  try {
    const target = await realpath(mountpoint);
    return (await readMounts()).findLast((mount) => mount.target === target);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined when it is not mounted, or not yet prepared. */
async function mountedPool(settings: PoolSettings): Promise<OpenPool | undefined> {
  const { name } = settings;
  const mountpoint = mountpointOf(settings);
  const mount = await topMount(mountpoint);
  if (mount === undefined) return undefined;
  if (mount.type !== 'btrfs' || mount.root !== '/') {
    throw hostError('ConfigInvalid', `cannot use ${mountpoint} as pool ${name}: something else is mounted there`);
  }
  const btrfs = loadNative('btrfs');
  const top = mount.target;
  const found = await btrfs.inspect(top, recordAttribute);
  if (found === undefined || parseRecord(found.attribute, found.id)?.id !== topId) return undefined;
  const mode = (await btrfs.quotaMode(top)) ?? (await btrfs.enableQuotas(top));
  const storage = storageOf(settings);
  return {
    name,
    mountpoint,
    top,
    simpleQuotas: mode === 'simple',
    storageFolder:
      storage.kind === 'file' && mount.source.startsWith('/dev/loop') ? join(storage.path, '..') : undefined,
    lock: lockOf(settings, 'datasets'),
  };
}

export interface PoolSpace {
  readonly sizeBytes: number;
  /** Not in use in the pool. */
  readonly unusedBytes: number;
  /** What can be written before the pool, or what it is kept on, is full. */
  readonly freeBytes: number;
}

/** How much room a pool has. */
export async function poolSpace(pool: OpenPool): Promise<PoolSpace> {
  const { blocks, bfree, bavail, bsize } = await statfs(pool.top);
  const free = bavail * bsize;
  const space = { sizeBytes: blocks * bsize, unusedBytes: bfree * bsize, freeBytes: free };
  if (pool.storageFolder === undefined) return space;
  const below = await statfs(pool.storageFolder);
  return { ...space, freeBytes: Math.min(free, below.bavail * below.bsize) };
}

/** Unmounts a pool. Fine when it is not mounted. Throws `DatasetBusy` when it is in use. */
export async function unmountPool(settings: PoolSettings): Promise<void> {
  const mount = await topMount(mountpointOf(settings));
  if (mount === undefined) return;
  try {
    await loadNative('posix').unmount(mount.target, false);
  } catch (cause) {
    if (codeOf(cause) !== 'EBUSY') throw hostError('HostFailed', `cannot unmount pool ${settings.name}`, { cause });
    throw hostError('DatasetBusy', `cannot unmount pool ${settings.name}: it is in use`, { cause });
  }
}
