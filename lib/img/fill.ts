/** What the data of an image is, and what all have in common that make a dataset of some. */
import type { Readable } from 'node:stream';
import type { Context } from '../context.js';
import { codeOf, hasCode } from '../errors.js';
import type { Pool, ReceiveResult } from '../host/datasets.js';
import type { Host } from '../host/host.js';
import { imgError } from './errors.js';
import type { Compression, Manifest } from './manifest.js';

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

const expansionLimit = 4;
const expansionAllowanceBytes = 2 ** 30;

/** What comes of a file may be this many times as long as the pool is large, zeros and holes compressing well. */
export function expansionLimitOf({ sizeBytes }: Pool): number {
  return sizeBytes * expansionLimit + expansionAllowanceBytes;
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
