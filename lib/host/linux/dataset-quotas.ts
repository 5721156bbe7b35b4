/**
 * Quotas of datasets as qgroups. Each dataset has a group on level 1 with its own subvolume and those of all datasets
 * below it, those that a zone makes included: the kernel puts a new subvolume into the groups of the one around it.
 */
import { codeOf } from '../../errors.js';
import { bytesOf } from '../dataset-properties.js';
import { loadNative } from '../native.js';
import type { DatasetRecord } from './dataset-records.js';
import { topId, type OpenPool } from './pool.js';

const level1 = 1n << 48n;

/** The group of a dataset. */
export function qgroupOf(datasetId: bigint): bigint {
  return level1 | datasetId;
}

/** What quotas need to know of a dataset. */
export interface Charged {
  readonly subvolume: bigint;
  readonly record: DatasetRecord;
}

/** Makes the group of a dataset and applies its limits. May be called again. */
export async function ensureQgroup(pool: OpenPool, node: Charged): Promise<void> {
  if (node.record.id === topId) return;
  const btrfs = loadNative('btrfs');
  const group = qgroupOf(node.record.id);
  await btrfs.createQgroup(pool.top, group);
  await btrfs.assignQgroup(pool.top, node.subvolume, group, true);
  await limit(pool, node);
}

/** Puts a subvolume into the groups of the datasets that it lies in, or takes it out. */
export async function chargeTo(
  pool: OpenPool,
  subvolume: bigint,
  ancestors: readonly Charged[],
  assign: boolean,
): Promise<void> {
  for (const { record } of ancestors) {
    if (record.id === topId) continue;
    await loadNative('btrfs').assignQgroup(pool.top, subvolume, qgroupOf(record.id), assign);
  }
}

/** Applies `quota` and `refquota`. The kernel refuses from now on what would exceed them, in running zones too. */
export async function limit(pool: OpenPool, { subvolume, record }: Charged): Promise<void> {
  if (record.id === topId || record.type === 'snapshot') return;
  const btrfs = loadNative('btrfs');
  const { quota, refquota } = record.properties;
  await btrfs.limitQgroup(pool.top, qgroupOf(record.id), bytesOf(quota), !pool.simpleQuotas);
  await btrfs.limitQgroup(pool.top, subvolume, bytesOf(refquota), !pool.simpleQuotas);
}

/** Removes the group and the limits of a dataset that is to go: taking it apart writes to it. */
export async function release(pool: OpenPool, { subvolume, record }: Charged): Promise<void> {
  if (record.properties['refquota'] !== undefined) {
    await loadNative('btrfs').limitQgroup(pool.top, subvolume, undefined, !pool.simpleQuotas);
  }
  await removeQgroup(pool, record.id);
}

/** Removes the group of a dataset that is gone. */
export async function removeQgroup(pool: OpenPool, datasetId: bigint): Promise<void> {
  if (datasetId !== topId) await loadNative('btrfs').removeQgroup(pool.top, qgroupOf(datasetId));
}

/**
 * Runs `work`, which writes metadata into the subvolumes of `nodes`. One that has used up its quota must not keep its
 * owner from raising it or cleaning up: then their limits are lifted for the moment.
 */
export async function pastQuota<T>(pool: OpenPool, nodes: readonly Charged[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== 'EDQUOT') throw error;
  }
  try {
    for (const node of nodes) await limit(pool, { ...node, record: { ...node.record, properties: {} } });
    return await work();
  } finally {
    for (const node of nodes) await limit(pool, node);
  }
}
