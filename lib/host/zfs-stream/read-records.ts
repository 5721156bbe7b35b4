/** Reads the records of a substream, from after its BEGIN to its END, and has them applied. */
import type { ObjectSet } from './apply.js';
import { invalid, unsupported } from './bytes.js';
import { decompress } from './decompress.js';
import { Verdict, type RecordHeader } from './record-header.js';
import { guidAt, objectNumberEnd, payloadSize, RecordType, slotsOf, type Begin } from './records.js';
import type { Source } from './source.js';

/** FREE with a length of ones goes to the end of the object. */
const allBits = 0xffff_ffff;

/** Returns after END, whose checksum was right. Throws `StreamInvalid`, `StreamUnsupported`, and what the target throws. */
export async function readRecords(source: Source, begin: Begin, set: ObjectSet): Promise<void> {
  const { header } = source;
  const [guidFirst, guidSecond] = begin.guidWords;
  let hasChecksums = false;
  for (;;) {
    if (!source.takeHeader()) await source.takeHeaderAcross();
    const { verdict } = header;
    // Senders before 2015 leave the checksums of records zero, all of them.
    if (verdict === Verdict.wrong || (verdict === Verdict.none && hasChecksums)) throw invalid('a checksum is wrong');
    hasChecksums ||= verdict === Verdict.right;
    const size = payloadSize(begin, header);
    const type = header.u32(0);
    const guid = guidAt(type);
    if (header.u32(guid) !== guidFirst || header.u32(guid + 4) !== guidSecond) {
      throw invalid('a record of another snapshot');
    }
    switch (type) {
      case RecordType.end:
        if (header.endVerdict !== Verdict.right) throw invalid('the checksum of the whole is wrong');
        return;
      case RecordType.object:
        if (!source.take(size)) await source.takeAcross(size);
        takeObject(source, set);
        break;
      case RecordType.freeObjects:
        if (header.u64(8) + header.u64(16) > 2 ** 64) throw invalid('object numbers past the end of all numbers');
        set.freeObjects(header.u64(8), header.u64(16));
        break;
      case RecordType.free:
        takeHole(header, set);
        break;
      case RecordType.spill: {
        const number = objectNumber(header);
        set.spill(number, await takePayload(source, size));
        break;
      }
      case RecordType.write:
        if (!takeWrite(source, size, set)) await takeWriteAcross(source, size, set);
        break;
      case RecordType.writeEmbedded:
        if (begin.order.big) throw unsupported('embedded blocks in big-endian order');
        await takeEmbedded(source, size, set);
        break;
      default:
        throw invalid(`a record of type ${type} in the middle`);
    }
    if (set.commands.full) await set.commands.flush();
  }
}

function objectNumber(header: RecordHeader): number {
  const number = header.u64(8);
  if (number === 0 || number >= objectNumberEnd) throw invalid('an object number out of range');
  return number;
}

async function takePayload(source: Source, size: number): Promise<Buffer> {
  if (!source.take(size)) await source.takeAcross(size);
  return source.bytes.subarray(source.at, source.at + size);
}

/** Hands over an object whose attributes are where `source` is. */
function takeObject(source: Source, set: ObjectSet): void {
  const { header, bytes, at } = source;
  const flags = header.u8(35);
  if ((flags & ~4) !== 0) throw invalid('an object with unknown flags');
  set.object({
    number: objectNumber(header),
    type: header.u32(16),
    bonusType: header.u32(20),
    blockSize: header.u32(24),
    slots: slotsOf(header),
    hasSpill: (flags & 4) !== 0,
    bonus: bytes.subarray(at, at + header.u32(28)),
  });
}

function takeHole(header: RecordHeader, set: ObjectSet): void {
  const toTheEnd = header.u32(24) === allBits && header.u32(28) === allBits;
  const length = toTheEnd ? Infinity : header.u64(24);
  const offset = header.u64(16);
  if (!toTheEnd && offset + length > 2 ** 64) throw invalid('a hole past the end of all numbers');
  set.free(objectNumber(header), offset, length);
}

/** Takes what is most frequent: a whole block of a file as it is. False when it is something else. */
function takeWrite(source: Source, size: number, set: ObjectSet): boolean {
  const { header } = source;
  if (header.u8(50) !== 0 || !source.has(size)) return false;
  const number = objectNumber(header);
  const offset = header.u64(24);
  const wanted = set.startWrite(number, offset, size, true);
  source.take(size);
  if (wanted === undefined) set.keep(number, offset, source.bytes.subarray(source.at, source.at + size));
  else if (wanted > 0) set.writeFile(source.bytes, source.at, wanted, offset);
  return true;
}

/** Takes any block, compressed or in several chunks of the stream. */
async function takeWriteAcross(source: Source, size: number, set: ObjectSet): Promise<void> {
  const { header } = source;
  const number = objectNumber(header);
  const offset = header.u64(24);
  const length = header.u64(32);
  const method = header.u8(50);
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

async function takeEmbedded(source: Source, size: number, set: ObjectSet): Promise<void> {
  const { header } = source;
  if (header.u8(41) !== 0) throw unsupported('an embedded block that is no data');
  const block = {
    number: objectNumber(header),
    offset: header.u64(16),
    length: header.u64(24),
    method: header.u8(40),
    packed: header.u32(52),
    unpacked: header.u32(48),
  };
  if (block.unpacked > block.length) throw invalid('an embedded block larger than its place');
  const padding = size - block.packed;
  if (isSpill(header, block.length)) {
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
function isSpill(header: RecordHeader, length: number): boolean {
  return header.u32(16) === (-2 * length) >>> 0 && header.u32(20) === allBits;
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
