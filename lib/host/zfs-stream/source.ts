/** The bytes of a stream, taken in pieces of the length asked for, with the running checksum over all of them. */
import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { invalid } from './bytes.js';
import { headerSize, RecordHeader } from './record-header.js';

const empty = Buffer.alloc(0);

/** A stream that takes back the memory of its pieces when a reader is done with them, to use it again. */
export interface RecyclingStream extends Readable {
  recycle?: (piece: Uint8Array) => void;
}

/**
 * Where a piece is contiguous in a chunk of the stream, it is handed out without a copy: then `bytes` is the chunk and
 * `at` the position in it. The checksum runs behind, over long stretches at a time.
 */
export class Source {
  /** Where the last piece taken lies. */
  bytes: Buffer = empty;
  at = 0;
  /** Bytes taken so far. */
  taken = 0;
  /** The last one taken. */
  readonly header = new RecordHeader();

  private readonly chunks: AsyncIterator<unknown>;
  private readonly stream: RecyclingStream;
  private chunk: Buffer = empty;
  private position = 0;
  private summed = 0;
  private big = false;

  /** Pieces taken are good until the next chunk is asked for. */
  constructor(stream: RecyclingStream) {
    this.stream = stream;
    this.chunks = stream[Symbol.asyncIterator]() as AsyncIterator<unknown>;
  }

  /** Takes `size` bytes when the chunk at hand has them; else false, and {@link takeAcross} has to be awaited. */
  take(size: number): boolean {
    if (this.chunk.length - this.position < size) return false;
    this.bytes = this.chunk;
    this.at = this.position;
    this.position += size;
    this.taken += size;
    return true;
  }

  /** Whether the chunk at hand has `size` bytes more. */
  has(size: number): boolean {
    return this.chunk.length - this.position >= size;
  }

  /** Takes `size` bytes across chunks, copied together. */
  async takeAcross(size: number): Promise<void> {
    if (this.take(size)) return;
    const whole = Buffer.allocUnsafe(size);
    await this.fill(whole);
    this.bytes = whole;
    this.at = 0;
  }

  /** Takes what the chunk at hand has, at most `size` bytes; the number taken, 0 at the end of the chunk. */
  takeSome(size: number): number {
    const some = Math.min(size, this.chunk.length - this.position);
    if (some > 0) this.take(some);
    return some;
  }

  /** Takes the header of a record; like {@link take}, but what it says is in {@link header}. */
  takeHeader(): boolean {
    if (this.chunk.length - this.position < headerSize) return false;
    this.header.read(this.chunk, this.summed, this.position, this.big);
    this.position += headerSize;
    this.summed = this.position;
    this.taken += headerSize;
    return true;
  }

  /** The same across chunks. */
  async takeHeaderAcross(): Promise<void> {
    if (this.takeHeader()) return;
    this.sumUp();
    const before = this.header.sums.slice();
    const whole = Buffer.allocUnsafe(headerSize);
    await this.fill(whole);
    // Those of the chunks have parts of it already.
    this.header.sums.set(before);
    this.header.read(whole, 0, 0, this.big);
    this.summed = this.position;
  }

  /** Gets the next chunk when all of the last one has been taken; false at the end of the stream. */
  async more(): Promise<boolean> {
    while (this.position === this.chunk.length) {
      this.sumUp();
      if (this.chunk !== empty) this.stream.recycle?.(this.chunk);
      this.chunk = empty;
      this.position = this.summed = 0;
      const next = await this.chunks.next();
      // What has come in meanwhile has its turn: a chunk at hand would else be worked on before the next is asked for.
      await turn();
      if (next.done === true) return false;
      if (!(next.value instanceof Uint8Array)) throw new TypeError('a stream of bytes is needed');
      const { buffer, byteOffset, byteLength } = next.value;
      this.chunk = Buffer.from(buffer, byteOffset, byteLength);
      this.position = this.summed = 0;
    }
    return true;
  }

  /** Lets go of the stream, when nothing more will be read. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  /** Starts a new checksum with `first`, the last bytes taken. */
  restartChecksum(first: Uint8Array, big: boolean): void {
    this.big = big;
    this.header.sums.fill(0);
    this.header.add(first, 0, first.length, big);
    this.summed = this.position;
  }

  private async fill(whole: Buffer): Promise<void> {
    for (let filled = 0; filled < whole.length;) {
      const some = this.takeSome(whole.length - filled);
      if (some > 0) {
        this.bytes.copy(whole, filled, this.at, this.at + some);
        filled += some;
      } else if (!(await this.more())) {
        throw invalid('it ends early');
      }
    }
  }

  /** Brings the checksum up to the last byte taken. */
  private sumUp(): void {
    if (this.summed === this.position) return;
    this.header.add(this.chunk, this.summed, this.position, this.big);
    this.summed = this.position;
  }
}
