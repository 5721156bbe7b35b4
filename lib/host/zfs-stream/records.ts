/** The records of a stream: their types, limits, lengths, and the BEGIN that opens each substream. */
import { bigEndian, invalid, littleEndian, roundUp, unsupported, type ByteOrder } from './bytes.js';
import { headerSize, type RecordHeader } from './record-header.js';

export const RecordType = {
  begin: 0,
  object: 1,
  freeObjects: 2,
  write: 3,
  free: 4,
  end: 5,
  writeByReference: 6,
  spill: 7,
  writeEmbedded: 8,
  objectRange: 9,
  redact: 10,
} as const;

/** Most bytes of a block, of a spill block and of the payload of a BEGIN. */
const mostBlockBytes = 16 * 1024 * 1024;
const mostSmallBlockBytes = 128 * 1024;
/** Objects have numbers below this one. */
export const objectNumberEnd = 2 ** 48;
const mostEmbeddedBytes = 112;

/** Types of objects that matter here. */
export const ObjectType = {
  znode: 17,
  file: 19,
  directory: 20,
  masterNode: 21,
  volume: 23,
  volumeProperties: 24,
  systemAttributes: 44,
} as const;

const feature = {
  dedup: 0x1,
  dedupProperties: 0x2,
  systemAttributes: 0x4,
  embedded: 0x10000,
  lz4: 0x20000,
  largeBlocks: 0x80000,
  resuming: 0x100000,
  redacted: 0x200000,
  compressed: 0x400000,
  largeDnodes: 0x800000,
  raw: 0x1000000,
  zstd: 0x2000000,
  holds: 0x4000000,
  longNames: 0x10000000,
  largeMicroZap: 0x20000000,
};

const readable =
  feature.systemAttributes | feature.embedded | feature.lz4 | feature.largeBlocks | feature.compressed |
  feature.largeDnodes | feature.zstd | feature.holds | feature.longNames | feature.largeMicroZap; // prettier-ignore

export interface Begin {
  readonly order: ByteOrder;
  /** A package of substreams follows, not records. */
  readonly compound: boolean;
  readonly type: 'filesystem' | 'volume';
  readonly guid: bigint;
  /** The halves of `guid` in the order of the stream. */
  readonly guidWords: readonly [number, number];
  readonly fromGuid: bigint;
  /** Seconds since the epoch. */
  readonly creation: number;
  /** Name after the `@`. */
  readonly snapshot: string;
  readonly payloadSize: number;
  readonly mostBlockBytes: number;
  /** Whether OBJECT records say which objects have a spill block. */
  readonly tellsSpills: boolean;
}

/** Reads a BEGIN of a substream or a package. Throws `StreamInvalid`, `StreamUnsupported`. */
export function readBegin(bytes: Buffer, at: number): Begin {
  const magic = 0x2f5bacbacn;
  const order = [littleEndian, bigEndian].find((each) => each.id(bytes, at + 8) === magic);
  if (order === undefined || order.u32(bytes, at) !== RecordType.begin) throw invalid('this is no ZFS send stream');
  const version = order.id(bytes, at + 16);
  const headerType = Number(version & 3n);
  if (headerType !== 1 && headerType !== 2) throw invalid(`a header of type ${headerType}`);
  const compound = headerType === 2;
  if (!compound) checkFeatures(version >> 2n);
  const objectSet = order.u32(bytes, at + 32);
  if (!compound && objectSet !== 2 && objectSet !== 3) throw unsupported(`a dataset of type ${objectSet}`);
  const flags = order.u32(bytes, at + 36);
  const largeBlocks = (version & BigInt(feature.largeBlocks << 2)) !== 0n;
  const guid = order.id(bytes, at + 40);
  if (!compound && guid === 0n) throw invalid('the snapshot has no guid');
  return {
    order,
    compound,
    type: objectSet === 3 ? 'volume' : 'filesystem',
    guid,
    guidWords: [order.u32(bytes, at + 40), order.u32(bytes, at + 44)],
    fromGuid: order.id(bytes, at + 48),
    creation: order.u64(bytes, at + 24),
    snapshot: snapshotName(bytes.subarray(at + 56, at + headerSize)),
    payloadSize: limited(order.u32(bytes, at + 4), mostBlockBytes, 'the payload of a BEGIN'),
    mostBlockBytes: largeBlocks ? mostBlockBytes : mostSmallBlockBytes,
    tellsSpills: (flags & 8) !== 0,
  };
}

function checkFeatures(features: bigint): void {
  const has = (bit: number): boolean => (features & BigInt(bit)) !== 0n;
  if (has(feature.raw)) throw unsupported('it is encrypted');
  if (has(feature.redacted)) throw unsupported('it is redacted');
  if (has(feature.resuming)) throw unsupported('it is the rest of an interrupted one');
  if (has(feature.dedup) || has(feature.dedupProperties)) throw unsupported('it is deduplicated');
  const unknown = features & ~BigInt(readable);
  if (unknown !== 0n) throw unsupported(`feature flags 0x${unknown.toString(16)} are unknown`);
}

function snapshotName(field: Buffer): string {
  const end = field.indexOf(0);
  if (end < 0) throw invalid('the name of the snapshot has no end');
  const name = field.toString('utf8', 0, end);
  return name.slice(name.indexOf('@') + 1);
}

/** Bytes that follow a header, checked against every limit. Throws `StreamInvalid`. */
export function payloadSize(begin: Begin, header: RecordHeader): number {
  const type = header.u32(0);
  switch (type) {
    case RecordType.object: {
      if (header.u32(36) !== 0) throw invalid('an object of an encrypted dataset');
      const most = slotsOf(header) * 512 - 192;
      return roundUp(limited(header.u32(28), most, 'the attributes of an object'), 8);
    }
    case RecordType.write: {
      const size = blockSize(begin, header.u64(32));
      if (header.u8(50) === 0) return size;
      const packed = header.u64(96);
      if (packed === 0 || packed > size) throw invalid(`a block of ${size} bytes compressed to ${packed}`);
      return packed;
    }
    case RecordType.spill:
      if (header.u64(40) !== 0) throw invalid('a compressed spill block');
      return blockSize(begin, header.u64(16));
    case RecordType.writeEmbedded:
      blockSize(begin, header.u64(24));
      return roundUp(limited(header.u32(52), mostEmbeddedBytes, 'an embedded block'), 8);
    case RecordType.freeObjects:
    case RecordType.free:
    case RecordType.end:
      return 0;
    case RecordType.writeByReference:
      throw unsupported('it is deduplicated');
    case RecordType.objectRange:
      throw unsupported('it is encrypted');
    case RecordType.redact:
      throw unsupported('it is redacted');
    default:
      throw invalid(`a record of type ${type}`);
  }
}

/** Slots of 512 bytes that an OBJECT takes. */
export function slotsOf(header: RecordHeader): number {
  const slots = header.u8(34);
  if (slots > 32) throw invalid(`an object of ${slots} slots`);
  return slots === 0 ? 1 : slots;
}

/** Where the guid stands that each record repeats. */
export function guidAt(type: number): number {
  switch (type) {
    case RecordType.freeObjects:
    case RecordType.spill:
      return 24;
    case RecordType.free:
    case RecordType.writeEmbedded:
      return 32;
    default:
      return 40;
  }
}

function blockSize(begin: Begin, size: number): number {
  if (size === 0 || size % 8 !== 0) throw invalid(`a block of ${size} bytes`);
  return limited(size, begin.mostBlockBytes, 'a block');
}

function limited(size: number, most: number, what: string): number {
  if (size > most) throw invalid(`${what} has ${size} bytes, more than ${most}`);
  return size;
}
