/** Snapshots: read-only subvolumes in a root-only folder, under the lasting id of their dataset, and the way back to one. */
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Log } from '../../log.js';
import { parseSnapshot, type DatasetName } from '../dataset-names.js';
import { checkProperties } from '../dataset-properties.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { clonesOf, datasetsBelow, snapshotsIn } from './dataset-branch.js';
import { undoing } from './dataset-failures.js';
import { locate, locateSnapshot, pathOf, snapshotAt, snapshotFolder } from './dataset-lookup.js';
import { snapshotInto } from './dataset-make.js';
import { chargeTo, limit, pastQuota, qgroupOf } from './dataset-quotas.js';
import { formatRecord, newGuid, now, recordAttribute, type DatasetRecord } from './dataset-records.js';
import { requireUnused } from './dataset-use.js';
import type { TreeNode } from './dataset-tree.js';
import { changingPool, discard, discardSnapshot, markedWork, moveChild, newWork, settle } from './dataset-work.js';
import type { OpenPool } from './pool.js';

type SnapshotName = DatasetName & { readonly snapshot: string };

/** Takes a snapshot. Only the step that gives it its name needs the pool's lock. */
export async function takeSnapshot(
  pool: OpenPool,
  log: Log,
  given: string,
  properties: Readonly<Record<string, string>>,
): Promise<void> {
  const name = parseSnapshot(given);
  const { set } = checkProperties(given, 'snapshot', properties);
  const { node } = await locate(pool, name);
  await requireFree(pool, node, name);
  const made = await buildSnapshot(pool, node.path, node.record, { guid: newGuid(), creation: now(), properties: set });
  try {
    await changingPool(pool, log, async () => {
      const there = await locate(pool, name);
      if (there.node.subvolume !== node.subvolume) {
        throw hostError('DatasetBusy', `cannot snapshot ${name.dataset}: it has been replaced meanwhile`);
      }
      await placeSnapshot(pool, name, made);
    });
  } catch (error) {
    await undoing(error, () => discard(made.path));
  }
}

async function requireFree(pool: OpenPool, dataset: TreeNode, name: SnapshotName): Promise<void> {
  if ((await snapshotAt(pool, dataset, name.snapshot)) === undefined) return;
  throw hostError('DatasetExists', `cannot create snapshot ${name.dataset}@${name.snapshot}: dataset already exists`);
}

export interface NewSnapshot {
  /** In the working folder. */
  readonly path: string;
  readonly subvolume: bigint;
  readonly record: DatasetRecord;
}

/** Makes a snapshot of the dataset at `source` in the working folder. */
export async function buildSnapshot(
  pool: OpenPool,
  source: string,
  dataset: DatasetRecord,
  own: Pick<DatasetRecord, 'guid' | 'creation' | 'properties'>,
): Promise<NewSnapshot> {
  const path = await newWork(pool);
  try {
    const subvolume = await snapshotInto(source, path);
    // Making it has written everything out: the figures are exact.
    const [charged] = await loadNative('btrfs').usage(pool.top, [dataset.self], false);
    const baseBytes = (pool.simpleQuotas ? dataset.baseBytes : 0) + (charged ?? 0);
    const { id, method, volume } = dataset;
    const record: DatasetRecord = { self: subvolume, id, type: 'snapshot', baseBytes, method, volume, ...own };
    await loadNative('btrfs').setAttribute(path, recordAttribute, formatRecord(record, 'the snapshot'));
    return { path, subvolume, record };
  } catch (error) {
    return undoing(error, () => discard(path));
  }
}

/** Gives a new snapshot its name. Only for the holder of the pool's lock. */
export async function placeSnapshot(pool: OpenPool, name: SnapshotName, made: NewSnapshot): Promise<void> {
  const folder = snapshotFolder(pool, made.record.id);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name.snapshot);
  const btrfs = loadNative('btrfs');
  // Where all that a dataset refers to is counted, what only its snapshots hold is the dataset's as well.
  if (!pool.simpleQuotas) await btrfs.assignQgroup(pool.top, made.subvolume, qgroupOf(made.record.id), true);
  await btrfs.rename(made.path, path);
  await btrfs.setReadOnly(path, true);
}

/** Gives a snapshot another name. */
export async function renameSnapshot(pool: OpenPool, log: Log, from: string, to: string): Promise<void> {
  const source = parseSnapshot(from);
  const target = parseSnapshot(to);
  if (source.dataset !== target.dataset) {
    throw hostError('InvalidName', `cannot rename ${from} to ${to}: a snapshot stays with its dataset`);
  }
  await changingPool(pool, log, async () => {
    const { dataset, snapshot } = await locateSnapshot(pool, source);
    await requireFree(pool, dataset, target);
    await loadNative('btrfs').rename(snapshot.path, join(dirname(snapshot.path), target.snapshot));
  });
}

/**
 * Takes a dataset back to a snapshot and removes later ones. Refused with `DatasetBusy` while a later one has clones.
 * Properties stay as they are, and datasets inside it too.
 */
export async function rollBack(pool: OpenPool, log: Log, given: string): Promise<void> {
  const name = parseSnapshot(given);
  await changingPool(pool, log, async () => {
    const { dataset, snapshot } = await locateSnapshot(pool, name);
    const { ancestors } = await locate(pool, name);
    if (ancestors.length === 0) throw hostError('DatasetBusy', `cannot roll back ${name.dataset}: it is a pool`);
    const later = (await snapshotsIn(pool, dataset)).filter(({ subvolume }) => subvolume > snapshot.subvolume);
    const clones = await clonesOf(pool, later);
    if (clones.length > 0) {
      const names = clones.map((clone) => clone.name).join(', ');
      throw hostError('DatasetBusy', `cannot roll back to ${given}: later snapshots have clones: ${names}`);
    }
    await requireUnused(pool, dataset, 'roll back');
    for (const node of later.toReversed()) await discardSnapshot(pool, node);
    await replaceBySnapshot(pool, name, dataset, snapshot, ancestors);
  });
}

/**
 * Puts a writable snapshot in the place of a dataset. Cut off after the swap, the old subvolume stays in the working
 * folder, and the next command takes the datasets inside it over.
 */
async function replaceBySnapshot(
  pool: OpenPool,
  name: SnapshotName,
  dataset: TreeNode,
  snapshot: TreeNode,
  ancestors: readonly TreeNode[],
): Promise<void> {
  const btrfs = loadNative('btrfs');
  const place = pathOf(pool, name);
  const inside = (await datasetsBelow(pool, dataset)).filter((node) => dirname(node.path) === place);
  const path = await newWork(pool);
  try {
    const self = await snapshotInto(snapshot.path, path);
    const { baseBytes, volume, method } = snapshot.record;
    const record: DatasetRecord = { ...dataset.record, self, baseBytes, volume, method };
    await btrfs.setAttribute(path, recordAttribute, formatRecord(record, dataset.name));
    const replacement = { ...dataset, subvolume: self, record, readOnly: false };
    await chargeTo(pool, self, [...ancestors, replacement], true);
    await limit(pool, replacement);
    await pastQuota(pool, ancestors, async () => {
      if (dataset.readOnly) await btrfs.setReadOnly(place, false);
      await btrfs.exchange(path, place);
    });
    await markedWork(pool, async () => {
      for (const { path: child } of inside) {
        await moveChild(pool, [dataset, replacement], join(path, basename(child)), child);
      }
      await settle(pool, replacement);
    });
  } catch (error) {
    await undoing(error, async () => {
      // Before the swap it is the copy, afterwards the old one, perhaps with datasets inside: those are for the next command.
      const left = await btrfs.list(path, recordAttribute);
      if (left.length === 0) await discard(path);
    });
  }
  await discard(path);
}
