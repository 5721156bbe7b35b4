/** Fetches one image file: resumes broken transfers, verifies size and checksum, lets it be read while it arrives. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { SmartadmError, codeOf, describeError } from '../errors.js';
import { combineErrors, imgError } from './errors.js';
import { GrowingFile } from './growing-file.js';
import { downloadsFolder } from './store.js';
import type { Checksum, FileAnswer } from './sources/source.js';

export interface DownloadRequest {
  readonly uuid: string;
  /** Length and checksum that the manifest or the source promises; undefined where nobody tells or it does not count. */
  readonly size: number | undefined;
  readonly checksum: Checksum | undefined;
  /** Accept an answer that does not tell its length. */
  readonly anyLength: boolean;
  /** Begin anew even when a part is there. */
  readonly fresh: boolean;
  readonly stallMs: number;
  readonly retryMs: number;
  readonly signal: AbortSignal;
  open(offset: number, signal: AbortSignal): Promise<FileAnswer>;
  /** `bytes` more are there. */
  onBytes(bytes: number): void;
  /** The transfer broke without having brought anything, and is tried again after a pause, then `left` times more. */
  onRetry?(error: unknown, pauseMs: number, left: number): void;
}

export interface Download {
  /** The file's bytes from the beginning, as they arrive. Not yet verified: wait for `verified` before relying on them. */
  read(): Readable;
  /** Resolves with the length when all is there and right. Rejects with `DownloadError`, `NoSpace` or the source's error. */
  readonly verified: Promise<number>;
  /** Whether it went on from a part of an earlier run. */
  readonly resumed: boolean;
  /** Closes the file; with `remove` it goes away too. */
  close(remove: boolean): Promise<void>;
}

/** Status of an answer to a request for bytes behind the end of a file. */
const outOfRangeStatus = 416;

/** Attempts without a single new byte after which a transfer is given up. */
const attemptsWithoutProgress = 5;

function downloadPath(root: string, uuid: string): string {
  return join(downloadsFolder(root), `${uuid}.file`);
}

/**
 * Starts to fetch an image file to {@link downloadPath}, or takes the complete and verified one of an earlier run. The
 * caller holds the image's lock. A transfer that breaks or stalls is resumed where it stopped; one that is given up or
 * killed leaves its part for the next run if a checksum will tell whether it fits.
 */
export async function startDownload(ctx: Context, request: DownloadRequest): Promise<Download> {
  const path = downloadPath(ctx.root, request.uuid);
  await ensurePrivateFolder(join(path, '..'));
  const known = await takeKnownFile(ctx, path, request);
  if (known !== undefined) return known;
  const part = `${path}.partial`;
  const resumable = request.checksum !== undefined && !request.anyLength;
  const transfer = new Transfer(request, await GrowingFile.open(part, resumable && !request.fresh), resumable);
  const resumed = transfer.file.bytes > 0;
  const verified = transfer.run().then(
    async (size) => {
      await rename(part, path);
      transfer.file.end();
      return size;
    },
    async (error: unknown) => {
      if (!transfer.keepsPart || transfer.file.bytes === 0) await rm(part, { force: true });
      transfer.file.end(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  // Whoever waits hears of it; an install that fails first does not.
  verified.catch(() => undefined);
  return {
    read: () => transfer.file.reader(),
    verified,
    resumed,
    async close(remove) {
      await transfer.file.close();
      if (remove) await rm(path, { force: true });
    },
  };
}

/** Makes the folder, which lies in one that everybody may write to; one that others could tamper with is refused. */
async function ensurePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  const isOurs = found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
  if (isOurs) return;
  throw imgError('InternalError', `${folder} is not a directory that only its owner, who must be us, can write to`);
}

async function takeKnownFile(ctx: Context, path: string, request: DownloadRequest): Promise<Download | undefined> {
  const { uuid, size, checksum } = request;
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const isExpectedSize = size === undefined || found.size === size;
  if (found.isFile() && isExpectedSize && checksum !== undefined && !request.fresh) {
    const hash = createHash(checksum.algorithm);
    for await (const chunk of createReadStream(path, { signal: request.signal })) hash.update(chunk as Buffer);
    if (hash.digest('hex') === checksum.hex) {
      ctx.log.info({ uuid, path }, 'using pre-downloaded image file (checksum match)');
      request.onBytes(found.size);
      return {
        read: () => createReadStream(path),
        verified: Promise.resolve(found.size),
        resumed: true,
        close: (remove) => (remove ? rm(path, { force: true }) : Promise.resolve()),
      };
    }
    ctx.log.info({ uuid, path }, 'unexpected checksum for pre-downloaded image');
  } else if (!isExpectedSize) {
    ctx.log.info({ uuid, path, size: found.size }, 'unexpected size for pre-downloaded image');
  }
  await rm(path, { force: true, recursive: true });
  return undefined;
}

class Transfer {
  readonly file: GrowingFile;
  /** Whether what has arrived is worth keeping after a failure. */
  keepsPart: boolean;
  readonly #request: DownloadRequest;
  readonly #hash: Hash | undefined;
  readonly #md5 = createHash('md5');
  #promisedMd5: string | undefined;
  /** Length of the whole file, once known. */
  #total: number | undefined;

  constructor(request: DownloadRequest, file: GrowingFile, resumable: boolean) {
    this.#request = request;
    this.file = file;
    this.keepsPart = resumable;
    this.#hash = request.checksum === undefined ? undefined : createHash(request.checksum.algorithm);
    this.#total = request.size;
  }

  async run(): Promise<number> {
    for await (const chunk of this.file.held()) this.#count(chunk);
    let fruitless = 0;
    while (this.#total === undefined || this.file.bytes < this.#total) {
      const before = this.file.bytes;
      try {
        await this.#receive();
        if (this.#total === undefined) break;
      } catch (error) {
        this.#request.signal.throwIfAborted();
        fruitless = this.file.bytes > before ? 0 : fruitless + 1;
        // What a server or the disk said will not change by asking again.
        if (error instanceof SmartadmError)
          throw this.#isOutOfRange(error) ? this.#refuse(describeError(error)) : error;
        const goesOn = this.keepsPart || this.file.bytes === 0;
        if (!goesOn || fruitless >= attemptsWithoutProgress) {
          throw this.#error(`download failed after ${this.file.bytes} bytes`, error);
        }
        if (fruitless === 0) continue;
        const pauseMs = this.#request.retryMs * 2 ** (fruitless - 1);
        this.#request.onRetry?.(error, pauseMs, attemptsWithoutProgress - fruitless);
        await sleep(pauseMs, undefined, { signal: this.#request.signal });
      }
    }
    this.#verify();
    return this.file.bytes;
  }

  /** One answer of the source, to its end. */
  async #receive(): Promise<void> {
    const { stallMs, signal } = this.#request;
    const answer = await this.#request.open(this.file.bytes, signal);
    const { body } = answer;
    const timer = setTimeout(() => {
      body.destroy(new Error(`nothing arrived for ${stallMs / 1000} seconds`));
    }, stallMs);
    try {
      // A server that cannot resume sends what we have again.
      let skip = this.#begin(answer);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        timer.refresh();
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        if (fresh.length === 0) continue;
        this.#count(fresh);
        await this.#storing(() => this.file.append(fresh));
      }
      await this.#storing(() => this.file.flush());
      if (this.#total !== undefined && this.file.bytes < this.#total) throw new Error('connection ended early');
    } finally {
      clearTimeout(timer);
      body.destroy();
      // What has arrived counts, whatever ended it.
      await this.#storing(() => this.file.flush());
    }
  }

  /** Judges the head of an answer; returns how many of its first bytes are there already. */
  #begin({ offset, contentLength, totalBytes, md5 }: FileAnswer): number {
    const skip = this.file.bytes - offset;
    if (!(skip >= 0)) throw this.#refuse('the source answered with another part of the file than was asked for');
    const isNumber = contentLength !== undefined && /^\d+$/.test(contentLength);
    if (!isNumber && !this.#request.anyLength) {
      throw this.#refuse(`unexpected missing or invalid Content-Length header: ${String(contentLength)}`);
    }
    if (isNumber) {
      const end = offset + Number(contentLength);
      this.#total ??= totalBytes ?? end;
      // A part that goes on behind the end of the file is refused before it fills the disk.
      const told = Math.max(totalBytes ?? end, end);
      if (told !== this.#total) {
        throw this.#refuse(
          `unexpected mismatch between expected size, ${this.#total}, and Content-Length header, ${told}`,
        );
      }
    }
    this.#promisedMd5 = this.#hash === undefined ? md5 : undefined;
    return skip;
  }

  /** Whether the source says that its file ends before what has arrived does. */
  #isOutOfRange({ info }: SmartadmError): boolean {
    return this.file.bytes > 0 && info['statusCode'] === outOfRangeStatus;
  }

  /** An error after which what has arrived is not worth keeping. */
  #refuse(message: string): SmartadmError {
    this.keepsPart = false;
    return imgError('DownloadError', message);
  }

  #error(message: string, cause: unknown): SmartadmError {
    return imgError('DownloadError', `image ${this.#request.uuid} file ${message}`, { cause });
  }

  #count(chunk: Buffer): void {
    (this.#hash ?? this.#md5).update(chunk);
    this.#request.onBytes(chunk.length);
  }

  async #storing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.keepsPart = false;
      const code = codeOf(cause) === 'ENOSPC' || codeOf(cause) === 'EDQUOT' ? 'NoSpace' : 'InternalError';
      throw new SmartadmError(code, `cannot store the file of image ${this.#request.uuid}`, { cause });
    }
  }

  #verify(): void {
    const { uuid, size, checksum } = this.#request;
    const faults: SmartadmError[] = [];
    const { bytes } = this.file;
    if (size !== undefined && bytes !== size) {
      faults.push(this.#refuse(`image ${uuid} file size error: expected ${size} bytes, downloaded ${bytes} bytes`));
    }
    const mismatch = (kind: string, expected: string, found: string): void => {
      if (expected === found) return;
      faults.push(
        this.#refuse(`image ${uuid} file ${kind} error: expected "${expected}", downloaded checksum was "${found}"`),
      );
    };
    if (this.#hash !== undefined && checksum !== undefined) {
      mismatch(`checksum (${checksum.algorithm})`, checksum.hex, this.#hash.digest('hex'));
    }
    if (this.#promisedMd5 !== undefined) mismatch('Content-MD5', this.#promisedMd5, this.#md5.digest('base64'));
    const fault = combineErrors(faults);
    if (fault !== undefined) throw fault;
  }
}
