/** What is kept in memory of each object: some 24 bytes, in ascending order of object numbers. */
import { invalid, unsupported } from './bytes.js';

/**
 * Most objects of one dataset. They take 24 bytes each in memory (40 where they have spill blocks or numbers past 2^32),
 * so a million 24 MB and this many 192 MB; an incremental stream takes as much again for the objects it repeats.
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

/** So long that each is memory of its own, of which the kernel gives what is written to, and that is not among pieces of streams. */
const chunkBits = 17;
const chunkRows = 2 ** chunkBits;

/** Rows of 32-bit words. They grow without being copied; stretches of zeros take little memory. */
class Words {
  readonly chunks: Uint32Array[] = [];
  readonly perRow: number;

  constructor(perRow: number) {
    this.perRow = perRow;
  }

  /** Makes the chunk of a row. */
  make(row: number): Uint32Array {
    while (this.chunks.length < row >>> chunkBits) this.chunks.push(noRows);
    return (this.chunks[row >>> chunkBits] = new Uint32Array(chunkRows * this.perRow));
  }
}

const noRows = new Uint32Array(0);

/** A number of some bits in a word of each row. */
class Field {
  private readonly words: Words;
  private readonly word: number;
  private readonly shift: number;
  private readonly mask: number;

  constructor(words: Words, word: number, shift = 0, bits = 32) {
    this.words = words;
    this.word = word;
    this.shift = shift;
    this.mask = bits === 32 ? 0xffff_ffff : (1 << bits) - 1;
  }

  get(row: number): number {
    const { chunks, perRow } = this.words;
    const word = chunks[row >>> chunkBits]?.[(row & (chunkRows - 1)) * perRow + this.word] ?? 0;
    return ((word >>> this.shift) & this.mask) >>> 0;
  }

  set(row: number, value: number): void {
    const { words, shift, mask } = this;
    let chunk = words.chunks[row >>> chunkBits];
    if (chunk === undefined || chunk.length === 0) {
      if (value === 0) return;
      chunk = words.make(row);
    }
    const at = (row & (chunkRows - 1)) * words.perRow + this.word;
    chunk[at] = ((chunk[at] ?? 0) & ~(mask << shift)) | ((value & mask) << shift);
  }
}

/** Numbers up to 2^53, mostly below 2^32. */
class WideField {
  private readonly low: Field;
  private readonly high: Field;

  constructor(low: Field, high: Field) {
    this.low = low;
    this.high = high;
  }

  get(row: number): number {
    return this.low.get(row) + this.high.get(row) * 2 ** 32;
  }

  set(row: number, value: number): void {
    this.low.set(row, value >>> 0);
    this.high.set(row, Math.floor(value / 2 ** 32));
  }
}

/** Sizes of blocks, in units of 512 bytes. */
class BlockSizeField {
  private readonly units: Field;

  constructor(units: Field) {
    this.units = units;
  }

  get(row: number): number {
    return this.units.get(row) * 512;
  }

  set(row: number, bytes: number): void {
    this.units.set(row, bytes / 512);
  }
}

/** From 1 to 32, so one less is kept. */
class SlotsField {
  private readonly more: Field;

  constructor(more: Field) {
    this.more = more;
  }

  get(row: number): number {
    return this.more.get(row) + 1;
  }

  set(row: number, slots: number): void {
    this.more.set(row, slots - 1);
  }
}

/** Length of a row in the ledger. */
export const rowBytes = 40;

export class ObjectTable {
  length = 0;
  private readonly words = new Words(6);
  /** What most objects do not have. */
  private readonly rare = new Words(4);
  readonly number = new WideField(new Field(this.words, 0), new Field(this.rare, 0));
  /** Of files: end of the last block. Of others: position of the newest piece of content in the ledger, 0 for none. */
  readonly extent = new WideField(new Field(this.words, 1), new Field(this.rare, 1));
  /** Positions in the ledger, 0 for none. */
  readonly bonusAt = new Field(this.words, 2);
  readonly placeAt = new Field(this.words, 3);
  readonly spillAt = new Field(this.rare, 2);
  readonly bonusLength = new Field(this.words, 4, 0, 16);
  readonly blockSize = new BlockSizeField(new Field(this.words, 4, 16, 16));
  readonly type = new Field(this.words, 5, 0, 8);
  readonly bonusType = new Field(this.words, 5, 8, 8);
  readonly slots = new SlotsField(new Field(this.words, 5, 16, 5));
  readonly flags = new Field(this.words, 5, 21, 11);
  /** Where the next live row may be: shortens the way over removed ones. */
  private readonly skip = new Field(this.rare, 3);
  /** Number of the last row. */
  private last = -1;

  /** Adds a row for `number`, which must be the highest so far. Throws `StreamUnsupported` past the limit. */
  add(number: number): number {
    if (this.length >= mostObjects) throw unsupported(`it has more than ${mostObjects} objects`);
    const row = this.length;
    this.length += 1;
    this.number.set(row, number);
    this.last = number;
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
      if (this.has(row, ObjectFlag.sealed))
        throw invalid(`object ${this.number.get(row)} goes after others that need it`);
      this.clear(row, ObjectFlag.live);
      row = this.nextLive(row + 1);
    }
  }

  /** First row at or after `row` that lives; `length` for none. */
  nextLive(row: number): number {
    let at = row;
    while (at < this.length && !this.has(at, ObjectFlag.live)) at = Math.max(this.skip.get(at), at + 1);
    for (let passed = row; passed < at;) {
      const next = Math.max(this.skip.get(passed), passed + 1);
      if (at > passed + 1) this.skip.set(passed, at);
      passed = next;
    }
    return at;
  }

  /** Copies row `from` of `other` over row `row`, but for its number. */
  copy(row: number, other: ObjectTable, from: number): void {
    this.extent.set(row, other.extent.get(from));
    this.blockSize.set(row, other.blockSize.get(from));
    this.slots.set(row, other.slots.get(from));
    for (const field of ['bonusAt', 'spillAt', 'placeAt', 'bonusLength', 'flags', 'type', 'bonusType'] as const) {
      this[field].set(row, other[field].get(from));
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
    // Mostly the last one is asked for, or none.
    if (number >= this.last) return number === this.last ? this.length - 1 : this.length;
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

/** Row of an object, in one of the two tables of a dataset. */
export interface Row {
  readonly table: ObjectTable;
  readonly row: number;
}

/** All live objects of two tables in ascending order. A number lives in one of them only. */
export function* allObjects(base: ObjectTable, fresh: ObjectTable): Generator<Row> {
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
