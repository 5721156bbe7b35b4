/** Files that are put into the tree while the stream is read: whatever the order of objects, the tree is the same. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { entryOf, fileBonus, FilesystemWriter, Fixed, Mode, packAttributes } from '../../../zfs-stream/filesystem.js';
import { listTree } from '../../../zfs-stream/listing.js';
import { ReceiveRoot, skipReason } from '../../../zfs-stream/received.js';
import { padded } from '../../../zfs-stream/writer.js';

const root = new ReceiveRoot();
after(() => root.remove());

const { first } = Fixed;
const file = (number: number): bigint => entryOf(number, Mode.file);
const folder = (number: number): bigint => entryOf(number, Mode.directory);

async function refused(writer: FilesystemWriter, message: RegExp): Promise<void> {
  await assert.rejects(root.receive(writer.end().take()), (error) => {
    assert.equal(codeOf(error), 'StreamInvalid', String(error));
    assert.match(String(error), message);
    return true;
  });
}

/** A root with a directory that holds one file, which is put there as soon as it comes. */
function oneFile(): FilesystemWriter {
  const writer = new FilesystemWriter();
  writer.directory(Fixed.root, [['d', folder(first)]]);
  writer.directory(first, [['f', file(first + 1)]]);
  return writer.file(first + 1, Buffer.from('content'), { parent: first });
}

describe('a full stream', { skip: skipReason }, () => {
  it('leads to the same tree whatever numbers directories and files have', async () => {
    const names = ['', 'a', 'a/b', 'a/b/file', 'a/file', 'a/other', 'file'];
    const expected = join(root.path, 'expected');
    for (const name of names) {
      if (name.endsWith('file') || name.endsWith('other')) writeFileSync(join(expected, name), `content of ${name}`);
      else mkdirSync(join(expected, name));
    }
    const shown = async (path: string) =>
      [...(await listTree(path))].map(([name, entry]) => [name, entry.type, entry.sha256]).sort();
    const should = await shown(expected);
    for (let shift = 0; shift < 6; shift += 1) {
      for (const truth of [true, false]) {
        const numberOf = (name: string): number =>
          name === '' ? Fixed.root : first + ((names.indexOf(name) * 5 + shift) % 7);
        const parentOf = (name: string): string => name.split('/').slice(0, -1).join('/');
        const writer = new FilesystemWriter();
        for (const name of [...names].sort((a, b) => numberOf(a) - numberOf(b))) {
          const parent = truth ? numberOf(parentOf(name)) : first;
          if (name.endsWith('file') || name.endsWith('other')) {
            writer.file(numberOf(name), Buffer.from(`content of ${name}`), { parent });
            continue;
          }
          const inside = names.filter((each) => each !== '' && parentOf(each) === name);
          writer.directory(
            numberOf(name),
            inside.map((each) => {
              const isFile = each.endsWith('file') || each.endsWith('other');
              return [each.split('/').at(-1) ?? '', isFile ? file(numberOf(each)) : folder(numberOf(each))];
            }),
            { parent },
          );
        }
        const { path } = await root.receive(writer.end().take());
        assert.deepEqual(await shown(path), should, `shifted by ${shift}, parents ${truth ? 'true' : 'false'}`);
      }
    }
  });

  it('may tell many objects before their contents, and go back to a file', async () => {
    const writer = new FilesystemWriter();
    const entries = writer.microZap([['f', file(first + 1)], ['g', file(first + 2)]]); // prettier-ignore
    const bonus = fileBonus(writer, { mode: Mode.directory | 0o755, size: 4, links: 2 });
    const ofFile = (size: number) => fileBonus(writer, { mode: Mode.file | 0o4751, size, parent: first, uid: 7 });
    writer.directory(Fixed.root, [['d', folder(first)]]);
    writer.object(first, { type: 20, blockSize: entries.length, bonus });
    writer.object(first + 1, { type: 19, bonus: ofFile(2000) }).object(first + 2, { type: 19, bonus: ofFile(10) });
    writer.write(first, 0, entries).write(first + 1, 0, Buffer.alloc(512, 'f'));
    writer.write(first + 2, 0, padded(Buffer.from('0123456789'), 512));
    writer.embedded(first + 1, 512, 512, 0, Buffer.alloc(112, 'e'), 112);
    const { path } = await root.receive(writer.end().take());
    const f = readFileSync(join(path, 'd/f'));
    assert.equal(f.toString('latin1'), 'f'.repeat(512) + 'e'.repeat(112) + '\0'.repeat(2000 - 624));
    assert.equal(readFileSync(join(path, 'd/g'), 'latin1'), '0123456789');
    for (const name of ['f', 'g']) {
      const status = statSync(join(path, 'd', name));
      assert.deepEqual([status.mode & 0o7777, status.uid, status.mtimeMs], [0o4751, 7, 1_600_000_000_123.4568]);
    }
  });

  it('sets attributes that come late or take several calls', async () => {
    const writer = new FilesystemWriter();
    writer.directory(Fixed.root, [['f', file(first)], ['g', file(first + 1)], ['h', file(first)]]); // prettier-ignore
    writer.file(first, Buffer.from('x'), { packedAttributes: packAttributes({ 'user.k': Buffer.from('v') }) });
    writer.file(first + 1, Buffer.from('y'), { uid: 2n ** 40n });
    const { path, result } = await root.receive(writer.end().take());
    const tree = await listTree(path);
    assert.deepEqual(tree.get('./f')?.xattrs ?? tree.get('f')?.xattrs, { 'user.k': 'dg==' });
    assert.equal(statSync(join(path, 'f')).ino, statSync(join(path, 'h')).ino);
    assert.match(result.losses[0]?.what ?? '', /owner/);
  });

  it('does not inherit from the folder it is unpacked into', async () => {
    const { path } = await root.receive(oneFile().end().take());
    assert.deepEqual(readFileSync(join(path, 'd/f'), 'latin1'), 'content');
    assert.equal(statSync(join(path, 'd/f')).mode & 0o7777, 0o644);
    assert.deepEqual(existsSync(join(path, 'f')), false);
  });

  it('cannot change what files were put by', async () => {
    const block = Buffer.alloc(1024);
    await refused(oneFile().embedded(first, 0, 1024, 0, block.subarray(0, 8), 8), /changes after others/);
    await refused(oneFile().free(first, 0), /changes after others/);
    await refused(oneFile().free(Fixed.root, 0), /changes after others/);
    await refused(oneFile().free(Fixed.layouts, 0, 512), /changes after others/);
    await refused(oneFile().free(Fixed.master, 0), /changes after others/);
    await refused(oneFile().freeObjects(first, 1), /goes after others/);
    await refused(oneFile().freeObjects(0, Fixed.first), /goes after others/);
    await refused(oneFile().freeObjects(first + 1, 1), /does not exist/);
  });

  it('cannot put two objects under one name, or a directory under two', async () => {
    const twice = new FilesystemWriter();
    twice.directory(Fixed.root, [['f', file(first)], ['f', file(first + 1)]]); // prettier-ignore
    twice.file(first, Buffer.from('1')).file(first + 1, Buffer.from('2'));
    await refused(twice, /a name twice/);
    const same = new FilesystemWriter();
    same.directory(Fixed.root, [['f', file(first)], ['f', file(first)]]).file(first, Buffer.from('1')); // prettier-ignore
    await refused(same, /a name twice/);
    const two = new FilesystemWriter();
    two.directory(Fixed.root, [['d', folder(first)], ['e', folder(first)]]); // prettier-ignore
    two.directory(first, [['f', file(first + 1)]]).file(first + 1, Buffer.from('1'), { parent: first });
    await refused(two, /two names/);
    const circle = new FilesystemWriter();
    circle.directory(Fixed.root, [['d', folder(first)]]);
    circle.directory(first, [['d', folder(first)], ['f', file(first + 1)]]); // prettier-ignore
    circle.file(first + 1, Buffer.from('1'), { parent: first });
    await refused(circle, /two names/);
  });

  it('cannot say in an entry that a file is something else', async () => {
    for (const kind of [Mode.directory, Mode.symlink, Mode.fifo]) {
      const writer = new FilesystemWriter();
      writer.directory(Fixed.root, [['f', entryOf(first, kind)]]).file(first, Buffer.from('1'));
      await refused(writer, /disagrees/);
    }
  });
});
