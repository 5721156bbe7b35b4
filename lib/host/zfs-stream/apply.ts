/** Applies the records of a stream to the objects of a dataset. */
import { invalid, unsupported, type ByteOrder } from './bytes.js';
import { FileType, readEssentials, type Attributes, type Essentials } from './attributes.js';
import type { Commands } from './commands.js';
import { EarlyTree } from './early.js';
import type { Ledger } from './ledger.js';
import { merge, ObjectFlag, ObjectTable, type Row } from './objects.js';
import { objectNumberEnd, ObjectType, type Begin } from './records.js';

const emptyPath = Buffer.alloc(0);

/** The object that holds the bytes of a volume. */
export const volumeObject = 1;

/** PATH_MAX without the zero byte at the end. */
const mostPathBytes = 4095;

/** Offsets and sizes up to which numbers are exact. */
const mostOffset = Number.MAX_SAFE_INTEGER;

/** What an OBJECT record says. */
export interface ObjectRecord {
  readonly number: number;
  readonly type: number;
  readonly bonusType: number;
  readonly blockSize: number;
  readonly slots: number;
  readonly hasSpill: boolean;
  readonly bonus: Buffer;
}

/** Where the content of an object goes that records are about. */
interface Selected {
  readonly number: number;
  readonly row: number;
  readonly isFile: boolean;
  /** Bytes past this one are no part of the file. */
  readonly size: number;
  readonly bonus: Buffer;
}

/**
 * The objects of one dataset, as they were in the origin (`base`) and as a stream changes them (`fresh`; a number lives in
 * one of both). Contents of files go to the target, all else to the ledger.
 */
export class ObjectSet {
  base: ObjectTable;
  fresh = new ObjectTable();
  readonly ledger: Ledger;
  readonly commands: Commands;
  readonly type: 'filesystem' | 'volume';
  readonly order: ByteOrder;
  private readonly findNow = (number: number): Row | undefined => this.find(number);
  private readonly findBefore = (number: number): Row | undefined => {
    const row = this.base.findAny(number);
    return row < 0 ? undefined : { table: this.base, row };
  };
  /** Where paths are put together, from their ends. */
  private readonly path = Buffer.allocUnsafeSlow(mostPathBytes);
  private begin: Begin;
  private selected: Selected | undefined;
  /** Number of the file that the target has open. */
  private opened: number | undefined;
  private lastWritten = { object: 0, offset: 0 };
  /** For a full stream. */
  private early: EarlyTree | undefined;
  /** The file that is open, where it has been made at its place: to be settled before another one is opened. */
  private unsettled: { readonly row: number; readonly attributes: Attributes | undefined } | undefined;

  constructor(begin: Begin, base: ObjectTable, ledger: Ledger, commands: Commands) {
    this.begin = begin;
    this.base = base;
    this.ledger = ledger;
    this.commands = commands;
    this.type = begin.type;
    this.order = begin.order;
    if (this.type === 'volume' || base.length > 0) return;
    // Or all would inherit what the folder has inherited.
    commands.folder(emptyPath);
    commands.clearAttributes(emptyPath);
    this.early = new EarlyTree(this);
  }

  /** Makes all so far the origin of another substream. */
  startSubstream(begin: Begin): void {
    if (begin.order.big !== this.order.big) throw unsupported('its parts have different byte orders');
    if (this.type === 'filesystem') this.commands.stage();
    this.begin = begin;
    this.early = undefined;
    this.base = merge(this.base, this.fresh);
    this.fresh = new ObjectTable();
    this.selected = undefined;
    this.opened = undefined;
    this.lastWritten = { object: 0, offset: 0 };
  }

  /** The table and row of a live object. */
  find(number: number): Row | undefined {
    let row = this.fresh.find(number);
    if (row >= 0) return { table: this.fresh, row };
    row = this.base.find(number);
    return row >= 0 ? { table: this.base, row } : undefined;
  }

  freeObjects(first: number, count: number): void {
    this.base.remove(first, first + count);
    this.fresh.remove(first, first + count);
    this.selected = undefined;
  }

  object(record: ObjectRecord): void {
    const { fresh, base } = this;
    const { number, type, bonusType, bonus, blockSize, slots } = record;
    this.check(record);
    if (slots > 1) base.remove(number + 1, number + slots);
    const old = base.find(number);
    const row = fresh.add(number);
    fresh.type.set(row, type);
    fresh.bonusType.set(row, bonusType);
    fresh.blockSize.set(row, blockSize);
    fresh.slots.set(row, slots);
    fresh.bonusLength.set(row, bonus.length);
    fresh.bonusAt.set(row, bonus.length === 0 ? 0 : this.ledger.append(bonus));
    const essentials = readEssentials(bonusType, bonus, this.order);
    const isFile = this.isFile(record, essentials);
    fresh.flags.set(row, ObjectFlag.live | (isFile ? ObjectFlag.file : 0) | (record.hasSpill ? ObjectFlag.spill : 0));
    // Longer than the piece of the stream that it lies in.
    this.selected = { number, row, isFile, size: this.sizeOf(isFile, essentials), bonus: Buffer.from(bonus) };
    if (old < 0) return;
    const before = this.essentialsOf(base, old);
    const sameGeneration = before?.generation === essentials?.generation;
    this.takeOver(record, row, old, {
      kept:
        sameGeneration &&
        base.type.get(old) === type &&
        base.has(old, ObjectFlag.file) === isFile &&
        (before?.mode ?? 0) >>> 12 === (essentials?.mode ?? 0) >>> 12,
      sameGeneration,
    });
    base.remove(number, number + 1);
  }

  /** Attributes of the object at `row` that need no tables. */
  essentialsOf(table: ObjectTable, row: number): Essentials | undefined {
    return readEssentials(table.bonusType.get(row), this.bonus(table, row), this.order);
  }

  bonus(table: ObjectTable, row: number): Buffer {
    if (table === this.fresh && this.selected?.row === row) return this.selected.bonus;
    const size = table.bonusLength.get(row);
    return size === 0 ? emptyPath : this.ledger.read(table.bonusAt.get(row), size);
  }

  spill(number: number, bytes: Buffer): void {
    const { row } = this.select(number);
    if (this.fresh.bonusType.get(row) !== ObjectType.systemAttributes)
      throw invalid('a spill block of a file without attributes');
    this.fresh.mark(row, ObjectFlag.spill);
    // With it there are more attributes to set.
    this.fresh.clear(row, ObjectFlag.finished);
    this.fresh.spillAt.set(row, this.ledger.appendBlock(bytes));
  }

  /**
   * Announces a block. Says where its bytes go: how many of them belong to a file ({@link writeFile} takes them), or
   * undefined for content that {@link keep} takes as a whole.
   */
  startWrite(number: number, offset: number, length: number, ordered: boolean): number | undefined {
    if (offset + length > mostOffset) throw unsupported('a file is longer than 8 PiB');
    const { isFile, row, size } = this.select(number);
    if (ordered) {
      const { object, offset: last } = this.lastWritten;
      if (number < object || (number === object && offset <= last)) throw invalid('a block out of order');
      this.lastWritten = { object: number, offset };
    }
    if (!isFile) return undefined;
    if (offset + length > this.fresh.extent.get(row)) this.fresh.extent.set(row, offset + length);
    return Math.max(0, Math.min(length, size - offset));
  }

  /** Writes bytes of the block announced last. */
  writeFile(bytes: Buffer, start: number, size: number, offset: number): void {
    this.open();
    this.commands.write(bytes, start, size, offset);
  }

  /** Keeps a block that is no content of a file. */
  keep(number: number, offset: number, bytes: Buffer): void {
    const { row } = this.select(number);
    const newest = this.fresh.extent.get(row);
    const end = Math.max(newest === 0 ? 0 : this.ledger.readPiece(newest).end, offset + bytes.length);
    this.fresh.extent.set(row, this.ledger.appendPiece(newest, offset, bytes.length, end, bytes));
  }

  /** Makes a hole; `length` may be infinite. */
  free(number: number, offset: number, length: number): void {
    const { row, isFile } = this.select(number);
    const extent = this.fresh.extent.get(row);
    if (!isFile) {
      if (extent === 0) return;
      const { end } = this.ledger.readPiece(extent);
      const freed = Math.min(end, offset + length);
      if (freed <= offset) return;
      const left = freed === end ? offset : end;
      this.fresh.extent.set(row, this.ledger.appendPiece(extent, offset, freed - offset, left));
      return;
    }
    const freed = Math.min(extent, offset + length);
    if (freed <= offset) return;
    this.open();
    this.commands.punch(offset, freed - offset);
    if (freed === extent) this.fresh.extent.set(row, offset);
  }

  /**
   * Ends the writing of a file that has been made at its place. All attributes are set where that is possible now; else
   * they are left for the end.
   */
  settle(): void {
    const { unsettled, fresh, commands } = this;
    this.unsettled = this.opened = undefined;
    if (unsettled?.attributes === undefined) return;
    const { row, attributes } = unsettled;
    const { uid, gid, mode, size, accessed, modified } = attributes;
    if (fresh.extent.get(row) < size) commands.resize(size);
    if (uid === undefined || gid === undefined || attributes.hasAcl || fresh.has(row, ObjectFlag.spill)) return;
    if (attributes.attributeDirectory !== 0 || attributes.packedAttributes !== undefined) return;
    commands.settle(uid, gid, mode, accessed, modified);
    fresh.mark(row, ObjectFlag.finished);
  }

  /** Path of an object in the tree as it is now, while names change; undefined without one. Good until the next is asked. */
  pathOf(number: number): Buffer | undefined {
    return this.climb(number, this.findNow);
  }

  /** Path of an object in the origin's tree, though it or a directory above may be gone in the stream. */
  originPathOf(number: number): Buffer | undefined {
    return this.climb(number, this.findBefore);
  }

  private climb(number: number, find: (number: number) => Row | undefined): Buffer | undefined {
    const { path, ledger } = this;
    let start = path.length;
    for (let at = number; at !== 0;) {
      const found = find(at);
      const position = found?.table.placeAt.get(found.row) ?? 0;
      if (position === 0) return undefined;
      const name = ledger.placeName(position);
      // The root has the empty name.
      const slash = start < path.length && name.length > 0;
      start -= name.length + (slash ? 1 : 0);
      if (start < 0) throw unsupported(`a path is longer than ${path.length} bytes`);
      path.set(name, start);
      if (slash) path[start + name.length] = 0x2f;
      at = ledger.placeDirectory(position);
    }
    return path.subarray(start);
  }

  private check({ number, type, blockSize, slots, bonusType, bonus }: ObjectRecord): void {
    if (!(number >= 1 && number + slots <= objectNumberEnd)) throw invalid('an object number out of range');
    const last = this.fresh.length - 1;
    if (last >= 0 && number < this.fresh.number.get(last) + this.fresh.slots.get(last)) {
      throw invalid('objects out of order');
    }
    if (blockSize < 512 || blockSize % 512 !== 0 || blockSize > this.begin.mostBlockBytes) {
      throw invalid(`an object with blocks of ${blockSize} bytes`);
    }
    const known = (kind: number): boolean => (kind > 0 && kind < 54) || (kind >= 128 && kind < 256);
    if (!known(type) || (bonusType === 0 ? bonus.length > 0 : !known(bonusType))) {
      throw invalid(`an object of type ${type}/${bonusType}`);
    }
  }

  private isFile({ number, type }: ObjectRecord, essentials: Essentials | undefined): boolean {
    if (this.type === 'volume') return number === volumeObject && type === ObjectType.volume;
    if (type !== ObjectType.file || essentials === undefined) return false;
    return (essentials.mode & FileType.mask) === FileType.file && !essentials.ofAttributes;
  }

  private sizeOf(isFile: boolean, essentials: Essentials | undefined): number {
    if (this.type === 'volume') return Infinity;
    if (isFile && (essentials?.size ?? 0) > mostOffset) throw unsupported('a file is longer than 8 PiB');
    return essentials?.size ?? 0;
  }

  /** What an object inherits from the one that had its number in the origin. */
  private takeOver(
    record: ObjectRecord,
    row: number,
    old: number,
    { kept, sameGeneration }: { readonly kept: boolean; readonly sameGeneration: boolean },
  ): void {
    const { base, fresh } = this;
    const { type, bonusType, bonus, blockSize, slots } = record;
    const isFile = fresh.has(row, ObjectFlag.file);
    const sameSlots = base.slots.get(old) === slots;
    const otherBlocks = base.blockSize.get(old) !== blockSize;
    const severalBlocks = base.has(old, ObjectFlag.file) && base.extent.get(old) > base.blockSize.get(old);
    const plain = type === ObjectType.file && base.type.get(old) === ObjectType.file;
    const dropped =
      (otherBlocks && (!plain || !severalBlocks || !sameGeneration)) ||
      blockPointers(bonusType, bonus.length) < blockPointers(base.bonusType.get(old), base.bonusLength.get(old)) ||
      !sameSlots;
    if (otherBlocks && !dropped && blockSize < base.blockSize.get(old)) {
      throw unsupported('a file has smaller blocks than in the origin');
    }
    if (kept) {
      fresh.mark(row, ObjectFlag.kept | (base.flags.get(old) & (ObjectFlag.placed | ObjectFlag.missing)));
      fresh.placeAt.set(row, base.placeAt.get(old));
    }
    if (!isFile && !base.has(old, ObjectFlag.file) && !dropped) fresh.extent.set(row, base.extent.get(old));
    if (isFile && kept) {
      fresh.extent.set(row, base.extent.get(old));
      if (dropped && fresh.extent.get(row) > 0) {
        this.open();
        this.commands.resize(0);
        fresh.extent.set(row, 0);
      }
    }
    if (!sameSlots || !sameGeneration) return;
    if (this.begin.tellsSpills) {
      if (record.hasSpill) fresh.spillAt.set(row, base.spillAt.get(old));
    } else if (base.bonusType.get(old) === bonusType && base.bonusLength.get(old) === bonus.length) {
      fresh.spillAt.set(row, base.spillAt.get(old));
      if (base.has(old, ObjectFlag.spill)) fresh.mark(row, ObjectFlag.spill);
    }
  }

  private select(number: number): Selected {
    if (this.selected?.number === number) return this.selected;
    const row = this.fresh.find(number);
    if (row < 0) throw invalid(`a change of object ${number}, which the stream does not hold`);
    if (this.fresh.has(row, ObjectFlag.sealed)) throw invalid(`object ${number} changes after others that need it`);
    const isFile = this.fresh.has(row, ObjectFlag.file);
    const bonus = this.bonus(this.fresh, row);
    const essentials = readEssentials(this.fresh.bonusType.get(row), bonus, this.order);
    this.selected = { number, row, isFile, size: this.sizeOf(isFile, essentials), bonus };
    return this.selected;
  }

  /** Sees to it that the target has the selected file open. */
  private open(): void {
    if (this.type === 'volume' || this.selected === undefined || this.opened === this.selected.number) return;
    this.settle();
    const { number, row } = this.selected;
    this.opened = number;
    if (this.fresh.has(row, ObjectFlag.early)) {
      this.unsettled = { row, attributes: this.early?.reopen(number, row) };
      return;
    }
    if (this.fresh.has(row, ObjectFlag.staged)) {
      this.commands.reopen(number);
      return;
    }
    const attributes = this.early?.make(number, row);
    if (attributes !== undefined) {
      this.unsettled = { row, attributes };
      return;
    }
    if (!this.fresh.has(row, ObjectFlag.kept)) {
      this.fresh.mark(row, ObjectFlag.staged);
      this.commands.create(number);
      return;
    }
    const path = this.originPathOf(number);
    if (path === undefined) throw unsupported(`it changes file ${number}, which had no name in the origin`);
    const slash = path.lastIndexOf(0x2f);
    this.commands.folder(path.subarray(0, Math.max(slash, 0)));
    this.commands.edit(path.subarray(slash + 1));
  }
}

/** Pointers to blocks that fit beside `bonusLength` bytes of attributes in the smallest object. */
function blockPointers(bonusType: number, bonusLength: number): number {
  return bonusType === ObjectType.systemAttributes ? 1 : 1 + Math.floor((320 - Math.min(320, bonusLength)) / 128);
}
