/** The bytes of a stream, taken in pieces of the length asked for, with the running checksum over all of them. */
import type { Readable } from 'node:stream';
import { loadNative } from '../native.js';
import { invalid } from './bytes.js';
import { headerSize, RecordType } from './records.js';

const empty = Buffer.alloc(0);
/** Where the checksum of a record lies in its header. */
const checksumAt = 280;

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
  /** Whether the last header taken has the right checksum; undefined when it has none. */
  verdict: boolean | undefined;
  /** For an END: whether the checksum it holds is that of all before it. */
  endVerdict: boolean | undefined;

  private readonly chunks: AsyncIterator<unknown>;
  private readonly codec = loadNative('codec');
  /** As `fletcher4` of the addon wants it. */
  private readonly sums = new Uint32Array(10);
  private readonly sumBytes = new Uint8Array(this.sums.buffer);
  private chunk: Buffer = empty;
  private position = 0;
  private summed = 0;
  private big = false;

  constructor(stream: Readable) {
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
    await this.fill(whole, 0, size);
    this.bytes = whole;
    this.at = 0;
  }

  /** Takes what the chunk at hand has, at most `size` bytes; the number taken, 0 at the end of the chunk. */
  takeSome(size: number): number {
    const some = Math.min(size, this.chunk.length - this.position);
    if (some > 0) this.take(some);
    return some;
  }

  /** Takes the header of a record and sets the verdicts; like {@link take}. */
  takeHeader(): boolean {
    if (this.chunk.length - this.position < headerSize) return false;
    const at = this.position;
    const type = this.big ? this.chunk.readUInt32BE(at) : this.chunk.readUInt32LE(at);
    if (type === RecordType.end) {
      this.sumUp();
      this.endVerdict = this.compare(this.sums, this.chunk, at + 8);
    }
    this.position += checksumAt;
    this.sumUp();
    this.verdict = this.compare(this.sums, this.chunk, at + checksumAt);
    this.position += headerSize - checksumAt;
    this.bytes = this.chunk;
    this.at = at;
    this.taken += headerSize;
    return true;
  }

  /** The same across chunks. */
  async takeHeaderAcross(): Promise<void> {
    if (this.takeHeader()) return;
    const whole = Buffer.allocUnsafe(headerSize);
    this.sumUp();
    const before = this.sums.slice();
    await this.fill(whole, 0, checksumAt);
    this.sumUp();
    const after = this.sums.slice();
    await this.fill(whole, checksumAt, headerSize);
    this.endVerdict = this.compare(before, whole, 8);
    this.verdict = this.compare(after, whole, checksumAt);
    this.bytes = whole;
    this.at = 0;
  }

  /** Gets the next chunk when all of the last one has been taken; false at the end of the stream. */
  async more(): Promise<boolean> {
    while (this.position === this.chunk.length) {
      this.sumUp();
      const next = await this.chunks.next();
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
    this.sums.fill(0);
    this.summed = this.position;
    this.codec.fletcher4(this.sumBytes, first, 0, first.length, big);
  }

  private async fill(whole: Buffer, from: number, to: number): Promise<void> {
    for (let filled = from; filled < to;) {
      const some = this.takeSome(to - filled);
      if (some > 0) {
        this.bytes.copy(whole, filled, this.at, this.at + some);
        filled += some;
      } else if (!(await this.more())) {
        throw invalid('it ends early');
      }
    }
  }

  /** Compares `sums` with the 32 bytes at `at`; undefined when those are all zero. */
  private compare(sums: Uint32Array, bytes: Buffer, at: number): boolean | undefined {
    let none = true;
    let equal = true;
    for (let word = 0; word < 8; word += 2) {
      const low = this.big ? bytes.readUInt32BE(at + word * 4 + 4) : bytes.readUInt32LE(at + word * 4);
      const high = this.big ? bytes.readUInt32BE(at + word * 4) : bytes.readUInt32LE(at + word * 4 + 4);
      if (low !== 0 || high !== 0) none = false;
      if (low !== sums[word] || high !== sums[word + 1]) equal = false;
    }
    return none ? undefined : equal;
  }

  /** Brings the checksum up to the last byte taken. */
  private sumUp(): void {
    if (this.summed === this.position) return;
    this.codec.fletcher4(this.sumBytes, this.chunk, this.summed, this.position, this.big);
    this.summed = this.position;
  }
}
