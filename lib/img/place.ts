/** Puts the data of one image in place: decompress, receive beside its final name, verify, record, rename. */
import type { Readable } from 'node:stream';
import type { Context } from '../context.js';
import { SmartadmError, codeOf, hasCode } from '../errors.js';
import type { Pool, ReceiveResult } from '../host/datasets.js';
import type { Host } from '../host/host.js';
import { withUndo } from '../undo.js';
import { decompress } from './codec.js';
import { imgError } from './errors.js';
import type { Compression, Manifest } from './manifest.js';
import type { Narration } from './narration.js';
import { datasetOf, finalSnapshot, partialDatasetOf, removeRecord, writeRecord } from './store.js';

export interface ImageToPlace {
  readonly manifest: Manifest;
  readonly pool: string;
  /** URL of the source; undefined for an image from a file. */
  readonly source: string | undefined;
  /** What the data is: a ZFS send stream, or the archive of a layer of a Docker image. */
  readonly content: ImageContent;
  /** Of a stream; a layer tells by its first bytes. */
  readonly compression: Compression;
  readonly data: Readable;
  /** Rejects unless the data is what the manifest promises; nothing becomes visible before. */
  readonly verified: Promise<unknown>;
  readonly signal: AbortSignal;
  /** Lets go of the file that `data` came from, before the image becomes visible: whoever is killed then leaves neither. */
  readonly release?: () => Promise<void>;
}

export type ImageContent = 'stream' | 'layer';

/** What the file of an image holds. `zstream`: whatever its type, the source sends a stream. */
export function contentOf({ type }: Manifest, zstream = false): ImageContent {
  return type === 'docker' && !zstream ? 'layer' : 'stream';
}

/** Throws `NotSupported` for images that cannot be put in place on this host. */
export function requirePlaceable({ layers }: Host, manifest: Manifest, zstream = false): void {
  if (contentOf(manifest, zstream) === 'stream' || layers !== undefined) return;
  throw imgError('NotSupported', `image ${manifest.uuid} is of type "docker", which cannot be installed on this host`);
}

/**
 * Makes the dataset `partial`, with `@final` as its one snapshot, of an image's data: a clone of the snapshot `origin` where
 * there is one. Returns what was lost. On failure something may be left, which is removed.
 */
export type Fill = (
  ctx: Context,
  image: ImageToPlace,
  partial: string,
  origin: string | undefined,
) => Promise<ReceiveResult['losses']>;

async function fillOf({ content }: ImageToPlace): Promise<Fill> {
  if (content === 'stream') return fillFromStream;
  const { fillFromLayer } = await import('./place-layer.js');
  return fillFromLayer;
}

const expansionLimit = 4;
const expansionAllowanceBytes = 2 ** 30;

/** What comes of a file may be this many times as long as the pool is large, zeros and holes compressing well. */
export function expansionLimitOf({ sizeBytes }: Pool): number {
  return sizeBytes * expansionLimit + expansionAllowanceBytes;
}

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

/** Runs `work`, which reads `stream`, made of the image's data. What went wrong first is thrown. */
export async function readingVerified<T>(image: ImageToPlace, stream: Readable, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    await image.verified;
    return result;
  } catch (error) {
    image.signal.throwIfAborted();
    // What made it fail is above it: a broken transfer, or a damaged compressed file.
    const first = [image.data.errored, stream.errored].find(isCause) ?? error;
    // Damaged data is the source's or the network's fault if the checksum says so.
    if (hasCode(first, 'StreamInvalid') || hasCode(first, 'UncompressionError')) await image.verified;
    throw first;
  }
}

/** Whether a stream failed by itself, and not because its reader went away. */
function isCause(error: Error | null): boolean {
  return error !== null && !['ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR', 'EPIPE'].includes(codeOf(error) ?? '');
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
