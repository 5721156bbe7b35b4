/** Imports an image and all it builds on from a source. */
import type { Context, ProgressTask } from '../context.js';
import { codeOf, describeError, hasCode } from '../errors.js';
import type { Lock } from '../lock.js';
import { startDownload, type Download } from './download.js';
import { dockerReferenceOf } from './docker-name.js';
import { imgError } from './errors.js';
import { contentOf, requirePlaceable } from './fill.js';
import { noteRetry, type Connection } from './http.js';
import { installedTitle } from './install.js';
import { removeLeftovers } from './leftovers.js';
import { lockImage } from './lock-image.js';
import { imageFile, nameAndVersion, requirePlatform, type Manifest } from './manifest.js';
import type { Narration } from './narration.js';
import { placeImage } from './place.js';
import { sizeText } from './size-text.js';
import { findInSources, openSources } from './sources/search.js';
import type { ExpectedFile, ImportableImage, OfferedImage, Source, SourceConfig } from './sources/source.js';
import { datasetOf, findImage, requirePool, type ImageRecord } from './store.js';

export interface ImportRequest {
  /** A UUID, or the name of a Docker image. */
  readonly arg: string;
  readonly pool: string;
  readonly sources: readonly SourceConfig[];
  readonly connection: Connection;
  /** Use this channel of every source. */
  readonly channel?: string | undefined;
  /** Docker sources take a UUID for the name of a repository. */
  readonly uuidIsName?: boolean;
  /** Faults that tests of imgadm ask for: whether the next use of each fails. */
  readonly strikes?: { readonly download: () => boolean; readonly metadata: () => boolean } | undefined;
  /** The source sends an uncompressed ZFS stream, whatever the manifest says of the file. */
  readonly zstream: boolean;
}

/** Files fetched at the same time. */
const downloadsAtOnce = 5;

/**
 * Imports an active image unless it is there. Throws `Usage` for an argument that names no image, `NoSources`,
 * `ActiveImageNotFound`, `OriginNotFoundInSource`, `InvalidManifest`, `MinPlatform`, `MaxPlatform`, `DownloadError`, errors
 * of the source, and what {@link placeImage} throws. Images that were installed before a failure stay.
 */
export async function importImage(ctx: Context, request: ImportRequest, narration: Narration): Promise<void> {
  const { arg } = request;
  const pool = requirePool(request.pool);
  requireImageName(arg);
  const present = await findImage(ctx, pool, arg);
  if (present !== undefined) {
    narration.say(`${installedTitle(present)} is already installed, skipping`);
    return;
  }
  const sources = await openSources(request.sources, request.connection, request.channel);
  const found = await findInSources(ctx, sources, { arg, activeOnly: true, uuidIsName: request.uuidIsName ?? false });
  if (found === undefined) {
    throw imgError('ActiveImageNotFound', `an active image "${arg}" was not found in image sources`);
  }
  const { config } = found.source;
  const same = found.image.uuid === arg ? undefined : await findImage(ctx, pool, found.image.uuid);
  if (same !== undefined) {
    narration.say(alreadyInstalled(same));
    return;
  }
  const channel = config.channel === undefined ? '' : `, channel "${config.channel}"`;
  narration.say(`Importing ${found.image.title} from "${config.url}"${channel}`);
  const missing = await missingImages(ctx, found.source, found.image, pool, narration);
  await new ImageImport(ctx, request, found.source, narration).run(missing);
}

function requireImageName(arg: string): void {
  // A UUID is one, too.
  if (dockerReferenceOf(arg) === undefined) throw imgError('Usage', `invalid image-id arg: "${arg}"`);
}

/** What is said of an image that was asked for by another name than its uuid. */
function alreadyInstalled({ manifest, source }: ImageRecord): string {
  const named = manifest.name === undefined ? '' : ` (${nameAndVersion(manifest)})`;
  return `Image ${manifest.uuid}${named} is already installed${source === undefined ? '' : ` from ${source}`}`;
}

/** The image and its origins as far as they are not installed, base first. */
async function missingImages(
  ctx: Context,
  source: Source,
  image: OfferedImage,
  pool: string,
  narration: Narration,
): Promise<readonly ImportableImage[]> {
  const { datasets } = await ctx.host();
  narration.say(`Gather image ${image.uuid} ancestry`);
  const [all, ancestry] = await Promise.all([datasets.list(), source.ancestry(image, ctx.signal)]);
  await removeLeftovers(ctx, all);
  const missing: ImportableImage[] = [];
  for (const member of ancestry) {
    if ((await findImage(ctx, pool, member.uuid)) === undefined) missing.push(member);
    else narration.say(`Image ${member.uuid} already installed`);
  }
  return missing;
}

/** What the manifest promises of the file, or else the source. */
function expectedFile({ manifest, file: told = {} }: ImportableImage): ExpectedFile {
  const { size = told.size, sha1 } = imageFile(manifest) ?? {};
  const checksum = sha1 === undefined ? told.checksum : ({ algorithm: 'sha1', hex: sha1.toLowerCase() } as const);
  return { size, checksum };
}

/** What is wrong with a file itself, however often it is fetched. */
const contentFaults = ['StreamInvalid', 'StreamUnsupported', 'UncompressionError'];

/** One image on its way. */
interface Fetching {
  readonly image: ImportableImage;
  readonly download: Promise<Download>;
}

class ImageImport {
  readonly #ctx: Context;
  readonly #request: ImportRequest;
  readonly #source: Source;
  readonly #narration: Narration;
  /** Ends all transfers and installs of this import. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #bar: ProgressTask | undefined;

  constructor(ctx: Context, request: ImportRequest, source: Source, narration: Narration) {
    this.#ctx = ctx;
    this.#request = request;
    this.#source = source;
    this.#narration = narration;
    this.#signal = AbortSignal.any([ctx.signal, this.#stop.signal]);
  }

  /** `images`: base first, which is also the one order in which locks are taken. */
  async run(images: readonly ImportableImage[]): Promise<void> {
    const locks: Lock[] = [];
    try {
      for (const { uuid } of images) locks.push(await lockImage(this.#ctx, uuid, (line) => this.#narration.say(line)));
      const wanted = await this.#stillMissing(images);
      if (wanted.length > 0) await this.#importAll(wanted);
    } finally {
      for (const lock of locks) lock.release();
    }
  }

  /** Somebody else may have imported some while we waited for the locks. */
  async #stillMissing(images: readonly ImportableImage[]): Promise<readonly ImportableImage[]> {
    const missing: ImportableImage[] = [];
    for (const image of images) {
      if ((await findImage(this.#ctx, this.#request.pool, image.uuid)) === undefined) missing.push(image);
      else {
        const title = `Image ${image.uuid} (${nameAndVersion(image.manifest)})`;
        this.#narration.say(`${title} was imported while waiting on lock`);
      }
    }
    return missing;
  }

  async #importAll(images: readonly ImportableImage[]): Promise<void> {
    try {
      const host = await this.#ctx.host();
      const platform = await host.sysinfo.read();
      for (const { manifest } of images) {
        if (this.#request.strikes?.metadata() === true) throw imgError('InternalError', 'getMeta cosmic ray');
        requirePlatform(manifest, platform);
        requirePlaceable(host, manifest, this.#request.zstream);
      }
      await this.#fetchAndInstall(images);
    } catch (error) {
      this.#narration.say(`Aborting (${describeError(error)})`);
      throw error;
    }
  }

  async #fetchAndInstall(images: readonly ImportableImage[]): Promise<void> {
    const sizes = this.#request.zstream ? [] : images.map(({ manifest }) => imageFile(manifest)?.size);
    const known = sizes.every((size) => size !== undefined) ? sizes : [];
    const total = known.length === 0 ? undefined : known.reduce((sum, size) => sum + size, 0);
    const count = `${images.length} image${images.length === 1 ? '' : 's'}`;
    this.#narration.say(`Must download and install ${count}${total === undefined ? '' : ` (${sizeText(total)})`}`);
    this.#bar = this.#ctx.progress.start(`Download ${count}`, total);
    const fetching = this.#startAll(images);
    void this.#endBar(fetching);
    try {
      for (const { image, download } of fetching) await this.#install(image, download);
    } catch (error) {
      this.#stop.abort(error);
      throw error;
    } finally {
      for (const { download } of fetching) {
        // Its failure, if any, has been told or is a consequence of the one that was.
        const started = await download.catch(() => undefined);
        await started?.verified.catch(() => undefined);
        await started?.close(false);
      }
      this.#bar.done();
    }
  }

  /** With the last transfer the bar of all is done; what remains shows those of the images. */
  async #endBar(fetching: readonly Fetching[]): Promise<void> {
    for (const { download } of fetching) {
      const started = await download.catch(() => undefined);
      await started?.verified.catch(() => undefined);
    }
    this.#bar?.done();
  }

  /** Starts the transfers in order, a few at a time. */
  #startAll(images: readonly ImportableImage[]): readonly Fetching[] {
    const running: Promise<unknown>[] = [];
    return images.map((image, at) => {
      const before = running[at - downloadsAtOnce] ?? Promise.resolve();
      const download = before.then(() => this.#start(image, false));
      download.catch(() => undefined);
      running.push(download.then(({ verified }) => verified).catch(() => undefined));
      return { image, download };
    });
  }

  async #start(image: ImportableImage, fresh: boolean): Promise<Download> {
    this.#signal.throwIfAborted();
    const { uuid } = image;
    const { zstream, connection, strikes } = this.#request;
    if (strikes?.download() === true) throw imgError('DownloadError', `image ${uuid} cosmic ray error`);
    const expected = zstream ? {} : expectedFile(image);
    const download = await startDownload(this.#ctx, {
      uuid,
      size: expected.size,
      checksum: expected.checksum,
      anyLength: zstream,
      fresh,
      stallMs: connection.stallMs,
      retryMs: connection.retryMs,
      signal: this.#signal,
      open: (offset, signal) => this.#source.openFile(image, offset, signal),
      onBytes: (bytes) => this.#bar?.advance(bytes),
      onRetry: (error, pauseMs, left) => noteRetry(connection, `no more of image ${uuid}`, error, pauseMs, left),
    });
    download.verified.then(
      (bytes) => this.#narration.step(`Downloaded image ${uuid} (${sizeText(bytes)})`),
      () => undefined,
    );
    return download;
  }

  async #install(image: ImportableImage, starting: Promise<Download>): Promise<void> {
    const download = await starting;
    try {
      await this.#place(image.manifest, download);
    } catch (error) {
      // What has the right checksum will be no better next time.
      if (contentFaults.some((code) => hasCode(error, code))) await download.close(true);
      if (codeOf(error) !== 'DownloadError' || !download.resumed) throw error;
      // The part of an earlier run may have been damaged: once more from the beginning.
      this.#ctx.log.info({ err: error, image: image.uuid }, 'resumed download does not fit, starting anew');
      const again = await this.#start(image, true);
      try {
        await this.#place(image.manifest, again);
      } catch (failure) {
        await again.close(false);
        throw failure;
      }
    }
    this.#narration.step(`Imported image ${image.uuid} (${nameAndVersion(image.manifest)})`);
  }

  async #place(manifest: Manifest, download: Download): Promise<void> {
    const { pool, zstream } = this.#request;
    const file = zstream ? undefined : imageFile(manifest);
    const bar = this.#ctx.progress.start(datasetOf(pool, manifest.uuid), file?.size);
    const data = download.read().on('data', (chunk: Buffer) => bar.advance(chunk.length));
    // Listening alone is not to make it flow.
    data.pause();
    const compression = file?.compression ?? 'none';
    await placeImage(
      this.#ctx,
      {
        manifest, pool, compression,
        content: contentOf(manifest, zstream),
        source: this.#source.config.url,
        data,
        verified: download.verified,
        signal: this.#signal,
        release: () => download.close(true),
      },
      this.#narration,
    ).finally(() => bar.done()); // prettier-ignore
  }
}
