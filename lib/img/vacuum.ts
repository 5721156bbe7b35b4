/** Removes installed images that nothing was made from, and then those that only they were made from. */
import type { Context } from '../context.js';
import { deleteImage } from './delete.js';
import { listImages, type InstalledImage } from './list.js';
import { removeLeftovers } from './leftovers.js';
import { datasetOf } from './store.js';

/** Images that can go, in the order in which they can: images before those that they build on. */
export async function removableImages(ctx: Context): Promise<readonly InstalledImage[]> {
  const { datasets } = await ctx.host();
  await removeLeftovers(ctx, await datasets.list());
  const images = await listImages(ctx);
  const users = new Map(images.map((image) => [image, new Set(image.cloneNames)]));
  // Clones whose names do not count as use of an image keep it from being destroyed all the same.
  const all = await datasets.list({ types: ['filesystem', 'volume'] });
  for (const [{ zpool, manifest }, clones] of users) {
    const prefix = `${datasetOf(zpool, manifest.uuid)}@`;
    for (const { name, origin } of all) if (origin?.startsWith(prefix)) clones.add(name);
  }
  const removable: InstalledImage[] = [];
  for (;;) {
    const round = [...users].filter(([, clones]) => clones.size === 0).map(([image]) => image);
    if (round.length === 0) return removable;
    removable.push(...round);
    for (const image of round) users.delete(image);
    for (const { zpool, manifest } of round) {
      for (const clones of users.values()) clones.delete(datasetOf(zpool, manifest.uuid));
    }
  }
}

/**
 * Removes `images` in their order; `told` hears of each. Throws what {@link deleteImage} throws, after which the rest stays:
 * somebody may have made a machine of one meanwhile.
 */
export async function removeImages(
  ctx: Context,
  images: readonly InstalledImage[],
  told: (image: InstalledImage, error?: unknown) => void,
): Promise<void> {
  for (const image of images) {
    try {
      await deleteImage(ctx, image.zpool, image.manifest.uuid);
    } catch (error) {
      told(image, error);
      throw error;
    }
    told(image);
  }
}
