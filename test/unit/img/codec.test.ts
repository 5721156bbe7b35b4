/** Image files, decompressed as they come. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { RecyclingStream } from '../../../lib/host/zfs-stream/source.js';
import { decompress } from '../../../lib/img/codec.js';

const plain = Buffer.concat(Array.from({ length: 40 }, (_, at) => Buffer.concat([randomBytes(60_000), Buffer.alloc(140_000, at)]))); // prettier-ignore
const packers = {
  gzip: (data: Buffer) => gzipSync(data, { level: 1 }),
  zstd: (data: Buffer) => spawnSync('zstd', ['-qc'], { input: data, maxBuffer: 2 ** 27 }).stdout,
  xz: (data: Buffer) => spawnSync('xz', ['-0c'], { input: data, maxBuffer: 2 ** 27 }).stdout,
  bzip2: (data: Buffer) => spawnSync('bzip2', ['-1c'], { input: data, maxBuffer: 2 ** 27 }).stdout,
  none: (data: Buffer) => data,
} as const;

function pieces(data: Buffer, size = 65_536): Readable {
  const list = [];
  for (let at = 0; at < data.length; at += size) list.push(data.subarray(at, at + size));
  return Readable.from(list, { objectMode: false });
}

async function digestOf(stream: AsyncIterable<unknown>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of stream) hash.update(piece as Buffer);
  return hash.digest('hex');
}

describe('decompress', () => {
  const digest = createHash('sha256').update(plain).digest('hex');

  for (const [name, pack] of Object.entries(packers)) {
    const encoding = name as keyof typeof packers;
    it(`gives what ${name} was made of, told or by its first bytes`, async () => {
      const packed = pack(plain);
      assert.equal(await digestOf(await decompress(pieces(packed), encoding === 'zstd' ? 'any' : encoding, Infinity)), digest); // prettier-ignore
      assert.equal(await digestOf(await decompress(pieces(packed, 777), 'any', plain.length)), digest);
      await assert.rejects(decompress(pieces(packed), 'any', plain.length - 1).then(digestOf), { message: `image file expands to more than ${plain.length - 1} bytes` }); // prettier-ignore
    });
  }

  for (const encoding of ['gzip', 'zstd'] as const) {
    it(`uses memory again that a reader of ${encoding} gives back, and no other`, async () => {
      const stream: RecyclingStream = await decompress(pieces(packers[encoding](plain)), 'any', Infinity);
      const hash = createHash('sha256');
      const memory = new Set<ArrayBufferLike>();
      for await (const piece of stream as AsyncIterable<Buffer>) {
        // Time for what runs ahead to spoil it.
        await new Promise((resolve) => setTimeout(resolve, 2));
        hash.update(piece);
        memory.add(piece.buffer);
        piece.fill(0xaa);
        stream.recycle?.(piece);
      }
      assert.equal(hash.digest('hex'), digest);
      assert.ok(memory.size < 10, `${memory.size} pieces of memory`);
    });

    it(`tells of damaged ${encoding}, and of its end that is missing`, async () => {
      const packed = packers[encoding](plain);
      const changed = Buffer.from(packed);
      changed.fill(0xff, 1_000_000, 1_001_000);
      for (const data of [packed.subarray(0, packed.length - 1), packed.subarray(0, 7), changed]) {
        await assert.rejects(decompress(pieces(data), 'any', Infinity).then(digestOf), { code: 'UncompressionError', message: new RegExp(`^${encoding} uncompression error while importing: `) }); // prettier-ignore
      }
    });
  }
});
