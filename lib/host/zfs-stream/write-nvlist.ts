/** Packs name-value lists as the heads of packages have them (`libnvpair(3LIB)`, XDR). */
import { roundUp } from './bytes.js';

/** A bigint is a number of 64 bits. */
export type PackedValue = bigint | string | { readonly [name: string]: PackedValue };

const Type = { uint64: 8, string: 9, list: 19 } as const;

export function packNvList(list: Readonly<Record<string, PackedValue>>): Buffer {
  return Buffer.concat([Buffer.from([1, 1, 0, 0]), packPairs(list)]);
}

function packPairs(list: Readonly<Record<string, PackedValue>>): Buffer {
  // Version, and that names are unique.
  const parts = [u32(0, 1)];
  for (const [name, value] of Object.entries(list)) {
    const nameBytes = Buffer.from(name);
    const { type, bytes, memory } = packValue(value);
    const body = Buffer.concat([text(nameBytes), u32(type, 1), bytes]);
    // Sizes packed, and in memory: the latter is checked by those who unpack.
    parts.push(u32(body.length + 8, roundUp(16 + nameBytes.length + 1, 8) + roundUp(memory, 8)), body);
  }
  return Buffer.concat([...parts, u32(0, 0)]);
}

function packValue(value: PackedValue): { readonly type: number; readonly bytes: Buffer; readonly memory: number } {
  if (typeof value === 'bigint') {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    return { type: Type.uint64, bytes, memory: 8 };
  }
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return { type: Type.string, bytes: text(bytes), memory: bytes.length + 1 };
  }
  return { type: Type.list, bytes: packPairs(value), memory: 24 };
}

function text(bytes: Buffer): Buffer {
  return Buffer.concat([u32(bytes.length), bytes], 4 + roundUp(bytes.length, 4));
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}
