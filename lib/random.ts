/** Chance, from the kernel. `node:crypto` has it too, but takes longer to load than most commands take to work. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes that nobody can foretell. */
export function randomBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  const source = openSync('/dev/urandom', 'r');
  try {
    for (let have = 0; have < size;) have += readSync(source, bytes, have, size - have, null);
  } finally {
    closeSync(source);
  }
  return bytes;
}

/** A UUID of version 4 (RFC 9562). */
export function randomUuid(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** A whole number from 0 to below `limit`, which is at most 2^32; each as likely as the others. */
export function randomBelow(limit: number): number {
  const fair = 2 ** 32 - (2 ** 32 % limit);
  for (;;) {
    const value = randomBytes(4).readUInt32BE();
    if (value < fair) return value % limit;
  }
}
