/** Streams that are written from trees and volumes: what is read from them is what was there, to the last attribute. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { after, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { writeStream, type StreamRequest } from '../../../../lib/host/zfs-stream/write-stream.js';
import { assertSameTree, listTree } from '../../../zfs-stream/listing.js';
import { cut, fixture, ReceiveRoot, skipReason } from '../../../zfs-stream/received.js';
import { dumpStream, noZstream } from '../../../zfs-stream/zstream.js'; // prettier-ignore

const root = new ReceiveRoot();
const work = mkdtempSync(join(tmpdir(), 'write-stream-'));
after(() => {
  root.remove();
  rmSync(work, { recursive: true, force: true });
});

let count = 0;
function folder(): string {
  const path = join(work, String((count += 1)));
  mkdirSync(path);
  return path;
}

async function written(request: Partial<StreamRequest> & { readonly path: string }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stream = writeStream({ guid: 77n, name: 'zones/data@final', creation: 1_700_000_000, ...request });
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Receives what is written of a tree, and compares. */
async function assertSurvives(path: string, more: Partial<StreamRequest> = {}): Promise<Buffer> {
  const stream = await written({ path, ...more });
  const { result, path: copy } = await root.receive(stream);
  assert.deepEqual(result.losses, []);
  assertSameTree(await listTree(copy), await listTree(path));
  return stream;
}

describe('a stream of a tree', { skip: skipReason }, () => {
  for (const name of [
    'image-full', 'names-full', 'basic-full-b', 'records-full', 'lz4sa-full', 'zle-full-c', 'old-full', 'v4-full', 'empty-full',
    'zstd1m-full-Lec',
  ]) {
    it(`holds all that ${name} does, numbered anew and as it was received`, async () => {
      const received = await root.receive(cut(fixture(`${name}.zstream.gz`)));
      const anew = await assertSurvives(received.path);
      assert.equal(anew.readBigUInt64LE(16), (4n << 2n) | 1n);
      await assertSurvives(received.path, { received: { path: received.path, ledger: received.ledger } });
    });
  } // prettier-ignore

  it('is numbered as it was received, so that increments of the original apply to it', async () => {
    const base = await root.receive(cut(fixture('image-full.zstream.gz')));
    const guid = base.result.header.guid;
    const again = await root.receive(
      await written({ path: base.path, guid, received: { path: base.path, ledger: base.ledger } }),
    );
    const increment = fixture('image-incr.zstream.gz');
    const [one, other] = [await root.receive(cut(increment), base), await root.receive(cut(increment), again)];
    assertSameTree(await listTree(other.path), await listTree(one.path));
  });

  it('keeps large directories, long names and names that are no text', async () => {
    const path = folder();
    for (let index = 0; index < 5000; index += 1)
      writeFileSync(join(path, `file-${index}-${'x'.repeat(index % 80)}`), '');
    writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xff, 0xfe, 0x80])]), 'bytes');
    mkdirSync(join(path, 'd'.repeat(255)));
    await assertSurvives(path);
  });

  it('of many names in leaves of several depths points to every one of them', async () => {
    const path = folder();
    for (let index = 0; index < 40_000; index += 1) symlinkSync('x', join(path, `${'n'.repeat(60)}${index}`));
    await assertSurvives(path);
  });

  it('keeps links, targets of any length, devices, fifos, owners, modes and times', async () => {
    const path = folder();
    writeFileSync(join(path, 'file'), 'text');
    linkSync(join(path, 'file'), join(path, 'other-name'));
    for (const length of [1, 100, 136, 137, 200, 4000]) symlinkSync('t'.repeat(length), join(path, `link${length}`));
    execFileSync('mknod', [join(path, 'fifo'), 'p']);
    execFileSync('mknod', [join(path, 'device'), 'b', '259', '70000']);
    for (const mode of ['0000', '0644', '0755', '4711', '2070', '1777', '0007', '0070', '0356']) {
      const file = join(path, `mode${mode}`);
      writeFileSync(file, mode);
      execFileSync('chown', ['-h', '123456:654321', file]);
      execFileSync('chmod', [mode, file]);
      execFileSync('touch', ['-h', '-d', '1965-03-04 05:06:07.123456789', file]);
    }
    await assertSurvives(path);
  });

  it('has holes where the file has them, and where it has zeros', async () => {
    const path = folder();
    const sparse = openSync(join(path, 'sparse'), 'w');
    for (const at of [0, 1_000_000, 5_000_000]) writeSync(sparse, 'x', at);
    ftruncateSync(sparse, 100_000_000);
    closeSync(sparse);
    writeFileSync(join(path, 'zeros'), Buffer.alloc(3_000_000));
    for (const size of [1, 511, 512, 513, 131_071, 131_072, 131_073, 262_144, 1_048_577]) {
      writeFileSync(join(path, `size${size}`), Buffer.alloc(size, size & 0xff));
    }
    const stream = await assertSurvives(path);
    assert.ok(stream.length < 3_000_000, String(stream.length));
  });

  it('of a volume has its size and content', async () => {
    const path = join(work, 'volume');
    const file = openSync(path, 'w');
    for (const at of [0, 70_000, 9_999_990]) writeSync(file, 'content', at);
    ftruncateSync(file, 10_000_384);
    closeSync(file);
    const volume = { sizeBytes: 10_000_384, blockBytes: 8192 };
    const { path: copy, result } = await root.receive(await written({ path, volume }));
    assert.equal(result.volsizeBytes, 10_000_384);
    assert.ok(readFileSync(copy).equals(readFileSync(path)));
    const changed = join(work, 'changed');
    execFileSync('cp', ['--sparse=always', path, changed]);
    const again = openSync(changed, 'r+');
    writeSync(again, 'CONTENT', 70_000);
    writeSync(again, Buffer.alloc(7), 0, 7, 0);
    closeSync(again);
    const base = await root.receive(await written({ path, volume, guid: 5n }));
    const increment = await written({ path: changed, volume, guid: 6n, from: { path, guid: 5n, ofClone: true } });
    assert.ok(increment.length < 16_384);
    assert.ok(readFileSync((await root.receive(increment, base)).path).equals(readFileSync(changed)));
  });

  it('says what cannot be sent', async () => {
    const from = await root.receive(cut(fixture('v4-full.zstream.gz')));
    const request = { path: from.path, received: { path: from.path, ledger: from.ledger } };
    const increment = written({ ...request, from: { path: from.path, guid: 1n, ofClone: false } });
    await assert.rejects(increment, (error) => codeOf(error) === 'StreamUnsupported');
    await assert.rejects(written({ path: join(work, 'none') }), (error) => codeOf(error) === 'DatasetNotFound');
  });

  it('ends with the reason when it is aborted', async () => {
    const controller = new AbortController();
    const path = folder();
    writeFileSync(join(path, 'large'), Buffer.alloc(20_000_000, 1));
    const stream = writeStream({ guid: 7n, name: 'zones/x@y', creation: 0, path }, controller.signal);
    const reason = new Error('enough');
    stream.once('data', () => {
      controller.abort(reason);
    });
    await assert.rejects(finished(stream), reason);
    const late = writeStream({ guid: 7n, name: 'zones/x@y', creation: 0, path }, AbortSignal.abort(reason));
    // Nobody has looked at it yet.
    await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(finished(late), reason);
  });

  it('is sound to the tools of OpenZFS', { skip: noZstream }, async () => {
    const { path } = await root.receive(cut(fixture('names-full.zstream.gz')));
    const stream = await written({ path });
    const counts = await dumpStream(stream);
    assert.equal(counts['length'], stream.length);
    assert.equal(counts['BEGIN'], 1);
    assert.equal(counts['END'], 1);
  });
});
