/**
 * Writes ZFS send streams with right checksums and whatever content a test wants, sound or hostile. Tables of names have
 * no hashes, which no reader of a whole table needs.
 */
import { loadNative } from '../../lib/host/native.js';

export interface WriterOptions {
  readonly type?: 'filesystem' | 'volume';
  readonly guid?: bigint;
  readonly fromGuid?: bigint;
  readonly snapshot?: string;
  /** Feature flags as in the documentation of the format, not shifted. */
  readonly features?: number;
  readonly bigEndian?: boolean;
  /** Old senders write none. */
  readonly checksums?: boolean;
}

export interface ObjectFields {
  readonly type: number;
  readonly bonusType?: number;
  readonly bonus?: Buffer;
  readonly blockSize?: number;
  readonly slots?: number;
  readonly flags?: number;
}

type U64 = number | bigint;

/** Collects the bytes of one substream; {@link take} hands over what there is so far. */
export class StreamWriter {
  readonly guid: bigint;
  readonly big: boolean;
  private readonly options: WriterOptions;
  private readonly sums = Buffer.from(new ArrayBuffer(40));
  private chunks: Buffer[] = [];

  constructor(options: WriterOptions = {}) {
    this.options = options;
    this.guid = options.guid ?? 0x1234_5678_9abc_def1n;
    this.big = options.bigEndian ?? false;
    const features = BigInt(options.features ?? (options.type === 'volume' ? 0 : 4));
    const header = Buffer.alloc(312);
    this.u64(header, 8, 0x2f5bacbacn);
    this.u64(header, 16, (features << 2n) | 1n);
    this.u64(header, 24, 1_700_000_000);
    this.u32(header, 32, options.type === 'volume' ? 3 : 2);
    this.u32(header, 36, 12);
    this.u64(header, 40, this.guid);
    this.u64(header, 48, options.fromGuid ?? 0n);
    header.write(`zones/data@${options.snapshot ?? 'final'}`, 56);
    this.put(header);
  }

  take(): Buffer {
    const taken = Buffer.concat(this.chunks);
    this.chunks = [];
    return taken;
  }

  /** Any record: `fill` writes the fields. */
  record(type: number, guidAt: number, fill: (header: Buffer) => void, payload: Buffer = Buffer.alloc(0)): this {
    const header = Buffer.alloc(312);
    this.u32(header, 0, type);
    this.u64(header, guidAt, this.guid);
    fill(header);
    this.put(header.subarray(0, 280));
    if (this.options.checksums ?? true) this.copySums(header, 280);
    this.put(header.subarray(280));
    this.put(payload);
    return this;
  }

  object(number: U64, fields: ObjectFields): this {
    const bonus = fields.bonus ?? Buffer.alloc(0);
    const fill = (header: Buffer): void => {
      this.u64(header, 8, number);
      this.u32(header, 16, fields.type);
      this.u32(header, 20, fields.bonusType ?? (bonus.length > 0 ? 44 : 0));
      this.u32(header, 24, fields.blockSize ?? 512);
      this.u32(header, 28, bonus.length);
      header[34] = fields.slots ?? 1;
      header[35] = fields.flags ?? 0;
    };
    return this.record(1, 40, fill, padded(bonus, 8));
  }

  freeObjects(first: U64, count: U64): this {
    return this.record(2, 24, (header) => {
      this.u64(header, 8, first);
      this.u64(header, 16, count);
    });
  }

  write(number: U64, offset: U64, data: Buffer, packed?: { readonly method: number; readonly payload: Buffer }): this {
    const fill = (header: Buffer): void => {
      this.u64(header, 8, number);
      this.u32(header, 16, 19);
      this.u64(header, 24, offset);
      this.u64(header, 32, data.length);
      if (packed === undefined) return;
      header[50] = packed.method;
      this.u64(header, 96, packed.payload.length);
    };
    return this.record(3, 40, fill, packed?.payload ?? data);
  }

  /** To the end without a length. */
  free(number: U64, offset: U64, length: U64 = 2n ** 64n - 1n): this {
    return this.record(4, 32, (header) => {
      this.u64(header, 8, number);
      this.u64(header, 16, offset);
      this.u64(header, 24, length);
    });
  }

  spill(number: U64, data: Buffer): this {
    return this.record(7, 24, (header) => {
      this.u64(header, 8, number);
      this.u64(header, 16, data.length);
    }, data); // prettier-ignore
  }

  embedded(number: U64, offset: U64, length: number, method: number, data: Buffer, size = length): this {
    const fill = (header: Buffer): void => {
      this.u64(header, 8, number);
      this.u64(header, 16, offset);
      this.u64(header, 24, length);
      header[40] = method;
      this.u32(header, 48, size);
      this.u32(header, 52, data.length);
    };
    return this.record(8, 32, fill, padded(data, 8));
  }

  end(): this {
    return this.record(5, 40, (header) => {
      this.copySums(header, 8);
    });
  }

  u64(buffer: Buffer, at: number, value: U64): void {
    if (this.big) buffer.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)), at);
    else buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at);
  }

  u32(buffer: Buffer, at: number, value: number): void {
    if (this.big) buffer.writeUInt32BE(value, at);
    else buffer.writeUInt32LE(value, at);
  }

  u16(buffer: Buffer, at: number, value: number): void {
    if (this.big) buffer.writeUInt16BE(value, at);
    else buffer.writeUInt16LE(value, at);
  }

  private copySums(header: Buffer, at: number): void {
    for (let word = 0; word < 4; word += 1) this.u64(header, at + word * 8, this.sums.readBigUInt64LE(word * 8));
  }

  private put(bytes: Buffer): void {
    loadNative('codec').fletcher4(this.sums, bytes, 0, bytes.length, this.big);
    this.chunks.push(bytes);
  }

  // Content of tables

  /** One block with entries of one number each. */
  microZap(entries: Iterable<readonly [name: string | Buffer, value: U64]>): Buffer {
    const list = [...entries];
    const block = Buffer.alloc(roundUp(64 * (list.length + 1), 512));
    this.u64(block, 0, 0x8000000000000003n);
    this.u64(block, 8, 1);
    for (const [index, [name, value]] of list.entries()) {
      const at = 64 * (index + 1);
      this.u64(block, at, value);
      Buffer.from(name).copy(block, at + 14, 0, 50);
    }
    return block;
  }

  /** Blocks of 16 KiB; values are numbers, or arrays of 16-bit ones. */
  fatZap(entries: Iterable<readonly [name: string | Buffer, value: U64 | readonly number[]]>): Buffer[] {
    const size = 16384;
    const leaves: Buffer[] = [];
    let leaf = Buffer.alloc(0);
    let chunk = 638;
    let count = 0;
    for (const [text, value] of entries) {
      const name = Buffer.concat([Buffer.from(text), Buffer.alloc(1)]);
      const integers = typeof value === 'object' ? u16Array(value) : u64Array(value);
      const needed = 1 + Math.ceil(name.length / 21) + Math.ceil(integers.length / 21);
      if (chunk + needed > 638) {
        leaf = Buffer.alloc(size);
        this.u64(leaf, 0, 0x8000000000000000n);
        this.u32(leaf, 24, 0x2ab1eaf);
        leaves.push(leaf);
        chunk = 0;
      }
      const entry = 48 + size / 16 + chunk * 24;
      leaf[entry] = 252;
      leaf[entry + 1] = typeof value === 'object' ? 2 : 8;
      this.u16(leaf, entry + 2, 0xffff);
      chunk += 1;
      for (const [bytes, at, step] of [[name, 4, 1], [integers, 8, typeof value === 'object' ? 2 : 8]] as const) {
        this.u16(leaf, entry + at, bytes.length === 0 ? 0xffff : chunk);
        this.u16(leaf, entry + at + 2, bytes.length / step);
        for (let done = 0; done < bytes.length; done += 21, chunk += 1) {
          const piece = 48 + size / 16 + chunk * 24;
          leaf[piece] = 251;
          bytes.copy(leaf, piece + 1, done, done + 21);
          this.u16(leaf, piece + 22, done + 21 >= bytes.length ? 0xffff : chunk + 1);
        }
      } // prettier-ignore
      count += 1;
    }
    return [this.fatHead(size, leaves.length, count), ...this.pointerTable(size, leaves.length), ...leaves];
  }

  private fatHead(size: number, leaves: number, count: number): Buffer {
    const head = Buffer.alloc(size);
    const inside = leaves <= 1024;
    const tableBlocks = inside ? 0 : this.pointerTable(size, leaves).length;
    this.u64(head, 0, 0x8000000000000001n);
    this.u64(head, 8, 0x2f52ab2abn);
    this.u64(head, 16, inside ? 0 : 1);
    this.u64(head, 24, tableBlocks);
    this.u64(head, 32, inside ? 10 : Math.log2((tableBlocks * size) / 8));
    this.u64(head, 56, 1 + tableBlocks + leaves);
    this.u64(head, 64, leaves);
    this.u64(head, 72, count);
    this.u64(head, 80, 1);
    if (inside) {
      for (let index = 0; index < 1024; index += 1) {
        this.u64(head, size / 2 + index * 8, 1 + Math.floor((index * leaves) / 1024));
      }
    }
    return head;
  }

  /** Outside of the head where there are many leaves. */
  private pointerTable(size: number, leaves: number): Buffer[] {
    if (leaves <= 1024) return [];
    const blocks = 2 ** Math.ceil(Math.log2((leaves * 8) / size));
    const pointers = (blocks * size) / 8;
    const table = Buffer.alloc(blocks * size);
    for (let index = 0; index < pointers; index += 1) {
      this.u64(table, index * 8, 1 + blocks + Math.floor((index * leaves) / pointers));
    }
    return Array.from({ length: blocks }, (_, index) => table.subarray(index * size, (index + 1) * size));
  }
}

function u64Array(value: U64): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
}

function u16Array(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

export function padded(bytes: Buffer, unit: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(roundUp(bytes.length, unit) - bytes.length)]);
}
