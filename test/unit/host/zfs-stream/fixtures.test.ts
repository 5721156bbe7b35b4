/** Streams that a real ZFS wrote, each compared with what that ZFS had. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { codeOf, describeError } from '../../../../lib/errors.js';
import type { Loss } from '../../../../lib/host/zfs-stream/files.js';
import { assertSameTree, listTree, readManifest } from '../../../zfs-stream/listing.js';
import { cut, fixture, fixturePath, ReceiveRoot, skipReason, type Received } from '../../../zfs-stream/received.js';

interface Stream {
  readonly stream: string;
  readonly base: string | null;
  readonly target: string | null;
}

const { streams } = JSON.parse(fixture('index.json').toString()) as { readonly streams: readonly Stream[] };

/** What a reader of single datasets cannot take, and what it says. */
const refused: Readonly<Record<string, RegExp>> = {
  'repl-R-a.zstream.gz': /more than one dataset/,
  'repl-R-b.zstream.gz': /more than one dataset/,
  'repl-R-Lec-b.zstream.gz': /more than one dataset/,
  'repl-R-I-a-b.zstream.gz': /more than one dataset/,
  'records-resumed.zstream.gz': /interrupted/,
  'crypt-raw.zstream.gz': /encrypted/,
};

/** Their manifests were taken after a receiver that had stored zeros as holes. */
const withoutHoles = new Set(['old-full.zstream.gz', 'old-incr.zstream.gz']);

/** Attributes that the filesystem under the test cannot hold; everything else must be there. */
function excused(losses: readonly Loss[]): Set<string> {
  return new Set(
    losses.map(({ path, what }) => {
      const key = /^extended attribute (\S+), which the filesystem cannot hold$/.exec(what)?.[1];
      assert.ok(key !== undefined, `${path} lost ${what}`);
      return `${path} ${key}`;
    }),
  );
}

describe('streams of a real ZFS', { skip: skipReason }, () => {
  const root = new ReceiveRoot();
  /** All that was received of each snapshot; the first and the last are bases of increments. */
  const received = new Map<string, Received[]>();
  after(() => root.remove());

  for (const { stream, base, target } of streams) {
    const reason = refused[stream];
    if (reason !== undefined || target === null) {
      it(`${stream} is refused`, async () => {
        await assert.rejects(root.receive(fixture(stream)), (error) => {
          assert.equal(codeOf(error), 'StreamUnsupported');
          assert.match(describeError(error), reason ?? /never/);
          return true;
        });
      });
      continue;
    }
    it(`${stream} gives ${target}`, async () => {
      const origins = base === null ? [undefined] : received.get(base);
      assert.ok(origins !== undefined && origins.length > 0, `nothing was received of ${base ?? ''}`);
      for (const origin of new Set([origins[0], origins[origins.length - 1]])) {
        const got = await root.receive(fixture(stream), origin);
        assert.equal(got.result.header.snapshot, target.slice(target.indexOf('@') + 1));
        if (got.result.header.type === 'volume') assertSameVolume(got, target);
        else {
          const is = await listTree(got.path);
          const should = readManifest(fixturePath(`${target}.manifest.jsonl.gz`));
          assertSameTree(is, should, { lost: excused(got.result.losses), holes: !withoutHoles.has(stream) });
        }
        if (origin === origins[0]) received.set(target, [...(received.get(target) ?? []), got]);
      }
    });
  }

  it('a stream is read the same in chunks of any size', async () => {
    const bytes = fixture('lz4sa-full-Lec.zstream.gz');
    const should = readManifest(fixturePath('lz4sa@a.manifest.jsonl.gz'));
    for (const size of [97, 311, bytes.length]) {
      const got = await root.receive(cut(bytes, size));
      assert.equal(got.result.bytes, bytes.length);
      assertSameTree(await listTree(got.path), should, { lost: excused(got.result.losses) });
    }
  });

  it('an increment on another snapshot than its own is refused', async () => {
    const [other] = received.get('lz4sa@a') ?? [];
    await assert.rejects(root.receive(fixture('gzip9-incr-c.zstream.gz'), other), (error) => {
      assert.match(describeError(error), /another snapshot/);
      return codeOf(error) === 'StreamInvalid';
    });
    await assert.rejects(
      root.receive(fixture('gzip9-incr-c.zstream.gz')),
      (error) => codeOf(error) === 'StreamInvalid',
    );
  });

  it('what a broken connection leaves is refused', async () => {
    await assert.rejects(root.receive(fixture('records-first-part.zstream.gz')), (error) => {
      assert.match(describeError(error), /ends early/);
      return codeOf(error) === 'StreamInvalid';
    });
  });

  it('a failing source fails the receive with its own error', async () => {
    const missing = createReadStream('/nonexistent');
    await assert.rejects(root.receive(missing), (error) => codeOf(error) === 'ENOENT');
  });

  it('an abort ends the receive with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const endless = function* (): Generator<Buffer> {
      yield* cut(fixture('basic-full-a.zstream.gz').subarray(0, 1_000_000));
      controller.abort(reason);
      yield Buffer.alloc(1000);
    };
    await assert.rejects(root.receive(endless(), undefined, controller.signal), (error) => error === reason);
  });
});

function assertSameVolume({ path, result }: Received, target: string): void {
  const should = JSON.parse(fixture(`${target}.zvol.json`).toString()) as { volsize: number; sha256: string };
  assert.equal(result.volsizeBytes, should.volsize);
  assert.equal(statSync(path).size, should.volsize);
  assert.equal(createHash('sha256').update(readFileSync(path)).digest('hex'), should.sha256);
}
