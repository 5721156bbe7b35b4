/** The format in which a VM is sent: chunks, each a header of 512 bytes and what belongs to it (`vm-lifecycle`, bundle). */
import { vmError } from './errors.js';

const headerBytes = 512;
const magic = 'MAGIC-VMBUNDLE\0';
/** Senders of old put up to so many bytes in front. */
const mostShift = 14;
/** Far more than any VM object takes. */
const mostJsonBytes = 16 * 1024 * 1024;

/** The chunk with the object of the VM. */
export function jsonChunk(vm: unknown): Buffer {
  const json = Buffer.from(`${JSON.stringify(vm, null, 2)}\n`);
  const padded = Math.ceil(json.length / headerBytes) * headerBytes;
  return Buffer.concat([header('JSON', json.length, padded), json], headerBytes + padded);
}

/** What precedes the stream of a dataset, whose length nobody knows yet. */
export function datasetHeader(name: string): Buffer {
  return header(name, 0, 0);
}

function header(name: string, size: number, padded: number): Buffer {
  const fields = [magic.slice(0, -1), '1', 'CHECKSUM', name, String(size), String(padded)];
  return Buffer.concat([Buffer.from(fields.map((field) => `${field}\0`).join(''))], headerBytes);
}

export interface Chunk {
  /** `JSON`, or the name of a dataset. */
  readonly name: string;
  readonly size: number;
  readonly paddedSize: number;
}

/** Reads a bundle from a pipe; never more of it than was asked for is missing for what comes next. */
export class BundleReader {
  private readonly chunks: AsyncIterator<unknown>;
  private pending: Buffer[] = [];
  private size = 0;
  private ended = false;

  constructor(source: AsyncIterable<unknown>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** The next `size` bytes; fewer at the end. */
  async take(size: number): Promise<Buffer> {
    while (this.size < size && !this.ended) {
      const next = await this.chunks.next();
      if (next.done === true) {
        this.ended = true;
        break;
      }
      const chunk = next.value as Buffer;
      this.pending.push(chunk);
      this.size += chunk.length;
    }
    const [first] = this.pending;
    if (first !== undefined && first.length > size) {
      this.pending[0] = first.subarray(size);
      this.size -= size;
      return first.subarray(0, size);
    }
    const all = Buffer.concat(this.pending);
    this.pending = all.length > size ? [all.subarray(size)] : [];
    this.size = Math.max(0, all.length - size);
    return all.subarray(0, size);
  }

  /** The header of the next chunk; undefined at the end of the bundle. Throws `BundleInvalid`. */
  async chunk(): Promise<Chunk | undefined> {
    const bytes = await this.take(headerBytes);
    if (bytes.length === 0) return undefined;
    return this.parse(bytes);
  }

  /**
   * The object of the VM: from the first chunk, or, where there is no bundle at all, all there is (`bundled` tells). Throws
   * `BundleInvalid` with the original's words.
   */
  async vm(): Promise<{ readonly vm: unknown; readonly bundled: boolean }> {
    const bytes = await this.take(headerBytes);
    if (bytes.length === 0) throw invalid('unable to receive JSON');
    if (magicAt(bytes) < 0) {
      const rest = await this.take(mostJsonBytes);
      return { vm: parse(Buffer.concat([bytes, rest])), bundled: false };
    }
    const { name, size, paddedSize } = await this.parse(bytes);
    if (name !== 'JSON' || size > mostJsonBytes || size > paddedSize) throw invalid(noJson);
    const payload = await this.take(paddedSize);
    if (payload.length < paddedSize) throw invalid(noJson);
    return { vm: parse(payload.subarray(0, size)), bundled: true };
  }

  private async parse(bytes: Buffer): Promise<Chunk> {
    const shift = magicAt(bytes);
    if (shift < 0) throw invalid('vmunbundle exited with code 1');
    const whole = shift === 0 ? bytes : Buffer.concat([bytes.subarray(shift), await this.take(shift)]);
    const [, version, , name = '', size, paddedSize] = whole.toString('utf8').split('\0');
    const chunk = { name, size: Number(size), paddedSize: Number(paddedSize) };
    const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
    if (whole.length < headerBytes || version !== '1' || !isSize(chunk.size) || !isSize(chunk.paddedSize)) {
      throw invalid('vmunbundle exited with code 1');
    }
    return chunk;
  }
}

const noJson = 'first of 1 error: Failed to get JSON!';

function magicAt(bytes: Buffer): number {
  const at = bytes.subarray(0, mostShift + magic.length).indexOf(magic, 0, 'latin1');
  return at <= mostShift ? at : -1;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (cause) {
    throw invalid(noJson, cause);
  }
}

function invalid(message: string, cause?: unknown): Error {
  return vmError('BundleInvalid', message, cause === undefined ? {} : { cause, quietCause: true });
}
