/** Removes an installed image that nothing depends on. */
import type { Context } from '../context.js';
import { hasCode } from '../errors.js';
import { withLock } from '../lock.js';
import { imageNotInstalled, imgError, requireUuid } from './errors.js';
import { removeLeftovers } from './leftovers.js';
import { clonesOf, datasetOf, hasRecord, imageDatasets, imageLockPath, removeRecord, requireImage, zoneRoots } from './store.js'; // prettier-ignore

/**
 * Removes the image's dataset with its snapshots, then its record. Throws `ImageNotInstalled`, also for a dataset that
 * is no image (a machine's), and `ImageHasDependentClones` while a machine or another image was made from it.
 */
export async function deleteImage(ctx: Context, pool: string, uuid: string): Promise<void> {
  requireUuid(uuid);
  await requireImage(ctx, pool, uuid);
  // What a killed import left would count as made from it.
  await removeLeftovers(ctx, await (await ctx.host()).datasets.list());
  await withLock(imageLockPath(ctx.root, uuid), () => remove(ctx, pool, uuid), { signal: ctx.signal });
}

async function remove(ctx: Context, pool: string, uuid: string): Promise<void> {
  const host = await ctx.host();
  await requireImage(ctx, pool, uuid);
  await refuseWhileUsed(ctx, pool, uuid);
  const name = datasetOf(pool, uuid);
  const below = await host.datasets.list({ root: name });
  const isImage = imageDatasets(ctx, below, await zoneRoots(ctx)).length > 0;
  if (!isImage && !(await hasRecord(ctx, pool, uuid))) throw imageNotInstalled(uuid, pool);
  try {
    await host.datasets.destroy(name, { recursive: true });
  } catch (error) {
    // Somebody may have cloned it since we looked.
    if (hasCode(error, 'DatasetBusy')) await refuseWhileUsed(ctx, pool, uuid);
    throw error;
  }
  await removeRecord(ctx, pool, uuid);
}

async function refuseWhileUsed(ctx: Context, pool: string, uuid: string): Promise<void> {
  const clones = await clonesOf(ctx, pool, uuid);
  if (clones.length === 0) return;
  const others = clones.length === 1 ? '' : ` and ${clones.length - 1} others...`;
  throw imgError('ImageHasDependentClones', `image "${uuid}" has dependent clones: ${clones[0] ?? ''}${others}`, {
    info: { clones },
  });
}
