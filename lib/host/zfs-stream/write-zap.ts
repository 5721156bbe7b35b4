/** Builds the tables of names in which ZFS keeps directories and settings: one block while they are small, else hashed. */
import { roundUp, unsendable } from './bytes.js';

const mostMicroName = 49;
const mostMicroEntries = 2047;
const microEntry = 64;

const blockBits = 14;
const fatBlock = 2 ** blockBits;
const chunkBytes = 24;
const pieceBytes = 21;
const hashSlots = fatBlock / 32;
const chunksAt = 48 + hashSlots * 2;
/** Pieces of 24 bytes in a leaf. */
const chunkCount = Math.floor((fatBlock - 2 * hashSlots) / chunkBytes) - 2;
const none = 0xffff;
/** Bits of a hash that count. */
const hashBits = 28;
/** Pointers that fit into the first block: 2 to this power. */
const insideBits = blockBits - 4;
/** Names that still collide in so many bits are meant to. */
const mostPrefix = 22;

/** Any number but 0. */
const salt = 0x5a4d;

const high = new Uint32Array(256);
const low = new Uint32Array(256);
for (let index = 0; index < 256; index += 1) {
  let [upper, lower] = [0, index];
  for (let bit = 0; bit < 8; bit += 1) {
    const odd = lower & 1;
    lower = ((lower >>> 1) | (upper << 31)) >>> 0;
    upper >>>= 1;
    if (odd !== 0) {
      upper = (upper ^ 0xc96c5795) >>> 0;
      lower = (lower ^ 0xd7870f42) >>> 0;
    }
  }
  high[index] = upper;
  low[index] = lower;
}

/** The bits of a name's hash that count, CRC-64 begun with the salt. */
function hashOf(name: Buffer): number {
  let [upper, lower] = [0, salt];
  for (const byte of name) {
    const index = (lower ^ byte) & 0xff;
    lower = ((lower >>> 8) | (upper << 24)) ^ (low[index] ?? 0);
    upper = (upper >>> 8) ^ (high[index] ?? 0);
  }
  return upper >>> (32 - hashBits);
}

/** What goes into a table. Names differ from each other; a value is a number of 64 bits, or several of 16. */
export interface Names {
  readonly count: number;
  name(index: number): Buffer;
  value(index: number): bigint | readonly number[];
}

export interface Zap {
  readonly blockSize: number;
  readonly blockCount: number;
  /** One after the other, each made when it is asked for; the same memory may come again. */
  readonly blocks: Iterable<Buffer>;
}

/** Entries of a small table as {@link Names}. */
export function namesOf(entries: readonly (readonly [string | Buffer, bigint | readonly number[]])[]): Names {
  return {
    count: entries.length,
    name: (index) => Buffer.from(entries[index]?.[0] ?? ''),
    value: (index) => entries[index]?.[1] ?? 0n,
  };
}

/**
 * The table of `names`. Needs some 30 bytes of memory for each while it is built. Throws `StreamUnsupported` for names that
 * were chosen to collide.
 */
export function buildZap(names: Names): Zap {
  // Index and hash in one number, so that sorting needs no calls: entries are fewer than 2^24.
  const sorted = new Float64Array(names.count);
  let small = names.count <= mostMicroEntries;
  for (let index = 0; index < names.count; index += 1) {
    const name = names.name(index);
    small &&= name.length <= mostMicroName && typeof names.value(index) === 'bigint';
    sorted[index] = hashOf(name) * 2 ** 24 + index;
  }
  sorted.sort();
  return small ? microZap(names, sorted) : fatZap(names, sorted);
}

const hashAt = (sorted: Float64Array, at: number): number => Math.floor((sorted[at] ?? 0) / 2 ** 24);
const indexAt = (sorted: Float64Array, at: number): number => (sorted[at] ?? 0) % 2 ** 24;

function microZap(names: Names, sorted: Float64Array): Zap {
  const block = Buffer.alloc(roundUp(microEntry * (names.count + 1), 512));
  block.writeBigUInt64LE(0x8000000000000003n, 0);
  block.writeBigUInt64LE(BigInt(salt), 8);
  let same = 0;
  for (let at = 0; at < names.count; at += 1) {
    const index = indexAt(sorted, at);
    same = at > 0 && hashAt(sorted, at) === hashAt(sorted, at - 1) ? same + 1 : 0;
    const place = microEntry * (index + 1);
    const value = names.value(index);
    block.writeBigUInt64LE(typeof value === 'bigint' ? value : 0n, place);
    block.writeUInt32LE(same, place + 8);
    names.name(index).copy(block, place + 14);
  }
  return { blockSize: block.length, blockCount: 1, blocks: [block] };
}

/** Entries from `from` to before `to` in the order of hashes, which share the upper `bits` of them. */
interface Leaf {
  readonly from: number;
  readonly to: number;
  readonly bits: number;
}

function fatZap(names: Names, sorted: Float64Array): Zap {
  const leaves: Leaf[] = [];
  split(names, sorted, { from: 0, to: names.count, bits: 0 }, leaves);
  const shift = leaves.reduce((most, { bits }) => Math.max(most, bits), insideBits);
  const tableBlocks = shift === insideBits ? 0 : 2 ** (shift + 3 - blockBits);
  const blockCount = 1 + leaves.length + tableBlocks;
  function* blocks(): Generator<Buffer> {
    const head = Buffer.alloc(fatBlock);
    const fields = [
      0x8000000000000001n, 0x2f52ab2abn, tableBlocks === 0 ? 0 : 1 + leaves.length, tableBlocks, shift, 0, 0, blockCount,
      leaves.length, names.count, salt, 0, 0,
    ]; // prettier-ignore
    for (const [index, field] of fields.entries()) head.writeBigUInt64LE(BigInt(field), index * 8);
    const pointers = pointersTo(leaves, shift);
    if (tableBlocks === 0) fillPointers(head, fatBlock / 2, pointers);
    yield head;
    const block = Buffer.allocUnsafe(fatBlock);
    let prefix = 0;
    for (const leaf of leaves) {
      writeLeaf(block, names, sorted, leaf, Math.floor(prefix / 2 ** (shift - leaf.bits)));
      prefix += 2 ** (shift - leaf.bits);
      yield block;
    }
    for (let done = 0; done < tableBlocks; done += 1) {
      fillPointers(block, 0, pointers);
      yield block;
    }
  }
  return { blockSize: fatBlock, blockCount, blocks: blocks() };
}

function split(names: Names, sorted: Float64Array, leaf: Leaf, leaves: Leaf[]): void {
  let chunks = 0;
  for (let at = leaf.from; at < leaf.to && chunks <= chunkCount; at += 1)
    chunks += chunksOf(names, indexAt(sorted, at));
  if (chunks <= chunkCount) {
    leaves.push(leaf);
    return;
  }
  if (leaf.bits >= mostPrefix) throw unsendable('the names in a directory have hashes that are too much alike');
  const bits = leaf.bits + 1;
  let middle = leaf.from;
  while (middle < leaf.to && ((hashAt(sorted, middle) >>> (hashBits - bits)) & 1) === 0) middle += 1;
  split(names, sorted, { from: leaf.from, to: middle, bits }, leaves);
  split(names, sorted, { from: middle, to: leaf.to, bits }, leaves);
}

function chunksOf(names: Names, index: number): number {
  const value = names.value(index);
  const valueBytes = typeof value === 'bigint' ? 8 : value.length * 2;
  return 1 + Math.ceil((names.name(index).length + 1) / pieceBytes) + Math.ceil(valueBytes / pieceBytes);
}

/** Which leaf each value of the upper `shift` bits of a hash leads to. */
function* pointersTo(leaves: readonly Leaf[], shift: number): Generator<number> {
  for (const [index, { bits }] of leaves.entries()) {
    for (let count = 2 ** (shift - bits); count > 0; count -= 1) yield index + 1;
  }
}

function fillPointers(block: Buffer, start: number, pointers: Iterator<number>): void {
  for (let at = start; at < fatBlock; at += 8) {
    const next = pointers.next();
    block.writeBigUInt64LE(next.done === true ? 0n : BigInt(next.value), at);
  }
}

function writeLeaf(block: Buffer, names: Names, sorted: Float64Array, { from, to, bits }: Leaf, prefix: number): void {
  block.fill(0);
  block.writeBigUInt64LE(0x8000000000000000n, 0);
  block.writeBigUInt64LE(BigInt(prefix), 16);
  block.writeUInt32LE(0x2ab1eaf, 24);
  block.writeUInt16LE(to - from, 30);
  block.writeUInt16LE(bits, 32);
  // Chains are in the order of what tells equal hashes apart.
  block[36] = 1;
  block.fill(0xff, 48, chunksAt);
  let used = 0;
  const array = (bytes: Buffer): number => {
    const first = used;
    for (let done = 0; done < bytes.length; done += pieceBytes) {
      const at = chunksAt + used * chunkBytes;
      used += 1;
      block[at] = 251;
      bytes.copy(block, at + 1, done, done + pieceBytes);
      block.writeUInt16LE(done + pieceBytes < bytes.length ? used : none, at + 22);
    }
    return first;
  };
  let same = 0;
  for (let at = from; at < to; at += 1) {
    const index = indexAt(sorted, at);
    const hash = hashAt(sorted, at);
    same = at > from && hash === hashAt(sorted, at - 1) ? same + 1 : 0;
    const entry = used;
    used += 1;
    const place = chunksAt + entry * chunkBytes;
    const name = Buffer.concat([names.name(index), Buffer.alloc(1)]);
    const value = names.value(index);
    const integers = integersOf(value);
    block[place] = 252;
    block[place + 1] = typeof value === 'bigint' ? 8 : 2;
    block.writeUInt16LE(array(name), place + 4);
    block.writeUInt16LE(name.length, place + 6);
    block.writeUInt16LE(array(integers), place + 8);
    block.writeUInt16LE(typeof value === 'bigint' ? 1 : value.length, place + 10);
    block.writeUInt32LE(same, place + 12);
    block.writeUInt32LE(0, place + 16);
    block.writeUInt32LE((hash << (32 - hashBits)) >>> 0, place + 20);
    link(block, bits, hash, entry, same);
  }
  freeRest(block, used);
}

function integersOf(value: bigint | readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(typeof value === 'bigint' ? 8 : value.length * 2);
  if (typeof value === 'bigint') bytes.writeBigUInt64BE(value, 0);
  else for (const [index, each] of value.entries()) bytes.writeUInt16BE(each, index * 2);
  return bytes;
}

/** Puts an entry into the chain of its hash. */
function link(block: Buffer, bits: number, hash: number, entry: number, same: number): void {
  const left = hashBits - Math.log2(hashSlots) - bits;
  const slot = (left >= 0 ? hash >>> left : hash << -left) & (hashSlots - 1);
  let at = 48 + slot * 2;
  for (;;) {
    const next = block.readUInt16LE(at);
    if (next === none || block.readUInt32LE(chunksAt + next * chunkBytes + 12) > same) break;
    at = chunksAt + next * chunkBytes + 2;
  }
  block.writeUInt16LE(block.readUInt16LE(at), chunksAt + entry * chunkBytes + 2);
  block.writeUInt16LE(entry, at);
}

function freeRest(block: Buffer, used: number): void {
  for (let chunk = used; chunk < chunkCount; chunk += 1) {
    const at = chunksAt + chunk * chunkBytes;
    block[at] = 253;
    block.writeUInt16LE(chunk + 1 < chunkCount ? chunk + 1 : none, at + 22);
  }
  block.writeUInt16LE(chunkCount - used, 28);
  block.writeUInt16LE(used < chunkCount ? used : none, 34);
}
