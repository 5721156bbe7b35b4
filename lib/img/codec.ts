/** Decompresses image files: by the programs made for it where they are, gzip also without. */
import { spawn } from 'node:child_process';
import { pipeline, Transform, type Readable, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { codeOf } from '../errors.js';
import { programEnvironment } from '../host/exec.js';
import { imgError } from './errors.js';
import type { Compression } from './manifest.js';

/** Layers of container images come with one more than image files. */
export type Encoding = Compression | 'zstd';

/** Programs that decompress from standard input to standard output, the best first. */
const programs: Readonly<Record<Exclude<Encoding, 'none'>, readonly string[]>> = {
  gzip: ['pigz', 'gzip'],
  bzip2: ['bzip2'],
  xz: ['xz'],
  zstd: ['zstd'],
};

const messageLimit = 1000;
/** Up to here it costs more to start a program than it gains. */
const smallBytes = 2 ** 20;

/**
 * The decompressed bytes of `input`, which is `sizeBytes` long. The result fails with `UncompressionError` when the data is damaged, when there is no
 * program for it, or when more than `limitBytes` come out; and with the error of `input`. Whoever stops reading early
 * destroys it, which ends the program.
 */
export async function decompress(
  input: Readable,
  compression: Encoding,
  limitBytes: number,
  sizeBytes = Infinity,
): Promise<Readable> {
  const output = new Bounded(limitBytes);
  // It may fail before anybody reads, and the reader will find out then.
  output.on('error', () => undefined);
  if (compression === 'none') {
    pipeline(input, output, () => undefined);
    return output;
  }
  const isSmall = compression === 'gzip' && sizeBytes <= smallBytes;
  for (const program of isSmall ? [] : programs[compression]) {
    if (await runsThrough(program, input, output, compression)) return output;
  }
  if (compression === 'gzip') {
    const gunzip = createGunzip();
    gunzip.on('error', (cause) => output.destroy(damaged('gzip', cause.message)));
    pipeline(input, gunzip, output, () => undefined);
    return output;
  }
  throw imgError('UncompressionError', `cannot uncompress ${compression}: there is no program ${compression}`, {
    hint: `install the package ${compression === 'xz' ? 'xz-utils' : compression}`,
  });
}

function damaged(compression: string, detail: string, stderr = ''): Error {
  return imgError('UncompressionError', `${compression} uncompression error while importing: ${detail}`, {
    info: { stderr },
  });
}

/** Starts `program` between `input` and `output`; false when there is no such program. */
function runsThrough(program: string, input: Readable, output: Bounded, compression: Encoding): Promise<boolean> {
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
        output.destroy(damaged(compression, detail, messages.trim()));
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
    super({ highWaterMark: 1024 * 1024 });
    this.#limit = limitBytes;
    this.#left = limitBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.length;
    if (this.#left >= 0) done(null, chunk);
    else done(imgError('UncompressionError', `image file expands to more than ${this.#limit} bytes`));
  }
}
