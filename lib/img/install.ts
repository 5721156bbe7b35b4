/** Installs an image from a manifest and a file. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Context } from '../context.js';
import { imgError, requireUuid } from './errors.js';
import { contentOf, requirePlaceable } from './fill.js';
import { removeLeftovers } from './leftovers.js';
import { lockImage } from './lock-image.js';
import { imageFile, isFields, nameAndVersion, readManifest, requireInstallable, requirePlatform, upgradeManifest, type Manifest } from './manifest.js'; // prettier-ignore
import type { Narration } from './narration.js';
import { placeImage } from './place.js';
import { readInRooms } from './rooms.js';
import { findImage, requirePool, type ImageRecord } from './store.js';
import { valueText } from './json-values.js';

const chunkBytes = 256 * 1024;

export interface InstallRequest {
  /** Parsed manifest, as the user gave it. */
  readonly manifest: unknown;
  /** Image file. */
  readonly file: string;
  readonly pool: string;
}

/** `Image U (NAME VERSION)`, as imgadm names an image that is there. */
export function installedTitle({ manifest: { uuid, name, version } }: ImageRecord): string {
  return `Image ${uuid}${name === undefined ? '' : ` (${valueText(name)} ${valueText(version)})`}`;
}

/**
 * Installs an image unless it is there. Throws `InvalidManifest`, `InvalidUUID`, `ManifestValidation`, `MinPlatform`,
 * `MaxPlatform`, `DownloadError` when the file is not the manifest's, and what {@link placeImage} throws.
 */
export async function installImage(ctx: Context, request: InstallRequest, narration: Narration): Promise<void> {
  const pool = requirePool(request.pool);
  if (!isFields(request.manifest)) throw imgError('InvalidManifest', 'manifest is invalid: it is not an object');
  const uuid = requireUuid(request.manifest['uuid']);
  const given = { ...request.manifest, published_at: request.manifest['published_at'] ?? new Date().toISOString() };
  const present = await findImage(ctx, pool, uuid);
  if (present !== undefined) {
    narration.say(`${installedTitle(present)} is already installed, skipping`);
    return;
  }
  const { name, version } = given as { name?: unknown; version?: unknown };
  narration.say(`Installing image ${uuid} (${valueText(name)}@${valueText(version)})`);
  const manifest = await checkedManifest(ctx, given);
  const host = await ctx.host();
  await removeLeftovers(ctx, await host.datasets.list());
  const lock = await lockImage(ctx, uuid, (line) => narration.say(line));
  try {
    if ((await findImage(ctx, pool, uuid)) !== undefined) {
      narration.say(`Image ${uuid} (${nameAndVersion(manifest)}) was installed while waiting on lock`);
      return;
    }
    await placeFile(ctx, manifest, request, narration);
    narration.say(`Installed image ${uuid} (${nameAndVersion(manifest)})`);
  } finally {
    lock.release();
  }
}

async function checkedManifest(ctx: Context, given: Readonly<Record<string, unknown>>): Promise<Manifest> {
  let upgraded: Readonly<Record<string, unknown>>;
  try {
    upgraded = upgradeManifest(given);
  } catch (cause) {
    throw imgError('InvalidManifest', 'manifest is invalid', { cause });
  }
  requireInstallable(upgraded);
  const manifest = await readManifest(upgraded);
  const host = await ctx.host();
  requirePlatform(manifest, await host.sysinfo.read());
  requirePlaceable(host, manifest);
  if (manifest.type !== 'docker' && imageFile(manifest) === undefined)
    throw imgError('InvalidManifest', 'manifest is invalid: it names no files');
  return manifest;
}

async function placeFile(
  ctx: Context,
  manifest: Manifest,
  { file: path, pool }: InstallRequest,
  narration: Narration,
): Promise<void> {
  const file = imageFile(manifest);
  const { size: actual } = await stat(path);
  if (file?.size !== undefined && file.size !== actual) {
    throw imgError(
      'DownloadError',
      `image file size error: manifest says ${file.size} bytes, ${path} is ${actual} bytes`,
    );
  }
  const bar = ctx.progress.start(`${pool}/${manifest.uuid}`, actual);
  const stop = new AbortController();
  const verified = verifyFile(path, file?.sha1, AbortSignal.any([ctx.signal, stop.signal]));
  // Whoever waits hears of it; an install that fails first does not.
  verified.catch(() => undefined);
  const data = readInRooms(path, (bytes) => bar.advance(bytes));
  const compression = file?.compression ?? 'none';
  try {
    await placeImage(
      ctx,
      {
        manifest,
        pool,
        source: undefined,
        content: contentOf(manifest),
        compression,
        data,
        verified,
        signal: ctx.signal,
      },
      narration,
    );
  } finally {
    stop.abort();
    bar.done();
  }
}

/** Throws `DownloadError` unless the file has the checksum. It is read while it is installed, so from memory mostly. */
async function verifyFile(path: string, sha1: string | undefined, signal: AbortSignal): Promise<void> {
  if (sha1 === undefined) return;
  const hash = createHash('sha1');
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes, signal })) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found === sha1.toLowerCase()) return;
  throw imgError('DownloadError', `image file checksum (sha1) error: manifest says "${sha1}", ${path} is "${found}"`);
}
