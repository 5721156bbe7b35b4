/** Puts the data of one image in place: decompress, receive beside its final name, verify, record, rename. */
import type { Context } from '../context.js';
import { SmartadmError, codeOf } from '../errors.js';
import type { ReceiveResult } from '../host/datasets.js';
import { withUndo } from '../undo.js';
import { decompress } from './codec.js';
import { imgError } from './errors.js';
import { expansionLimitOf, readingVerified, type Fill, type ImageToPlace } from './fill.js';
import type { Narration } from './narration.js';
import { datasetOf, finalSnapshot, partialDatasetOf, removeRecord, writeRecord } from './store.js';

/**
 * Installs one image; the caller holds its lock. The last step, a rename, makes it visible; before it nothing of the image
 * can be seen, and whatever fails takes back all the rest. Throws `OriginNotInstalled`, `UncompressionError`,
 * `UnexpectedNumberOfSnapshots`, what `verified` rejects with, and codes of the host (`StreamInvalid`, `NoSpace`, …).
 */
export async function placeImage(ctx: Context, image: ImageToPlace, narration: Narration): Promise<void> {
  const { manifest, pool, source } = image;
  const { uuid } = manifest;
  // Their failure is looked for when it matters; it may come before anybody reads, and when nobody does any more.
  image.data.on('error', () => undefined);
  let transferError: unknown;
  image.verified.catch((error: unknown) => (transferError = error));
  const fill = await fillOf(image);
  const { datasets } = await ctx.host();
  const partial = partialDatasetOf(pool, uuid);
  const report = (what: string, err: unknown): void => ctx.log.error({ err, what }, 'cannot take back a step');
  try {
    await withUndo(report, async (undo) => {
      // Left behind by somebody who was killed: we hold the lock, so nobody is at it.
      if ((await datasets.find(partial)) !== undefined) await datasets.destroy(partial, { recursive: true });
      const origin = await originOf(ctx, image);
      undo.push(`remove ${partial}`, async () => {
        if ((await datasets.find(partial)) !== undefined) await datasets.destroy(partial, { recursive: true });
      });
      for (const { path, what } of await fill(ctx, image, partial, origin)) {
        narration.warn(`warning: image ${uuid}: ${path === '' ? '' : `${path}: `}${what}`);
      }
      await writeRecord(ctx, { manifest, zpool: pool, ...(source === undefined ? {} : { source }) });
      undo.push('remove the record', () => removeRecord(ctx, pool, uuid));
      image.signal.throwIfAborted();
      await image.release?.();
      await datasets.rename(partial, datasetOf(pool, uuid));
    });
  } catch (cause) {
    image.signal.throwIfAborted();
    const code = codeOf(cause);
    // What a source answers is told as it is.
    if (code === undefined || cause === transferError || isOurs(code)) throw cause;
    const what = `cannot install image ${uuid} as ${datasetOf(pool, uuid)}`;
    if (code === 'NoSpace') {
      const hint = 'imgadm vacuum, imgadm delete, vmadm delete and vmadm delete-snapshot make room';
      throw new SmartadmError(code, `${what}: no space is left in pool ${pool}`, { cause, hint, quietCause: true });
    }
    const { hint, info } = cause as Partial<SmartadmError>;
    throw new SmartadmError(code, what, {
      cause, ...(hint === undefined ? {} : { hint }), ...(info === undefined ? {} : { info }),
    }); // prettier-ignore
  } finally {
    image.data.destroy();
  }
}

/** Errors that already say which image they are about. */
function isOurs(code: string): boolean {
  return /^(?:DownloadError|MultiError|UncompressionError|UnexpectedNumberOfSnapshots|OriginNotInstalled)$/.test(code);
}

async function originOf(ctx: Context, { manifest, pool }: ImageToPlace): Promise<string | undefined> {
  if (manifest.origin === undefined) return undefined;
  const snapshot = `${datasetOf(pool, manifest.origin)}@${finalSnapshot}`;
  const host = await ctx.host();
  if ((await host.datasets.find(snapshot)) !== undefined) return snapshot;
  throw imgError('OriginNotInstalled', `origin image "${manifest.origin}" was not found on zpool "${pool}"`);
}

async function fillOf({ content }: ImageToPlace): Promise<Fill> {
  if (content === 'stream') return fillFromStream;
  const { fillFromLayer } = await import('./place-layer.js');
  return fillFromLayer;
}

const fillFromStream: Fill = async (ctx, image, partial, origin) => {
  const { losses } = await receive(ctx, image, partial, origin);
  await nameFinalSnapshot(ctx, image.manifest.uuid, partial);
  return losses;
};

async function receive(
  ctx: Context,
  image: ImageToPlace,
  partial: string,
  origin: string | undefined,
): Promise<ReceiveResult> {
  const { datasets } = await ctx.host();
  const pool = await datasets.ensurePool(image.pool);
  const stream = await decompress(image.data, image.compression, expansionLimitOf(pool));
  try {
    return await readingVerified(image, stream, () =>
      datasets.receive(partial, stream, {
        ...(origin === undefined ? {} : { origin }),
        signal: image.signal,
      }),
    );
  } finally {
    stream.destroy();
  }
}

/** Sees to it that the one snapshot is called `@final`, which clones and increments rely on. */
async function nameFinalSnapshot(ctx: Context, uuid: string, dataset: string): Promise<void> {
  const { datasets } = await ctx.host();
  const names = (await datasets.list({ root: dataset, types: ['snapshot'] })).map(({ name }) => name);
  const [only] = names;
  if (names.length !== 1 || only === undefined) {
    const listed = names.map((name) => name.slice(name.indexOf('@'))).join(', ');
    throw imgError(
      'UnexpectedNumberOfSnapshots',
      `image "${uuid}" has an unexpected number of snapshots (${names.length})${listed === '' ? '' : `: ${listed}`}`,
    );
  }
  if (only !== `${dataset}@${finalSnapshot}`) await datasets.rename(only, `${dataset}@${finalSnapshot}`);
}
