/** What `imgadm` does, for programs: the tool behind `smartadm/IMG`, with promises. */
import { randomUUID } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { createContext, quietProgress } from '../cli/context.js';
import { connectionFor } from '../cli/imgadm/connection.js';
import { vmHandle } from '../cli/imgadm/create-vm.js';
import type { Context } from '../context.js';
import { SmartadmError } from '../errors.js';
import { hostError } from '../host/errors.js';
import { hostProblem } from '../host/open.js';
import { createImage } from '../img/create.js';
import type { Compression } from '../img/manifest.js';
import { changeConfig, sourcesOf, type ImgadmConfig } from '../img/config.js';
import { deleteImage } from '../img/delete.js';
import { imageNotInstalled, imgError, requireUuid } from '../img/errors.js';
import type { Connection } from '../img/http.js';
import { importImage } from '../img/import.js';
import { installImage } from '../img/install.js';
import { listImages, type InstalledImage } from '../img/list.js';
import { loadConfig } from '../img/load-config.js';
import type { Narration } from '../img/narration.js';
import { publishImage } from '../img/publish.js';
import { addSource, deleteSources, replaceSources } from '../img/sources/edit.js';
import { requireSourceType } from '../img/sources/open.js';
import { findInSources, listSources, openSources, type AvailableImage } from '../img/sources/search.js';
import type { SourceConfig } from '../img/sources/source.js';
import { normalizeSourceUrl, parseSourceUrl } from '../img/sources/url.js';
import { childrenOf, defaultPool, findImage, readRecord, writeRecord, type ImageChildren, type ImageRecord } from '../img/store.js'; // prettier-ignore
import { updateImages } from '../img/update.js';
import { removableImages, removeImages } from '../img/vacuum.js';
import { silentLog, type Log } from '../log.js';

export { codeOf, describeError, SmartadmError } from '../errors.js';
export type { ImgErrorCode } from '../img/errors.js';
export type { InstalledImage } from '../img/list.js';
export type { Manifest } from '../img/manifest.js';
export type { AvailableImage } from '../img/sources/search.js';
export type { SourceConfig, SourceType } from '../img/sources/source.js';
export type { ImageChildren, ImageRecord } from '../img/store.js';
export type { Log, LogFields } from '../log.js';

export interface ToolOptions {
  /** Receives log records; bunyan's loggers fit. */
  readonly log?: Log | undefined;
  /** Use this channel of every source. */
  readonly channel?: string | undefined;
}

/** A source as it is used, with the spelling of its URL that sources are compared by. */
export interface NormalizedSource extends SourceConfig {
  readonly normUrl: string;
}

/** An image that a source offers, as {@link ImageTool.importImage} takes it. */
export interface ImportInfo {
  readonly uuid: string;
  /** What it was asked for by: the uuid, or the name of a Docker image. */
  readonly arg: string;
  /** As the source gave it. */
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly title: string;
  readonly source: SourceConfig;
}

export type SourceEdit = { readonly type: 'reorder' } | { readonly type: 'add' | 'del'; readonly source: SourceConfig };

/** Told each line that `imgadm` would print. */
export type LineListener = (line: string) => void;

function contextFor(log: Log): Context & { close(): Promise<void> } {
  const root = process.env['SMARTADM_ROOT'] ?? '/';
  if (!isAbsolute(root))
    throw new SmartadmError('ConfigInvalid', `SMARTADM_ROOT must be an absolute path, not ${root}`);
  return createContext({ root, log, progress: quietProgress, signal: new AbortController().signal });
}

/**
 * The record of an installed image, without asking whether its dataset is there. Throws `ImageNotInstalled` when there is none,
 * or one that knows nothing but the uuid, and `InvalidUUID`.
 */
export async function quickGetImage(uuid: string, zpool: string, log: Log = silentLog): Promise<ImageRecord> {
  const record = await readRecord(contextFor(log), zpool, requireUuid(uuid));
  if (Object.keys(record.manifest).length > 1) return record;
  throw imageNotInstalled(uuid, zpool);
}

/** Opens a tool, with its configuration read. Throws `Unsupported`, `PermissionDenied`, `ConfigError`. */
export async function createTool(options: ToolOptions = {}): Promise<ImageTool> {
  const problem = hostProblem();
  if (problem !== undefined) throw hostError('Unsupported', `cannot run because: ${problem}`);
  if (process.getuid?.() !== 0) throw hostError('PermissionDenied', 'cannot run because: you are not root.');
  const tool = new ImageTool(options);
  await tool.init();
  return tool;
}

/** What `imgadm` does. Its methods throw the errors of `imgadm(8)` under their codes. */
export class ImageTool {
  readonly #ctx: Context & { close(): Promise<void> };
  readonly #requestId = process.env['REQ_ID'] ?? process.env['req_id'] ?? randomUUID();
  readonly #channel: string | undefined;
  #config: ImgadmConfig = { dockerImportSkipUuids: true };

  constructor({ log = silentLog, channel }: ToolOptions) {
    this.#ctx = contextFor(log);
    this.#channel = channel;
  }

  /** Reads the configuration, again. */
  async init(): Promise<void> {
    this.#config = await loadConfig(this.#ctx, (line) => process.stderr.write(`${line}\n`));
  }

  /** Lets go of the host. */
  async close(): Promise<void> {
    await this.#ctx.close();
  }

  get #connection(): Connection {
    return connectionFor(process.env, this.#config, this.#requestId);
  }

  /** Adds a source behind the others, which is asked first whether it answers; false where it is there already. */
  async configAddSource(
    info: SourceConfig,
    skipPing = false,
  ): Promise<{ readonly changed: boolean; readonly source: SourceConfig }> {
    const result = await addSource(this.#ctx, info, { connection: this.#connection, skipPing });
    await this.init();
    return result;
  }

  /** Removes the sources of that URL, which are returned; null where there is none. */
  async configDelSourceUrl(url: string): Promise<readonly SourceConfig[] | null> {
    const deleted = await deleteSources(this.#ctx, url);
    await this.init();
    return deleted.length === 0 ? null : deleted;
  }

  /** Makes `infos` the list of sources. */
  async updateSources(infos: readonly SourceConfig[], skipPing = false): Promise<readonly SourceEdit[]> {
    const changes = await replaceSources(this.#ctx, infos, { connection: this.#connection, skipPing });
    await this.init();
    return changes.map(({ kind, ...rest }) => ({ type: kind, ...rest }) as SourceEdit);
  }

  /** The source that `info` means. Throws `ConfigError`. */
  sourceFromInfo(info: SourceConfig): NormalizedSource {
    requireSourceType(info);
    parseSourceUrl(info.url);
    const channel = info.channel ?? this.#channel;
    return { ...info, ...(channel === undefined ? {} : { channel }), normUrl: normalizeSourceUrl(info.url) };
  }

  /** Images of all sources, and what went wrong with those that failed. */
  async sourcesList(): Promise<{ readonly images: readonly AvailableImage[]; readonly error: Error | undefined }> {
    return listSources(this.#ctx, await openSources(sourcesOf(this.#config), this.#connection, this.#channel));
  }

  /** The first source, in order, that has the image; null where none has. */
  async sourcesGetImportInfo(options: {
    readonly arg: string;
    readonly sources?: readonly SourceConfig[];
    /** Only an active image counts. Default true. */
    readonly ensureActive?: boolean;
  }): Promise<ImportInfo | null> {
    const { arg, sources = sourcesOf(this.#config), ensureActive = true } = options;
    const opened = await openSources(sources, this.#connection, this.#channel);
    const uuidIsName = !this.#config.dockerImportSkipUuids;
    const found = await findInSources(this.#ctx, opened, { arg, activeOnly: ensureActive, uuidIsName });
    if (found === undefined) return null;
    const { uuid, given, title } = found.image;
    return { uuid, arg, manifest: given, title, source: found.source.config };
  }

  /** Every installed image. */
  listImages(): Promise<readonly InstalledImage[]> {
    return listImages(this.#ctx);
  }

  /** An installed image, with `children` its snapshots and clones; null where it is not installed. */
  async getImage(options: {
    readonly uuid: string;
    readonly zpool?: string;
    readonly children?: boolean;
  }): Promise<(ImageRecord & { readonly children?: ImageChildren }) | null> {
    const { uuid, zpool = defaultPool, children = false } = options;
    const image = await findImage(this.#ctx, zpool, requireUuid(uuid));
    if (image === undefined) return null;
    return children ? { ...image, children: await childrenOf(this.#ctx, zpool, uuid) } : image;
  }

  /** Removes an image that nothing was made from; that is checked in any case. */
  async deleteImage(options: { readonly uuid: string; readonly zpool?: string }): Promise<void> {
    await deleteImage(this.#ctx, options.zpool ?? defaultPool, options.uuid);
  }

  /** Imports what {@link ImageTool.sourcesGetImportInfo} found. */
  async importImage(options: {
    readonly importInfo: ImportInfo;
    readonly zpool?: string;
    readonly zstream?: boolean;
    readonly logCb?: LineListener;
  }): Promise<void> {
    const { importInfo, zpool: pool = defaultPool, zstream = false, logCb } = options;
    const { arg, source } = importInfo;
    const uuidIsName = arg !== importInfo.uuid;
    const request = { arg, pool, sources: [source], connection: this.#connection, zstream, uuidIsName };
    await importImage(this.#ctx, { ...request, channel: this.#channel }, narrationTo(logCb));
  }

  /** Installs an image from a file. */
  async installImage(options: {
    readonly manifest: unknown;
    readonly file: string;
    readonly zpool?: string;
    readonly logCb?: LineListener;
  }): Promise<void> {
    const { manifest, file, zpool: pool = defaultPool, logCb } = options;
    await installImage(this.#ctx, { manifest, file, pool }, narrationTo(logCb));
  }

  /** Brings what is known of images up to date; prints what it does unless `logCb` is told. */
  async updateImages(
    options: { readonly uuids?: readonly string[]; readonly dryRun?: boolean; readonly logCb?: LineListener } = {},
  ): Promise<void> {
    const { uuids = [], dryRun = false, logCb = print } = options;
    const request = { uuids, dryRun, sources: sourcesOf(this.#config), connection: this.#connection };
    await updateImages(this.#ctx, request, narrationTo(logCb));
  }

  /** Removes the images that nothing was made from. Nobody is asked, so `force` or `dryRun` must be set. */
  async vacuumImages(options: {
    readonly logCb?: LineListener;
    readonly dryRun?: boolean;
    readonly force?: boolean;
  }): Promise<void> {
    const { logCb, dryRun = false, force = false } = options;
    if (!force && !dryRun) throw imgError('Usage', 'vacuumImages asks nobody: set "force" or "dryRun"');
    const images = await removableImages(this.#ctx);
    const told = ({ manifest: { uuid, name, version } }: InstalledImage): void =>
      logCb?.(`${dryRun ? '[dry-run] ' : ''}Deleted image ${uuid} (${String(name)}@${String(version)})`);
    if (dryRun) for (const image of images) told(image);
    else {
      await removeImages(this.#ctx, images, (image, error) => {
        if (error === undefined) told(image);
      });
    }
  }

  /** Publishes an image and returns its manifest as the server has it; prints what it does unless `logCb` is told. */
  /** Makes an image of a VM; `savePrefix` is the path of manifest and file without their suffixes. */
  async createImage(options: {
    readonly vmUuid: string;
    readonly manifest: Readonly<Record<string, unknown>>;
    readonly savePrefix: string;
    readonly compression?: Compression;
    readonly incremental?: boolean;
    readonly prepareScript?: string;
    readonly maxOriginDepth?: number;
    readonly logCb?: LineListener;
  }): Promise<{
    readonly manifest: Readonly<Record<string, unknown>>;
    readonly manifestPath: string;
    readonly filePath: string;
  }> {
    const { vmUuid, manifest: given, savePrefix, compression = 'none', incremental = false } = options;
    const uuid = requireUuid(vmUuid);
    const { manifest, manifestPath, file } = await createImage(
      this.#ctx,
      {
        uuid, vm: vmHandle(this.#ctx, uuid), given, compression, incremental, maxOriginDepth: options.maxOriginDepth,
        script: options.prepareScript, prefix: () => Promise.resolve(savePrefix),
      },
      narrationTo(options.logCb),
    ); // prettier-ignore
    return { manifest, manifestPath, filePath: file };
  }

  async publishImage(options: {
    readonly manifest: Readonly<Record<string, unknown>>;
    readonly file: string;
    readonly url: string;
    readonly logCb?: LineListener;
  }): Promise<Readonly<Record<string, unknown>>> {
    const { manifest, file, url, logCb = print } = options;
    return publishImage(this.#ctx, { manifest, file, url, connection: this.#connection }, narrationTo(logCb));
  }

  /** Writes the record of an image; the image itself is not looked at. */
  async dbAddImage(record: ImageRecord): Promise<void> {
    requireUuid(record.manifest.uuid);
    await writeRecord(this.#ctx, record);
  }

  /** Writes the configuration as it is, its defaults spelled out. */
  async saveConfig(): Promise<void> {
    await changeConfig(this.#ctx, (config) => Promise.resolve(config));
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function narrationTo(logCb: LineListener = () => undefined): Narration {
  return { say: logCb, step: logCb, warn: logCb };
}
