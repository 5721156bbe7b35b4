/** What datasets on btrfs do beyond the contract: limits that hold, zones that pry, use that is noticed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'; // prettier-ignore
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import { recordedStream } from '../contract/datasets.js';
import { openTestPool, type TestPool } from '../pool.js';

const MiB = 2 ** 20;
const btrfs = loadNative('btrfs');

const rejects = (work: Promise<unknown>, code: string) =>
  assert.rejects(work, (error) => {
    assert.equal(codeOf(error), code, error instanceof Error ? error.stack : undefined);
    return true;
  });

/** Bytes that nothing compresses. */
function noise(bytes: number): Buffer {
  return spawnSync('head', ['-c', String(bytes), '/dev/urandom'], { maxBuffer: bytes * 2 }).stdout;
}

/** Writes until it cannot, as far as the kernel lets it. */
function fill(file: string, bytes: number): { readonly written: number; readonly refused: boolean } {
  const chunk = noise(64 * 1024);
  let fd: number | undefined;
  let written = 0;
  try {
    fd = openSync(file, 'a');
    while (written < bytes) written += writeSync(fd, chunk);
    return { written, refused: false };
  } catch (error) {
    assert.ok(error instanceof Error && 'errno' in error && error.errno === -122, String(error));
    return { written, refused: true };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

describe('datasets on btrfs', () => {
  let pool: TestPool;
  before(async () => {
    pool = await openTestPool();
  });
  after(() => {
    pool.close();
  });
  const at = (path: string) => pool.at(`/zones/${path}`);
  const usedBytes = async (name: string) => {
    await btrfs.sync(at(''));
    return (await pool.datasets.find(name))?.usedBytes ?? assert.fail(name);
  };

  describe('a quota', () => {
    it('stops a writer at the limit, moves under its feet, and is lifted', async () => {
      await pool.datasets.create('zones/q', { quota: '16M' });
      const first = fill(at('q/f'), 64 * MiB);
      assert.ok(first.refused && first.written > 15 * MiB && first.written <= 16 * MiB, String(first.written));
      await pool.datasets.set('zones/q', { quota: '24M' });
      const second = fill(at('q/f'), 64 * MiB);
      assert.ok(second.refused && second.written > 7 * MiB && second.written <= 8 * MiB, String(second.written));
      await pool.datasets.set('zones/q', { quota: 'none' });
      assert.ok(!fill(at('q/f'), 16 * MiB).refused);
    });

    it('counts datasets and subvolumes inside, and is not escaped by making some', async () => {
      await pool.datasets.create('zones/outer', { quota: '16M' });
      await pool.datasets.create('zones/outer/inner', { quota: '8M' });
      const inner = fill(at('outer/inner/f'), 64 * MiB);
      assert.ok(inner.refused && inner.written <= 8 * MiB, String(inner.written));
      await btrfs.createSubvolume(at('outer/escape'));
      const escape = fill(at('outer/escape/f'), 64 * MiB);
      assert.ok(escape.refused && escape.written <= 8 * MiB, String(escape.written));
      assert.ok((await usedBytes('zones/outer')) > 15 * MiB);
      assert.equal(await pool.datasets.find('zones/outer/escape'), undefined);
    });

    it('that is used up keeps nobody from snapshots, raising it, or cleaning up', async () => {
      await pool.datasets.create('zones/full', { quota: '8M' });
      await pool.datasets.create('zones/full/child');
      fill(at('full/f'), 64 * MiB);
      await pool.datasets.snapshot('zones/full@s');
      await pool.datasets.set('zones/full', { 'test:note': 'x'.repeat(2000) });
      await pool.datasets.rename('zones/full/child', 'zones/full/kid');
      await pool.datasets.destroy('zones/full/kid');
      assert.ok(fill(at('full/g'), 8 * MiB).refused, 'the limit is back');
      await pool.datasets.rollback('zones/full@s');
      await pool.datasets.destroy('zones/full', { recursive: true });
    });

    it('follows a dataset that moves to another parent', async () => {
      await pool.datasets.create('zones/small', { quota: '8M' });
      await pool.datasets.create('zones/mover');
      await pool.datasets.rename('zones/mover', 'zones/small/mover');
      assert.ok(fill(at('small/mover/f'), 64 * MiB).written <= 8 * MiB);
      await pool.datasets.rename('zones/small/mover', 'zones/mover');
      assert.ok(!fill(at('mover/f'), 16 * MiB).refused);
      assert.ok((await usedBytes('zones/small')) < MiB);
    });

    it('refquota leaves out what is inside', async () => {
      await pool.datasets.create('zones/ref', { refquota: '4M' });
      await pool.datasets.create('zones/ref/child');
      assert.ok(fill(at('ref/f'), 64 * MiB).written <= 4 * MiB);
      assert.ok(!fill(at('ref/child/f'), 8 * MiB).refused);
    });
  });

  it('a clone pays only for what it writes, a rolled-back dataset still for its snapshots', async () => {
    await pool.datasets.create('zones/image');
    writeFileSync(at('image/f'), noise(20 * MiB));
    await pool.datasets.snapshot('zones/image@final');
    await pool.datasets.clone('zones/image@final', 'zones/clone', { quota: '16M' });
    assert.ok((await usedBytes('zones/clone')) < MiB);
    writeFileSync(at('clone/g'), noise(5 * MiB));
    await pool.datasets.snapshot('zones/clone@s');
    const used = await usedBytes('zones/clone');
    assert.ok(used >= 5 * MiB && used < 6 * MiB, String(used));
    const clone = await pool.datasets.find('zones/clone');
    assert.ok((clone?.referencedBytes ?? 0) >= 25 * MiB);
    assert.ok((clone?.availableBytes ?? 0) <= 11 * MiB);
    const snapshot = await pool.datasets.find('zones/clone@s');
    assert.ok((snapshot?.writtenBytes ?? 0) >= 5 * MiB && (snapshot?.writtenBytes ?? 0) < 6 * MiB);
    rmSync(at('clone/g'));
    writeFileSync(at('clone/h'), noise(4 * MiB));
    await pool.datasets.rollback('zones/clone@s');
    const after = await usedBytes('zones/clone');
    assert.ok(after >= 5 * MiB && after < 11 * MiB, String(after));
    const { written } = fill(at('clone/i'), 64 * MiB);
    assert.ok(written <= 16 * MiB - 5 * MiB, 'what the snapshot holds counts');
  });

  it('readonly means what it says, in a clone and through a rename', async () => {
    await pool.datasets.create('zones/ro', { readonly: 'on' });
    assert.throws(() => {
      writeFileSync(at('ro/f'), 'x');
    }, { code: 'EROFS' }); // prettier-ignore
    await pool.datasets.set('zones/ro', { 'test:a': 'b', quota: '1G' });
    await pool.datasets.rename('zones/ro', 'zones/ro2');
    assert.throws(() => {
      writeFileSync(at('ro2/f'), 'x');
    }, { code: 'EROFS' }); // prettier-ignore
    await pool.datasets.set('zones/ro2', { readonly: null });
    writeFileSync(at('ro2/f'), 'x');
    await pool.datasets.set('zones/ro2', { readonly: 'on' });
    await pool.datasets.snapshot('zones/ro2@s');
    await pool.datasets.rollback('zones/ro2@s');
    assert.throws(() => {
      writeFileSync(at('ro2/f'), 'y');
    }, { code: 'EROFS' }); // prettier-ignore
    await pool.datasets.destroy('zones/ro2', { recursive: true });
  });

  it('compression holds for what is written from now on, old folders and inheriting datasets included', async () => {
    const blocksOf = async (file: string) => {
      writeFileSync(at(file), Buffer.alloc(4 * MiB, 'compressible '));
      await btrfs.sync(at(''));
      const { stdout } = spawnSync('filefrag', ['-v', at(file)], { encoding: 'utf8' });
      return stdout.includes('encoded') ? 'compressed' : 'plain';
    };
    await pool.datasets.create('zones/c');
    await pool.datasets.create('zones/c/child');
    mkdirSync(at('c/folder'));
    assert.equal(await blocksOf('c/folder/a'), 'plain');
    await pool.datasets.set('zones/c', { compression: 'lz4' });
    assert.equal(await blocksOf('c/folder/b'), 'compressed');
    assert.equal(await blocksOf('c/folder/a'), 'compressed');
    assert.equal(await blocksOf('c/child/a'), 'compressed');
    await pool.datasets.snapshot('zones/c@s');
    await pool.datasets.clone('zones/c@s', 'zones/c-clone');
    assert.equal(await blocksOf('c-clone/folder/c'), 'plain');
    await pool.datasets.set('zones/c/child', { compression: 'off' });
    assert.equal(await blocksOf('c/child/b'), 'plain');
    await pool.datasets.create('zones/c/new', { compression: 'zstd-3' });
    assert.equal(await blocksOf('c/new/a'), 'compressed');
  });

  it('what is mounted is busy', async () => {
    await pool.datasets.create('zones/busy');
    await pool.datasets.snapshot('zones/busy@s');
    mkdirSync(at('busy/root'));
    const elsewhere = pool.at('/elsewhere');
    mkdirSync(elsewhere);
    const posix = loadNative('posix');
    for (const [source, target] of [[at('busy/root'), elsewhere], [elsewhere, at('busy/root')]] as const) {
      await posix.mount(source, target, '', ['bind'], '');
      await rejects(pool.datasets.destroy('zones/busy', { recursive: true }), 'DatasetBusy');
      await rejects(pool.datasets.rename('zones/busy', 'zones/busy2'), 'DatasetBusy');
      await rejects(pool.datasets.rollback('zones/busy@s'), 'DatasetBusy');
      await posix.unmount(target, false);
    } // prettier-ignore
    await pool.datasets.destroy('zones/busy', { recursive: true });
  });

  it('a zone gains nothing by snapshots, renames and links of its own', async () => {
    await pool.datasets.create('zones/data', { 'test:secret': 'x' });
    await pool.datasets.create('zones/data/child');
    // A copy carries the record of its original.
    await btrfs.snapshotSubvolume(at('data'), at('data/copy'));
    assert.equal(await pool.datasets.find('zones/data/copy'), undefined);
    renameSync(at('data/child'), at('data/a#b'));
    mkdirSync(at('data/plain'));
    const names = (await pool.datasets.list({ root: 'zones/data' })).map(({ name }) => name);
    assert.deepEqual(names, ['zones/data']);
    renameSync(at('data/a#b'), at('data/plain/child'));
    assert.equal(await pool.datasets.find('zones/data/plain/child'), undefined);
    renameSync(at('data/plain/child'), at('data/child'));
    // A link in the place of a dataset leads nowhere.
    await pool.datasets.create('zones/victim');
    await pool.datasets.create('zones/victim/inside');
    renameSync(at('data/child'), at('data/hidden'));
    symlinkSync(at('victim'), at('data/child'));
    await rejects(pool.datasets.create('zones/data/child/evil'), 'DatasetNotFound');
    await rejects(pool.datasets.destroy('zones/data/child/inside'), 'DatasetNotFound');
    await rejects(pool.datasets.create('zones/data/child'), 'DatasetExists');
    await pool.datasets.destroy('zones/data', { recursive: true });
    assert.ok(statSync(at('victim/inside')).isDirectory());
  });

  it('the records cannot be seen by others than root, nor the snapshots reached', async () => {
    await pool.datasets.create('zones/seen', { 'test:secret': 'x' });
    await pool.datasets.snapshot('zones/seen@s');
    // Others get as far as the pool, as they do on a host.
    chmodSync(pool.at('/'), 0o755);
    const seen = (uid: number, ...args: string[]) =>
      spawnSync('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...args], { encoding: 'utf8' });
    const reading = 'import os, sys; print(os.getxattr(sys.argv[1], "trusted.smartadm.dataset"))';
    const record = ['/usr/bin/python3', '-c', reading, at('seen')];
    assert.match(seen(0, ...record).stdout, /test:secret/);
    assert.match(seen(65534, ...record).stderr, /OSError: \[Errno \d+\]/);
    assert.equal(seen(0, 'ls', at('.smartadm')).status, 0);
    assert.notEqual(seen(65534, 'ls', at('.smartadm')).status, 0);
    assert.equal(statSync(at('.smartadm')).mode & 0o777, 0o700);
    assert.ok((await pool.datasets.find('zones/seen@s'))?.content?.startsWith(at('.smartadm/')));
  });

  it('a ledger follows its snapshot and goes with it', async () => {
    const ledgers = () => readdirSync(at('.smartadm/ledgers'));
    await pool.datasets.receive('zones/base-partial', recordedStream('image-full'));
    assert.equal(ledgers().length, 1);
    await pool.datasets.rename('zones/base-partial', 'zones/base');
    await pool.datasets.receive('zones/kid', recordedStream('image-incr'), { origin: 'zones/base@final' });
    assert.equal(ledgers().length, 2);
    await pool.datasets.destroy('zones/kid', { recursive: true });
    await pool.datasets.destroy('zones/base@final');
    assert.deepEqual(ledgers(), []);
  });

  it('nothing is left of what was removed: no subvolume, no group, no entry', async () => {
    for (const { name } of await pool.datasets.list({ root: 'zones', depth: 1, types: ['filesystem'] })) {
      if (name === 'zones' || name === 'zones/c' || name === 'zones/image') continue;
      await pool.datasets.destroy(name, { recursive: true });
    }
    for (const name of ['zones/c', 'zones/image']) await pool.datasets.destroy(name, { recursive: true });
    assert.deepEqual(await btrfs.list(at(''), 'trusted.none'), []);
    for (const folder of ['snapshots', 'work', 'ledgers']) {
      assert.deepEqual(readdirSync(join(at('.smartadm'), folder)), [], folder);
    }
    const groups = spawnSync('btrfs', ['qgroup', 'show', at('')], { encoding: 'utf8' });
    if (groups.status === 0) assert.doesNotMatch(groups.stdout, /^1\//m);
    assert.match(readFileSync('/proc/self/mountinfo', 'utf8'), /btrfs/);
  });
});
