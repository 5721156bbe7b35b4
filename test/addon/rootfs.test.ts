/** Every export of rootfs.node with good and bad arguments, in trees that want to lead out of themselves. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeRootfs } from '../../lib/host/native-linux.js';

const rootfs = loadNative('rootfs');
const loose = rootfs as unknown as Record<keyof NativeRootfs, (...args: unknown[]) => unknown>;
const top = mkdtempSync(join(tmpdir(), 'smartadm-rootfs-'));
const root = join(top, 'root');
const outside = join(top, 'outside');
const code =
  (...expected: string[]) =>
  (error: unknown) =>
    expected.includes(codeOf(error) ?? '');
const bytes = Buffer.from('text');

mkdirSync(join(root, 'etc/deep'), { recursive: true });
mkdirSync(outside);
writeFileSync(join(outside, 'secret'), 'secret');
writeFileSync(join(root, 'etc/file'), 'a file');
symlinkSync(outside, join(root, 'absolute'));
symlinkSync('../outside', join(root, 'relative'));
symlinkSync('etc', join(root, 'inner'));
symlinkSync(join(outside, 'secret'), join(root, 'etc/link'));
symlinkSync(root, join(top, 'link-to-root'));
spawnSync('mkfifo', [join(root, 'fifo')]);
spawnSync('mknod', [join(root, 'device'), 'c', '1', '5']);

after(() => {
  rmSync(top, { recursive: true });
});

describe('kindOf', () => {
  it('tells what is there, without following', async () => {
    const paths = ['/etc', '/etc/file', '/etc/link', '/absolute', '/fifo', '/device', '/etc/none', '/none/none'];
    const kinds = await Promise.all(paths.map((path) => rootfs.kindOf(root, path)));
    assert.deepEqual(kinds, ['directory', 'file', 'symlink', 'symlink', 'other', 'other', undefined, undefined]);
    assert.equal(await rootfs.kindOf(root, 'etc/file'), 'file');
  });

  it('answers a thousand times at once', async () => {
    const kinds = await Promise.all(Array.from({ length: 1000 }, () => rootfs.kindOf(root, '/etc/file')));
    assert.ok(kinds.every((kind) => kind === 'file'));
  });
});

describe('no export', () => {
  const calls: readonly [string, (root: string, path: string) => Promise<unknown>][] = [
    ['kindOf', (at, path) => rootfs.kindOf(at, path)],
    ['readFile', (at, path) => rootfs.readFile(at, path, 100)],
    ['writeFile', (at, path) => rootfs.writeFile(at, path, bytes, 0o644)],
    ['makeDirectory', (at, path) => rootfs.makeDirectory(at, path, 0o755)],
    ['removeDirectory', (at, path) => rootfs.removeDirectory(at, path)],
  ];
  for (const [name, call] of calls) {
    it(`leads out of the root: ${name}`, async () => {
      for (const folder of ['/absolute', '/relative', '/inner']) {
        await assert.rejects(call(root, `${folder}/secret`), code('ELOOP', 'ENOTDIR'), folder);
      }
      await assert.rejects(call(root, '/../outside/secret'), code('EXDEV', 'EINVAL'));
      await assert.rejects(call(root, '/etc/../../outside/secret'), code('EXDEV', 'EINVAL'));
      await assert.rejects(call(root, '/etc/..'), code('EINVAL'));
      await assert.rejects(call(root, '/etc/file/x'), code('ENOTDIR'));
      await assert.rejects(call(join(top, 'link-to-root'), '/etc/file'), code('ELOOP', 'ENOTDIR'));
      await assert.rejects(call(join(top, 'nowhere'), '/etc/file'), code('ENOENT'));
      assert.deepEqual(readdirSync(outside), ['secret']);
      assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
    });
  }
});

describe('readFile', () => {
  it('gives what regular files hold, up to a limit', async () => {
    assert.equal((await rootfs.readFile(root, '/etc/file', 6))?.toString(), 'a file');
    await assert.rejects(rootfs.readFile(root, '/etc/file', 5), code('EFBIG'));
    assert.equal(await rootfs.readFile(root, '/etc/none', 6), undefined);
    assert.equal(await rootfs.readFile(root, '/none/none', 6), undefined);
    writeFileSync(join(root, 'etc/large'), Buffer.alloc(300_000, 7));
    assert.equal((await rootfs.readFile(root, '/etc/large', 300_000))?.length, 300_000);
  });

  it('neither follows a link nor waits for a pipe, nor reads a device', async () => {
    await assert.rejects(rootfs.readFile(root, '/etc/link', 100), code('ELOOP'));
    await assert.rejects(rootfs.readFile(root, '/fifo', 100), code('EINVAL'));
    await assert.rejects(rootfs.readFile(root, '/device', 100), code('EINVAL'));
    await assert.rejects(rootfs.readFile(root, '/etc', 100), code('EISDIR'));
  });
});

describe('writeFile', () => {
  it('makes and replaces files with a mode, and leaves no draft', async () => {
    await rootfs.writeFile(root, '/etc/new', bytes, 0o640);
    await rootfs.writeFile(root, '/etc/new', Buffer.from('more'), 0o600);
    assert.equal(readFileSync(join(root, 'etc/new'), 'utf8'), 'more');
    assert.equal(statSync(join(root, 'etc/new')).mode & 0o7777, 0o600);
    assert.ok(!readdirSync(join(root, 'etc')).some((name) => name.includes('.new')));
  });

  it('replaces a link by a file', async () => {
    symlinkSync(join(outside, 'secret'), join(root, 'etc/trap'));
    symlinkSync(join(outside, 'secret'), join(root, 'etc/.trap.new'));
    await rootfs.writeFile(root, '/etc/trap', bytes, 0o644);
    assert.ok(lstatSync(join(root, 'etc/trap')).isFile());
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
  });

  it('replaces no directory, makes none, and leaves no draft then', async () => {
    await assert.rejects(rootfs.writeFile(root, '/etc/deep', bytes, 0o644), code('EISDIR'));
    await assert.rejects(rootfs.writeFile(root, '/none/file', bytes, 0o644), code('ENOENT'));
    assert.ok(!readdirSync(join(root, 'etc')).some((name) => name.startsWith('.deep')));
  });
});

describe('makeDirectory', () => {
  it('makes all that is missing, with the mode for the last', async () => {
    await rootfs.makeDirectory(root, '/var/svc/log', 0o1777);
    assert.equal(statSync(join(root, 'var/svc/log')).mode & 0o7777, 0o1777);
    assert.equal(statSync(join(root, 'var/svc')).mode & 0o7777, 0o755);
    await rootfs.makeDirectory(root, '/var/svc/log', 0o700);
    assert.equal(statSync(join(root, 'var/svc/log')).mode & 0o7777, 0o1777);
    await assert.rejects(rootfs.makeDirectory(root, '/etc/file', 0o755), code('ENOTDIR'));
  });
});

describe('removeDirectory', () => {
  it('removes an empty one, and nothing else', async () => {
    await rootfs.makeDirectory(root, '/gone/inner', 0o755);
    await assert.rejects(rootfs.removeDirectory(root, '/gone'), code('ENOTEMPTY'));
    await rootfs.removeDirectory(root, '/gone/inner');
    await rootfs.removeDirectory(root, '/gone');
    await rootfs.removeDirectory(root, '/gone');
    await rootfs.removeDirectory(root, '/none/none');
    assert.equal(await rootfs.kindOf(root, '/gone'), undefined);
    await assert.rejects(rootfs.removeDirectory(root, '/etc/file'), code('ENOTDIR'));
    await assert.rejects(rootfs.removeDirectory(root, '/inner'), code('ENOTDIR'));
  });
});

describe('arguments', () => {
  const wrong: readonly [string, () => unknown][] = [
    ['no root', () => loose.kindOf()],
    ['a root that is no string', () => loose.kindOf(7, '/x')],
    ['no path', () => loose.kindOf(root)],
    ['the root as path', () => loose.kindOf(root, '/')],
    ['an empty path', () => loose.readFile(root, '', 1)],
    ['a path with a zero byte', () => loose.readFile(root, '/a\0b', 1)],
    ['a path without end', () => loose.readFile(root, 'x'.repeat(1e6), 1)],
    ['no limit', () => loose.readFile(root, '/x')],
    ['a negative limit', () => loose.readFile(root, '/x', -1)],
    ['no path to remove', () => loose.removeDirectory(root)],
    ['the root to remove', () => loose.removeDirectory(root, '/')],
    ['no data', () => loose.writeFile(root, '/x')],
    ['data that is text', () => loose.writeFile(root, '/x', 'text', 0o644)],
    ['no mode', () => loose.writeFile(root, '/x', bytes)],
    ['a mode out of range', () => loose.makeDirectory(root, '/x', 0o10000)],
    ['a mode that is text', () => loose.makeDirectory(root, '/x', '755')],
  ];
  for (const [what, call] of wrong) {
    it(`refuse ${what} at once`, () => {
      assert.throws(call, (error) => error instanceof TypeError || error instanceof RangeError);
    });
  }
});
