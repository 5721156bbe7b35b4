/** Changes what a dataset is called and its properties. */
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../log.js';
import { isWithin, parentOf, parseDataset, parseDatasetName } from '../dataset-names.js';
import { bytesOf, checkProperties, checkVolsize } from '../dataset-properties.js';
import type { Dataset } from '../datasets.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { datasetsBelow } from './dataset-branch.js';
import { compressBy, effectiveMethod } from './dataset-compression.js';
import { describeBelow } from './dataset-describe.js';
import { chainOf, locate, locateSnapshot, pathOf } from './dataset-lookup.js';
import { requirePlace, withReservation } from './dataset-make.js';
import { chargeTo, limit, pastQuota } from './dataset-quotas.js';
import { formatRecord, recordAttribute, type DatasetRecord } from './dataset-records.js';
import { volumeFile, type TreeNode } from './dataset-tree.js';
import { requireUnused } from './dataset-use.js';
import { changingPool, markedWork, settle } from './dataset-work.js';
import { topId, type OpenPool } from './pool.js';

type Changes = Readonly<Record<string, string | null>>;

/** Moves a dataset, with all below it, to another name in its pool. Its snapshots and clones follow by themselves. */
export async function renameDataset(pool: OpenPool, log: Log, from: string, to: string): Promise<void> {
  const source = parseDataset(from);
  const target = parseDataset(to);
  const refuse = (why: string) => hostError('InvalidName', `cannot rename ${from} to ${to}: ${why}`);
  if (source.pool !== target.pool) throw refuse('they are in different pools');
  if (source.components.length === 0 || target.components.length === 0) throw refuse('a pool keeps its name');
  if (from !== to && isWithin(to, from)) throw refuse('a dataset cannot lie inside itself');
  await changingPool(pool, log, async () => {
    const { node, ancestors } = await locate(pool, source);
    const parents = await requirePlace(pool, target);
    await requireUnused(pool, node, 'rename');
    const moving = parentOf(from) !== parentOf(to);
    const btrfs = loadNative('btrfs');
    const inside = moving ? (await btrfs.list(node.path, recordAttribute)).map(({ id }) => id) : [];
    await markedWork(pool, async () => {
      const charged = [node.subvolume, ...inside];
      if (moving) for (const id of charged) await chargeTo(pool, id, parents, true);
      // A read-only subvolume cannot be moved.
      if (node.readOnly) await btrfs.setReadOnly(node.path, false);
      const path = pathOf(pool, target);
      await pastQuota(pool, [...ancestors, ...parents], async () => {
        await btrfs.removeFolder(path);
        await btrfs.rename(node.path, path);
      });
      const left = ancestors.filter(({ subvolume }) => !parents.some((parent) => parent.subvolume === subvolume));
      if (moving) for (const id of charged) await chargeTo(pool, id, left, false);
      await settle(pool, { ...node, path, readOnly: false });
    });
  });
}

/** Sets properties; `null` takes one back to its default. */
export async function setProperties(pool: OpenPool, log: Log, given: string, changes: Changes): Promise<void> {
  const name = parseDatasetName(given);
  if (name.snapshot !== undefined) {
    await setOfSnapshot(pool, log, given, changes);
    return;
  }
  await changingPool(pool, log, async () => {
    const { node, ancestors } = await locate(pool, name);
    const { set, clear } = checkProperties(given, node.record.type, changes);
    const { volsize, ...others } = set;
    const kept = Object.fromEntries(Object.entries(node.record.properties).filter(([each]) => !clear.includes(each)));
    const volume = newVolume(given, node.record, bytesOf(volsize));
    // What is set aside for all of a volume follows its size, as it does on ZFS.
    const isWhole = kept['refreservation'] === String(node.record.volume?.sizeBytes);
    const wanted = { ...kept, ...(isWhole ? { refreservation: 'auto' } : {}), ...others };
    const properties = withReservation(given, wanted, volume?.sizeBytes);
    await requireRoom(pool, node, set);
    const method = effectiveMethod(properties, ancestors);
    const record: DatasetRecord = { ...node.record, method, volume, properties };
    const text = formatRecord(record, given);
    await markedWork(pool, async () => {
      // With the wider of the limits before and after, whichever step this ends at.
      await resize(node, volume, 'grow');
      await writeRecord(pool, node, [...ancestors, node], text);
      await limit(pool, { ...node, record });
      await resize(node, volume, 'shrink');
      if (method !== node.record.method) await recompress(pool, { ...node, record }, node.record.method);
      await settle(pool, { ...node, record, readOnly: false });
    });
  });
}

function newVolume(name: string, record: DatasetRecord, sizeBytes: number | undefined): DatasetRecord['volume'] {
  if (record.volume === undefined || sizeBytes === undefined) return record.volume;
  checkVolsize(name, sizeBytes, record.volume.blockBytes);
  return { ...record.volume, sizeBytes };
}

/** A volume's file is never smaller than its record says. */
async function resize(node: TreeNode, volume: DatasetRecord['volume'], direction: 'grow' | 'shrink'): Promise<void> {
  const before = node.record.volume?.sizeBytes ?? 0;
  if (volume === undefined || volume.sizeBytes === before) return;
  if (volume.sizeBytes > before !== (direction === 'grow')) return;
  await truncate(join(node.path, volumeFile), volume.sizeBytes);
}

async function writeRecord(pool: OpenPool, node: TreeNode, holders: readonly TreeNode[], text: string): Promise<void> {
  const btrfs = loadNative('btrfs');
  if (node.readOnly) await btrfs.setReadOnly(node.path, false);
  await pastQuota(pool, holders, () => btrfs.setAttribute(node.path, recordAttribute, text));
}

/** What ZFS refuses: a quota below what is used already, a reservation of what is not there. Throws `NoSpace`. */
async function requireRoom(pool: OpenPool, node: TreeNode, set: Readonly<Record<string, string>>): Promise<void> {
  const limits = ['quota', 'refquota', 'reservation', 'refreservation'].filter((each) => set[each] !== undefined);
  if (limits.length === 0) return;
  const [now] = await describeBelow(pool, parseDataset(node.name), { depth: 0 });
  if (now === undefined) return;
  for (const each of limits) {
    const bytes = bytesOf(set[each]) ?? 0;
    const isQuota = each.endsWith('quota');
    const used = each === 'refquota' ? now.referencedBytes - node.record.baseBytes : now.usedBytes;
    const available = each === 'reservation' ? await roomFor(pool, now) : now.availableBytes;
    if (isQuota ? bytes >= used : bytes <= used + available) continue;
    const why = isQuota ? `size is less than the ${used} bytes in use` : 'size is greater than available space';
    throw hostError('NoSpace', `cannot set property "${each}" of ${node.name}: ${why}`);
  }
}

/** What a dataset and those below it may still take together, which its own `refquota` does not limit. */
async function roomFor(pool: OpenPool, { name, quotaBytes, usedBytes, availableBytes }: Dataset): Promise<number> {
  const above = parentOf(name);
  const [parent] = above === undefined ? [] : await describeBelow(pool, parseDataset(above), { depth: 0 });
  if (parent === undefined) return availableBytes;
  return Math.min(parent.availableBytes, quotaBytes === undefined ? Infinity : quotaBytes - usedBytes);
}

/** Applies the method of a dataset to it and to those below it that inherit it. */
async function recompress(pool: OpenPool, changed: TreeNode, before: string): Promise<void> {
  const { method } = changed.record;
  if (changed.record.id !== topId) {
    await pastQuota(pool, [changed], () => compressBy(changed.path, method, before));
  }
  const holding = new Map<string, TreeNode>([[changed.name, changed]]);
  for (const node of await datasetsBelow(pool, changed)) {
    if (!holding.has(parentOf(node.name) ?? '')) continue;
    if (node.record.properties['compression'] !== undefined) continue;
    const record = { ...node.record, method };
    holding.set(node.name, { ...node, record });
    if (node.record.method === method) continue;
    const chain = (await chainOf(pool, parseDataset(node.name))) ?? [];
    await writeRecord(pool, node, chain, formatRecord(record, node.name));
    await pastQuota(pool, chain, () => compressBy(node.path, method, node.record.method));
    await settle(pool, { ...node, record, readOnly: false });
  }
}

async function setOfSnapshot(pool: OpenPool, log: Log, given: string, changes: Changes): Promise<void> {
  const name = parseDatasetName(given);
  await changingPool(pool, log, async () => {
    const { snapshot } = await locateSnapshot(pool, { ...name, snapshot: name.snapshot ?? '' });
    const { set, clear } = checkProperties(given, 'snapshot', changes);
    const kept = Object.entries(snapshot.record.properties).filter(([each]) => !clear.includes(each));
    const record = { ...snapshot.record, properties: { ...Object.fromEntries(kept), ...set } };
    const text = formatRecord(record, given);
    const btrfs = loadNative('btrfs');
    // Only root reaches it, and only here.
    await btrfs.setReadOnly(snapshot.path, false);
    try {
      await btrfs.setAttribute(snapshot.path, recordAttribute, text);
    } finally {
      await btrfs.setReadOnly(snapshot.path, true);
    }
  });
}
