/** Writes the records of a send stream into chunks of memory: headers, payloads, and the checksum over all so far. */
import { loadNative } from '../native.js';
import { headerSize } from './record-header.js';
import { ObjectType, RecordType, guidAt } from './records.js';
import { roundUp } from './bytes.js';

const chunkBytes = 1024 * 1024;
/** Chunks are handed on when no more than this is free in them: the longest record. */
const spareBytes = headerSize + 128 * 1024;
const checksumAt = 280;

/** "To the end of the object". */
export const toTheEnd = Infinity;

/** Flags of a BEGIN: incremental from the origin of a clone; with FREE and FREEOBJECTS; OBJECT tells of spill blocks. */
const BeginFlag = { clone: 1, freeRecords: 4, spillBlocks: 8 } as const;

/** What the head of a stream says. */
export interface StreamHead {
  readonly type: 'filesystem' | 'volume';
  /** `zones/U@final`. */
  readonly snapshot: string;
  readonly guid: bigint;
  /** 0 for a full stream. */
  readonly fromGuid: bigint;
  /** Of the snapshot, seconds since the epoch. */
  readonly creation: number;
  /** The base is the origin of a clone, not an earlier snapshot of the same dataset. */
  readonly ofClone: boolean;
  /** Objects of several slots are in it. */
  readonly largeObjects: boolean;
}

export interface ObjectFields {
  readonly type: number;
  readonly blockSize: number;
  readonly slots?: number;
  readonly bonus?: Buffer;
  /** System attributes unless told. */
  readonly bonusType?: number;
  readonly hasSpill?: boolean;
}

export class RecordWriter {
  /** The first object number after those that records were about. */
  nextNumber = 1;
  private readonly guid = Buffer.alloc(8);
  private readonly sums = Buffer.alloc(40);
  private chunk = Buffer.allocUnsafeSlow(chunkBytes);
  private size = 0;
  /** Up to here the chunk is in the checksum. */
  private summed = 0;

  constructor(head: StreamHead) {
    this.guid.writeBigUInt64LE(head.guid);
    const features = (head.type === 'filesystem' ? 4 : 0) | (head.largeObjects ? 0x800000 : 0);
    const header = this.room(headerSize);
    const { chunk } = this;
    chunk.writeBigUInt64LE(0x2f5bacbacn, header + 8);
    chunk.writeBigUInt64LE((BigInt(features) << 2n) | 1n, header + 16);
    this.u64(header + 24, head.creation);
    chunk.writeUInt32LE(head.type === 'volume' ? 3 : 2, header + 32);
    const flags = BeginFlag.freeRecords | BeginFlag.spillBlocks | (head.ofClone ? BeginFlag.clone : 0);
    chunk.writeUInt32LE(flags, header + 36);
    this.guid.copy(chunk, header + 40);
    chunk.writeBigUInt64LE(head.fromGuid, header + 48);
    chunk.write(head.snapshot.slice(0, 255), header + 56, 'latin1');
  }

  /** Whether {@link take} has enough to be worth it; to be asked at least after every record. */
  get full(): boolean {
    return this.chunk.length - this.size < spareBytes;
  }

  /** Hands over what has been written since the last time. */
  take(): Buffer {
    this.sum();
    const taken = this.chunk.subarray(0, this.size);
    this.chunk = Buffer.allocUnsafeSlow(chunkBytes);
    this.size = this.summed = 0;
    return taken;
  }

  object(
    number: number,
    { type, blockSize, slots = 1, bonus, bonusType = ObjectType.systemAttributes, hasSpill = false }: ObjectFields,
  ): void {
    const length = bonus?.length ?? 0;
    const at = this.start(RecordType.object, roundUp(length, 8));
    const { chunk } = this;
    this.u64(at + 8, number);
    chunk.writeUInt32LE(type, at + 16);
    chunk.writeUInt32LE(length === 0 ? 0 : bonusType, at + 20);
    chunk.writeUInt32LE(blockSize, at + 24);
    chunk.writeUInt32LE(length, at + 28);
    chunk[at + 34] = slots;
    chunk[at + 35] = hasSpill ? 4 : 0;
    bonus?.copy(chunk, at + headerSize);
    this.nextNumber = number + slots;
    this.finish(at);
  }

  /** Says that there are no objects from the last one to before `number`. */
  freeUpTo(number: number): void {
    if (number > this.nextNumber) this.freeObjects(this.nextNumber, number - this.nextNumber);
  }

  freeObjects(first: number, count: number): void {
    this.nextNumber = first + count;
    const at = this.start(RecordType.freeObjects);
    this.u64(at + 8, first);
    this.u64(at + 16, count);
    this.finish(at);
  }

  /** One block: `bytes` from `start` on, filled up with zeros. */
  write(number: number, type: number, offset: number, blockSize: number, bytes: Buffer, start = 0): void {
    const at = this.start(RecordType.write, blockSize);
    const { chunk } = this;
    this.u64(at + 8, number);
    chunk.writeUInt32LE(type, at + 16);
    this.u64(at + 24, offset);
    this.u64(at + 32, blockSize);
    // No checksum of the block on a disk of ours.
    chunk[at + 48] = 2;
    bytes.copy(chunk, at + headerSize, start, start + blockSize);
    this.finish(at);
  }

  free(number: number, offset: number, length: number): void {
    const at = this.start(RecordType.free);
    this.u64(at + 8, number);
    this.u64(at + 16, offset);
    if (length === toTheEnd) this.chunk.fill(0xff, at + 24, at + 32);
    else this.u64(at + 24, length);
    this.finish(at);
  }

  spill(number: number, block: Buffer): void {
    const at = this.start(RecordType.spill, block.length);
    this.u64(at + 8, number);
    this.u64(at + 16, block.length);
    this.chunk.writeUInt32LE(ObjectType.systemAttributes, at + 84);
    block.copy(this.chunk, at + headerSize);
    this.finish(at);
  }

  end(): void {
    const at = this.start(RecordType.end);
    this.sums.copy(this.chunk, at + 8, 0, 32);
    this.finish(at);
  }

  /** A header of zeros with type and guid, and room for a payload of zeros behind it. */
  private start(type: number, payload = 0): number {
    // The checksum of END is that of all before it.
    this.sum();
    const at = this.room(headerSize + payload);
    this.chunk.writeUInt32LE(type, at);
    this.guid.copy(this.chunk, at + guidAt(type));
    return at;
  }

  private room(size: number): number {
    const at = this.size;
    this.size += size;
    this.chunk.fill(0, at, this.size);
    return at;
  }

  /** Completes a header with the checksum of all up to there. */
  private finish(at: number): void {
    this.sum(at + checksumAt);
    this.sums.copy(this.chunk, at + checksumAt, 0, 32);
  }

  private sum(end = this.size): void {
    if (end > this.summed) loadNative('codec').fletcher4(this.sums, this.chunk, this.summed, end, false);
    this.summed = end;
  }

  private u64(at: number, value: number): void {
    this.chunk.writeUInt32LE(value % 2 ** 32, at);
    this.chunk.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
  }
}
