/** The header of a record, as the addon reads it along with the running checksum. */
import { loadNative } from '../native.js';

export const headerSize = 312;

// Layout of `RecordHeader` in `addon/src/codec/record_header.h`
const wideAt = 40;
const narrowAt = 168;
const bytesAt = 296;
const verdictAt = 424;
const stateBytes = 432;
/** Of the header, so many bytes are kept: what follows is the checksum, but for names. */
const keptBytes = 128;

/** What a checksum of a stream is: wrong, right, or missing. */
export const Verdict = { wrong: 0, right: 1, none: 2 } as const;

export class RecordHeader {
  /** The running checksum, to be changed only to go back to an earlier state of it. */
  readonly sums: Uint8Array;

  private readonly codec = loadNative('codec');
  private readonly state: Uint8Array;
  private readonly wide: Float64Array;
  private readonly narrow: Uint32Array;
  private readonly bytes: Uint8Array;

  constructor() {
    const memory = new ArrayBuffer(stateBytes);
    this.state = new Uint8Array(memory);
    this.sums = this.state.subarray(0, wideAt);
    this.wide = new Float64Array(memory, wideAt, keptBytes / 8);
    this.narrow = new Uint32Array(memory, narrowAt, keptBytes / 4);
    this.bytes = new Uint8Array(memory, bytesAt, keptBytes);
  }

  /** Reads the header at `at` of `chunk`, after adding what is between `start` and it to the checksum. */
  read(chunk: Uint8Array, start: number, at: number, big: boolean): void {
    this.codec.readHeader(this.state, chunk, start, at, big);
  }

  /** Adds bytes that are no header to the checksum. */
  add(chunk: Uint8Array, start: number, end: number, big: boolean): void {
    this.codec.fletcher4(this.sums, chunk, start, end, big);
  }

  /** Of the header read last; one of {@link Verdict}. */
  get verdict(): number | undefined {
    return this.state[verdictAt];
  }

  /** For an END: of the checksum it tells of all before it. */
  get endVerdict(): number | undefined {
    return this.state[verdictAt + 1];
  }

  /** Number of 64 bits at a multiple of 8. Exact up to 2^53; rounded beyond, so only good for comparing with limits. */
  u64(at: number): number {
    return this.wide[at >>> 3] ?? 0;
  }

  /** Number of 32 bits at a multiple of 4. */
  u32(at: number): number {
    return this.narrow[at >>> 2] ?? 0;
  }

  u8(at: number): number {
    return this.bytes[at] ?? 0;
  }
}
