/** Makes the dataset of an image from a layer of a container image: a clone of the layer below, changed by an archive. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decompress } from './codec.js';
import { imgError } from './errors.js';
import { expansionLimitOf, readingVerified, requirePlaceable, type Fill } from './fill.js';
import { finalSnapshot } from './store.js';

/** {@link Fill} from the archive of a layer. The tree is the folder `root` of the dataset. */
export const fillFromLayer: Fill = async (ctx, image, partial, origin) => {
  const host = await ctx.host();
  const { datasets, layers } = host;
  requirePlaceable(host, image.manifest);
  const pool = await datasets.ensurePool(image.pool);
  if (origin === undefined) await datasets.create(partial);
  else await datasets.clone(origin, partial);
  const mountpoint = (await datasets.find(partial))?.mountpoint;
  if (mountpoint === undefined || layers === undefined) {
    throw imgError('InternalError', `dataset ${partial} is not mounted`);
  }
  const root = join(mountpoint, 'root');
  if (origin === undefined) await mkdir(root, { mode: 0o755 });
  // What registries say of it is not always true.
  const archive = await decompress(image.data, 'any', expansionLimitOf(pool));
  try {
    const losses = await readingVerified(image, archive, () => layers.apply(root, archive, image.signal));
    await datasets.snapshot(`${partial}@${finalSnapshot}`);
    return losses;
  } finally {
    archive.destroy();
  }
};
