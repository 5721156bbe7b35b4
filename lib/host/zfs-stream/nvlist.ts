/** Packed name-value lists: extended attributes and the head of packages (`libnvpair(3LIB)`). */
import { bigEndian, invalid, littleEndian, roundUp } from './bytes.js';

/** Values of the types that are read; others are passed over. */
type NvValue = bigint | string | Buffer | boolean | NvList;
export type NvList = ReadonlyMap<string, NvValue>;

const Type = { boolean: 1, uint64: 8, string: 9, byteArray: 10, list: 19, booleanValue: 21 } as const;
const mostDepth = 20;

/** Reads a packed list, of either encoding. Throws `StreamInvalid`. */
export function readNvList(bytes: Buffer): NvList {
  if (bytes.length < 4) throw invalid('a name-value list is cut off');
  if (bytes[0] === 1) return new XdrReader(bytes).list(0);
  if (bytes[0] === 0) return new NativeReader(bytes).list(0);
  throw invalid('a name-value list of unknown encoding');
}

/** Names are bytes; one char for each here. */
function addPair(list: Map<string, NvValue>, name: string, value: NvValue | undefined): void {
  if (name.includes('\0')) throw invalid('a name with a zero byte in a name-value list');
  if (list.has(name)) throw invalid('a name-value list holds a name twice');
  if (value !== undefined) list.set(name, value);
}

class XdrReader {
  private readonly bytes: Buffer;
  private at = 4;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  list(depth: number): NvList {
    if (depth > mostDepth) throw invalid('name-value lists too deep in each other');
    const list = new Map<string, NvValue>();
    this.take(8);
    for (;;) {
      const start = this.at;
      const size = this.u32();
      const unpacked = this.u32();
      if (size === 0 && unpacked === 0) return list;
      const end = start + size;
      if (end > this.bytes.length) throw invalid('a name-value list is cut off');
      const name = this.string();
      const type = this.u32();
      const count = this.u32();
      addPair(list, name, this.value(type, count, depth));
      if (this.at > end) throw invalid('a pair of a name-value list is longer than it says');
      this.at = end;
    }
  }

  private value(type: number, count: number, depth: number): NvValue | undefined {
    switch (type) {
      case Type.boolean:
        return true;
      case Type.uint64:
        return bigEndian.id(this.bytes, this.take(8));
      case Type.string:
        return this.string();
      case Type.byteArray: {
        const at = this.take(roundUp(count, 4));
        return this.bytes.subarray(at, at + count);
      }
      case Type.list:
        return this.list(depth + 1);
      case Type.booleanValue:
        return this.u32() !== 0;
      default:
        return undefined;
    }
  }

  private string(): string {
    const size = this.u32();
    const at = this.take(roundUp(size, 4));
    return this.bytes.toString('latin1', at, at + size);
  }

  private u32(): number {
    return bigEndian.u32(this.bytes, this.take(4));
  }

  private take(size: number): number {
    const at = this.at;
    if (size > this.bytes.length - at) throw invalid('a name-value list is cut off');
    this.at += size;
    return at;
  }
}

class NativeReader {
  private readonly bytes: Buffer;
  private readonly order;
  private at = 4;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.order = bytes[1] === 1 ? littleEndian : bigEndian;
  }

  list(depth: number): NvList {
    if (depth > mostDepth) throw invalid('name-value lists too deep in each other');
    if (depth === 0) this.take(8);
    const list = new Map<string, NvValue>();
    for (;;) {
      const start = this.take(4);
      const size = this.order.u32(this.bytes, start);
      if (size === 0) return list;
      this.take(12);
      const nameSize = this.order.u16(this.bytes, start + 4);
      const valueAt = start + roundUp(16 + nameSize, 8);
      const end = start + size;
      if (size % 8 !== 0 || nameSize === 0 || valueAt > end || end > this.bytes.length) {
        throw invalid('a pair of a name-value list does not fit');
      }
      const name = this.bytes.toString('latin1', start + 16, start + 15 + nameSize);
      const type = this.order.u32(this.bytes, start + 12);
      this.at = end;
      addPair(list, name, this.value(type, valueAt, end, this.order.u32(this.bytes, start + 8), depth));
    }
  }

  private value(type: number, at: number, end: number, count: number, depth: number): NvValue | undefined {
    const has = (size: number): void => {
      if (size > end - at) throw invalid('a pair of a name-value list is longer than it says');
    };
    switch (type) {
      case Type.boolean:
        return true;
      case Type.uint64:
        has(8);
        return this.order.id(this.bytes, at);
      case Type.string: {
        const zero = this.bytes.indexOf(0, at);
        if (zero < 0 || zero >= end) throw invalid('a string without an end in a name-value list');
        return this.bytes.toString('latin1', at, zero);
      }
      case Type.byteArray:
        has(count);
        return this.bytes.subarray(at, at + count);
      case Type.list:
        return this.list(depth + 1);
      case Type.booleanValue:
        has(4);
        return this.order.u32(this.bytes, at) !== 0;
      default:
        return undefined;
    }
  }

  private take(size: number): number {
    const at = this.at;
    if (size > this.bytes.length - at) throw invalid('a name-value list is cut off');
    this.at += size;
    return at;
  }
}
