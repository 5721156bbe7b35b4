/** Writes the file of an image: the stream of a snapshot, compressed, with its size and checksum. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { codeOf, describeError } from '../errors.js';
import { programEnvironment } from '../host/exec.js';
import { imgError } from './errors.js';
import type { Compression, ManifestFile } from './manifest.js';

const programs: Readonly<Record<Exclude<Compression, 'none'>, readonly string[]>> = {
  gzip: ['pigz', 'gzip'],
  bzip2: ['bzip2'],
  xz: ['xz'],
};

const suffixes: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', bzip2: '.bz2', xz: '.xz' };

export function fileSuffix(compression: Compression): string {
  return suffixes[compression];
}

const messageLimit = 1000;

/**
 * Writes `stream` to `path` and says what the manifest is to say of it. Nothing is at `path` before it is complete. Throws
 * `InternalError` in the words of the original; `signal` ends it.
 */
export async function writeImageFile(
  stream: Readable,
  path: string,
  compression: Compression,
  signal: AbortSignal,
): Promise<ManifestFile> {
  const partial = `${path}.partial`;
  const hash = createHash('sha1');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  try {
    // What a killed command left, or a link that somebody has laid there.
    await rm(partial, { force: true });
    const file = createWriteStream(partial, { flags: 'wx', mode: 0o644 });
    await compressed(stream, compression, signal, (output) => pipeline(output, measure, file, { signal }));
    await rename(partial, path);
  } catch (error) {
    stream.destroy();
    await rm(partial, { force: true });
    signal.throwIfAborted();
    throw error;
  }
  return { size, compression, sha1: hash.digest('hex') };
}

/** Has `write` take what comes of `stream` when it is compressed. */
async function compressed(
  stream: Readable,
  compression: Compression,
  signal: AbortSignal,
  write: (output: Readable) => Promise<void>,
): Promise<void> {
  if (compression === 'none') {
    await Promise.all([write(stream), failing(stream)]);
    return;
  }
  for (const program of programs[compression]) {
    if (await through(program, stream, compression, signal, write)) return;
  }
  if (compression !== 'gzip') {
    throw imgError('InternalError', `error compressing zfs stream: there is no program ${compression}`, {
      hint: `install the package ${compression === 'xz' ? 'xz-utils' : compression}`,
    });
  }
  const gzip = createGzip();
  await Promise.all([pipeline(stream, gzip), write(gzip), failing(stream)]);
}

/** Rejects in known words when the stream fails. */
async function failing(stream: Readable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('error', (cause) => {
      reject(imgError('InternalError', `zfs send error: ${describeError(cause)}`, { cause, quietCause: true }));
    });
  });
}

/** False when there is no such program. */
async function through(
  program: string,
  stream: Readable,
  compression: Compression,
  signal: AbortSignal,
  write: (output: Readable) => Promise<void>,
): Promise<boolean> {
  const child = spawn(program, ['-cfq'], { stdio: ['pipe', 'pipe', 'pipe'], env: programEnvironment });
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    messages = (messages + text).slice(0, messageLimit);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', (status) => {
      if (status === 0) resolve();
      else {
        const details = `exit code ${String(status)}\n    compression: ${compression}\n    stderr:\n${indented(messages)}`;
        reject(imgError('InternalError', `error compressing zfs stream: ${details}`));
      }
    });
  });
  const feeding = pipeline(stream, child.stdin, { signal }).catch((error: unknown) => {
    // A program that stops reading is judged by its status.
    if (codeOf(error) !== 'EPIPE' && codeOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
  try {
    await Promise.all([failing(stream), feeding, write(child.stdout), ended]);
  } catch (error) {
    child.kill('SIGKILL');
    await Promise.allSettled([feeding, ended]);
    throw error;
  }
  return true;
}

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, '        ');
}
