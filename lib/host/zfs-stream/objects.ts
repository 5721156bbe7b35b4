/** What is kept in memory of each object: 40 bytes in columns, in ascending order of object numbers. */
import { invalid, unsupported } from './bytes.js';

/**
 * Most objects of one dataset. They take 40 bytes each in memory, so a million 40 MB and this many 320 MB; an incremental
 * stream takes as much again for the objects it repeats.
 */
const mostObjects = 8_000_000;

export const ObjectFlag = {
  /** Exists. */
  live: 1,
  /** Has a spill block, whether or not the stream brought it. */
  spill: 2,
  /** Its content belongs into a file of its own; else it is kept in the ledger. */
  file: 4,
  /** That file waits in the stage. */
  staged: 8,
  /** Has the name in the tree that the ledger tells. */
  placed: 16,
  /** The name is known, but the entry could not be made of what the stream holds. */
  missing: 32,
  /** Is the same file or directory as in the origin, not another one under its number. */
  kept: 64,
  /** Seen while the tree is built. */
  visited: 128,
  /** Its attributes are set. */
  finished: 256,
  /** Has been put into the tree while the stream was read, and the entry that names it has not been met again since. */
  early: 512,
  /** Others rely on what it holds: nothing may change it any more. */
  sealed: 1024,
} as const;

/** Flags that later increments need. */
const lastingFlags = ObjectFlag.live | ObjectFlag.spill | ObjectFlag.file | ObjectFlag.placed | ObjectFlag.missing;

const chunkBits = 13;
const chunkLength = 2 ** chunkBits;

type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** An array that grows without being copied. */
class Column<T extends Numbers> {
  private readonly chunks: T[] = [];
  private readonly make: (length: number) => T;

  constructor(make: (length: number) => T) {
    this.make = make;
  }

  get(row: number): number {
    return this.chunks[row >>> chunkBits]?.[row & (chunkLength - 1)] ?? 0;
  }

  set(row: number, value: number): void {
    let chunk = this.chunks[row >>> chunkBits];
    if (chunk === undefined) this.chunks[row >>> chunkBits] = chunk = this.make(chunkLength);
    chunk[row & (chunkLength - 1)] = value;
  }
}

const f64 = (): Column<Float64Array> => new Column((length) => new Float64Array(length));
const u32 = (): Column<Uint32Array> => new Column((length) => new Uint32Array(length));
const u16 = (): Column<Uint16Array> => new Column((length) => new Uint16Array(length));
const u8 = (): Column<Uint8Array> => new Column((length) => new Uint8Array(length));

/** Length of a row in the ledger. */
export const rowBytes = 40;

export class ObjectTable {
  length = 0;
  readonly number = f64();
  /** Of files: end of the last block. Of others: position of the newest piece of content in the ledger, 0 for none. */
  readonly extent = f64();
  /** Positions in the ledger, 0 for none. */
  readonly bonusAt = u32();
  readonly spillAt = u32();
  readonly placeAt = u32();
  readonly blockSize = u32();
  readonly bonusLength = u16();
  readonly flags = u16();
  readonly type = u8();
  readonly bonusType = u8();
  readonly slots = u8();
  /** Where the next live row may be: shortens the way over removed ones. */
  private readonly skip = u32();

  /** Adds a row for `number`, which must be the highest so far. Throws `StreamUnsupported` past the limit. */
  add(number: number): number {
    if (this.length >= mostObjects) throw unsupported(`it has more than ${mostObjects} objects`);
    const row = this.length;
    this.length += 1;
    this.number.set(row, number);
    return row;
  }

  /** The row of `number` while it lives; -1 for none. */
  find(number: number): number {
    const row = this.findAny(number);
    return row >= 0 && this.has(row, ObjectFlag.live) ? row : -1;
  }

  /** The row of `number`, also when it lives no more. */
  findAny(number: number): number {
    const row = this.lowerBound(number);
    return row < this.length && this.number.get(row) === number ? row : -1;
  }

  has(row: number, flag: number): boolean {
    return (this.flags.get(row) & flag) !== 0;
  }

  mark(row: number, flag: number): void {
    this.flags.set(row, this.flags.get(row) | flag);
  }

  clear(row: number, flag: number): void {
    this.flags.set(row, this.flags.get(row) & ~flag);
  }

  /** Ends the life of all objects from `first` to before `end`, in time by what lives there. */
  remove(first: number, end: number): void {
    let row = this.nextLive(this.lowerBound(first));
    while (row < this.length && this.number.get(row) < end) {
      if (this.has(row, ObjectFlag.sealed)) throw invalid(`object ${this.number.get(row)} goes after others that need it`);
      this.clear(row, ObjectFlag.live);
      this.skip.set(row, row + 1);
      row = this.nextLive(row + 1);
    }
  }

  /** First row at or after `row` that lives; `length` for none. */
  nextLive(row: number): number {
    let at = row;
    while (at < this.length && !this.has(at, ObjectFlag.live)) at = Math.max(this.skip.get(at), at + 1);
    for (let passed = row; passed < at;) {
      const next = Math.max(this.skip.get(passed), passed + 1);
      this.skip.set(passed, at);
      passed = next;
    }
    return at;
  }

  /** Copies row `from` of `other` over row `row`, but for its number. */
  copy(row: number, other: ObjectTable, from: number): void {
    for (const column of [
      'extent',
      'bonusAt',
      'spillAt',
      'placeAt',
      'blockSize',
      'bonusLength',
      'flags',
      'type',
      'bonusType',
      'slots',
    ] as const) {
      // prettier-ignore
      this[column].set(row, other[column].get(from));
    }
  }

  write(row: number, bytes: Buffer, at: number): void {
    bytes.writeDoubleLE(this.number.get(row), at);
    bytes.writeDoubleLE(this.extent.get(row), at + 8);
    bytes.writeUInt32LE(this.bonusAt.get(row), at + 16);
    bytes.writeUInt32LE(this.spillAt.get(row), at + 20);
    bytes.writeUInt32LE(this.has(row, ObjectFlag.placed) ? this.placeAt.get(row) : 0, at + 24);
    bytes.writeUInt32LE(this.blockSize.get(row), at + 28);
    bytes.writeUInt16LE(this.bonusLength.get(row), at + 32);
    bytes.writeUInt16LE(this.flags.get(row) & lastingFlags, at + 34);
    bytes.writeUInt8(this.type.get(row), at + 36);
    bytes.writeUInt8(this.bonusType.get(row), at + 37);
    bytes.writeUInt8(this.slots.get(row), at + 38);
    bytes.writeUInt8(0, at + 39);
  }

  read(bytes: Buffer, at: number): void {
    const row = this.add(bytes.readDoubleLE(at));
    this.extent.set(row, bytes.readDoubleLE(at + 8));
    this.bonusAt.set(row, bytes.readUInt32LE(at + 16));
    this.spillAt.set(row, bytes.readUInt32LE(at + 20));
    this.placeAt.set(row, bytes.readUInt32LE(at + 24));
    this.blockSize.set(row, bytes.readUInt32LE(at + 28));
    this.bonusLength.set(row, bytes.readUInt16LE(at + 32));
    this.flags.set(row, bytes.readUInt16LE(at + 34));
    this.type.set(row, bytes.readUInt8(at + 36));
    this.bonusType.set(row, bytes.readUInt8(at + 37));
    this.slots.set(row, bytes.readUInt8(at + 38));
  }

  private lowerBound(number: number): number {
    // Mostly the last one is asked for.
    if (this.length === 0 || number > this.number.get(this.length - 1)) return this.length;
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.number.get(middle) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** All live objects of two tables in ascending order. A number lives in one of them only. */
export function* allObjects(
  base: ObjectTable,
  fresh: ObjectTable,
): Generator<{ readonly table: ObjectTable; readonly row: number }> {
  let left = base.nextLive(0);
  let right = fresh.nextLive(0);
  while (left < base.length || right < fresh.length) {
    if (right >= fresh.length || (left < base.length && base.number.get(left) < fresh.number.get(right))) {
      yield { table: base, row: left };
      left = base.nextLive(left + 1);
    } else {
      yield { table: fresh, row: right };
      right = fresh.nextLive(right + 1);
    }
  }
}

/** The same as one table. */
export function merge(base: ObjectTable, fresh: ObjectTable): ObjectTable {
  const merged = new ObjectTable();
  for (const { table, row } of allObjects(base, fresh)) {
    const added = merged.add(table.number.get(row));
    merged.copy(added, table, row);
    merged.flags.set(added, table.flags.get(row) & lastingFlags);
    if (!table.has(row, ObjectFlag.placed)) merged.placeAt.set(added, 0);
  }
  return merged;
}
