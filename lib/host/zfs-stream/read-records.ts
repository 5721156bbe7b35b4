/** Reads the records of a substream, from after its BEGIN to its END, and has them applied. */
import type { ObjectSet } from './apply.js';
import { invalid, unsupported, type ByteOrder } from './bytes.js';
import { decompress } from './decompress.js';
import { guidAt, objectNumberEnd, payloadSize, RecordType, slotsOf, type Begin } from './records.js';
import type { Source } from './source.js';

/** FREE with a length of ones goes to the end of the object. */
const allBits = 0xffff_ffff;

/** Returns after END, whose checksum was right. Throws `StreamInvalid`, `StreamUnsupported`, and what the target throws. */
export async function readRecords(source: Source, begin: Begin, set: ObjectSet): Promise<void> {
  const { order } = begin;
  let hasChecksums = false;
  for (;;) {
    if (!source.takeHeader()) await source.takeHeaderAcross();
    const { bytes, at, verdict } = source;
    // Senders before 2015 leave the checksums of records zero, all of them.
    if (verdict === false || (verdict === undefined && hasChecksums)) throw invalid('a checksum is wrong');
    hasChecksums ||= verdict === true;
    const type = order.u32(bytes, at);
    const size = payloadSize(begin, type, bytes, at);
    if (!isOf(begin, bytes, at + guidAt(type))) throw invalid('a record of another snapshot');
    switch (type) {
      case RecordType.end:
        if (source.endVerdict !== true) throw invalid('the checksum of the whole is wrong');
        return;
      case RecordType.object:
        if (!source.take(size)) await source.takeAcross(size);
        takeObject(source, order, bytes, at, set);
        break;
      case RecordType.freeObjects:
        set.freeObjects(order.u64(bytes, at + 8), checkedCount(order, bytes, at));
        break;
      case RecordType.free: {
        const toTheEnd = order.u32(bytes, at + 24) === allBits && order.u32(bytes, at + 28) === allBits;
        const length = toTheEnd ? Infinity : order.u64(bytes, at + 24);
        const offset = order.u64(bytes, at + 16);
        if (!toTheEnd && offset + length > 2 ** 64) throw invalid('a hole past the end of all numbers');
        set.free(objectNumber(order, bytes, at), offset, length);
        break;
      }
      case RecordType.spill: {
        const number = objectNumber(order, bytes, at);
        set.spill(number, await takePayload(source, size));
        break;
      }
      case RecordType.write:
        if (!takeWrite(source, order, size, set)) await takeWriteAcross(source, order, bytes, at, size, set);
        break;
      case RecordType.writeEmbedded:
        if (order.big) throw unsupported('embedded blocks in big-endian order');
        await takeEmbedded(source, order, size, set);
        break;
      default:
        throw invalid(`a record of type ${type} in the middle`);
    }
    if (set.commands.full) await set.commands.flush();
  }
}

/** Whether a record is of the snapshot of its substream. */
function isOf(begin: Begin, bytes: Buffer, at: number): boolean {
  return bytes.readUInt32LE(at) === begin.guidWords[0] && bytes.readUInt32LE(at + 4) === begin.guidWords[1];
}

function objectNumber(order: ByteOrder, bytes: Buffer, at: number): number {
  const number = order.u64(bytes, at + 8);
  if (number === 0 || number >= objectNumberEnd) throw invalid('an object number out of range');
  return number;
}

function checkedCount(order: ByteOrder, bytes: Buffer, at: number): number {
  const count = order.u64(bytes, at + 16);
  if (order.u64(bytes, at + 8) + count > 2 ** 64) throw invalid('object numbers past the end of all numbers');
  return count;
}

async function takePayload(source: Source, size: number): Promise<Buffer> {
  if (!source.take(size)) await source.takeAcross(size);
  return source.bytes.subarray(source.at, source.at + size);
}

/** Hands over the object whose header lies at `at`, and its attributes where `source` is. */
function takeObject(source: Source, order: ByteOrder, bytes: Buffer, at: number, set: ObjectSet): void {
  const flags = bytes[at + 35] ?? 0;
  if ((flags & ~4) !== 0) throw invalid('an object with unknown flags');
  set.object({
    number: objectNumber(order, bytes, at),
    type: order.u32(bytes, at + 16),
    bonusType: order.u32(bytes, at + 20),
    blockSize: order.u32(bytes, at + 24),
    slots: slotsOf(bytes, at),
    hasSpill: (flags & 4) !== 0,
    bonus: source.bytes.subarray(source.at, source.at + order.u32(bytes, at + 28)),
  });
}

/** Takes what is most frequent: a whole block of a file as it is. False when it is something else. */
function takeWrite(source: Source, order: ByteOrder, size: number, set: ObjectSet): boolean {
  const { bytes, at } = source;
  if (bytes[at + 50] !== 0 || !source.has(size)) return false;
  const number = objectNumber(order, bytes, at);
  const offset = order.u64(bytes, at + 24);
  const wanted = set.startWrite(number, offset, order.u64(bytes, at + 32), true);
  source.take(size);
  if (wanted === undefined) set.keep(number, offset, source.bytes.subarray(source.at, source.at + size));
  else if (wanted > 0) set.writeFile(source.bytes, source.at, wanted, offset);
  return true;
}

/** Takes any block, compressed or in several chunks of the stream. */
async function takeWriteAcross(
  source: Source,
  order: ByteOrder,
  bytes: Buffer,
  at: number,
  size: number,
  set: ObjectSet,
): Promise<void> {
  const number = objectNumber(order, bytes, at);
  const offset = order.u64(bytes, at + 24);
  const length = order.u64(bytes, at + 32);
  const method = bytes[at + 50] ?? 0;
  const wanted = set.startWrite(number, offset, length, true);
  if (method !== 0) {
    await unpack(source, set, { number, offset, length, method, packed: size, unpacked: length }, wanted);
  } else if (wanted === undefined) {
    set.keep(number, offset, await takePayload(source, size));
  } else {
    for (let done = 0; done < size;) {
      const some = source.takeSome(size - done);
      if (some === 0) {
        if (!(await source.more())) throw invalid('it ends early');
        continue;
      }
      if (done < wanted) set.writeFile(source.bytes, source.at, Math.min(some, wanted - done), offset + done);
      done += some;
      if (set.commands.full) await set.commands.flush();
    }
  }
}

async function takeEmbedded(source: Source, order: ByteOrder, size: number, set: ObjectSet): Promise<void> {
  const { bytes, at } = source;
  if (bytes[at + 41] !== 0) throw unsupported('an embedded block that is no data');
  const block = {
    number: objectNumber(order, bytes, at),
    offset: order.u64(bytes, at + 16),
    length: order.u64(bytes, at + 24),
    method: bytes[at + 40] ?? 0,
    packed: order.u32(bytes, at + 52),
    unpacked: order.u32(bytes, at + 48),
  };
  if (block.unpacked > block.length) throw invalid('an embedded block larger than its place');
  const padding = size - block.packed;
  if (order.id(bytes, at + 16) === spillOffset(block.length)) {
    const spill = Buffer.alloc(block.length);
    decompress(block.method, await takePayload(source, block.packed), spill.subarray(0, block.unpacked));
    set.spill(block.number, spill);
    await takePayload(source, padding);
    return;
  }
  const wanted = set.startWrite(block.number, block.offset, block.length, false);
  await unpack(source, set, block, wanted);
  await takePayload(source, padding);
}

/**
 * `zfs send -e` sends a spill block that is stored embedded as block -2 of its object. What `zfs receive` makes of that is
 * of no use: there, long targets of symbolic links are lost.
 */
function spillOffset(length: number): bigint {
  return BigInt.asUintN(64, -2n * BigInt(length));
}

interface PackedBlock {
  readonly number: number;
  readonly offset: number;
  readonly length: number;
  readonly method: number;
  readonly packed: number;
  /** Past these bytes the block is zero. */
  readonly unpacked: number;
}

async function unpack(source: Source, set: ObjectSet, block: PackedBlock, wanted: number | undefined): Promise<void> {
  const { number, offset, length, method, unpacked } = block;
  const input = await takePayload(source, block.packed);
  let output = set.commands.reserve(length);
  if (output === undefined) {
    await set.commands.flush();
    output = set.commands.reserve(length) ?? Buffer.allocUnsafe(length);
  }
  decompress(method, input, output.subarray(0, unpacked));
  output.fill(0, unpacked);
  if (wanted === undefined) set.keep(number, offset, output);
  else if (wanted > 0) set.writeFile(output, 0, wanted, offset);
}
