/** Attributes of files: system attributes (version 5 filesystems) and znodes (before). */
import { bigEndian, invalid, littleEndian, roundUp, unsupported, type ByteOrder } from './bytes.js';
import type { Time } from './commands.js';
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
  readonly device: bigint;
  /** Object of the directory of extended attributes; 0 for none. */
  readonly attributeDirectory: number;
  /** Packed name-value list of extended attributes. */
  readonly packedAttributes: Buffer | undefined;
  readonly symlink: Buffer | undefined;
  /** Whether the ACL says more than the mode does. */
  readonly hasAcl: boolean;
}

const saMagic = 0x2f505a;
const znodeBytes = 264;

/** A bonus or spill block with system attributes: where they begin, and their byte order. */
interface Part {
  readonly bytes: Buffer;
  readonly order: ByteOrder;
  readonly headSize: number;
  readonly layout: number;
}

/** Undefined where there are none. */
function systemPart(bytes: Buffer): Part | undefined {
  if (bytes.length < 8) return undefined;
  // Each part keeps the order of the machine that wrote it, whatever that of the stream is.
  const order = littleEndian.u32(bytes, 0) === saMagic ? littleEndian : bigEndian;
  if (order.u32(bytes, 0) !== saMagic) return undefined;
  const word = order.u16(bytes, 4);
  const headSize = (word >>> 10) * 8;
  if (headSize < 8 || headSize > bytes.length) throw invalid('attributes with a head of the wrong size');
  return { bytes, order, headSize, layout: word & 0x3ff };
}

/**
 * The attributes that ZFS itself expects at fixed places; undefined where the object is no file.
 */
export function readEssentials(bonusType: number, bonus: Buffer, order: ByteOrder): Essentials | undefined {
  if (bonusType === ObjectType.znode && bonus.length >= znodeBytes) {
    return essentials(bonus, order, { mode: 72, size: 80, generation: 64, flags: 120 });
  }
  if (bonusType !== ObjectType.systemAttributes) return undefined;
  const part = systemPart(bonus);
  if (part === undefined || bonus.length < part.headSize + 56) return undefined;
  const at = part.headSize;
  return essentials(bonus, part.order, { mode: at, size: at + 8, generation: at + 16, flags: at + 48 });
}

function essentials(
  bytes: Buffer,
  order: ByteOrder,
  at: { readonly mode: number; readonly size: number; readonly generation: number; readonly flags: number },
): Essentials {
  return {
    mode: order.u64(bytes, at.mode) % 2 ** 32,
    size: order.u64(bytes, at.size),
    generation: order.u64(bytes, at.generation),
    ofAttributes: (order.u64(bytes, at.flags) & attributeFileFlag) !== 0,
  };
}

/** Attributes with a number that needs no registry, and their length. */
const legacy = {
  ZPL_ATIME: 16, ZPL_MTIME: 16, ZPL_CTIME: 16, ZPL_CRTIME: 16, ZPL_GEN: 8, ZPL_MODE: 8, ZPL_SIZE: 8, ZPL_PARENT: 8,
  ZPL_LINKS: 8, ZPL_XATTR: 8, ZPL_RDEV: 8, ZPL_FLAGS: 8, ZPL_UID: 8, ZPL_GID: 8, ZPL_PAD: 32, ZPL_ZNODE_ACL: 88,
} as const; // prettier-ignore

type AttributeName = keyof typeof legacy | 'ZPL_SYMLINK' | 'ZPL_DXATTR';

/** Where a value of each attribute that is read here goes in {@link Values}. */
const slots: ReadonlyMap<string, number> = new Map(
  [...Object.keys(legacy), 'ZPL_SYMLINK', 'ZPL_DXATTR'].map((name, slot) => [name, slot]),
);

interface AttributeKind {
  /** Undefined for attributes that do not matter here. */
  readonly slot: number | undefined;
  /** 0: told by the head of each part. */
  readonly length: number;
}

/** Where the attributes of one file lie. */
class Values {
  private readonly parts: (Part | undefined)[] = Array.from(slots, () => undefined);
  private readonly positions = new Uint32Array(slots.size);
  private readonly lengths = new Uint32Array(slots.size);

  clear(): void {
    this.parts.fill(undefined);
  }

  set(slot: number, part: Part, at: number, length: number): void {
    this.parts[slot] = part;
    this.positions[slot] = at;
    this.lengths[slot] = length;
  }

  /** Throws `StreamInvalid` without it. */
  number(name: keyof typeof legacy): number {
    const slot = this.slot(name);
    const part = this.part(name, slot);
    return part.order.u64(part.bytes, this.positions[slot] ?? 0);
  }

  time(name: keyof typeof legacy): Time {
    const slot = this.slot(name);
    const part = this.part(name, slot);
    return readTime(part.bytes, this.positions[slot] ?? 0, part.order);
  }

  /** Undefined where there is none. */
  optional(name: keyof typeof legacy): Part | undefined {
    const slot = this.slot(name);
    return (this.lengths[slot] ?? 0) < legacy[name] ? undefined : this.parts[slot];
  }

  position(name: AttributeName): number {
    return this.positions[this.slot(name)] ?? 0;
  }

  block(name: AttributeName): Buffer | undefined {
    const slot = this.slot(name);
    const at = this.positions[slot] ?? 0;
    return this.parts[slot]?.bytes.subarray(at, at + (this.lengths[slot] ?? 0));
  }

  private slot(name: AttributeName): number {
    return slots.get(name) ?? 0;
  }

  private part(name: keyof typeof legacy, slot: number): Part {
    const part = this.parts[slot];
    if (part === undefined || (this.lengths[slot] ?? 0) < legacy[name]) throw invalid(`a file without ${name}`);
    return part;
  }
}

/** Which attributes there are, and in which orders they are stored: tables of the dataset. */
export class AttributeLayouts {
  private readonly kinds = new Map<number, AttributeKind>();
  private readonly layouts = new Map<number, readonly AttributeKind[]>();
  private readonly values = new Values();

  constructor() {
    for (const [number, length] of Object.values(legacy).entries()) this.kinds.set(number, { slot: number, length });
    this.layouts.set(0, [...this.kinds.values()]);
    this.layouts.set(1, []);
  }

  addRegistry(content: Content, blockSize: number, order: ByteOrder): void {
    const numbers = new Set<number>();
    for (const entry of zapEntries(content, blockSize, order)) {
      const word = zapNumber(entry);
      const number = Number(word & 0xffffn);
      if (numbers.has(number)) throw invalid('two attributes with one number');
      numbers.add(number);
      this.kinds.set(number, {
        slot: slots.get(entry.name.toString('latin1')),
        length: Number((word >> 24n) & 0xffffn),
      });
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
      this.layouts.set(number, layout);
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
    if (spill !== undefined) this.collect(spill, values);
    // What is in both counts as it is in the bonus.
    this.collect(bonus, values);
    const result = assemble(values);
    const early = readEssentials(bonusType, bonus, order);
    if (
      early?.mode !== result.mode ||
      early.size !== result.size ||
      early.generation !== result.generation ||
      early.ofAttributes !== result.ofAttributes
    ) {
      // prettier-ignore
      throw unsupported('attributes in an order that ZFS does not use');
    }
    return result;
  }

  private collect(bytes: Buffer, values: Values): void {
    const part = systemPart(bytes);
    if (part === undefined) return;
    const { order, headSize } = part;
    const layout = this.layouts.get(part.layout);
    if (layout === undefined) throw invalid(`attribute layout ${part.layout} is unknown`);
    let lengthAt = 6;
    let at = headSize;
    for (const kind of layout) {
      let length = kind.length;
      if (length === 0) {
        if (lengthAt + 2 > headSize) throw invalid('attributes with a head too small');
        length = order.u16(bytes, lengthAt);
        lengthAt += 2;
      }
      if (at + length > bytes.length) throw invalid('attributes longer than their place');
      if (kind.slot !== undefined) values.set(kind.slot, part, at, length);
      at = roundUp(at + length, 8);
    }
  }
}

function assemble(values: Values): Attributes {
  const flags = values.number('ZPL_FLAGS');
  const device = values.optional('ZPL_RDEV');
  const directory = values.optional('ZPL_XATTR');
  return {
    mode: values.number('ZPL_MODE') % 2 ** 32,
    size: values.number('ZPL_SIZE'),
    generation: values.optional('ZPL_GEN') === undefined ? 0 : values.number('ZPL_GEN'),
    ofAttributes: (flags & attributeFileFlag) !== 0,
    uid: posixId(values.number('ZPL_UID')),
    gid: posixId(values.number('ZPL_GID')),
    accessed: values.time('ZPL_ATIME'),
    modified: values.time('ZPL_MTIME'),
    links: values.number('ZPL_LINKS'),
    parent: values.number('ZPL_PARENT'),
    device: device?.order.id(device.bytes, values.position('ZPL_RDEV')) ?? 0n,
    attributeDirectory: directory?.order.u64(directory.bytes, values.position('ZPL_XATTR')) ?? 0,
    packedAttributes: values.block('ZPL_DXATTR'),
    symlink: values.block('ZPL_SYMLINK'),
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
    device: order.id(bonus, 112),
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
