/** ZAP: the tables of names in which ZFS keeps directories and settings (one block, or a hash table of many). */
import { bigEndian, invalid, unsupported, type ByteOrder } from './bytes.js';
import type { Content } from './content.js';

const microType = 0x8000000000000003n;
const fatType = 0x8000000000000001n;
const leafType = 0x8000000000000000n;
const fatMagic = 0x2f52ab2abn;
const leafMagic = 0x2ab1eaf;

const microEntry = 64;
const mostMicroBytes = 1024 * 1024;
const chunkBytes = 24;
const pieceBytes = 21;
const noChunk = 0xffff;
const entryKind = 252;
const arrayKind = 251;
const mostLeaves = 2 ** 26;

export interface ZapEntry {
  readonly name: Buffer;
  /** Size of each integer of the value: 1, 2, 4 or 8 bytes. */
  readonly integerSize: number;
  /** Where the value lies: `size` bytes of `bytes` from `at` on, in `order`. */
  readonly bytes: Buffer;
  readonly at: number;
  readonly size: number;
  readonly order: ByteOrder;
}

/** All entries of a table whose object has blocks of `blockSize` bytes. Throws `StreamInvalid`. */
export function zapEntries(content: Content, blockSize: number, order: ByteOrder): Generator<ZapEntry> {
  if (content.empty) throw invalid('a table without content');
  const kind = order.id(content.read(0, 8), 0);
  if (kind === microType) return microEntries(content, blockSize, order);
  if (kind === fatType) return fatEntries(content, blockSize, order);
  throw invalid('a table of unknown kind');
}

/** The value of a table's entry that is one number of 64 bits. */
export function zapNumber(entry: ZapEntry): bigint {
  checkNumber(entry);
  return entry.order.id(entry.bytes, entry.at);
}

/** The upper half of such a value. */
export function zapNumberHigh(entry: ZapEntry): number {
  checkNumber(entry);
  return entry.order.u32(entry.bytes, entry.order.big ? entry.at : entry.at + 4);
}

/** The lower half. */
export function zapNumberLow(entry: ZapEntry): number {
  checkNumber(entry);
  return entry.order.u32(entry.bytes, entry.order.big ? entry.at + 4 : entry.at);
}

export function isZapNumber({ integerSize, size }: ZapEntry): boolean {
  return integerSize === 8 && size === 8;
}

function checkNumber(entry: ZapEntry): void {
  if (!isZapNumber(entry)) throw invalid('an entry of a table is no single number');
}

function* microEntries(content: Content, blockSize: number, order: ByteOrder): Generator<ZapEntry> {
  if (blockSize > mostMicroBytes) throw invalid(`a small table of ${blockSize} bytes`);
  const block = content.read(0, blockSize);
  for (let at = microEntry; at + microEntry <= block.length; at += microEntry) {
    if (block[at + 14] === 0) continue;
    let end = at + 15;
    while (block[end] !== 0) {
      end += 1;
      if (end >= at + microEntry) throw invalid('a name in a table has no end');
    }
    yield { name: block.subarray(at + 14, end), integerSize: 8, bytes: block, at, size: 8, order };
  }
}

function* fatEntries(content: Content, blockSize: number, order: ByteOrder): Generator<ZapEntry> {
  if (blockSize < 1024 || (blockSize & (blockSize - 1)) !== 0)
    throw invalid(`a table with blocks of ${blockSize} bytes`);
  const head = content.read(0, 104);
  if (order.id(head, 8) !== fatMagic) throw invalid('a table with a wrong magic number');
  if ((order.id(head, 96) & 6n) !== 0n) throw unsupported('a table whose keys are numbers');
  const tableBlock = order.u64(head, 16);
  const tableBlocks = order.u64(head, 24);
  const shift = order.u64(head, 32);
  const blocks = order.u64(head, 56);
  const expected = order.u64(head, 72);
  const inside = tableBlock === 0;
  if (shift > 40) throw invalid('a table with a pointer table of too many entries');
  const tableBytes = 2 ** shift * 8;
  if (
    inside ? tableBytes !== blockSize / 2 : tableBytes > tableBlocks * blockSize || tableBlock + tableBlocks > blocks
  ) {
    throw invalid('a table with a pointer table of the wrong size');
  }
  if (blocks > mostLeaves) throw unsupported('a table of too many blocks');
  const tableAt = inside ? blockSize / 2 : tableBlock * blockSize;
  const seen = new Uint8Array(Math.ceil(blocks / 8));
  let found = 0;
  for (let done = 0; done < tableBytes;) {
    const size = Math.min(tableBytes - done, 64 * 1024);
    const pointers = content.read(tableAt + done, size);
    for (let at = 0; at < size; at += 8) {
      const leaf = order.u64(pointers, at);
      if (leaf === 0 || leaf >= blocks) throw invalid('a table with a pointer to nowhere');
      // Several pointers lead to one leaf.
      const bit = 1 << (leaf & 7);
      if (((seen[leaf >>> 3] ?? 0) & bit) !== 0) continue;
      seen[leaf >>> 3] = (seen[leaf >>> 3] ?? 0) | bit;
      for (const entry of leafEntries(content.read(leaf * blockSize, blockSize), order)) {
        found += 1;
        yield entry;
      }
    }
    done += size;
  }
  if (found !== expected) throw invalid(`a table of ${expected} entries holds ${found}`);
}

function* leafEntries(leaf: Buffer, order: ByteOrder): Generator<ZapEntry> {
  if (order.id(leaf, 0) !== leafType || order.u32(leaf, 24) !== leafMagic) throw invalid('a leaf of a table is none');
  const hashBytes = leaf.length / 16;
  const count = Math.floor((leaf.length - hashBytes) / chunkBytes) - 2;
  const chunksAt = 48 + hashBytes;
  // Integers in a row of chunks, as bytes.
  const array = (first: number, size: number): Buffer => {
    const bytes = Buffer.allocUnsafe(size);
    if (size === 0) return bytes;
    let chunk = first;
    for (let filled = 0; filled < size; filled += pieceBytes) {
      const at = chunksAt + chunk * chunkBytes;
      if (chunk >= count || leaf[at] !== arrayKind) throw invalid('a leaf of a table with a broken chain');
      leaf.copy(bytes, filled, at + 1, at + 1 + Math.min(pieceBytes, size - filled));
      chunk = order.u16(leaf, at + 22);
    }
    if (chunk !== noChunk) throw invalid('a leaf of a table with a chain too long');
    return bytes;
  };
  for (let index = 0; index < count; index += 1) {
    const at = chunksAt + index * chunkBytes;
    if (leaf[at] !== entryKind) continue;
    const integerSize = leaf[at + 1] ?? 0;
    if (![1, 2, 4, 8].includes(integerSize)) throw invalid('a table with integers of an odd size');
    const nameSize = order.u16(leaf, at + 6);
    const valueSize = order.u16(leaf, at + 10) * integerSize;
    if (nameSize < 2 || Math.max(nameSize, valueSize) > count * pieceBytes) {
      throw invalid('an entry of a table does not fit into its leaf');
    }
    const name = array(order.u16(leaf, at + 4), nameSize);
    if (name.indexOf(0) !== nameSize - 1) throw invalid('a name in a table has no end');
    const bytes = array(order.u16(leaf, at + 8), valueSize);
    // Whatever the order of the stream.
    yield { name: name.subarray(0, nameSize - 1), integerSize, bytes, at: 0, size: valueSize, order: bigEndian };
  }
}
