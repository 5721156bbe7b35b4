/**
 * What SmartOS has as `/usr/img/lib/IMG` and `/usr/img/lib/imgadm`, under the same names and with callbacks. Built as CommonJS,
 * `require('smartadm/IMG')`; what does the work is loaded with the first call.
 *
 * Callbacks get an `Error` first, with `message`, `code` and `exitStatus`; null where all went well. `SMARTADM_ROOT` is honoured.
 */
import { join } from 'node:path';
import { callBack } from './call-back.js';
import type {
  AvailableImage, ImageChildren, ImageRecord, ImageTool, ImportInfo, InstalledImage, LineListener, Log, NormalizedSource,
  SourceConfig, SourceEdit, ToolOptions,
} from './images.js'; // prettier-ignore
import type * as images from './images.js';

/** A failure: `message` is the one that `imgadm` prints, `exitStatus` 3 for an image that is not installed. */
export type ImgError = Error & { readonly code?: string; readonly exitStatus?: number };
/** Called once, when all is done. */
export type Callback<Results extends readonly unknown[] = []> = (
  error: ImgError | null,
  ...results: Partial<Results>
) => void;

type Library = typeof images;

/** Runs `work` and calls back with its results. */
function run<Results extends readonly unknown[]>(
  callback: Callback<Results>,
  work: (library: Library) => Promise<readonly [error: unknown, ...results: Partial<Results>]>,
): void {
  if (typeof callback !== 'function') throw new TypeError('a callback is missing');
  const outcome = async (): Promise<readonly [ImgError | null, ...Partial<Results>]> => {
    const library = await import('./images.js');
    try {
      const [error, ...results] = await work(library);
      return [error === null ? null : imgErrorOf(library, error), ...results];
    } catch (error) {
      return [imgErrorOf(library, error), ...([] as unknown as Partial<Results>)];
    }
  };
  callBack(callback, outcome());
}

function imgErrorOf({ codeOf, describeError, SmartadmError }: Library, error: unknown): ImgError {
  const code = codeOf(error);
  return Object.assign(
    new Error(describeError(error), { cause: error }),
    code === undefined ? {} : { code },
    error instanceof SmartadmError ? { exitStatus: error.exitStatus } : {},
  );
}

/** One result, without an error. */
async function one<T>(work: Promise<T>): Promise<[error: null, result: T]> {
  return [null, await work];
}

async function none(work: Promise<unknown>): Promise<[error: null]> {
  await work;
  return [null];
}

/**
 * What is recorded of an installed image. Whether its dataset is still there is not looked at, which makes this quick.
 * `ImageNotInstalled`, `exitStatus` 3, where nothing is.
 */
export function quickGetImage(
  options: { readonly uuid: string; readonly zpool: string; readonly log?: Log },
  callback: Callback<[info: ImageRecord]>,
): void {
  const { uuid, zpool, log } = options;
  run(callback, (library) => one(library.quickGetImage(uuid, zpool, log)));
}

/** A tool whose methods do what `imgadm` does; see {@link Tool}. */
export function createTool(options: ToolOptions, callback: Callback<[tool: Tool]>): void {
  run(callback, async (library) => [null, new Tool(await library.createTool(options))]);
}

/** `imgadm`, method by method; each calls back last. Options that concern progress bars are taken and mean nothing: none are drawn. */
export class Tool {
  readonly #tool: ImageTool;

  constructor(tool: ImageTool) {
    this.#tool = tool;
    process.once('beforeExit', () => void tool.close().catch(() => undefined));
  }

  /** Reads configuration and sources again. */
  init(callback: Callback): void {
    run(callback, () => none(this.#tool.init()));
  }

  configAddSource(
    info: SourceConfig,
    skipPing: boolean,
    callback: Callback<[changed: boolean, source: SourceConfig]>,
  ): void {
    run(callback, async () => {
      const { changed, source } = await this.#tool.configAddSource(info, skipPing);
      return [null, changed, source];
    });
  }

  /** Calls back with the deleted sources, or null. */
  configDelSourceUrl(url: string, callback: Callback<[deleted: readonly SourceConfig[] | null]>): void {
    run(callback, () => one(this.#tool.configDelSourceUrl(url)));
  }

  updateSources(
    infos: readonly SourceConfig[],
    skipPing: boolean,
    callback: Callback<[changes: readonly SourceEdit[]]>,
  ): void {
    run(callback, () => one(this.#tool.updateSources(infos, skipPing)));
  }

  /** Throws for a source that cannot be. */
  sourceFromInfo(info: SourceConfig): NormalizedSource {
    return this.#tool.sourceFromInfo(info);
  }

  /** Images of all sources; with those of the others also where some failed. */
  sourcesList(callback: Callback<[images: readonly AvailableImage[]]>): void {
    run(callback, async () => {
      const { images: found, error } = await this.#tool.sourcesList();
      return [error ?? null, found];
    });
  }

  sourcesGetImportInfo(
    options: { readonly arg: string; readonly sources?: readonly SourceConfig[]; readonly ensureActive?: boolean },
    callback: Callback<[importInfo: ImportInfo | null]>,
  ): void {
    run(callback, () => one(this.#tool.sourcesGetImportInfo(options)));
  }

  listImages(callback: Callback<[images: readonly InstalledImage[]]>): void {
    run(callback, () => one(this.#tool.listImages()));
  }

  getImage(
    options: { readonly uuid: string; readonly zpool?: string; readonly children?: boolean },
    callback: Callback<[image: (ImageRecord & { readonly children?: ImageChildren }) | null]>,
  ): void {
    run(callback, () => one(this.#tool.getImage(options)));
  }

  deleteImage(
    options: { readonly uuid: string; readonly zpool?: string; readonly skipChecks?: boolean },
    callback: Callback,
  ): void {
    run(callback, () => none(this.#tool.deleteImage(options)));
  }

  importImage(
    options: {
      readonly importInfo: ImportInfo;
      readonly zpool?: string;
      readonly zstream?: boolean;
      readonly quiet?: boolean;
      readonly logCb?: LineListener;
    },
    callback: Callback,
  ): void {
    run(callback, () => none(this.#tool.importImage(options)));
  }

  installImage(
    options: {
      readonly manifest: unknown;
      readonly file: string;
      readonly zpool?: string;
      readonly quiet?: boolean;
      readonly logCb?: LineListener;
    },
    callback: Callback,
  ): void {
    run(callback, () => none(this.#tool.installImage(options)));
  }

  updateImages(options: { readonly uuids?: readonly string[]; readonly dryRun?: boolean }, callback: Callback): void {
    run(callback, () => none(this.#tool.updateImages(options)));
  }

  /** Nobody is asked: `force` or `dryRun` must be set. */
  vacuumImages(
    options: { readonly logCb?: LineListener; readonly dryRun?: boolean; readonly force?: boolean },
    callback: Callback,
  ): void {
    run(callback, () => none(this.#tool.vacuumImages(options)));
  }

  createImage(
    options: {
      readonly vmUuid: string;
      readonly manifest: Readonly<Record<string, unknown>>;
      readonly savePrefix: string;
      readonly compression?: 'none' | 'gzip' | 'bzip2' | 'xz';
      readonly incremental?: boolean;
      readonly prepareScript?: string;
      readonly maxOriginDepth?: number;
      readonly logCb?: LineListener;
    },
    callback: Callback<
      [
        created: {
          readonly manifest: Readonly<Record<string, unknown>>;
          readonly manifestPath: string;
          readonly filePath: string;
        },
      ]
    >,
  ): void {
    run(callback, () => one(this.#tool.createImage(options)));
  }

  publishImage(
    options: {
      readonly manifest: Readonly<Record<string, unknown>>;
      readonly file: string;
      readonly url: string;
      readonly quiet?: boolean;
    },
    callback: Callback<[manifest: Readonly<Record<string, unknown>>]>,
  ): void {
    run(callback, () => one(this.#tool.publishImage(options)));
  }

  /** Writes the record of an image. */
  dbAddImage(info: ImageRecord, callback: Callback): void {
    run(callback, () => none(this.#tool.dbAddImage(info)));
  }

  saveConfig(callback: Callback): void {
    run(callback, () => none(this.#tool.saveConfig()));
  }
}

/** What tests of SmartOS ask of `/usr/img/lib/common`. */
export const common = {
  DEFAULT_ZPOOL: 'zones',
  /** Where the file of an image lies between download and installation. */
  downloadFileFromUuid(uuid: string): string {
    return join(process.env['SMARTADM_ROOT'] ?? '/', '/var/tmp/.imgadm-downloads', `${uuid}.file`);
  },
} as const;
