/**
 * What a later incremental stream needs and the tree does not tell: attributes, directories and tables of the objects as
 * ZFS keeps them, and under which name each object lies. One file that only grows, with the table of objects at its end.
 */
import { closeSync, constants, copyFileSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { hostError } from '../errors.js';
import { explain } from './commands.js';
import { bigEndian, littleEndian, unsupported, type ByteOrder } from './bytes.js';
import { ObjectFlag, ObjectTable, rowBytes, type allObjects } from './objects.js';

const magic = 'zfs objects 002\n';
const headBytes = 64;
const writeBytes = 256 * 1024;
const pageBytes = 64 * 1024;
/** 2 MB of pages read last. */
const pageCount = 32;
/** Positions are numbers of 32 bits. This bounds as well what tables of a hostile stream can take of the disk. */
const mostBytes = 2 ** 32 - 2 * writeBytes;

/** What the ledger says of the dataset as a whole. */
export interface LedgerHead {
  readonly type: 'filesystem' | 'volume';
  /** Of the snapshot it describes. */
  readonly guid: bigint;
  readonly order: ByteOrder;
}

/** Piece of an object's content, or hole in it, behind which older ones follow. */
export interface Piece {
  /** Position of the next older piece, 0 for none. */
  readonly older: number;
  readonly offset: number;
  readonly length: number;
  /** End of the content with this piece in it. */
  readonly end: number;
  /** Position of the bytes; 0 for a hole. */
  readonly bytesAt: number;
}

const pieceHead = 32;
const placeHead = 8;

export class Ledger {
  private readonly fd: number;
  private readonly pending = Buffer.allocUnsafeSlow(writeBytes);
  private pendingSize = 0;
  /** Length of the file without what is pending. */
  private written: number;
  /** The head of a place as it is in the file: directory in three parts, length of the name. */
  private readonly placeWords = new Uint16Array(placeHead / 2);
  private readonly placeBytes = new Uint8Array(this.placeWords.buffer);
  /** What {@link locate} found. */
  private located: Buffer = this.pending;
  private readonly pages: { index: number; size: number; bytes: Buffer }[] = [];

  private constructor(fd: number, written: number) {
    this.fd = fd;
    this.written = written;
  }

  static create(path: string): Ledger {
    const ledger = new Ledger(openSync(path, 'w+', 0o600), 0);
    ledger.append(Buffer.alloc(headBytes));
    return ledger;
  }

  /** Starts `path` with all that the ledger `origin` holds. Throws `HostFailed` when that is damaged. */
  static continue(origin: string, path: string): { ledger: Ledger; head: LedgerHead; objects: ObjectTable } {
    copyFileSync(origin, path, constants.COPYFILE_FICLONE);
    const fd = openSync(path, 'r+');
    try {
      const { head, objects, end } = readObjects(fd, origin);
      ftruncateSync(fd, end);
      return { ledger: new Ledger(fd, end), head, objects };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Opens a finished ledger to read from it. Throws `HostFailed` when it is damaged. */
  static open(path: string): { ledger: Ledger; head: LedgerHead; objects: ObjectTable } {
    const fd = openSync(path, 'r');
    try {
      const { head, objects, end } = readObjects(fd, path);
      return { ledger: new Ledger(fd, end), head, objects };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Adds bytes and says at which position. */
  append(bytes: Uint8Array): number {
    const position = this.written + this.pendingSize;
    if (this.pendingSize + bytes.length > writeBytes) this.writeOut();
    if (bytes.length > writeBytes) {
      this.put(bytes);
    } else {
      this.pending.set(bytes, this.pendingSize);
      this.pendingSize += bytes.length;
    }
    return position;
  }

  appendBlock(bytes: Buffer): number {
    const head = Buffer.allocUnsafe(4);
    head.writeUInt32LE(bytes.length, 0);
    const position = this.append(head);
    this.append(bytes);
    return position;
  }

  readBlock(position: number): Buffer {
    return this.read(position + 4, this.read(position, 4).readUInt32LE(0));
  }

  appendPlace(directory: number, name: Uint8Array): number {
    const { placeWords } = this;
    placeWords[0] = directory;
    placeWords[1] = directory / 2 ** 16;
    placeWords[2] = directory / 2 ** 32;
    placeWords[3] = name.length;
    const position = this.append(this.placeBytes);
    this.append(name);
    return position;
  }

  /** Under which name an object lies: its directory. 0 is the stage. */
  placeDirectory(position: number): number {
    const at = this.locate(position, placeHead);
    return this.located.readUInt32LE(at) + this.located.readUInt16LE(at + 4) * 2 ** 32;
  }

  /** The name in it, good until the next call of anything. */
  placeName(position: number): Buffer {
    const at = this.locate(position, placeHead);
    const size = this.located.readUInt16LE(at + 6);
    const nameAt = this.locate(position + placeHead, size);
    return this.located.subarray(nameAt, nameAt + size);
  }

  /** Whether the place at `position` is this one. */
  isPlace(position: number, directory: number, name: Uint8Array): boolean {
    if (this.placeDirectory(position) !== directory) return false;
    return this.placeName(position).equals(name);
  }

  /** Adds a piece in front of those at `older`. Without `bytes` it is a hole. */
  appendPiece(older: number, offset: number, length: number, end: number, bytes?: Buffer): number {
    const head = Buffer.allocUnsafe(pieceHead);
    head.writeUInt32LE(older, 0);
    head.writeUInt32LE(bytes === undefined ? 0 : 1, 4);
    head.writeDoubleLE(offset, 8);
    head.writeDoubleLE(length, 16);
    head.writeDoubleLE(end, 24);
    const position = this.append(head);
    if (bytes !== undefined) this.append(bytes);
    return position;
  }

  readPiece(position: number): Piece {
    const head = this.read(position, pieceHead);
    return {
      older: head.readUInt32LE(0),
      offset: head.readDoubleLE(8),
      length: head.readDoubleLE(16),
      end: head.readDoubleLE(24),
      bytesAt: head.readUInt32LE(4) === 0 ? 0 : position + pieceHead,
    };
  }

  /** A copy of `size` bytes. */
  read(position: number, size: number): Buffer {
    if (position >= this.written) {
      const at = position - this.written;
      if (at + size > this.pendingSize) throw damaged('this ledger');
      return Buffer.from(this.pending.subarray(at, at + size));
    }
    const result = Buffer.allocUnsafe(size);
    if (position + size > this.written) this.writeOut();
    for (let filled = 0; filled < size;) {
      const at = (position + filled) % pageBytes;
      const wanted = Math.min(size - filled, pageBytes - at);
      filled += this.page(Math.floor((position + filled) / pageBytes), at + wanted).copy(
        result,
        filled,
        at,
        at + wanted,
      );
    }
    return result;
  }

  /** Where the bytes are in `located`, until the next call of anything. */
  private locate(position: number, size: number): number {
    const at = position % pageBytes;
    if (position >= this.written && position + size <= this.written + this.pendingSize) {
      this.located = this.pending;
      return position - this.written;
    }
    if (position + size <= this.written && at + size <= pageBytes) {
      this.located = this.page(Math.floor(position / pageBytes), at + size);
      return at;
    }
    this.located = this.read(position, size);
    return 0;
  }

  /** Adds the table of all objects and makes the ledger valid. */
  finish(head: LedgerHead, objects: ReturnType<typeof allObjects>): void {
    const rowsAt = this.written + this.pendingSize;
    const row = Buffer.allocUnsafe(rowBytes);
    let count = 0;
    for (const { table, row: at } of objects) {
      table.write(at, row, 0);
      this.append(row);
      count += 1;
    }
    this.writeOut();
    const bytes = Buffer.alloc(headBytes);
    bytes.write(magic, 'latin1');
    bytes.writeBigUInt64LE(head.guid, 16);
    bytes.writeDoubleLE(rowsAt, 24);
    bytes.writeUInt32LE(count, 32);
    bytes.writeUInt8(head.type === 'volume' ? 1 : 0, 36);
    bytes.writeUInt8(head.order.big ? 1 : 0, 37);
    writeSync(this.fd, bytes, 0, headBytes, 0);
  }

  close(): void {
    closeSync(this.fd);
  }

  /** The page `index` with at least `size` valid bytes. */
  private page(index: number, size: number): Buffer {
    const page = (this.pages[index % pageCount] ??= { index: -1, size: 0, bytes: Buffer.allocUnsafeSlow(pageBytes) });
    if (page.index !== index || page.size < size) {
      page.index = index;
      page.size = readSync(this.fd, page.bytes, 0, pageBytes, index * pageBytes);
      if (page.size < size) throw damaged('this ledger');
    }
    return page.bytes;
  }

  private writeOut(): void {
    if (this.pendingSize === 0) return;
    this.put(this.pending.subarray(0, this.pendingSize));
    this.pendingSize = 0;
  }

  private put(bytes: Uint8Array): void {
    if (this.written + bytes.length > mostBytes) throw unsupported('its directories and attributes exceed 4 GiB');
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.fd, bytes, done, bytes.length - done, this.written + done);
      }
    } catch (cause) {
      throw explain(cause);
    }
    this.written += bytes.length;
  }
}

function readObjects(fd: number, origin: string): { head: LedgerHead; objects: ObjectTable; end: number } {
  const bytes = Buffer.alloc(headBytes);
  const size = fstatSync(fd).size;
  if (readSync(fd, bytes, 0, headBytes, 0) !== headBytes || bytes.toString('latin1', 0, 16) !== magic) {
    throw damaged(origin);
  }
  const rowsAt = bytes.readDoubleLE(24);
  const count = bytes.readUInt32LE(32);
  if (!(rowsAt >= headBytes && rowsAt + count * rowBytes === size)) throw damaged(origin);
  const objects = new ObjectTable();
  const rows = Buffer.allocUnsafe(rowBytes * 1024);
  for (let at = rowsAt; at < size;) {
    const some = readSync(fd, rows, 0, Math.min(rows.length, size - at), at);
    if (some < rowBytes) throw damaged(origin);
    const whole = some - (some % rowBytes);
    for (let row = 0; row < whole; row += rowBytes) {
      objects.read(rows, row);
      if (!objects.has(objects.length - 1, ObjectFlag.live)) throw damaged(origin);
    }
    at += whole;
  }
  const head = {
    type: bytes[36] === 1 ? ('volume' as const) : ('filesystem' as const),
    guid: bytes.readBigUInt64LE(16),
    order: bytes[37] === 1 ? bigEndian : littleEndian,
  };
  return { head, objects, end: rowsAt };
}

function damaged(path: string): Error {
  return hostError('HostFailed', `the record of what a stream held is damaged: ${path}`);
}
