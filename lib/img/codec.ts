/** Decompresses image files: gzip and zstd on threads of our own, the rest by the programs made for it. */
import { spawn } from 'node:child_process';
import { pipeline, Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { codeOf, describeError } from '../errors.js';
import { programEnvironment } from '../host/exec.js';
import { loadNative } from '../host/native.js';
import type { NativeUnpacker } from '../host/native-linux.js';
import type { RecyclingStream } from '../host/zfs-stream/source.js';
import { imgError } from './errors.js';
import type { Compression } from './manifest.js';
import { Rooms } from './rooms.js';

/** How files of each encoding begin. Layers of container images come with one more than image files. */
const beginnings = [
  ['gzip', Buffer.of(0x1f, 0x8b, 0x08)],
  ['zstd', Buffer.of(0x28, 0xb5, 0x2f, 0xfd)],
  ['xz', Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)],
  ['bzip2', Buffer.of(0x42, 0x5a, 0x68)],
] as const;
const longestBeginning = 6;

const messageLimit = 1000;
/**
 * What libraries give at once: so much that a call costs little beside the work, so little that the pieces under way do not
 * add up. They work beside the main thread, as a program would, and take less than it takes to read what a program gives.
 */
const pieceBytes = 2 ** 18;
/** So many pieces are made ahead of the reader, of so many chunks of the file that have been read ahead. */
const mostFilling = 3;
const mostWaiting = 3;

/**
 * The decompressed bytes of `input`; compressed by `any`, its first bytes tell by what. The result fails with `UncompressionError` when the data is damaged, when there is no
 * program for it, or when more than `limitBytes` come out; and with the error of `input`. Whoever stops reading early
 * destroys it, which ends the program.
 */
export async function decompress(
  input: RecyclingStream,
  compression: Compression | 'any',
  limitBytes: number,
): Promise<Readable> {
  const isKnown = compression !== 'any' && compression !== 'gzip';
  const { data, encoding } = isKnown ? { data: input, encoding: compression } : await recognised(input);
  const unpacker = encoding === 'gzip' || encoding === 'zstd' ? openUnpacker(encoding) : undefined;
  if (unpacker !== undefined) return new Unpacked(unpacker, encoding, data, limitBytes);
  const output = new Bounded(limitBytes);
  // It may fail before anybody reads, and the reader will find out then.
  output.on('error', () => undefined);
  // gzip -f, too, takes what is no gzip as it is.
  if (encoding === 'none' || (compression === 'gzip' && encoding !== 'gzip')) {
    pipeline(data, output, () => undefined);
    return output;
  }
  if (encoding === 'gzip') {
    const gunzip = createGunzip({ chunkSize: pieceBytes });
    gunzip.on('error', (cause) => {
      // It also fails of what follows the compressed data, which nobody needs.
      if (!gunzip.readableEnded) output.destroy(damaged('gzip', cause.message));
    });
    pipeline(data, gunzip, output, () => undefined);
    return output;
  }
  // All are called as what they undo.
  if (await runsThrough(encoding, data, output)) return output;
  throw imgError('UncompressionError', `cannot uncompress ${encoding}: there is no program ${encoding}`, {
    hint: `install the package ${encoding === 'xz' ? 'xz-utils' : encoding}`,
  });
}

/** Undefined on hosts that lack the addon, or its library. */
function openUnpacker(encoding: 'gzip' | 'zstd'): NativeUnpacker | undefined {
  try {
    return encoding === 'gzip' ? loadNative('isal').openGzip() : loadNative('codec').openZstd();
  } catch (error) {
    if (codeOf(error) === 'LibraryMissing') return undefined;
    throw error;
  }
}

/** What an unpacker makes of `data`: it runs ahead of the reader, and waits for nobody on the main thread meanwhile. */
class Unpacked extends Readable implements RecyclingStream {
  readonly #unpacker: NativeUnpacker;
  readonly #encoding: string;
  readonly #data: RecyclingStream;
  readonly #rooms = new Rooms(pieceBytes);
  readonly #filling: { readonly room: Buffer; readonly filled: ReturnType<NativeUnpacker['fill']> }[] = [];
  readonly #limit: number;
  #given = 0;
  /** Chunks of the file that the unpacker has before it. */
  readonly #waiting: Buffer[] = [];
  #moreWanted: (() => void) | undefined;

  constructor(unpacker: NativeUnpacker, encoding: string, data: RecyclingStream, limitBytes: number) {
    super({ highWaterMark: 1 });
    this.#unpacker = unpacker;
    this.#encoding = encoding;
    this.#data = data;
    this.#limit = limitBytes;
    // It may fail before anybody reads, and the reader will find out then.
    this.on('error', () => undefined);
    this.#feed().catch((error: unknown) => this.destroy(error as Error));
  }

  recycle(piece: Uint8Array): void {
    this.#rooms.giveBack(piece);
  }

  override _read(): void {
    this.#next().catch((error: unknown) => this.destroy(error as Error));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#unpacker.close();
    this.#data.destroy();
    done(error);
  }

  async #feed(): Promise<void> {
    for await (const chunk of this.#data as AsyncIterable<Buffer>) {
      this.#unpacker.give(chunk);
      this.#waiting.push(chunk);
      if (this.#waiting.length >= mostWaiting) await new Promise<void>((resolve) => (this.#moreWanted = resolve));
    }
    this.#unpacker.give(undefined);
  }

  async #next(): Promise<void> {
    for (;;) {
      while (this.#filling.length < mostFilling) this.#fill();
      const oldest = this.#filling.shift();
      if (oldest === undefined) return;
      const { given, used, ended, complete } = await oldest.filled;
      for (const chunk of this.#waiting.splice(0, used)) this.#data.recycle?.(chunk);
      if (this.#waiting.length < mostWaiting) this.#moreWanted?.();
      this.#given += given;
      if (this.#given > this.#limit) throw tooLong(this.#limit);
      if (given > 0) this.push(oldest.room.subarray(0, given));
      else this.#rooms.giveBack(oldest.room);
      if (ended && !complete) throw damaged(this.#encoding, 'unexpected end of file');
      if (ended) this.push(null);
      if (ended || given > 0) return;
    }
  }

  #fill(): void {
    const room = this.#rooms.take();
    const filled = this.#unpacker.fill(room).catch((cause: unknown) => {
      throw damaged(this.#encoding, describeError(cause));
    });
    // Seen when its turn comes, unless the stream has ended before.
    filled.catch(() => undefined);
    this.#filling.push({ room, filled });
  }
}

/** The data and what its first bytes say of it. */
async function recognised(input: RecyclingStream) {
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head: Buffer = Buffer.alloc(0);
  while (head.length < longestBeginning) {
    const result = await chunks.next();
    if (result.done === true) break;
    head = head.length === 0 ? result.value : Buffer.concat([head, result.value]);
  }
  const encoding = beginnings.find(([, bytes]) => head.subarray(0, bytes.length).equals(bytes))?.[0] ?? 'none';
  const data = Object.assign(Readable.from(all(head, chunks), { highWaterMark: 1 }), {
    recycle: (piece: Uint8Array) => input.recycle?.(piece),
  });
  return { data, encoding };
}

async function* all(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for await (const chunk of { [Symbol.asyncIterator]: () => rest }) yield chunk;
}

function tooLong(limitBytes: number): Error {
  return imgError('UncompressionError', `image file expands to more than ${limitBytes} bytes`);
}

function damaged(compression: string, detail: string, stderr = ''): Error {
  return imgError('UncompressionError', `${compression} uncompression error while importing: ${detail}`, {
    info: { stderr },
  });
}

/** Starts `program` between `input` and `output`; false when there is no such program. */
function runsThrough(program: string, input: Readable, output: Bounded): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['-cdfq'], { stdio: ['pipe', 'pipe', 'pipe'], env: programEnvironment });
    let messages = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      messages = (messages + text).slice(0, messageLimit);
    });
    child.on('error', (error) => {
      if (codeOf(error) === 'ENOENT') resolve(false);
      else reject(imgError('UncompressionError', `cannot run ${program}`, { cause: error }));
    });
    child.on('spawn', () => {
      // The end of the program's output is not the end of ours: its status decides first.
      child.stdout.pipe(output, { end: false });
      const drained = new Promise((done) => child.stdout.once('end', done));
      pipeline(input, child.stdin, (error) => {
        // A program that stops reading is judged by its status; an input that fails is the failure.
        if (error && codeOf(error) !== 'EPIPE' && codeOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') output.destroy(error);
      });
      output.once('close', () => {
        child.kill('SIGKILL');
        input.destroy();
      });
      child.on('exit', (status, signal) => {
        if (status === 0) {
          void drained.then(() => output.end());
          return;
        }
        const hint =
          program === 'bzip2' && status === 2
            ? ' (corrupt compressed file): usually indicates a network error while downloading, try again'
            : '';
        const detail = status === null ? `ended by ${String(signal)}` : `exit code ${status}${hint}`;
        output.destroy(damaged(program, detail, messages.trim()));
      });
      resolve(true);
    });
  });
}

/** Passes bytes through up to a limit. */
class Bounded extends Transform {
  #left: number;
  readonly #limit: number;

  constructor(limitBytes: number) {
    super({ highWaterMark: pieceBytes });
    this.#limit = limitBytes;
    this.#left = limitBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.length;
    if (this.#left >= 0) done(null, chunk);
    else done(tooLong(this.#limit));
  }
}
