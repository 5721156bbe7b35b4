/** Datasets that a VM keeps from being deleted (`vm-lifecycle`, indestructible datasets). */
import { hasCode } from '../errors.js';
import type { Host } from '../host/host.js';

/** Marks `dataset` by a snapshot of this name, or takes the mark away. Fine when it is so already. */
export async function setIndestructible(host: Host, dataset: string, indestructible: boolean): Promise<void> {
  const snapshot = `${dataset}@indestructible`;
  try {
    if (indestructible) await host.datasets.snapshot(snapshot);
    else await host.datasets.destroy(snapshot);
  } catch (error) {
    if (!hasCode(error, indestructible ? 'DatasetExists' : 'DatasetNotFound')) throw error;
  }
}
