/** Every export of isal.node with good and bad arguments. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, it } from 'node:test';
import { loadNative } from '../../lib/host/native.js';
import { unpack, unpackAll, waitsForInput } from './unpack.js';

const isal = loadNative('isal');
const text = Buffer.from('a line of text, again and again\n'.repeat(3000));
const noise = randomBytes(300);

describe('a gzip file', () => {
  it('comes out whole, however it is packed and cut', async () => {
    const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE } = constants;
    // With a name, a comment, extra data and a checksum of all that in its head.
    const rich = gzipSync(text);
    rich[3] = 0;
    const head = Buffer.concat([rich.subarray(0, 10), Buffer.from([2, 0, 7, 7]), Buffer.from('name\0comment\0')]);
    head[3] = 4 + 8 + 16;
    const members: readonly (readonly [Buffer, Buffer])[] = [
      [text, gzipSync(text)],
      [noise, gzipSync(noise)],
      [Buffer.of(), gzipSync(Buffer.of())],
      [text, gzipSync(text, { level: 9, strategy: Z_FIXED })],
      [noise, gzipSync(noise, { level: 0 })],
      [text, gzipSync(text, { strategy: Z_HUFFMAN_ONLY })],
      [text, gzipSync(text, { strategy: Z_RLE })],
      [text, Buffer.concat([head, rich.subarray(10)])],
    ];
    const whole = Buffer.concat(members.map(([plain]) => plain));
    const packed = Buffer.concat(members.map(([, bytes]) => bytes));
    for (const [piece, room] of [
      [1 << 20, 1 << 20],
      [100, 777],
      [13, 900],
      [packed.length, 131_072],
      [977, 3276],
    ] as const) {
      assert.ok((await unpack(isal.openGzip(), packed, piece, room)).equals(whole), `${piece} ${room}`);
    }
    assert.equal((await unpack(isal.openGzip(), gzipSync(Buffer.alloc(65536)), 1 << 20, 65536)).length, 65536);
  });

  it('ends where gzip sees its end: the rest is ignored', async () => {
    const member = gzipSync(noise);
    for (const rest of ['00'.repeat(512), '1f', '1f1f8b08', '1f00', 'ff'.repeat(7000)]) {
      const packed = Buffer.concat([member, member, Buffer.from(rest, 'hex')]);
      const found = spawnSync('gzip', ['-dc'], { input: packed }).stdout;
      assert.ok(found.equals(Buffer.concat([noise, noise])), 'gzip says so');
      for (const piece of [1, packed.length]) {
        assert.ok((await unpack(isal.openGzip(), packed, piece, 8192)).equals(found), `${rest.slice(0, 10)} ${piece}`);
      }
    }
  });

  it('is not complete before its end', async () => {
    const packed = gzipSync(text);
    for (let size = 0; size <= packed.length; size += 1) {
      const { bytes, complete } = await unpackAll(isal.openGzip(), packed.subarray(0, size), text.length);
      assert.equal(complete, size === packed.length, String(size));
      assert.ok(bytes.equals(text.subarray(0, bytes.length)));
    }
  });

  it('is refused when it is damaged, whichever bit that is', async () => {
    const packed = gzipSync(text.subarray(0, 500));
    for (let bit = 0; bit < packed.length * 8; bit += 1) {
      const changed = Buffer.from(packed);
      changed[bit >>> 3] = (changed[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const ending = await unpackAll(isal.openGzip(), changed, 5000).then(
        ({ complete, bytes }) => (complete ? bytes.equals(text.subarray(0, 500)) : 'incomplete'),
        (error: unknown) => (error as { code: string; library: string }).code,
      );
      // Some bits mean nothing.
      assert.ok(ending === 'incomplete' || ending === 'EBADMSG' || ending === true, `bit ${bit}: ${ending}`);
    }
    const outOfReach = deflateRawSync(noise, { dictionary: noise });
    for (const [bytes, message] of [
      ['not gzip at all', 'incorrect header check'],
      [Buffer.from('1f8b07000000000000ff', 'hex'), 'unknown compression method'],
      [Buffer.concat([gzipSync(noise), Buffer.from('1f8b07000000000000ff', 'hex')]), 'unknown compression method'],
      [Buffer.from('1f8b08000000000000ff07', 'hex'), 'invalid block type'],
      [Buffer.concat([gzipSync('').subarray(0, 10), outOfReach]), 'invalid distance too far back'],
    ] as const) {
      await assert.rejects(unpackAll(isal.openGzip(), Buffer.from(bytes), 5000), { code: 'EBADMSG', library: 'isal', message: new RegExp(message) }); // prettier-ignore
    }
  });

  it('is waited for, until it is closed', () => waitsForInput(() => isal.openGzip(), gzipSync(text), text));

  it('can be one of a thousand at once', async () => {
    const packed = gzipSync(text);
    const results = await Promise.all(
      Array.from({ length: 1000 }, () => unpack(isal.openGzip(), packed, 1000, 100_000)),
    );
    assert.ok(results.every((result) => result.equals(text)));
  });
});
