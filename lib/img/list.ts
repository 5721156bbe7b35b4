/** Lists installed images with what was cloned from each. */
import type { Context } from '../context.js';
import { imageDatasets, readRecord, zoneRoots, type ImageRecord } from './store.js';

export interface InstalledImage extends ImageRecord {
  /** Datasets cloned from it, child images included. */
  readonly cloneNames: readonly string[];
  readonly clones: number;
}

/** Dataset names that count as use of an image: POOL/UUID and its disks, in both layouts. */
const counted = /^[^/]+\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:[-/]disk\d+)?$/;

/** Every installed image of every pool, in the order in which the host lists datasets. */
export async function listImages(ctx: Context): Promise<InstalledImage[]> {
  const host = await ctx.host();
  const [roots, all] = await Promise.all([zoneRoots(ctx), host.datasets.list()]);
  const clonesByImage = new Map<string, string[]>();
  for (const { name, origin } of all) {
    if (origin === undefined || !counted.test(name)) continue;
    const image = origin.slice(0, origin.indexOf('@'));
    clonesByImage.set(image, [...(clonesByImage.get(image) ?? []), name]);
  }
  return Promise.all(
    imageDatasets(ctx, all, roots).map(async ({ pool, uuid, dataset }) => {
      const cloneNames = clonesByImage.get(dataset.name) ?? [];
      return { ...(await readRecord(ctx, pool, uuid)), cloneNames, clones: cloneNames.length };
    }),
  );
}
