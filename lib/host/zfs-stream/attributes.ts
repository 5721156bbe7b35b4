/** Attributes of files: system attributes (version 5 filesystems) and znodes (before). */
import { loadNative } from '../native.js';
import { invalid, unsupported, type ByteOrder } from './bytes.js';
import type { Time } from './command-list.js';
import { ObjectType } from './records.js';
import { zapEntries, zapNumber } from './zap.js';
import type { Content } from './content.js';

export const FileType = {
  mask: 0xf000,
  fifo: 0x1000,
  characterDevice: 0x2000,
  directory: 0x4000,
  blockDevice: 0x6000,
  file: 0x8000,
  symlink: 0xa000,
  socket: 0xc000,
} as const;

/** Belongs to a hidden directory of extended attributes. */
const attributeFileFlag = 1;
const trivialAclFlag = 4;

/** What can be read of a file before the tables of its dataset are known. */
export interface Essentials {
  readonly mode: number;
  /** Bytes; exact up to 2^53. */
  readonly size: number;
  /** Tells a file from another one that had its object number before. */
  readonly generation: number;
  readonly ofAttributes: boolean;
}

export interface Attributes extends Essentials {
  /** Undefined for an id of a Windows domain. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly accessed: Time;
  readonly modified: Time;
  readonly links: number;
  /** Directory it was made in; of hidden directories of attributes, the file they belong to. */
  readonly parent: number;
  readonly device: number;
  /** Object of the directory of extended attributes; 0 for none. */
  readonly attributeDirectory: number;
  /** Packed name-value list of extended attributes. */
  readonly packedAttributes: Buffer | undefined;
  readonly symlink: Buffer | undefined;
  /** Whether the ACL says more than the mode does. */
  readonly hasAcl: boolean;
}

const magic = 0x2f505a;
const znodeBytes = 264;

/** Attributes with a number that needs no registry, and their length. */
const legacy = {
  ZPL_ATIME: 16, ZPL_MTIME: 16, ZPL_CTIME: 16, ZPL_CRTIME: 16, ZPL_GEN: 8, ZPL_MODE: 8, ZPL_SIZE: 8, ZPL_PARENT: 8,
  ZPL_LINKS: 8, ZPL_XATTR: 8, ZPL_RDEV: 8, ZPL_FLAGS: 8, ZPL_UID: 8, ZPL_GID: 8, ZPL_PAD: 32, ZPL_ZNODE_ACL: 88,
} as const; // prettier-ignore

/** Where each goes that is read here: all of these, and two more. */
const slotNames = [...Object.keys(legacy), 'ZPL_SYMLINK', 'ZPL_DXATTR'];
const noSlot = 0xffff;
const Slot = {
  accessed: 0, modified: 1, generation: 4, mode: 5, size: 6, parent: 7, links: 8, attributeDirectory: 9, device: 10,
  flags: 11, uid: 12, gid: 13, symlink: 16, packedAttributes: 17,
} as const; // prettier-ignore

/** Slot and length of an attribute; length 0 is told by each block. */
interface AttributeKind {
  readonly slot: number;
  readonly length: number;
}

/** What ZFS itself expects at the beginning of every layout. */
const fixedSlots = [Slot.mode, Slot.size, Slot.generation, Slot.uid, Slot.gid, Slot.parent, Slot.flags];
const fixedLayout = packLayout(fixedSlots.map((slot) => ({ slot, length: 8 })));

// Layout of `AttributeTable` in `addon/src/codec/attributes.h`
const slotCount = 18;
const timesAt = slotCount * 8;
const positionsAt = timesAt + slotCount * 12;
const lengthsAt = positionsAt + slotCount * 4;
const partsAt = lengthsAt + slotCount * 4;
const tableBytes = 528;
const Part = { none: 0, bonus: 1, spill: 2 } as const;
/** What the addon says of a block. */
const Reading = { done: 0, none: 1, headSize: 2, headTooSmall: 3, tooLong: 4 } as const;
const noBytes = Buffer.alloc(0);

/** The attributes of one file. */
class Values {
  private readonly codec = loadNative('codec');
  private readonly table = new Uint8Array(tableBytes);
  private readonly numbers = new Float64Array(this.table.buffer, 0, slotCount);
  private readonly times = new Uint32Array(this.table.buffer, timesAt, slotCount * 3);
  private readonly positions = new Uint32Array(this.table.buffer, positionsAt, slotCount);
  private readonly lengths = new Uint32Array(this.table.buffer, lengthsAt, slotCount);
  private readonly parts = new Uint8Array(this.table.buffer, partsAt, slotCount);
  private bonus: Buffer = noBytes;
  private spill: Buffer = noBytes;

  clear(): void {
    this.parts.fill(Part.none);
  }

  /** Adds what a block holds, if it is all there. */
  read(block: Buffer, layout: Uint16Array, isSpill: boolean): number {
    if (isSpill) this.spill = block;
    else this.bonus = block;
    const reading = this.codec.readAttributes(this.table, block, layout, isSpill);
    if (reading === Reading.headSize) throw invalid('attributes with a head of the wrong size');
    return reading;
  }

  /** Whether an attribute is number `index` of those at the beginning of the bonus. */
  isFixed(slot: number, index: number): boolean {
    const first = this.positions[Slot.mode] ?? 0;
    return this.parts[slot] === Part.bonus && this.positions[slot] === first + index * 8;
  }

  has(slot: number, length: number): boolean {
    return this.parts[slot] !== Part.none && (this.lengths[slot] ?? 0) >= length;
  }

  /** Throws `StreamInvalid` without it. */
  number(slot: number): number {
    if (!this.has(slot, 8)) throw invalid(`a file without ${slotNames[slot] ?? ''}`);
    return this.numbers[slot] ?? 0;
  }

  time(slot: number): Time {
    if (!this.has(slot, 16)) throw invalid(`a file without ${slotNames[slot] ?? ''}`);
    const { times } = this;
    const at = slot * 3;
    return { secondsLow: times[at] ?? 0, secondsHigh: times[at + 1] ?? 0, nanoseconds: times[at + 2] ?? 0 };
  }

  /** Undefined where there is none. */
  block(slot: number): Buffer | undefined {
    const part = this.parts[slot];
    if (part === Part.none) return undefined;
    const at = this.positions[slot] ?? 0;
    return (part === Part.spill ? this.spill : this.bonus).subarray(at, at + (this.lengths[slot] ?? 0));
  }
}

let fixed: Values | undefined;

/** The attributes at fixed places; undefined where the object is no file. */
export function readEssentials(bonusType: number, bonus: Buffer, order: ByteOrder): Essentials | undefined {
  if (bonusType === ObjectType.znode && bonus.length >= znodeBytes) {
    return {
      mode: order.u64(bonus, 72) % 2 ** 32,
      size: order.u64(bonus, 80),
      generation: order.u64(bonus, 64),
      ofAttributes: (order.u64(bonus, 120) & attributeFileFlag) !== 0,
    };
  }
  if (bonusType !== ObjectType.systemAttributes) return undefined;
  fixed ??= new Values();
  fixed.clear();
  if (fixed.read(bonus, fixedLayout, false) !== Reading.done) return undefined;
  return {
    mode: fixed.number(Slot.mode) % 2 ** 32,
    size: fixed.number(Slot.size),
    generation: fixed.number(Slot.generation),
    ofAttributes: (fixed.number(Slot.flags) & attributeFileFlag) !== 0,
  };
}

/** Which attributes there are, and in which orders they are stored: tables of the dataset. */
export class AttributeLayouts {
  private readonly kinds = new Map<number, AttributeKind>();
  /** As the addon wants them. */
  private readonly layouts = new Map<number, Uint16Array>();
  private readonly values = new Values();

  constructor() {
    for (const [number, length] of Object.values(legacy).entries()) this.kinds.set(number, { slot: number, length });
    this.layouts.set(0, packLayout([...this.kinds.values()]));
    this.layouts.set(1, packLayout([]));
  }

  addRegistry(content: Content, blockSize: number, order: ByteOrder): void {
    const numbers = new Set<number>();
    for (const entry of zapEntries(content, blockSize, order)) {
      const word = zapNumber(entry);
      const number = Number(word & 0xffffn);
      if (numbers.has(number)) throw invalid('two attributes with one number');
      numbers.add(number);
      const slot = slotNames.indexOf(entry.name.toString('latin1'));
      this.kinds.set(number, { slot: slot < 0 ? noSlot : slot, length: Number((word >> 24n) & 0xffffn) });
    }
  }

  addLayouts(content: Content, blockSize: number, order: ByteOrder): void {
    for (const { name, integerSize, bytes, size } of zapEntries(content, blockSize, order)) {
      const number = Number(name.toString('latin1'));
      if (integerSize !== 2 || !Number.isInteger(number) || number > 1023)
        throw invalid('a malformed attribute layout');
      const layout: AttributeKind[] = [];
      for (let at = 0; at < size; at += 2) {
        const kind = this.kinds.get(bytes.readUInt16BE(at));
        if (kind === undefined) throw invalid('an attribute layout with an unknown attribute');
        if (layout.includes(kind)) throw invalid('an attribute layout holds an attribute twice');
        layout.push(kind);
      }
      this.layouts.set(number, packLayout(layout));
    }
  }

  /**
   * Attributes of a file from its bonus and, where it has one, spill block. Throws `StreamInvalid`.
   */
  read(bonusType: number, bonus: Buffer, spill: Buffer | undefined, order: ByteOrder): Attributes {
    if (bonusType === ObjectType.znode) return readZnode(bonus, order);
    if (bonusType !== ObjectType.systemAttributes) throw invalid('a file without attributes');
    const { values } = this;
    values.clear();
    if (spill !== undefined) this.collect(spill, true);
    // What is in both counts as it is in the bonus.
    this.collect(bonus, false);
    if (fixedSlots.some((slot, index) => values.has(slot, 8) && !values.isFixed(slot, index))) {
      throw unsupported('attributes in an order that ZFS does not use');
    }
    return assemble(values);
  }

  private collect(block: Buffer, isSpill: boolean): void {
    const number = layoutNumber(block);
    if (number === undefined) return;
    const layout = this.layouts.get(number);
    if (layout === undefined) throw invalid(`attribute layout ${number} is unknown`);
    const reading = this.values.read(block, layout, isSpill);
    if (reading === Reading.headTooSmall) throw invalid('attributes with a head too small');
    if (reading === Reading.tooLong) throw invalid('attributes longer than their place');
  }
}

/** Number of the layout of a bonus or spill block; undefined where it has no system attributes. */
function layoutNumber(block: Buffer): number | undefined {
  if (block.length < 8) return undefined;
  // Each keeps the order of the machine that wrote it, whatever that of the stream is.
  if (block.readUInt32LE(0) === magic) return block.readUInt16LE(4) & 0x3ff;
  return block.readUInt32BE(0) === magic ? block.readUInt16BE(4) & 0x3ff : undefined;
}

function packLayout(layout: readonly AttributeKind[]): Uint16Array {
  return Uint16Array.from(layout.flatMap(({ slot, length }) => [slot, length]));
}

function assemble(values: Values): Attributes {
  const flags = values.number(Slot.flags);
  return {
    mode: values.number(Slot.mode) % 2 ** 32,
    size: values.number(Slot.size),
    generation: values.number(Slot.generation),
    ofAttributes: (flags & attributeFileFlag) !== 0,
    uid: posixId(values.number(Slot.uid)),
    gid: posixId(values.number(Slot.gid)),
    accessed: values.time(Slot.accessed),
    modified: values.time(Slot.modified),
    links: values.number(Slot.links),
    parent: values.number(Slot.parent),
    device: values.has(Slot.device, 8) ? values.number(Slot.device) : 0,
    attributeDirectory: values.has(Slot.attributeDirectory, 8) ? values.number(Slot.attributeDirectory) : 0,
    packedAttributes: values.block(Slot.packedAttributes),
    symlink: values.block(Slot.symlink),
    hasAcl: (flags & trivialAclFlag) === 0,
  };
}

function readZnode(bonus: Buffer, order: ByteOrder): Attributes {
  const early = readEssentials(ObjectType.znode, bonus, order);
  if (early === undefined) throw invalid('a file with attributes cut off');
  const inBonus = znodeBytes + early.size <= bonus.length;
  return {
    ...early,
    uid: posixId(order.u64(bonus, 128)),
    gid: posixId(order.u64(bonus, 136)),
    accessed: readTime(bonus, 0, order),
    modified: readTime(bonus, 16, order),
    links: order.u64(bonus, 96),
    parent: order.u64(bonus, 88),
    device: order.u64(bonus, 112),
    attributeDirectory: order.u64(bonus, 104),
    packedAttributes: undefined,
    // Longer ones are the content of the object.
    symlink: inBonus ? bonus.subarray(znodeBytes, znodeBytes + early.size) : undefined,
    hasAcl: (order.u64(bonus, 120) & trivialAclFlag) === 0,
  };
}

function readTime(bytes: Buffer, at: number, order: ByteOrder): Time {
  return {
    secondsLow: order.u32(bytes, order.big ? at + 4 : at),
    secondsHigh: order.u32(bytes, order.big ? at : at + 4),
    nanoseconds: Math.min(order.u64(bytes, at + 8), 999_999_999),
  };
}

/** Ids with something in the upper half name a user of a Windows domain; the highest means "leave it" to chown(2). */
function posixId(id: number): number | undefined {
  return id < 0xffffffff ? id : undefined;
}
