/** Every export of snapshot.node with good and bad arguments. */
import assert from 'node:assert/strict';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js'; // prettier-ignore

const native = loadNative('snapshot');
const openSnapshot = (path: string) => native.openSnapshot(path);
const packed = (path: string): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(Buffer.byteLength(path));
  return Buffer.concat([length, Buffer.from(path)]);
};
const none = Buffer.alloc(0);

describe('a reader of snapshots', () => {
  const path = mkdtempSync(join(tmpdir(), 'snapshot-'));
  const code = (wanted: string) => (error: unknown) => codeOf(error) === wanted;

  before(() => {
    mkdirSync(join(path, 'folder'));
    writeFileSync(join(path, 'folder/file'), 'content');
    symlinkSync('/etc', join(path, 'out'));
    const sparse = openSync(join(path, 'sparse'), 'w');
    writeSync(sparse, 'data', 1_000_000);
    ftruncateSync(sparse, 3_000_000);
    closeSync(sparse);
  });
  after(() => {
    rmSync(path, { recursive: true });
  });

  it('lists a folder: length and name, mode, links, inode, size and time of each', async () => {
    const list = await openSnapshot(path).list(Buffer.from('folder'));
    assert.equal(list.readUInt16LE(0), 4);
    assert.equal(list.toString('utf8', 2, 6), 'file');
    assert.deepEqual([list.readUInt32LE(6) >>> 12, list.readUInt32LE(10), list.readBigUInt64LE(22)], [8, 1, 7n]);
    assert.equal(list.length, 6 + 32);
    assert.equal(
      (await openSnapshot(path).list(none)).length,
      3 * 34 + 'folder'.length + 'out'.length + 'sparse'.length,
    );
  });

  it('describes entries in order, small files with content', async () => {
    const reader = openSnapshot(path);
    const both = Buffer.concat([packed('folder/file'), packed('out'), packed('')]);
    const described = await reader.describe(both, 100, 2 ** 20);
    const size = described.readUInt32LE(0);
    assert.equal(described.toString('utf8', 4 + size - 7, 4 + size), 'content');
    assert.ok(described.includes('/etc'));
    assert.ok((await reader.describe(both, 100, 1)).length < described.length);
    assert.ok(!(await reader.describe(packed('folder/file'), 6, 2 ** 20)).includes('content'));
  });

  it('finds data behind holes, and its end', async () => {
    const reader = openSnapshot(path);
    const buffer = Buffer.alloc(131072);
    const found = await reader.read(Buffer.from('sparse'), 0, 4096, buffer);
    assert.ok(found.at <= 1_000_000 && found.at + found.size > 1_000_004 && found.at % 4096 === 0);
    assert.equal(buffer.toString('latin1', 1_000_000 - found.at, 1_000_004 - found.at), 'data');
    assert.equal((await reader.read(Buffer.from('sparse'), 2_900_000, 4096, buffer)).size, 0);
    const file = openSnapshot(join(path, 'folder/file'));
    assert.deepEqual(await file.read(none, 0, 1, buffer), { at: 0, size: 7 });
  });

  it('never leaves its folder', async () => {
    const reader = openSnapshot(path);
    await assert.rejects(reader.list(Buffer.from('..')), code('EXDEV'));
    await assert.rejects(reader.list(Buffer.from('out')), code('ELOOP'));
    await assert.rejects(reader.read(Buffer.from('out/passwd'), 0, 1, Buffer.alloc(1)), code('ELOOP'));
    await assert.rejects(reader.describe(packed('out/passwd'), 1, 1), code('ELOOP'));
    assert.throws(() => openSnapshot(join(path, 'out')), code('ELOOP'));
  });

  it('says what is wrong with its arguments', async () => {
    const reader = openSnapshot(path);
    await assert.rejects(reader.list(Buffer.from('none')), code('ENOENT'));
    await assert.rejects(reader.describe(Buffer.from([9, 0, 1]), 1, 1), code('EINVAL'));
    assert.throws(() => reader.list('folder' as never), TypeError);
    assert.throws(() => reader.list(Buffer.from('a\0b')), TypeError);
    assert.throws(() => reader.read(none, 0, 0, Buffer.alloc(1)), RangeError);
    assert.throws(() => reader.read(none, -1, 1, Buffer.alloc(1)), RangeError);
    assert.throws(() => reader.read(none, 0, 1, {} as never), TypeError);
    assert.throws(() => openSnapshot(join(path, 'none')), code('ENOENT'));
    reader.close();
    reader.close();
    assert.throws(() => reader.list(none), code('ERR_CLOSED'));
  });

  it('answers 1000 calls at once', async () => {
    const reader = openSnapshot(path);
    const all = await Promise.all(Array.from({ length: 1000 }, () => reader.list(none)));
    assert.ok(all.every((each) => each.equals(all[0] ?? none)));
  });
});
