/** Every export of codec.node and tree.node with good and bad arguments. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { Commands } from '../../lib/host/zfs-stream/commands.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeCommandRunner } from '../../lib/host/native-linux.js';
import { unpack, unpackAll, waitsForInput } from './unpack.js';

const codec = loadNative('codec');
const tree = loadNative('tree');

/** Fletcher-4 as its definition says. */
function plainSums(bytes: Buffer, big: boolean): bigint[] {
  let [a, b, c, d] = [0n, 0n, 0n, 0n];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    a = BigInt.asUintN(64, a + BigInt(big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)));
    b = BigInt.asUintN(64, b + a);
    c = BigInt.asUintN(64, c + b);
    d = BigInt.asUintN(64, d + c);
  }
  return [a, b, c, d];
}

function newState(): Buffer {
  return Buffer.from(new ArrayBuffer(40));
}

function sumsOf(state: Buffer): bigint[] {
  return [0, 8, 16, 24].map((at) => state.readBigUInt64LE(at));
}

describe('fletcher4', () => {
  it('is the sum of the definition, for any length, cut anywhere, in both orders', () => {
    for (const length of [0, 4, 8, 12, 16, 20, 64, 1000, 4096, 100_000]) {
      const bytes = randomBytes(length);
      for (const big of [false, true]) {
        const state = newState();
        for (let at = 0; at < length;) {
          const end = Math.min(length, at + 1 + Math.floor(Math.random() * 700));
          codec.fletcher4(state, bytes, at, end, big);
          at = end;
        }
        assert.deepEqual(sumsOf(state), plainSums(bytes, big));
      }
    }
  });

  it('overflows as 64 bits do', () => {
    const bytes = Buffer.alloc(9_000_000, 0xff);
    const state = newState();
    codec.fletcher4(state, bytes, 0, bytes.length, false);
    assert.deepEqual(sumsOf(state), plainSums(bytes, false));
  });

  it('refuses ranges and states that are none', () => {
    const bytes = Buffer.alloc(8);
    for (const [start, end] of [[-1, 4], [0, 9], [5, 4], [0.5, 4], [Number.NaN, 4], [0, Infinity]] as const) {
      assert.throws(() => codec.fletcher4(newState(), bytes, start, end, false), RangeError);
    } // prettier-ignore
    for (const state of [Buffer.alloc(0), Buffer.alloc(39), Buffer.from(new ArrayBuffer(48), 4, 40)]) {
      assert.throws(() => codec.fletcher4(state, bytes, 0, 8, false), RangeError);
    }
    for (const state of [undefined, 'x', [], new Uint16Array(20)]) {
      assert.throws(() => codec.fletcher4(state as unknown as Buffer, bytes, 0, 8, false), TypeError);
    }
    assert.throws(() => codec.fletcher4(newState(), bytes, 0, 8, 1 as unknown as boolean), TypeError);
  });

  it('takes a damaged state without reading past it', () => {
    const state = newState().fill(0xff);
    codec.fletcher4(state, Buffer.alloc(64), 0, 64, false);
  });
});

describe('a zstd file', () => {
  const zstd = (data: Buffer, ...options: string[]) => spawnSync('zstd', ['-qc', ...options], { input: data, maxBuffer: 2 ** 27 }).stdout; // prettier-ignore
  const skippable = Buffer.from('502a4d1803000000616263', 'hex');

  it('comes out whole, however it is cut', async () => {
    const text = Buffer.from('a line of text, again and again\n'.repeat(3000));
    const noise = randomBytes(3000);
    const packed = Buffer.concat([zstd(text, '--check'), skippable, zstd(noise), zstd(Buffer.of()), zstd(text, '-19')]);
    const whole = Buffer.concat([text, noise, text]);
    for (const [piece, room] of [
      [1 << 20, 1 << 20],
      [100, 777],
      [1, 500],
      [packed.length, 131_072],
    ] as const) {
      assert.ok((await unpack(codec.openZstd(), packed, piece, room)).equals(whole), `${piece} ${room}`);
    }
    assert.equal((await unpack(codec.openZstd(), zstd(Buffer.alloc(65536)), 1 << 20, 65536)).length, 65536);
  });

  it('is not complete before its end', async () => {
    const packed = zstd(Buffer.from('x'.repeat(1000)));
    for (let size = 0; size <= packed.length; size += 1) {
      const { complete } = await unpackAll(codec.openZstd(), packed.subarray(0, size), 2000);
      assert.equal(complete, size === packed.length, String(size));
    }
  });

  it('is refused when it is damaged, or wants more memory than others give it', async () => {
    const packed = zstd(randomBytes(1000), '--check');
    const changed = Buffer.from(packed);
    changed[500] = (changed[500] ?? 0) ^ 1;
    const wide = Buffer.from('28b52ffd0090010000', 'hex');
    for (const bytes of [changed, Buffer.from('no zstd at all'), Buffer.concat([packed, Buffer.alloc(20)]), wide]) {
      await assert.rejects(unpackAll(codec.openZstd(), bytes, 5000), { code: 'EBADMSG', library: 'zstd' });
    }
  });

  it('is waited for, until it is closed', async () => {
    const text = Buffer.from(Array.from({ length: 5000 }, (_, at) => at * at).join(' '));
    await waitsForInput(() => codec.openZstd(), zstd(text), text);
  });
});

describe('readHeader', () => {
  const headerBytes = 312;
  const newHeader = (): Buffer => Buffer.from(new ArrayBuffer(432));

  /** A header with numbers in it, and the sums of `before` and of itself where they belong. */
  function header(before: Buffer, big: boolean): Buffer {
    const bytes = Buffer.alloc(headerBytes);
    const sums = (at: number, summed: Buffer): void => {
      for (const [index, sum] of plainSums(summed, big).entries()) {
        if (big) bytes.writeBigUInt64BE(sum, at + index * 8);
        else bytes.writeBigUInt64LE(sum, at + index * 8);
      }
    };
    for (let at = 40; at < 128; at += 4) bytes.writeUInt32LE((at * 77_777_777) >>> 0, at);
    sums(8, before);
    sums(280, Buffer.concat([before, bytes.subarray(0, 280)]));
    return bytes;
  }

  it('tells all numbers of either order, and whether the sums are right', () => {
    for (const big of [false, true]) {
      const before = randomBytes(64);
      const bytes = header(before, big);
      const told = newHeader();
      codec.readHeader(told, Buffer.concat([before, bytes]), 0, 64, big);
      assert.deepEqual(sumsOf(told), plainSums(Buffer.concat([before, bytes]), big));
      for (let at = 0; at < 128; at += 8) {
        const wide = big ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at);
        assert.equal(told.readDoubleLE(40 + at), Number(wide));
      }
      for (let at = 0; at < 128; at += 4) {
        assert.equal(told.readUInt32LE(168 + at), big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
      }
      assert.deepEqual(told.subarray(296, 424), bytes.subarray(0, 128));
      assert.deepEqual([told[424], told[425]], [1, 1]);
    }
  });

  it('finds sums wrong or missing', () => {
    const bytes = header(Buffer.alloc(0), false);
    const told = newHeader();
    const wrong = Buffer.from(bytes);
    wrong[100] = 1;
    codec.readHeader(told, wrong, 0, 0, false);
    assert.equal(told[424], 0);
    const none = newHeader();
    codec.readHeader(none, Buffer.from(bytes).fill(0, 280), 0, 0, false);
    assert.equal(none[424], 2);
  });

  it('refuses what is too short', () => {
    assert.throws(() => codec.readHeader(newHeader(), Buffer.alloc(311), 0, 0, false), RangeError);
    assert.throws(() => codec.readHeader(newHeader(), Buffer.alloc(400), 0, 89, false), RangeError);
    assert.throws(() => codec.readHeader(newHeader(), Buffer.alloc(400), 9, 8, false), RangeError);
    assert.throws(() => codec.readHeader(newState(), Buffer.alloc(400), 0, 0, false), RangeError);
  });
});

describe('readAttributes', () => {
  const newTable = (): Buffer => Buffer.from(new ArrayBuffer(528));
  /** Mode, a time, and something whose length the block tells. */
  const layout = Uint16Array.of(5, 8, 0, 16, 17, 0);

  function block(big: boolean): Buffer {
    const bytes = Buffer.alloc(40);
    const u16 = (value: number, at: number) => (big ? bytes.writeUInt16BE(value, at) : bytes.writeUInt16LE(value, at));
    const u64 = (value: bigint, at: number) =>
      big ? bytes.writeBigUInt64BE(value, at) : bytes.writeBigUInt64LE(value, at);
    if (big) bytes.writeUInt32BE(0x2f505a);
    else bytes.writeUInt32LE(0x2f505a);
    u16((1 << 10) | 2, 4);
    u16(5, 6);
    u64(0o100644n, 8);
    u64(2n ** 33n + 7n, 16);
    u64(2_000_000_000n, 24);
    bytes.write('abcde', 32);
    return bytes;
  }

  it('finds the attributes of a layout in a block of either order', () => {
    for (const big of [false, true]) {
      const table = newTable();
      assert.equal(codec.readAttributes(table, block(big), layout, true), 0);
      assert.equal(table.readDoubleLE(5 * 8), 0o100644);
      assert.deepEqual(
        [0, 4, 8].map((at) => table.readUInt32LE(144 + at)),
        [7, 2, 999_999_999],
      );
      assert.deepEqual([table.readUInt32LE(360 + 17 * 4), table.readUInt32LE(432 + 17 * 4)], [32, 5]);
      assert.deepEqual([table[504 + 17], table[504 + 16]], [2, 0]);
    }
  });

  it('says what is wrong with a block, and reads nothing past its end', () => {
    const read = (bytes: Buffer, words = layout): number => codec.readAttributes(newTable(), bytes, words, false);
    assert.equal(read(Buffer.alloc(7)), 1);
    assert.equal(read(Buffer.alloc(40)), 1);
    for (const head of [0, 6, 63]) {
      const bytes = block(false);
      bytes.writeUInt16LE(head << 10, 4);
      assert.equal(read(bytes), 2);
    }
    assert.equal(read(block(false), Uint16Array.of(17, 0, 16, 0)), 3);
    assert.equal(read(block(false).subarray(0, 36)), 4);
    assert.equal(read(block(false), Uint16Array.of(0xffff, 65_535)), 4);
    // Attributes that nobody asks for, and half a field.
    assert.equal(read(block(false), Uint16Array.of(18, 8, 5)), 0);
  });

  it('refuses what is no table or layout', () => {
    assert.throws(() => codec.readAttributes(newState(), block(false), layout, false), RangeError);
    const words = new Uint8Array(4) as unknown as Uint16Array;
    assert.throws(() => codec.readAttributes(newTable(), block(false), words, false), TypeError);
  });
});

describe('decompression', () => {
  const text = Buffer.from('a block of a file, a block of a file, a block of a file, and zeros:');

  it('of lzjb copies from before, also over itself', () => {
    const packed = Buffer.from([0x02, 0x61, 0xfc, 0x01, 0x62]);
    const output = Buffer.alloc(67);
    assert.ok(codec.decompressLzjb(packed, output));
    assert.equal(output.toString(), 'a'.repeat(67));
    assert.ok(codec.decompressLzjb(Buffer.concat([Buffer.from([0]), text.subarray(0, 8)]), Buffer.alloc(8)));
  });

  it('of lz4 stops where its length says', () => {
    const packed = Buffer.from([0, 0, 0, 4, 0x30, 0x61, 0x62, 0x63, 9, 9, 9]);
    const output = Buffer.alloc(3);
    assert.ok(codec.decompressLz4(packed, output));
    assert.equal(output.toString(), 'abc');
    assert.equal(codec.decompressLz4(packed, Buffer.alloc(4)), false);
    assert.equal(codec.decompressLz4(packed, Buffer.alloc(2)), false);
    assert.equal(codec.decompressLz4(packed.subarray(0, 7), output), false);
  });

  it('of zle makes literals and zeros', () => {
    const output = Buffer.alloc(10, 1);
    assert.ok(codec.decompressZle(Buffer.from([1, 0x61, 0x62, 64 + 6, 0, 0x63, 99, 99]), output));
    assert.equal(output.toString('latin1'), 'ab\0\0\0\0\0\0\0c');
  });

  it('of all kinds refuses random bytes, cut ones and outputs of another size, within its bounds', () => {
    for (const kind of ['Lz4', 'Zstd', 'Lzjb', 'Zle'] as const) {
      const decompress = (input: Buffer, output: Buffer): boolean => codec[`decompress${kind}`](input, output);
      assert.equal(decompress(Buffer.alloc(0), Buffer.alloc(512)), false);
      for (let round = 0; round < 2000; round += 1) {
        const input = randomBytes(round % 200);
        // Lengths that fit, so that more than the length is looked at.
        if (input.length >= 8 && round % 2 === 0) input.writeUInt32BE(input.length - 8, 0);
        const guarded = Buffer.alloc(4096 + 64, 0x5a);
        decompress(input, guarded.subarray(32, 32 + 4096));
        assert.ok(guarded.subarray(0, 32).every((byte) => byte === 0x5a));
        assert.ok(guarded.subarray(-32).every((byte) => byte === 0x5a));
      }
      assert.throws(() => decompress('x' as unknown as Buffer, Buffer.alloc(1)), TypeError);
      assert.throws(() => decompress(Buffer.alloc(1), undefined as unknown as Buffer), TypeError);
    }
    assert.equal(codec.decompressZle(Buffer.from([64]), Buffer.alloc(2)), false);
    assert.equal(codec.decompressZle(Buffer.from([66]), Buffer.alloc(2)), false);
  });
});

describe('a tree', { skip: process.getuid?.() === 0 ? undefined : 'owners can be set by root only' }, () => {
  const root = mkdtempSync(join(tmpdir(), 'tree-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const name = (text: string): Buffer => Buffer.from(text);
  let count = 0;

  function open(): { readonly path: string; readonly runner: NativeCommandRunner; readonly commands: Commands } {
    count += 1;
    const path = join(root, String(count));
    mkdirSync(path);
    const runner = tree.openTree(path, 'stage');
    return { path, runner, commands: new Commands(runner, () => undefined) };
  }

  /** Seconds since the epoch in halves, as the stream has them. */
  const time = (seconds: bigint, nanoseconds: number) => ({
    secondsLow: Number(BigInt.asUintN(32, seconds)), secondsHigh: Number(BigInt.asUintN(32, seconds >> 32n)), nanoseconds,
  }); // prettier-ignore

  it('is filled by commands, and the stage goes away', async () => {
    const { path, commands } = open();
    commands.create(7);
    commands.write(Buffer.from('--hello--'), 2, 5, 3);
    commands.folder(Buffer.alloc(0));
    commands.makeFolder(name('dir'));
    commands.folder(name('dir'));
    commands.moveIn(7, name('file'));
    commands.owner(name('file'), 5, 6, 0o100640);
    commands.times(name('file'), time(-5n, 7), time(2n ** 33n, 8));
    commands.sweep();
    await commands.finish();
    assert.deepEqual(readdirSync(path), ['dir']);
    assert.equal(readFileSync(join(path, 'dir/file'), 'latin1'), '\0\0\0hello');
    await commands.close();
  });

  it('does not leave its folder by links or names', async () => {
    for (const way of ['link', '..', '../..', '/', 'link/..']) {
      const { path, commands } = open();
      symlinkSync(root, join(path, 'link'));
      commands.folder(name(way));
      await assert.rejects(commands.finish(), { code: 'HostFailed' }, way);
      await commands.close();
    }
    const bad = ['..', '.', 'a/b', '../x', 'zero\0byte'];
    for (const each of bad) {
      const { commands: other } = open();
      other.folder(Buffer.alloc(0));
      other.makeFolder(name(each));
      await assert.rejects(other.finish(), each);
      await other.close();
    }
    assert.ok(!existsSync(join(root, 'x')));
  });

  it('refuses to write through a link, into a fifo or folder, and to open a stage twice', async () => {
    const { path, commands } = open();
    writeFileSync(join(root, 'victim'), 'untouched');
    symlinkSync(join(root, 'victim'), join(path, 'link'));
    for (const each of ['link', 'stage', 'missing']) {
      commands.folder(Buffer.alloc(0));
      commands.edit(name(each));
      await assert.rejects(commands.finish(), each);
    }
    assert.equal(readFileSync(join(root, 'victim'), 'utf8'), 'untouched');
    assert.throws(
      () => tree.openTree(path, 'stage'),
      (error) => codeOf(error) === 'EEXIST',
    );
    assert.throws(
      () => tree.openTree(join(path, 'link'), 'other'),
      (error) => codeOf(error) === 'ENOTDIR',
    );
    assert.throws(
      () => tree.openTree(join(path, 'missing'), 'other'),
      (error) => codeOf(error) === 'ENOENT',
    );
    for (const stage of ['..', 'a/b', '.']) assert.throws(() => tree.openTree(path, stage), TypeError);
    await commands.close();
  });

  it('runs the lists that it is given at once one after another, and none after one that failed', async () => {
    const { path, runner } = open();
    const makeFolder = (each: number): Buffer => Buffer.from(Uint32Array.of(1, 0, 8, 4, 0x30303030 + each).buffer);
    const names = Array.from({ length: 10 }, (_, each) => `${each}000`);
    await Promise.all(names.map((_, each) => runner.run(makeFolder(each), [])));
    assert.deepEqual(readdirSync(path).sort(), [...names, 'stage']);
    const unlink = (each: number): Buffer => Buffer.from(Uint32Array.of(1, 0, 13, 4, 0x30303030 + each).buffer);
    const ends = await Promise.allSettled(
      [unlink(0), makeFolder(10), makeFolder(11)].map((list) => runner.run(list, [])),
    );
    assert.deepEqual(ends.map((end) => (end.status === 'rejected' ? codeOf(end.reason) : 'run')), ['EISDIR', 'ECANCELED', 'ECANCELED']); // prettier-ignore
    assert.equal(readdirSync(path).length, 11);
    runner.close();
  });

  it('refuses lists that are none', async () => {
    for (const list of [
      [0],
      [99],
      [5],
      [5, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [1, 255, 255, 255, 255],
      [8, 1, 0, 0],
    ]) {
      const { runner } = open();
      await assert.rejects(
        runner.run(Buffer.from(list), []),
        (error) => codeOf(error) === 'EINVAL' || codeOf(error) === 'EBADF',
      );
      runner.close();
    }
    const { runner } = open();
    assert.throws(() => void runner.run('x' as unknown as Buffer, []), TypeError);
    assert.throws(() => void runner.run(Buffer.alloc(0), 'x' as unknown as Buffer[]), TypeError);
    assert.throws(() => void runner.run(Buffer.alloc(0), [1] as unknown as Buffer[]), TypeError);
    runner.close();
    runner.close();
    assert.throws(
      () => void runner.run(Buffer.alloc(0), []),
      (error) => codeOf(error) === 'ERR_CLOSED',
    );
  });

  it('tells of attributes that the filesystem does not take, and goes on', async () => {
    const { runner, path } = open();
    const refused: string[] = [];
    const commands = new Commands(runner, (object, key, code) => refused.push(`${object} ${key} ${code}`));
    commands.folder(Buffer.alloc(0));
    commands.makeNode(name('file'), 0o100000, 0, 0);
    commands.attribute(5, name('file'), 'nonsense.name', Buffer.from('x'));
    commands.attribute(6, name('file'), 'user.name', Buffer.from('x'));
    commands.sweep();
    await commands.finish();
    assert.deepEqual(refused, ['5 nonsense.name EOPNOTSUPP']);
    assert.deepEqual(readdirSync(path), ['file']);
    await commands.close();
  });

  it('gets what was written, whatever becomes of the memory it was in, in as few writes as can be', async () => {
    const path = join(root, 'content');
    const runner = tree.openFile(path);
    const lists: Uint8Array[] = [];
    const run = runner.run.bind(runner);
    runner.run = (list, buffers) => {
      lists.push(list.slice());
      return run(list, buffers);
    };
    const commands = new Commands(runner, () => undefined);
    const whole = randomBytes(9_000_000);
    const piece = Buffer.alloc(3_000_007);
    const put = (at: number, size: number): void => {
      whole.copy(piece, 7, at, at + size);
      commands.write(piece, 7, size, at);
      piece.fill(0);
    };
    // One command of six words for what lies together.
    for (let at = 0; at < 60_000; at += 1000) put(at, 1000);
    await commands.flush();
    assert.deepEqual(lists.map(({ length }) => length), [24]); // prettier-ignore
    put(61_000, 1000);
    put(60_000, 1000);
    put(62_000, 1000);
    commands.punch(63_000, 10);
    put(63_000, 1000);
    // More than a list has room for, and what is unpacked in its place.
    put(64_000, 1_900_000);
    put(1_964_000, 3_000_000);
    assert.ok(commands.full);
    await commands.flush();
    for (let at = 4_964_000; at < whole.length;) {
      const size = Math.min(131_072, whole.length - at);
      const room = commands.reserve(size);
      if (room === undefined) {
        await commands.flush();
        continue;
      }
      whole.copy(room, 0, at);
      commands.write(room, 0, size, at);
      at += size;
    }
    await commands.finish();
    assert.ok(readFileSync(path).equals(whole));
    await commands.close();
  });

  it('may be a single file, which takes commands on content only', async () => {
    const path = join(root, 'volume');
    const commands = new Commands(tree.openFile(path), () => undefined);
    commands.write(Buffer.from('data'), 0, 4, 4096);
    commands.punch(0, 4096);
    commands.resize(4099);
    await commands.finish();
    assert.equal(readFileSync(path).subarray(4096).toString(), 'dat');
    commands.sweep();
    await assert.rejects(commands.finish());
    await commands.close();
    symlinkSync(path, join(root, 'volume-link'));
    assert.throws(
      () => tree.openFile(join(root, 'volume-link')),
      (error) => codeOf(error) === 'ELOOP',
    );
  });
});
