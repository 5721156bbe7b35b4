/** Removes datasets and snapshots: out of sight in one step, then piece by piece. */
import { codeOf } from '../../errors.js';
import type { Log } from '../../log.js';
import { parseDatasetName, parseSnapshot } from '../dataset-names.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { clonesOf, datasetsBelow, snapshotsIn } from './dataset-branch.js';
import { locate, locateSnapshot } from './dataset-lookup.js';
import { pastQuota, release } from './dataset-quotas.js';
import type { TreeNode } from './dataset-tree.js';
import { requireUnused } from './dataset-use.js';
import { changingPool, discard, discardSnapshot, newWork } from './dataset-work.js';
import type { OpenPool } from './pool.js';

/** Removes `given`, and with `recursive` what is below it. */
export async function destroyDataset(pool: OpenPool, log: Log, given: string, recursive: boolean): Promise<void> {
  const name = parseDatasetName(given);
  if (name.snapshot !== undefined) {
    await destroySnapshot(pool, log, given);
    return;
  }
  if (name.components.length === 0) throw hostError('InvalidName', `cannot destroy ${given}: it is a pool`);
  const path = await newWork(pool);
  const remove = await changingPool(pool, log, async () => {
    const { node, ancestors } = await locate(pool, name);
    const inside = await datasetsBelow(pool, node);
    const datasets = [node, ...inside];
    const snapshots = (await Promise.all(datasets.map((each) => snapshotsIn(pool, each)))).flat();
    const below = [...snapshots, ...inside];
    if (!recursive && below.length > 0) {
      throw hostError('DatasetHasChildren', `cannot destroy ${given}: dataset has children: ${listed(below)}`);
    }
    requireNoClones(given, await clonesOf(pool, snapshots, node.name));
    await requireUnused(pool, node, 'destroy');
    if (node.readOnly) await loadNative('btrfs').setReadOnly(node.path, false);
    // The subvolume last: while it is in the working folder, the next command can find what else is left of it.
    const removeAt = async (place: string) => {
      for (const snapshot of snapshots) await discardSnapshot(pool, snapshot);
      for (const dataset of datasets) await release(pool, dataset);
      await discard(place);
    };
    try {
      await pastQuota(pool, ancestors, () => loadNative('btrfs').rename(node.path, path));
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC') throw error;
      // A full pool has no room for a rename. A removal may use what btrfs keeps in reserve, and makes room.
      await removeAt(node.path);
      return undefined;
    }
    return () => removeAt(path);
  });
  await remove?.();
}

async function destroySnapshot(pool: OpenPool, log: Log, given: string): Promise<void> {
  const name = parseSnapshot(given);
  await changingPool(pool, log, async () => {
    const { snapshot } = await locateSnapshot(pool, name);
    requireNoClones(given, await clonesOf(pool, [snapshot]));
    await discardSnapshot(pool, snapshot);
  });
}

function requireNoClones(given: string, clones: readonly TreeNode[]): void {
  if (clones.length === 0) return;
  throw hostError('DatasetBusy', `cannot destroy ${given}: it has dependent clones: ${listed(clones)}`);
}

function listed(nodes: readonly TreeNode[]): string {
  const shown = nodes.slice(0, 3).map(({ name }) => name);
  return nodes.length > shown.length ? `${shown.join(', ')} and ${nodes.length - shown.length} more` : shown.join(', ');
}
