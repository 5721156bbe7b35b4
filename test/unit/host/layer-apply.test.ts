/** Layers of container images over real folders. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import {
  existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { applyLayer } from '../../../lib/host/layer-apply.js';
import { addonFile } from '../../../lib/host/native.js';
import type { NativeTree } from '../../../lib/host/native-linux.js';
import { file, folder, hardLink, symlink, tar, type TarEntry } from '../../tar.js';

const isRoot = process.getuid?.() === 0;

/** By what this system has, and by what illumos has. */
for (const addon of ['tree', 'tree-illumos'])
  describe(`a layer by ${addon}.node`, { skip: reasonToSkip(addon) }, () => {
    const tree = () => createRequire(import.meta.url)(addonFile(addon)) as NativeTree;
    let top: string;
    let root: string;
    const at = (path: string) => join(root, path);
    const text = (path: string) => readFileSync(at(path), 'utf8');
    const names = (path = '') => readdirSync(at(path)).sort();
    beforeEach(() => {
      top = mkdtempSync(join(tmpdir(), 'smartadm-layer-'));
      root = join(top, 'root');
      mkdirSync(root);
      writeFileSync(join(top, 'outside'), 'untouched');
    });
    afterEach(() => {
      assert.deepEqual(readdirSync(top).sort(), ['outside', 'root']);
      assert.equal(readFileSync(join(top, 'outside'), 'utf8'), 'untouched');
      rmSync(top, { recursive: true, force: true });
    });

    const applyBytes = (bytes: Buffer, piece = 700) => {
      const parts = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) => bytes.subarray(i * piece, (i + 1) * piece)); // prettier-ignore
      const { signal } = new AbortController();
      return applyLayer(root, Readable.from(parts, { objectMode: false }), signal, undefined, tree());
    };
    const apply = (...entries: readonly TarEntry[]) => applyBytes(tar(entries));

    it('makes what it holds, with owners, modes and times', async () => {
      await apply(
        folder('./', { mode: 0o711, mtime: 5000 }),
        folder('etc/', { mode: 0o750, uid: 3, gid: 4, mtime: 7000 }),
        file('etc/su', 'x'.repeat(3000), { mode: 0o4755, uid: 1, gid: 2, mtime: 8000 }),
        symlink('etc/link', '../../outside'),
        { name: 'pipe', type: '6', mode: 0o600 },
      );
      assert.equal(text('etc/su'), 'x'.repeat(3000));
      const su = statSync(at('etc/su'));
      assert.deepEqual([su.mode & 0o7777, su.uid, su.gid, su.mtimeMs], [0o4755, 1, 2, 8_000_000]);
      const etc = statSync(at('etc'));
      assert.deepEqual([etc.mode & 0o7777, etc.uid, etc.gid, etc.mtimeMs], [0o750, 3, 4, 7_000_000]);
      assert.deepEqual([statSync(root).mode & 0o7777, statSync(root).mtimeMs], [0o711, 5_000_000]);
      assert.equal(readlinkSync(at('etc/link')), '../../outside');
      assert.ok(lstatSync(at('pipe')).isFIFO());
    });

    it('is fine when it is empty', async () => {
      await apply();
      await applyBytes(Buffer.alloc(0));
      assert.deepEqual(names(), []);
    });

    it('makes folders that are only named on the way, whatever the umask', async () => {
      const before = process.umask(0o077);
      await apply(file('a/b/c', 'd')).finally(() => process.umask(before));
      assert.equal(statSync(at('a/b')).mode & 0o7777, 0o755);
    });

    it('replaces files by folders and folders by files', async () => {
      await apply(file('a', 'file'), file('b/c/d', 'deep'), symlink('s', 'b'));
      await apply(folder('a'), file('a/inner', '1'), file('b', 'now a file'), folder('s'), file('s/own', '2'));
      assert.equal(text('a/inner'), '1');
      assert.equal(text('b'), 'now a file');
      assert.ok(lstatSync(at('s')).isDirectory());
    });

    it('merges folders', async () => {
      await apply(folder('d', { mode: 0o700 }), file('d/old', '1'));
      await apply(folder('d', { mode: 0o755 }), file('d/new', '2'));
      assert.deepEqual(names('d'), ['new', 'old']);
      assert.equal(statSync(at('d')).mode & 0o777, 0o755);
    });

    it('takes away what whiteouts name, of the layers below only', async () => {
      await apply(file('gone', '1'), file('dir/a/b', '2'), file('stays', '3'), file('both', 'old'));
      await apply(
      file('.wh.gone'), file('both', 'new'), file('.wh.both'), file('dir/.wh.a'), file('.wh.missing'),
    ); // prettier-ignore
      assert.deepEqual(names(), ['both', 'dir', 'stays']);
      assert.equal(text('both'), 'new');
      assert.deepEqual(names('dir'), []);
    });

    for (const [when, order] of [
      ['first', 0],
      ['last', 2],
    ] as const) {
      it(`empties a folder of what was below when the opaque marker comes ${when}`, async () => {
        await apply(file('d/old/x', '1'), file('d/kept/x', '2'), file('d/f', '3'), file('other', '4'));
        const own = [folder('d'), file('d/kept/own', 'new')];
        own.splice(order, 0, file('d/.wh..wh..opq'));
        await apply(...own);
        assert.deepEqual(names('d'), ['kept']);
        assert.deepEqual(names('d/kept'), ['own']);
        assert.equal(text('other'), '4');
      });
    }

    it('spares a name that it gives to a file from below, not the file by its old name', async () => {
      await apply(file('old', 'content'));
      await apply(hardLink('new', 'old'), file('.wh.new'), file('.wh.old'));
      assert.deepEqual(names(), ['new']);
      assert.equal(text('new'), 'content');
    });

    it('leaves out what a union filesystem kept for itself', async () => {
      await apply(folder('.wh..wh.plnk'), file('.wh..wh.plnk/1.2', 'x'), file('.wh..wh.aufs'), file('a', '1'));
      assert.deepEqual(names(), ['a']);
    });

    it('follows links of the tree as from inside it', async () => {
      await apply(folder('usr/lib'), symlink('lib', 'usr/lib'), symlink('abs', '/usr/lib'), symlink('up', '../../..'));
      await apply(file('lib/a', '1'), file('abs/b', '2'), file('up/c', '3'), hardLink('abs/d', 'lib/a'));
      assert.deepEqual(names('usr/lib'), ['a', 'b', 'd']);
      assert.equal(text('c'), '3');
      assert.equal(statSync(at('usr/lib/a')).nlink, 2);
    });

    it('makes what a link in the way leads to', async () => {
      await apply(symlink('var/run', '/run/real'), file('var/run/pid', '1'));
      assert.equal(text('run/real/pid'), '1');
    });

    it('makes empty files of devices', async () => {
      await apply({ name: 'dev/sda', type: '4', mode: 0o660 }, { name: 'dev/null', type: '3', mode: 0o666 });
      assert.ok(lstatSync(at('dev/sda')).isFile());
      assert.equal(lstatSync(at('dev/null')).size, 0);
    });

    it('keeps extended attributes to the byte, and leaves out those of the machine', async () => {
      const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');
      const pax = {
        'SCHILY.xattr.security.capability': capability,
        'SCHILY.xattr.user.note': Buffer.from([0xff, 0x0a, 0x3d, 0x80]),
        'SCHILY.xattr.trusted.overlay.opaque': 'y',
        'SCHILY.xattr.security.selinux': 'x',
      };
      const losses = await apply(file('ping', 'x', { pax, uid: 5, mode: 0o755 }));
      if (addon === 'tree-illumos') {
        assert.deepEqual(losses.map(({ path }) => path), ['ping', 'ping']); // prettier-ignore
        return;
      }
      const program =
        'import os, sys\nfor name in os.listxattr(sys.argv[1]): print(name, os.getxattr(sys.argv[1], name).hex())';
      const { stdout } = spawnSync('/usr/bin/python3', ['-c', program, at('ping')], { encoding: 'utf8' });
      const values = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('security.selinux'));
      assert.deepEqual(values.sort(), [`security.capability ${capability.toString('hex')}`, 'user.note ff0a3d80']);
    });

    it('reads long names, bytes that are no UTF-8, large owners and fractions of seconds', async () => {
      const long = `${'n'.repeat(120)}/${'m'.repeat(200)}`;
      await apply(
        file('short', 'long', { pax: { path: long, mtime: '12.25', uid: '3000000' } }),
        file(Buffer.from([0x61, 0xff, 0x62]).toString('latin1'), 'bytes'),
      );
      assert.equal(text(long), 'long');
      assert.equal(statSync(at(long)).mtimeMs, 12_250);
      assert.equal(statSync(at(long)).uid, 3_000_000);
      const raw = readdirSync(Buffer.from(root), { encoding: 'buffer' }).map((name) => name.toString('hex'));
      assert.ok(raw.includes('61ff62'));
    });

    for (const format of ['1.0', '0.1', '0.0']) {
      it(`keeps the holes of a sparse file of GNU tar's format ${format}`, async () => {
        const source = mkdtempSync(join(tmpdir(), 'smartadm-sparse-'));
        try {
          spawnSync('truncate', ['-s', '20M', join(source, 'f')]);
          spawnSync('dd', [
            'if=/dev/zero',
            `of=${join(source, 'f')}`,
            'bs=1',
            'seek=9000000',
            'count=1',
            'conv=notrunc',
          ]);
          spawnSync('sh', ['-c', `printf middle | dd of=${join(source, 'f')} bs=1 seek=8000000 conv=notrunc`]);
          const made = spawnSync('tar', ['-C', source, '-S', '--format=posix', `--sparse-version=${format}`, '-cf', '-', 'f'], { maxBuffer: 2 ** 26 }); // prettier-ignore
          await applyBytes(made.stdout, 65_536);
          assert.ok(readFileSync(at('f')).equals(readFileSync(join(source, 'f'))));
          assert.ok(statSync(at('f')).blocks * 512 < 2 ** 20);
        } finally {
          rmSync(source, { recursive: true, force: true });
        }
      });
    }

    const refused: readonly (readonly [string, readonly TarEntry[], string?])[] = [
      ['a name that goes upwards', [file('../outside', 'bad')]],
      ['a name that goes upwards inside', [file('a/../../outside', 'bad')]],
      ['a hard link to the outside', [hardLink('a', '../outside'), file('a', 'bad')]],
      ['a hard link to nothing', [hardLink('a', 'b')]],
      ['a hard link to a folder', [folder('b'), hardLink('a', 'b')]],
      ['a whiteout of the folder above', [file('d/.wh...', '')]],
      ['a whiteout of its own folder', [file('d/.wh..', '')]],
      ['a whiteout of nothing', [file('.wh.', '')]],
      ['a whiteout that is a folder', [folder('.wh.a')]],
      ['a file in a file', [file('a', '1'), file('a/b', '2')]],
      ['links in a circle', [symlink('a', 'b'), symlink('b', 'a'), file('a/c', '1')]],
      ['a root that is a file', [file('./', '1', { type: '0' }), symlink('.', '/')]],
      ['a zero byte in a name', [file('a', '1', { pax: { path: Buffer.from('a\0b') } })]],
      ['a symbolic link to nowhere', [symlink('a', '')]],
      ['an owner below zero', [file('a', '1', { pax: { uid: '-1' } })]],
      [
        'a sparse file longer than told',
        [file('a', '1', { pax: { 'GNU.sparse.map': '0,5', 'GNU.sparse.size': '3' } })],
      ],
      ['a sparse file that is short', [file('a', '1', { pax: { 'GNU.sparse.map': '0,5', 'GNU.sparse.size': '5' } })]],
      ['an archive that ends early', [file('a', '1', { claims: 5000 })]],
      ['an unknown type', [file('a', '1', { type: 'S' })], 'StreamUnsupported'],
      ['too long a name', [file('a', '1', { pax: { path: 'x'.repeat(300) } })], 'StreamUnsupported'],
    ];
    for (const [what, entries, code = 'StreamInvalid'] of refused) {
      it(`with ${what} is refused`, () => assert.rejects(apply(...entries), { code }));
    }

    it('with a POSIX header whose length is below zero is refused', async () => {
      await assert.rejects(apply({ name: 'pax', type: 'x', data: '-9 a=b\nxx' }, file('a')), { code: 'StreamInvalid' });
    });

    it('writes through no link that it has made itself', async () => {
      await apply(symlink('out', '../outside'), file('out', 'inside'));
      assert.ok(lstatSync(at('out')).isFile());
      await apply(symlink('dir', '..'), file('dir/outside', 'inside'));
      assert.equal(text('outside'), 'inside');
    });

    it('with more entries than can be remembered is refused', async () => {
      const apply = (mostEntries: number) =>
        applyLayer(
          root,
          Readable.from([tar([file('a'), file('b'), file('c')])]),
          new AbortController().signal,
          mostEntries,
          tree(),
        );
      await assert.rejects(apply(2), { code: 'StreamUnsupported', message: /has more than 2 entries/ });
      await apply(3);
      assert.deepEqual(names(), ['a', 'b', 'c']);
    });

    it('that is no archive is refused', async () => {
      await assert.rejects(applyBytes(Buffer.alloc(2048, 'junk')), { code: 'StreamInvalid' });
    });

    it('fails with what its archive fails with, and with the reason of the signal', async () => {
      const broken = new Error('cut');
      const bytes = tar([file('a', Buffer.alloc(100_000))]);
      async function* cut() {
        yield bytes.subarray(0, 20_000);
        await Promise.resolve();
        throw broken;
      }
      const quiet = new AbortController();
      await assert.rejects(
        applyLayer(root, Readable.from(cut(), { objectMode: false }), quiet.signal, undefined, tree()),
        broken,
      );
      const stop = new AbortController();
      const reason = new Error('stopped');
      const endless = new Readable({ read: () => undefined });
      endless.push(bytes.subarray(0, 20_000));
      const applied = applyLayer(root, endless, stop.signal, undefined, tree());
      setTimeout(() => stop.abort(reason), 20);
      await assert.rejects(applied, reason);
    });
  });

function reasonToSkip(addon: string): string | false {
  if (!isRoot) return 'owners of files are for root to change';
  return existsSync(addonFile(addon)) ? false : `${addon}.node is not built`;
}
