/** The chain of installed images that an image builds on. */
import type { Context } from '../context.js';
import { imgError } from './errors.js';
import { requireImage, type ImageRecord } from './store.js';

/** Longest chain followed; more is a loop in damaged records. */
const longestAncestry = 1000;

/** An installed image first, its base last. Throws `ImageNotInstalled` naming the member that is absent. */
export async function installedAncestry(ctx: Context, pool: string, uuid: string): Promise<ImageRecord[]> {
  const chain: ImageRecord[] = [];
  for (let next: string | undefined = uuid; next !== undefined; next = chain.at(-1)?.manifest.origin) {
    if (chain.length === longestAncestry) throw imgError('InternalError', `origins of image "${uuid}" go in a circle`);
    chain.push(await requireImage(ctx, pool, next));
  }
  return chain;
}
