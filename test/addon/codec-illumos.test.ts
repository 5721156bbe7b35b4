/** Codecs by what illumos has: the same results, and a word about libraries that the system may lack. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { addonFile, loadNative } from '../../lib/host/native.js';
import type { NativeCodec } from '../../lib/host/native-linux.js';
import { unpack, unpackAll } from './unpack.js';

const file = addonFile('codec-illumos');
const theirs = createRequire(import.meta.url)(file) as NativeCodec;
const ours = loadNative('codec');

const text = Buffer.from('a line of text, again and again\n'.repeat(3000));
const zstd = (data: Buffer) => spawnSync('zstd', ['-qc'], { input: data, maxBuffer: 2 ** 27 }).stdout;

/** As ZFS keeps a block: the length, big endian, version and level, and the frame without its magic number. */
function zstdBlock(data: Buffer): Buffer {
  const frame = zstd(data).subarray(4);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(frame.length);
  return Buffer.concat([head, frame]);
}

/** A block of lz4 that holds what it stands for, uncompressed. */
function lz4Block(data: Buffer): Buffer {
  const lengths = [...Array<number>(Math.floor((data.length - 15) / 255)).fill(255), (data.length - 15) % 255];
  const body = Buffer.concat([Buffer.from([0xf0, ...lengths]), data]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

describe('codec-illumos.node', () => {
  it('exports what codec.node does', () => {
    assert.deepEqual(Object.keys(theirs).sort(), Object.keys(ours).sort());
  });

  it('has the same sums', () => {
    const bytes = randomBytes(100_003);
    for (const big of [false, true]) {
      const states = [ours, theirs].map((codec) => {
        const state = Buffer.from(new ArrayBuffer(40));
        codec.fletcher4(state, bytes, 0, bytes.length, big);
        return state;
      });
      assert.deepEqual(states[0], states[1]);
    }
  });

  it('uncompresses what lz4 and zstd have made', async () => {
    const output = Buffer.alloc(text.length);
    for (const [name, block] of [['decompressZstd', zstdBlock(text)], ['decompressLz4', lz4Block(text)]] as const) {
      output.fill(0);
      assert.ok(theirs[name](block, output), name);
      assert.ok(output.equals(text), name);
      assert.ok(!theirs[name](block.subarray(0, 50), output), name);
    } // prettier-ignore
    assert.ok((await unpack(theirs.openZstd(), zstd(text), 1000, 5000)).equals(text));
    await assert.rejects(unpackAll(theirs.openZstd(), Buffer.from('no zstd at all'), 5000), { code: 'EBADMSG', library: 'zstd' }); // prettier-ignore
  });

  it('says which library is missing, and does without it what needs none', () => {
    const program = `
      const codec = require(${JSON.stringify(file)});
      const codes = [() => codec.openZstd(), () => codec.decompressZstd(Buffer.alloc(20), Buffer.alloc(5)), () => codec.decompressLz4(Buffer.alloc(20), Buffer.alloc(5))]
        .map((call) => { try { call(); return 'none'; } catch (error) { return error.code + ' ' + error.library; } });
      codec.fletcher4(Buffer.from(new ArrayBuffer(40)), Buffer.alloc(8), 0, 8, false);
      console.log(codes.join(', '));
    `;
    // In a mount namespace of its own, what is no library takes their places.
    const hide = `
      for library in libzstd.so.1 liblz4.so.1; do
        for path in /lib/*/$library /usr/lib/*/$library /usr/local/lib/$library; do
          if [ -e "$path" ]; then mount --bind /dev/null "$path"; fi
        done
      done
      exec "$0" -e "$1"
    `;
    const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', hide, process.execPath, program], { encoding: 'utf8' }); // prettier-ignore
    assert.equal(stdout, 'LibraryMissing zstd, LibraryMissing zstd, LibraryMissing lz4\n', stderr);
  });
});
