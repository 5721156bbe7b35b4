/** Filesystems as streams, for tests: objects with their attributes, directories, and the tables that belong to them. */
import { StreamWriter, padded, roundUp, type WriterOptions } from './writer.js';

export const Mode = {
  fifo: 0x1000,
  character: 0x2000,
  directory: 0x4000,
  block: 0x6000,
  file: 0x8000,
  symlink: 0xa000,
};

/** Objects that hold what every filesystem has. */
export const Fixed = { master: 1, attributes: 2, queue: 3, registry: 4, layouts: 5, root: 6, first: 7 };

export interface FileFields {
  /** With type bits. */
  readonly mode: number;
  readonly size?: number | bigint;
  readonly generation?: number;
  readonly uid?: number | bigint;
  readonly gid?: number | bigint;
  readonly parent?: number;
  readonly links?: number;
  readonly flags?: number | bigint;
  readonly device?: bigint;
  readonly seconds?: number | bigint;
  readonly nanoseconds?: number;
  readonly symlink?: Buffer | string;
  readonly attributeDirectory?: number;
  readonly packedAttributes?: Buffer;
}

/** Name, number, length, in the order of the numbers of a new filesystem. */
const registry: readonly (readonly [string, number])[] = [
  ['ZPL_ATIME', 16], ['ZPL_MTIME', 16], ['ZPL_CTIME', 16], ['ZPL_CRTIME', 16], ['ZPL_GEN', 8], ['ZPL_MODE', 8],
  ['ZPL_SIZE', 8], ['ZPL_PARENT', 8], ['ZPL_LINKS', 8], ['ZPL_XATTR', 8], ['ZPL_RDEV', 8], ['ZPL_FLAGS', 8],
  ['ZPL_UID', 8], ['ZPL_GID', 8], ['ZPL_PAD', 32], ['ZPL_ZNODE_ACL', 88], ['ZPL_DACL_COUNT', 8], ['ZPL_SYMLINK', 0],
  ['ZPL_SCANSTAMP', 32], ['ZPL_DACL_ACES', 0], ['ZPL_DXATTR', 0],
]; // prettier-ignore

const base = [5, 6, 4, 12, 13, 7, 11, 0, 1, 2, 3, 8];
/** Layout numbers and the attributes in them. */
const layouts: readonly (readonly [number, readonly number[]])[] = [
  [2, base], [3, [...base, 10]], [4, [...base, 17]], [5, [...base, 9]], [6, [...base, 20]], [7, [17]],
]; // prettier-ignore

/** Attributes as ZFS stores them, for `bonus` of an object. */
export function fileBonus(writer: StreamWriter, fields: FileFields): Buffer {
  const { mode, symlink, packedAttributes } = fields;
  const variable = symlink === undefined ? packedAttributes : Buffer.from(symlink);
  const head = Buffer.alloc(8);
  const layout =
    fields.device !== undefined ? 3 : symlink !== undefined ? 4 : fields.attributeDirectory !== undefined ? 5 : packedAttributes !== undefined ? 6 : 2; // prettier-ignore
  writer.u32(head, 0, 0x2f505a);
  writer.u16(head, 4, (1 << 10) | layout);
  writer.u16(head, 6, variable?.length ?? 0);
  const size = fields.size ?? (symlink === undefined ? 0 : Buffer.from(symlink).length);
  const time = [fields.seconds ?? 1_600_000_000, fields.nanoseconds ?? 123_456_789];
  const values: (number | bigint)[] = [
    mode, size, fields.generation ?? 1, fields.uid ?? 0, fields.gid ?? 0, fields.parent ?? Fixed.root,
    fields.flags ?? 0x40800000044n, ...time, ...time, ...time, ...time, fields.links ?? 1,
  ]; // prettier-ignore
  if (fields.device !== undefined) values.push(fields.device);
  else if (symlink === undefined && fields.attributeDirectory !== undefined) values.push(fields.attributeDirectory);
  const bytes = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) writer.u64(bytes, index * 8, value);
  return Buffer.concat([head, bytes, padded(variable ?? Buffer.alloc(0), 8)]);
}

/** A target of a symbolic link in a spill block. */
export function symlinkSpill(writer: StreamWriter, target: string): Buffer {
  const head = Buffer.alloc(8);
  writer.u32(head, 0, 0x2f505a);
  writer.u16(head, 4, (1 << 10) | 7);
  writer.u16(head, 6, target.length);
  return padded(Buffer.concat([head, Buffer.from(target)]), 512);
}

/** Value of a directory entry. */
export function entryOf(number: number, mode: number): bigint {
  return (BigInt(mode >>> 12) << 60n) | BigInt(number);
}

/** Extended attributes packed as `xattr=sa` does. */
export function packAttributes(attributes: Readonly<Record<string, Buffer>>): Buffer {
  const u32 = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
    return bytes;
  };
  const parts = [Buffer.from([1, 1, 0, 0]), u32(0, 1)];
  for (const [name, value] of Object.entries(attributes)) {
    const body = Buffer.concat([
      u32(name.length),
      padded(Buffer.from(name), 4),
      u32(10, value.length),
      padded(value, 4),
    ]);
    parts.push(u32(body.length + 8, 64), body);
  }
  return Buffer.concat([...parts, u32(0, 0)]);
}

/** A filesystem that a test fills: it begins with the tables, {@link FilesystemWriter.end} closes it. */
export class FilesystemWriter extends StreamWriter {
  constructor(options: WriterOptions = {}, master: Readonly<Record<string, number | bigint>> = {}) {
    super(options);
    const settings = {
      VERSION: 5, SA_ATTRS: Fixed.attributes, DELETE_QUEUE: Fixed.queue, ROOT: Fixed.root, normalization: 0, ...master,
    }; // prettier-ignore
    this.table(Fixed.master, 21, Object.entries(settings));
    this.table(Fixed.attributes, 45, [['REGISTRY', Fixed.registry], ['LAYOUTS', Fixed.layouts]]); // prettier-ignore
    this.table(Fixed.queue, 22, []);
    this.table(
      Fixed.registry,
      46,
      registry.map(([name, length], number) => [name, (BigInt(length) << 24n) | BigInt(number)]),
    );
    this.blocks(Fixed.layouts, 47, this.fatZap(layouts.map(([number, list]) => [String(number), list])));
  }

  /** An object that is a small table. */
  table(number: number, type: number, entries: Iterable<readonly [string | Buffer, number | bigint]>): this {
    return this.blocks(number, type, [this.microZap(entries)]);
  }

  blocks(number: number, type: number, blocks: readonly Buffer[], bonus?: Buffer): this {
    const blockSize = blocks[0]?.length ?? 512;
    this.object(number, { type, blockSize, ...(bonus === undefined ? {} : { bonus }) });
    for (const [index, block] of blocks.entries()) this.write(number, index * blockSize, block);
    return this;
  }

  /** A directory with entries that {@link entryOf} made; in one block while they are few and short. */
  directory(
    number: number,
    entries: readonly (readonly [string | Buffer, bigint])[],
    fields: Partial<FileFields> = {},
  ): this {
    const bonus = fileBonus(this, { mode: Mode.directory | 0o755, size: entries.length + 2, links: 2, ...fields });
    const small = entries.length <= 2047 && entries.every(([name]) => Buffer.from(name).length <= 49);
    return this.blocks(number, 20, small ? [this.microZap(entries)] : this.fatZap(entries), bonus);
  }

  /** A file with content in blocks of `blockSize`. */
  file(number: number, content: Buffer, fields: Partial<FileFields> = {}, blockSize = 131072): this {
    const size = content.length <= blockSize ? Math.max(512, roundUp(content.length, 512)) : blockSize;
    const bonus = fileBonus(this, { mode: Mode.file | 0o644, size: content.length, ...fields });
    this.object(number, { type: 19, blockSize: size, bonus });
    for (let at = 0; at < content.length; at += size)
      this.write(number, at, padded(content.subarray(at, at + size), size));
    return this;
  }

  /** Anything that has attributes and no content. */
  node(number: number, fields: FileFields): this {
    return this.object(number, { type: 19, bonus: fileBonus(this, fields) });
  }
}
