/** Makes datasets, new ones and clones: complete in the working folder first, then by one rename under their names. */
import { chmod, open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../log.js';
import { parentOf, parseDataset, parseSnapshot, type DatasetName } from '../dataset-names.js';
import { bytesOf, checkProperties, checkVolsize, defaultVolblocksize } from '../dataset-properties.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { compressBy, effectiveMethod } from './dataset-compression.js';
import { undoing } from './dataset-failures.js';
import { chainOf, locateSnapshot, pathOf, snapshotAt } from './dataset-lookup.js';
import { chargeTo, ensureQgroup, pastQuota, removeQgroup } from './dataset-quotas.js';
import { formatRecord, newGuid, now, recordAttribute, type DatasetRecord } from './dataset-records.js';
import { volumeFile, type TreeNode } from './dataset-tree.js';
import { changingPool, discard, markedWork, newWork, settle } from './dataset-work.js';
import type { OpenPool } from './pool.js';

type Properties = Readonly<Record<string, string>>;

/** Makes `name`, a volume when `volsizeBytes` is given. */
export async function createDataset(
  pool: OpenPool,
  log: Log,
  given: string,
  properties: Properties,
  volsizeBytes: number | undefined,
): Promise<void> {
  const name = parseDataset(given);
  const type = volsizeBytes === undefined ? 'filesystem' : 'volume';
  const { set } = checkProperties(given, type, properties, true);
  delete set['volsize'];
  const { volblocksize, ...others } = set;
  const blockBytes = bytesOf(volblocksize) ?? defaultVolblocksize;
  if (volsizeBytes !== undefined) checkVolsize(given, volsizeBytes, blockBytes);
  const parents = await requirePlace(pool, name);
  const path = await newWork(pool);
  await buildDataset(pool, log, name, path, async () => {
    const id = await newSubvolume(path, type);
    const method = effectiveMethod(others, parents);
    await compressBy(path, method, '');
    if (volsizeBytes !== undefined) await makeVolumeFile(path, volsizeBytes);
    return {
      self: id, id, type, guid: newGuid(), creation: now(), baseBytes: 0, method,
      volume: volsizeBytes === undefined ? undefined : { sizeBytes: volsizeBytes, blockBytes },
      properties: withReservation(given, others, volsizeBytes),
    }; // prettier-ignore
  });
}

/** Makes an empty subvolume and returns its id. */
export async function newSubvolume(path: string, type: 'filesystem' | 'volume'): Promise<bigint> {
  await loadNative('btrfs').createSubvolume(path);
  await chmod(path, type === 'filesystem' ? 0o755 : 0o700);
  return idOf(path);
}

async function makeVolumeFile(folder: string, bytes: number): Promise<void> {
  const file = await open(join(folder, volumeFile), 'wx', 0o600);
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}

/** Makes `given` from a snapshot. */
export async function cloneDataset(
  pool: OpenPool,
  log: Log,
  from: string,
  given: string,
  properties: Properties,
): Promise<void> {
  const source = parseSnapshot(from);
  const name = parseDataset(given);
  if (source.pool !== name.pool) {
    throw hostError('InvalidName', `cannot clone ${from} to ${given}: they are in different pools`);
  }
  const { dataset, snapshot } = await locateSnapshot(pool, source);
  const type = dataset.record.type === 'volume' ? 'volume' : 'filesystem';
  const { set } = checkProperties(given, type, properties, false);
  const { volsize, ...others } = set;
  const volume = resized(given, snapshot.record.volume, bytesOf(volsize));
  const parents = await requirePlace(pool, name);
  const path = await newWork(pool);
  const build = async (): Promise<DatasetRecord> => {
    const id = await snapshotInto(snapshot.path, path);
    const method = effectiveMethod(others, parents);
    await compressBy(path, method, snapshot.record.method);
    if (volume !== undefined && volsize !== undefined) await truncate(join(path, volumeFile), volume.sizeBytes);
    return {
      self: id, id, type, guid: newGuid(), creation: now(), origin: snapshot.subvolume, method, volume,
      baseBytes: snapshot.record.baseBytes, properties: withReservation(given, others, volume?.sizeBytes),
    }; // prettier-ignore
  };
  await buildDataset(pool, log, name, path, build, () => requireOrigin(pool, dataset, snapshot, source.snapshot));
}

/** Makes a writable snapshot and returns its id. */
export async function snapshotInto(source: string, path: string): Promise<bigint> {
  await loadNative('btrfs').snapshotSubvolume(source, path);
  return idOf(path);
}

function resized(name: string, volume: DatasetRecord['volume'], bytes: number | undefined): DatasetRecord['volume'] {
  if (volume === undefined || bytes === undefined) return volume;
  checkVolsize(name, bytes, volume.blockBytes);
  return { ...volume, sizeBytes: bytes };
}

/** `auto` means as much as the volume may hold. */
export function withReservation(name: string, properties: Properties, volsizeBytes: number | undefined): Properties {
  if (properties['refreservation'] !== 'auto') return properties;
  if (volsizeBytes !== undefined) return { ...properties, refreservation: String(volsizeBytes) };
  throw hostError('InvalidProperty', `cannot set property "refreservation" of ${name}: only volumes have "auto"`);
}

/** Throws `DatasetNotFound` when the origin has gone meanwhile, under this name at least. */
export async function requireOrigin(
  pool: OpenPool,
  dataset: TreeNode,
  snapshot: TreeNode,
  name: string,
): Promise<void> {
  const there = await snapshotAt(pool, dataset, name);
  if (there?.subvolume === snapshot.subvolume) return;
  throw hostError('DatasetNotFound', `snapshot ${snapshot.name} does not exist any more`);
}

async function idOf(path: string): Promise<bigint> {
  const found = await loadNative('btrfs').inspect(path, recordAttribute);
  if (found === undefined) throw hostError('HostFailed', `${path} is no subvolume`);
  return found.id;
}

/**
 * Early answer, to be given again when the name is taken: the datasets above `name`. Throws `DatasetExists`,
 * `DatasetNotFound`.
 */
export async function requirePlace(pool: OpenPool, name: DatasetName): Promise<readonly TreeNode[]> {
  const parents = await requireParents(pool, name);
  const taken = await chainOf(pool, name);
  if (taken !== undefined) throw hostError('DatasetExists', `cannot create ${name.dataset}: dataset already exists`);
  return parents;
}

async function requireParents(pool: OpenPool, name: DatasetName): Promise<readonly TreeNode[]> {
  pathOf(pool, name);
  const parent = parentOf(name.dataset);
  if (parent === undefined) throw hostError('DatasetExists', `cannot create ${name.dataset}: it is the name of a pool`);
  const chain = await chainOf(pool, { ...name, dataset: parent, components: name.components.slice(0, -1) });
  if (chain === undefined) {
    throw hostError('DatasetNotFound', `cannot create ${name.dataset}: parent ${parent} does not exist`);
  }
  if (chain.at(-1)?.record.type === 'filesystem') return chain;
  throw hostError('DatasetNotFound', `cannot create ${name.dataset}: parent ${parent} is not a filesystem`);
}

/**
 * Has `build` make a subvolume at `path`, in the working folder, and gives it the name when `check` agrees. On failure
 * nothing is left.
 */
async function buildDataset(
  pool: OpenPool,
  log: Log,
  name: DatasetName,
  path: string,
  build: () => Promise<DatasetRecord>,
  check: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  let id: bigint | undefined;
  try {
    const record = await build();
    ({ id } = record);
    await loadNative('btrfs').setAttribute(path, recordAttribute, formatRecord(record, name.dataset));
    const node = { name: name.dataset, path, subvolume: record.self, readOnly: false, record };
    await ensureQgroup(pool, node);
    await changingPool(pool, log, async () => {
      await check();
      await place(pool, name, node);
    });
  } catch (error) {
    await undoing(error, async () => {
      await discard(path);
      if (id !== undefined) await removeQgroup(pool, id);
    });
  }
}

/** Moves a dataset from the working folder to where its name says. Only for the holder of the pool's lock. */
export async function place(pool: OpenPool, name: DatasetName, node: TreeNode): Promise<void> {
  const parents = await requireParents(pool, name);
  const target = pathOf(pool, name);
  await chargeTo(pool, node.subvolume, parents, true);
  const move = () =>
    pastQuota(pool, parents, async () => {
      // In a clone, a folder stands where a dataset was inside the original.
      await loadNative('btrfs').removeFolder(target);
      await loadNative('btrfs').rename(node.path, target);
    });
  if (node.record.properties['readonly'] !== 'on') return move();
  // A read-only subvolume cannot be moved.
  await markedWork(pool, async () => {
    await move();
    await settle(pool, { ...node, path: target, readOnly: false });
  });
}
