/** Makes the dataset of an image from a layer of a container image: a clone of the layer below, changed by an archive. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { decompress, type Encoding } from './codec.js';
import { imgError } from './errors.js';
import { imageFile } from './manifest.js';
import { expansionLimitOf, readingVerified, requirePlaceable, type Fill } from './place.js';
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
  const { data, encoding } = await recognised(image.data);
  const size = imageFile(image.manifest)?.size;
  const archive = await decompress(data, encoding, expansionLimitOf(pool), size);
  try {
    const losses = await readingVerified(image, archive, () => layers.apply(root, archive, image.signal));
    await datasets.snapshot(`${partial}@${finalSnapshot}`);
    return losses;
  } finally {
    archive.destroy();
  }
};

/** How files of each encoding begin. */
const beginnings: readonly (readonly [Encoding, Buffer])[] = [
  ['gzip', Buffer.of(0x1f, 0x8b, 0x08)],
  ['zstd', Buffer.of(0x28, 0xb5, 0x2f, 0xfd)],
  ['xz', Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)],
  ['bzip2', Buffer.of(0x42, 0x5a, 0x68)],
];
const longestBeginning = 6;

/** The data and what its first bytes say of it: what registries call it is not always true. */
async function recognised(data: Readable): Promise<{ readonly data: Readable; readonly encoding: Encoding }> {
  const chunks = data[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < longestBeginning) {
    const result = await chunks.next();
    if (result.done === true) break;
    head = Buffer.concat([head, result.value]);
  }
  const encoding = beginnings.find(([, bytes]) => head.subarray(0, bytes.length).equals(bytes))?.[0] ?? 'none';
  return { data: Readable.from(all(head, chunks), { objectMode: false }), encoding };
}

async function* all(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for await (const chunk of { [Symbol.asyncIterator]: () => rest }) yield chunk;
}
