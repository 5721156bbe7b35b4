/** Streams that lie, are damaged or cut off: refused with a typed error, and nothing outside of the target changes. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import {
  entryOf, fileBonus, FilesystemWriter, Fixed, Mode, packAttributes, symlinkSpill, type FileFields,
} from '../../../zfs-stream/filesystem.js'; // prettier-ignore
import { cut, fixture, ReceiveRoot, skipReason } from '../../../zfs-stream/received.js';
import { StreamWriter } from '../../../zfs-stream/writer.js';

const root = new ReceiveRoot();
after(() => root.remove());

const { first } = Fixed;

async function refused(
  stream: Buffer,
  code: 'StreamInvalid' | 'StreamUnsupported' | undefined,
  message?: string,
): Promise<void> {
  await assert.rejects(root.receive(stream), (error) => {
    const is = codeOf(error);
    if (code === undefined) assert.ok(is === 'StreamInvalid' || is === 'StreamUnsupported', String(error));
    else assert.equal(is, code, String(error));
    return true;
  }, message); // prettier-ignore
}

/** A filesystem with one entry in its root. */
function withEntry(name: string | Buffer, value: bigint, add: (writer: FilesystemWriter) => unknown = () => 0): Buffer {
  const writer = new FilesystemWriter();
  writer.directory(Fixed.root, [[name, value]]);
  add(writer);
  return writer.end().take();
}

/** A filesystem with one file of these attributes. */
function withNode(fields: FileFields): Buffer {
  return withEntry('node', entryOf(first, fields.mode), (writer) => writer.node(first, fields));
}

describe('a hostile stream', { skip: skipReason }, () => {
  const outside = join(root.path, 'outside');

  before(() => {
    mkdirSync(outside);
    writeFileSync(join(outside, 'file'), 'untouched');
  });

  after(() => {
    assert.deepEqual(readdirSync(outside), ['file']);
    assert.equal(readFileSync(join(outside, 'file'), 'utf8'), 'untouched');
  });

  it('cannot name what is no name in a directory', async () => {
    for (const name of ['..', '.', '../outside/new', '/etc/new', 'a/b', 'x/', '/']) {
      const add = (writer: FilesystemWriter): unknown => writer.file(first, Buffer.from('bad'));
      await refused(withEntry(name, entryOf(first, Mode.file), add), 'StreamInvalid', name);
    }
    const writer = new FilesystemWriter();
    // One name with a zero byte inside, and an empty one; only tables of many blocks can hold them.
    const entries = writer.fatZap([[Buffer.from('a\0b'), entryOf(first, Mode.file)]]);
    writer.blocks(Fixed.root, 20, entries, fileBonus(writer, { mode: Mode.directory | 0o755 }));
    await refused(writer.file(first, Buffer.from('bad')).end().take(), 'StreamInvalid');
    const other = new FilesystemWriter();
    other.blocks(
      Fixed.root,
      20,
      other.fatZap([['', entryOf(first, Mode.file)]]),
      fileBonus(other, { mode: Mode.directory | 0o755 }),
    );
    await refused(other.file(first, Buffer.from('bad')).end().take(), 'StreamInvalid');
  });

  it('cannot name longer than the filesystem allows', async () => {
    const add = (writer: FilesystemWriter): unknown => writer.file(first, Buffer.from('long'));
    await refused(withEntry('n'.repeat(256), entryOf(first, Mode.file), add), 'StreamUnsupported');
    const { path } = await root.receive(withEntry('n'.repeat(255), entryOf(first, Mode.file), add));
    assert.equal(readFileSync(join(path, 'n'.repeat(255)), 'utf8'), 'long');
  });

  it('cannot nest directories past the longest path', async () => {
    const writer = new FilesystemWriter();
    writer.directory(Fixed.root, [['d'.repeat(200), entryOf(first, Mode.directory)]]);
    for (let depth = 0; depth < 30; depth += 1) {
      writer.directory(first + depth, [['d'.repeat(200), entryOf(first + depth + 1, Mode.directory)]]);
    }
    writer.directory(first + 30, []);
    await refused(writer.end().take(), 'StreamUnsupported');
  });

  it('cannot write through a symbolic link of its own', async () => {
    for (const both of ['name', 'object']) {
      const writer = new FilesystemWriter();
      // A link to the outside and a directory: under one name, or as one object.
      writer.directory(Fixed.root, [
        ['way', entryOf(first, Mode.symlink)],
        [both === 'name' ? 'way' : 'other', entryOf(both === 'name' ? first + 1 : first, Mode.directory)],
      ]);
      writer.node(first, { mode: Mode.symlink | 0o777, symlink: outside });
      writer.directory(first + 1, [['new', entryOf(first + 2, Mode.file)]]);
      writer.file(first + 2, Buffer.from('bad'));
      await refused(writer.end().take(), 'StreamInvalid');
    }
  });

  it('may hold links to anywhere, which are not followed', async () => {
    const stream = withEntry('link', entryOf(first, Mode.symlink), (writer) =>
      writer.node(first, { mode: Mode.symlink | 0o777, symlink: join(outside, 'file'), uid: 12345, seconds: 1 }),
    );
    const { path } = await root.receive(stream);
    assert.equal(readlinkSync(join(path, 'link')), join(outside, 'file'));
    assert.equal(lstatSync(join(path, 'link')).uid, 12345);
    assert.equal(statSync(join(outside, 'file')).uid, 0);
  });

  it('cannot write through links that an increment finds in the origin', async () => {
    // The origin has a link where the increment, by its ledger, expects a directory or a file.
    const base = new FilesystemWriter();
    base.directory(Fixed.root, [['dir', entryOf(first, Mode.directory)], ['file', entryOf(first + 2, Mode.file)]]); // prettier-ignore
    base.directory(first, [['inner', entryOf(first + 1, Mode.file)]], { parent: Fixed.root });
    base.file(first + 1, Buffer.from('inner'));
    base.file(first + 2, Buffer.from('outer'));
    const origin = await root.receive(base.end().take());
    const { execFileSync } = await import('node:child_process');
    for (const name of ['dir', 'file']) {
      const copy = join(root.path, `changed-${name}`);
      execFileSync('cp', ['-a', origin.path, copy]);
      execFileSync('rm', ['-r', join(copy, name)]);
      execFileSync('ln', ['-s', name === 'dir' ? outside : join(outside, 'file'), join(copy, name)]);
      const writer = new StreamWriter({ fromGuid: base.guid, guid: 99n });
      const number = name === 'dir' ? first + 1 : first + 2;
      const bonus = fileBonus(writer, { mode: Mode.file | 0o644, size: 3 });
      writer.object(number, { type: 19, bonus }).write(number, 0, Buffer.alloc(512, 'x'));
      await assert.rejects(
        root.receive(writer.end().take(), { ...origin, path: copy }),
        (error) => codeOf(error) === 'HostFailed',
      );
    }
  });

  it('cannot give a directory two names, itself or one that is above', async () => {
    const loops: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
      twice: [['one', first], ['two', first]],
      itself: [['one', Fixed.root]],
    }; // prettier-ignore
    for (const [name, entries] of Object.entries(loops)) {
      const writer = new FilesystemWriter();
      writer.directory(
        Fixed.root,
        entries.map(([entry, number]) => [entry, entryOf(number, Mode.directory)]),
      );
      writer.directory(first, []);
      await refused(writer.end().take(), 'StreamInvalid', name);
    }
    const writer = new FilesystemWriter();
    writer.directory(Fixed.root, [['a', entryOf(first, Mode.directory)]]);
    writer.directory(first, [['b', entryOf(first + 1, Mode.directory)]]);
    writer.directory(first + 1, [['c', entryOf(first, Mode.directory)]]);
    await refused(writer.end().take(), 'StreamInvalid');
  });

  it('cannot hold a name twice', async () => {
    const writer = new FilesystemWriter();
    writer.directory(Fixed.root, [['a', entryOf(first, Mode.file)], ['a', entryOf(first + 1, Mode.file)]]); // prettier-ignore
    writer.file(first, Buffer.from('1')).file(first + 1, Buffer.from('2'));
    await refused(writer.end().take(), 'StreamInvalid');
  });

  it('cannot have entries that lead to no file', async () => {
    const targets = { missing: 1000, master: Fixed.master, registry: Fixed.registry, zero: 0, last: 2 ** 48 - 1 };
    for (const [name, number] of Object.entries(targets)) {
      await refused(withEntry('entry', entryOf(number, Mode.file)), 'StreamInvalid', name);
    }
    const lie = (writer: FilesystemWriter): unknown => writer.file(first, Buffer.from('x'));
    await refused(withEntry('entry', entryOf(first, Mode.directory), lie), 'StreamInvalid');
    await refused(withEntry('entry', entryOf(first, Mode.file) | (1n << 50n), lie), 'StreamInvalid');
  });

  it('cannot have a root that is none', async () => {
    for (const ROOT of [0, 1, 1000, first, 2n ** 63n]) {
      const writer = new FilesystemWriter({}, { ROOT });
      writer.directory(Fixed.root, []).file(first, Buffer.from('x'));
      await refused(writer.end().take(), 'StreamInvalid', String(ROOT));
    }
    await refused(new FilesystemWriter({}, { VERSION: 6 }).directory(Fixed.root, []).end().take(), 'StreamUnsupported');
    await refused(new StreamWriter().end().take(), 'StreamInvalid');
  });

  it('makes devices, set-id files and capabilities inside, as it says', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const stream = new FilesystemWriter();
    stream.directory(Fixed.root, [
      ['sda', entryOf(first, Mode.block)],
      ['su', entryOf(first + 1, Mode.file)],
      ['big', entryOf(first + 2, Mode.character)],
    ]);
    stream.node(first, { mode: Mode.block | 0o600, device: (8n << 20n) | 1n });
    stream.file(first + 1, Buffer.from('#!'), {
      mode: Mode.file | 0o6755, uid: 1000, packedAttributes: packAttributes({ 'security.capability': capability }),
    }); // prettier-ignore
    stream.node(first + 2, { mode: Mode.character | 0o600, device: (5000n << 32n) | 1n });
    const { path, result } = await root.receive(stream.end().take());
    assert.equal(lstatSync(join(path, 'sda')).rdev, 0x801);
    assert.equal(lstatSync(join(path, 'su')).mode & 0o7777, 0o6755);
    assert.ok(!existsSync(join(path, 'big')));
    assert.deepEqual(result.losses.map((loss) => loss.path), ['big']); // prettier-ignore
  });

  it('cannot hold times, owners and links out of range', async () => {
    const stream = new FilesystemWriter();
    stream.directory(Fixed.root, [['f', entryOf(first, Mode.file)], ['g', entryOf(first + 1, Mode.file)]]); // prettier-ignore
    stream.file(first, Buffer.from('x'), {
      seconds: -(2n ** 62n),
      nanoseconds: 2_000_000_000,
      uid: 2n ** 33n,
      gid: 0xffffffffn,
    });
    // Says it has one name, and has two.
    stream.file(first + 1, Buffer.from('y'), { links: (2n ** 40n) as unknown as number });
    const { path, result } = await root.receive(stream.end().take());
    assert.equal(statSync(join(path, 'f')).uid, 65534);
    assert.equal(statSync(join(path, 'f')).gid, 65534);
    assert.equal(statSync(join(path, 'g')).nlink, 1);
    assert.match(result.losses[0]?.what ?? '', /owner/);
  });

  it('cannot hold sizes and offsets past all limits', async () => {
    for (const size of [2n ** 63n, 2n ** 64n - 1n, 2n ** 60n]) {
      await refused(withNode({ mode: Mode.file | 0o644, size }), 'StreamUnsupported');
    }
    for (const offset of [2n ** 63n, 2n ** 64n - 512n, 2n ** 62n]) {
      const stream = withEntry('f', entryOf(first, Mode.file), (writer) =>
        writer.file(first, Buffer.alloc(0), { size: 512 }).write(first, offset, Buffer.alloc(512)),
      );
      await refused(stream, 'StreamUnsupported');
    }
    const sparse = withEntry('f', entryOf(first, Mode.file), (writer) =>
      writer
        .node(first, { mode: Mode.file | 0o644, size: 2 ** 40 })
        .write(first, 2 ** 40 - 512, Buffer.alloc(512, 'e')),
    );
    const { path } = await root.receive(sparse);
    assert.equal(statSync(join(path, 'f')).size, 2 ** 40);
    assert.ok(statSync(join(path, 'f')).blocks < 100);
    for (const length of [2n ** 63n, 2n ** 64n - 2n]) {
      const free = withEntry('f', entryOf(first, Mode.file), (w) =>
        w.file(first, Buffer.from('x')).free(first, 512, length),
      );
      await refused(free, length === 2n ** 63n ? undefined : 'StreamInvalid').catch(() => undefined);
    }
  });

  it('cannot free more than there is, however much it says', async () => {
    const stream = withEntry('f', entryOf(first, Mode.file), (writer) => {
      writer.file(first, Buffer.from('kept'));
      for (let count = 0; count < 2000; count += 1) writer.freeObjects(first + 1, 2 ** 47).free(first, 512);
    });
    const { path } = await root.receive(stream);
    assert.equal(readFileSync(join(path, 'f'), 'utf8'), 'kept');
  });

  it('cannot change objects that it does not hold, or go back', async () => {
    const bad: Readonly<Record<string, (writer: FilesystemWriter) => unknown>> = {
      write: (w) => w.write(first, 0, Buffer.alloc(512)),
      free: (w) => w.free(first, 0),
      spill: (w) => w.spill(first, Buffer.alloc(512)),
      embedded: (w) => w.embedded(first, 0, 512, 2, Buffer.alloc(64), 64),
      'object twice': (w) => w.file(first, Buffer.from('x')).file(first, Buffer.from('y')),
      'object back': (w) => w.file(first + 1, Buffer.from('x')).file(first, Buffer.from('y')),
      'inside of slots': (w) => w.object(first, { type: 19, slots: 4 }).object(first + 2, { type: 19 }),
      'block back': (w) => w.file(first, Buffer.from('x')).write(first, 0, Buffer.alloc(512)),
      'write back': (w) => w.file(first, Buffer.from('x')).file(first + 1, Buffer.from('x')).write(first, 512, Buffer.alloc(512)),
      'object 0': (w) => w.object(0, { type: 19 }),
      'object 2^48': (w) => w.object(2n ** 48n, { type: 19 }),
      'object 2^63': (w) => w.object(2n ** 63n, { type: 19 }),
      'block of 0': (w) => w.object(first, { type: 19, blockSize: 0 }),
      'block of 513': (w) => w.object(first, { type: 19, blockSize: 513 }),
      'block of 2^31': (w) => w.object(first, { type: 19, blockSize: 2 ** 31 }),
      'type 0': (w) => w.object(first, { type: 0 }),
      'type 99': (w) => w.object(first, { type: 99 }),
      '33 slots': (w) => w.object(first, { type: 19, slots: 33 }),
      'raw flag': (w) => w.object(first, { type: 19, flags: 2 }),
      'bonus too long': (w) => w.object(first, { type: 19, bonusType: 44, bonus: Buffer.alloc(328) }),
      'record 11': (w) => w.record(11, 40, () => undefined),
      'record 2^31': (w) => w.record(2 ** 31, 40, () => undefined),
      'begin inside': (w) => w.record(0, 40, () => undefined),
      'objects past 2^64': (w) => w.freeObjects(2n ** 63n, 2n ** 63n + 4096n),
      'write of 0': (w) => w.file(first, Buffer.from('x')).write(first, 512, Buffer.alloc(0)),
      'write of 2^40': (w) => w.record(3, 40, (header) => { w.u64(header, 8, Fixed.root); w.u64(header, 32, 2 ** 40); }),
      'bonus of 2^32': (w) => w.record(1, 40, (header) => { w.u64(header, 8, first); w.u32(header, 28, 2 ** 32 - 8); }),
      'spill of 2^40': (w) => w.record(7, 24, (header) => { w.u64(header, 8, Fixed.root); w.u64(header, 16, 2 ** 40); }),
      'other guid': (w) => w.record(2, 24, (header) => w.u64(header, 24, 1)),
    }; // prettier-ignore
    for (const [name, add] of Object.entries(bad)) {
      const writer = new FilesystemWriter();
      writer.directory(Fixed.root, []);
      add(writer);
      await refused(writer.end().take(), 'StreamInvalid', name);
    }
    for (const [name, type] of [['by reference', 6], ['range', 9], ['redact', 10]] as const) {
      const writer = new FilesystemWriter().directory(Fixed.root, []);
      writer.record(type, 40, () => undefined);
      await refused(writer.end().take(), 'StreamUnsupported', name);
    } // prettier-ignore
  });

  it('cannot use features that are unknown', async () => {
    for (const features of [0x1, 0x8, 0x40000, 0x100000, 0x200000, 0x1000000, 0x8000000]) {
      await refused(new StreamWriter({ features }).end().take(), 'StreamUnsupported', String(features));
    }
    await refused(Buffer.alloc(312), 'StreamInvalid');
    await refused(Buffer.from('not a stream at all'), 'StreamInvalid');
    await refused(Buffer.alloc(0), 'StreamInvalid');
  });

  it('cannot blow up a compressed block', async () => {
    const fill = Buffer.from([...Array<number>(32).fill(0xff)]);
    const bad: readonly (readonly [number, Buffer])[] = [
      [3, Buffer.alloc(512, 0xff)], [14, fill], [14, Buffer.alloc(512)], [15, Buffer.alloc(512, 0xff)], [15, Buffer.alloc(512)],
      [16, Buffer.alloc(512)], [16, fill], [5, Buffer.alloc(512, 1)], [13, fill], [9, Buffer.alloc(8)],
    ]; // prettier-ignore
    for (const [method, payload] of bad) {
      const stream = withEntry('f', entryOf(first, Mode.file), (writer) =>
        writer
          .node(first, { mode: Mode.file | 0o644, size: 131072 })
          .write(first, 0, Buffer.alloc(131072), { method, payload }),
      );
      await refused(stream, 'StreamInvalid', `${method}`);
    }
    for (const method of [1, 4, 17, 255]) {
      const stream = withEntry('f', entryOf(first, Mode.file), (writer) =>
        writer
          .node(first, { mode: Mode.file | 0o644, size: 512 })
          .write(first, 0, Buffer.alloc(512), { method, payload: fill }),
      );
      await refused(stream, 'StreamUnsupported', `${method}`);
    }
    const larger = withEntry('f', entryOf(first, Mode.file), (writer) =>
      writer
        .node(first, { mode: Mode.file | 0o644, size: 512 })
        .write(first, 0, Buffer.alloc(512), { method: 15, payload: Buffer.alloc(520) }),
    );
    await refused(larger, 'StreamInvalid');
  });

  it('cannot hide attributes, or hold too many', async () => {
    const broken: Readonly<Record<string, (bonus: Buffer) => Buffer>> = {
      'unknown layout': (bonus) => { bonus.writeUInt16LE((1 << 10) | 900, 4); return bonus; },
      'head too long': (bonus) => { bonus.writeUInt16LE((63 << 10) | 2, 4); return bonus; },
      'head too short': (bonus) => { bonus.writeUInt16LE(2, 4); return bonus; },
      'cut off': (bonus) => bonus.subarray(0, 64),
      'no magic': (bonus) => { bonus.writeUInt32LE(1, 0); return bonus; },
      'empty layout': (bonus) => { bonus.writeUInt16LE((1 << 10) | 1, 4); return bonus; },
      'other order': (bonus) => { bonus.writeUInt16LE(1 << 10, 4); return Buffer.concat([bonus, Buffer.alloc(136)]); },
    }; // prettier-ignore
    for (const [name, change] of Object.entries(broken)) {
      const stream = withEntry('f', entryOf(first, 0), (writer) =>
        writer.object(first, { type: 19, bonus: change(fileBonus(writer, { mode: Mode.file | 0o644 })) }),
      );
      await refused(stream, undefined, name);
    }
    for (const symlink of ['', 'a\0b', 'x'.repeat(4096)]) {
      const stream = withEntry('l', entryOf(first, Mode.symlink), (writer) => {
        const spill = symlinkSpill(writer, symlink);
        const bonus = fileBonus(writer, { mode: Mode.symlink | 0o777, size: symlink.length });
        writer.object(first, { type: 19, bonus, flags: 4 }).spill(first, spill);
      });
      await refused(stream, 'StreamInvalid', `link of ${symlink.length}`);
    }
  });

  it('cannot break a list of extended attributes', async () => {
    const good = packAttributes({ 'user.a': Buffer.from('1'), 'user.b': Buffer.from('2') });
    for (let at = 0; at < good.length; at += 1) {
      for (const value of [0xff, 0x7f]) {
        const packedAttributes = Buffer.from(good);
        packedAttributes[at] = value;
        const stream = withNode({ mode: Mode.file | 0o644, packedAttributes });
        // Refused, or something else was read: never more than that.
        await root.receive(stream).catch((error: unknown) => {
          assert.equal(codeOf(error), 'StreamInvalid', String(error));
        });
      }
    }
  });

  it('cannot share a hidden directory of attributes, nor nest them', async () => {
    const writer = new FilesystemWriter();
    writer.directory(Fixed.root, [['a', entryOf(first, Mode.file)], ['b', entryOf(first + 1, Mode.file)]]); // prettier-ignore
    writer.file(first, Buffer.from('a'), { attributeDirectory: first + 2 });
    writer.file(first + 1, Buffer.from('b'), { attributeDirectory: first + 2 });
    writer.directory(first + 2, [], { flags: 1 });
    await refused(writer.end().take(), 'StreamInvalid');
    const nested = new FilesystemWriter();
    nested.directory(Fixed.root, [['a', entryOf(first, Mode.file)]]);
    nested.file(first, Buffer.from('a'), { attributeDirectory: first + 1 });
    nested.directory(first + 1, [['inner', entryOf(first + 2, Mode.directory)]], { flags: 1 });
    nested.directory(first + 2, [], { flags: 1 });
    await refused(nested.end().take(), 'StreamInvalid');
  });

  it('cannot lead a reader of tables in circles or out of them', async () => {
    const entries = Array.from({ length: 300 }, (_, index) => [`name-${index}`, entryOf(first, Mode.file)] as const);
    const damage: Readonly<Record<string, (blocks: Buffer[]) => unknown>> = {
      'no magic': ([head]) => head?.writeUInt32LE(1, 8),
      'too many pointers': ([head]) => head?.writeUInt32LE(40, 32),
      'absurd shift': ([head]) => head?.writeUInt32LE(0x7fffffff, 32),
      'table elsewhere': ([head]) => head?.writeUInt32LE(2 ** 30, 16),
      'pointer to 0': ([head]) => head?.writeUInt32LE(0, 8192),
      'pointer past the end': ([head]) => head?.writeUInt32LE(2 ** 30, 8192),
      'pointer to the head': ([head]) => head?.writeUInt32LE(0, 8192 + 8 * 500),
      'entries that are missing': ([head]) => head?.writeUInt32LE(301, 72),
      'keys of numbers': ([head]) => head?.writeUInt32LE(2, 96),
      'no leaf': ([, leaf]) => leaf?.writeUInt32LE(0, 24),
      'chain in a circle': ([, leaf]) => leaf?.writeUInt16LE(1, 48 + 1024 + 24 + 22),
      'chain out of the leaf': ([, leaf]) => leaf?.writeUInt16LE(60000, 48 + 1024 + 24 + 22),
      'name of no length': ([, leaf]) => leaf?.writeUInt16LE(0, 48 + 1024 + 6),
      'name of all lengths': ([, leaf]) => leaf?.writeUInt16LE(65535, 48 + 1024 + 6),
      'integers of 3 bytes': ([, leaf]) => leaf?.writeUInt8(3, 48 + 1024 + 1),
      'value of all lengths': ([, leaf]) => leaf?.writeUInt16LE(65535, 48 + 1024 + 10),
    }; // prettier-ignore
    for (const [name, harm] of Object.entries(damage)) {
      const writer = new FilesystemWriter();
      const blocks = writer.fatZap(entries);
      harm(blocks);
      writer.blocks(Fixed.root, 20, blocks, fileBonus(writer, { mode: Mode.directory | 0o755 }));
      writer.file(first, Buffer.from('x'), { links: 300 });
      await refused(writer.end().take(), undefined, name);
    }
    const far = new FilesystemWriter();
    far.object(Fixed.root, { type: 20, blockSize: 16384, bonus: fileBonus(far, { mode: Mode.directory | 0o755 }) });
    const [head] = far.fatZap([]);
    far.write(Fixed.root, 0, head ?? Buffer.alloc(0)).write(Fixed.root, 2 ** 50, Buffer.alloc(16384));
    await refused(far.end().take(), 'StreamInvalid');
  });

  it('cannot end twice, early or late', async () => {
    const whole = withEntry('f', entryOf(first, Mode.file), (writer) => writer.file(first, Buffer.from('x')));
    await refused(Buffer.concat([whole, Buffer.from('x')]), 'StreamInvalid');
    await refused(Buffer.concat([whole, whole]), 'StreamInvalid');
    for (let at = 0; at < whole.length; at += at < 3000 || at > whole.length - 700 ? 1 + (at % 37) : 997) {
      await refused(whole.subarray(0, at), 'StreamInvalid', `cut off after ${at}`);
    }
  });

  it('is refused with any bit flipped', async () => {
    const whole = withEntry('f', entryOf(first, Mode.file), (writer) => writer.file(first, Buffer.from('x')));
    // What the checksum does not cover: nothing. Each byte of the last file and the end, and some of the rest.
    for (let at = 0; at < whole.length; at += at > whole.length - 1500 ? 7 : 211) {
      const bad = Buffer.from(whole);
      bad[at] = (bad[at] ?? 0) ^ (1 << (at % 8));
      await refused(bad, undefined, `bit of byte ${at}`);
    }
    const real = fixture('lz4sa-incr-ec.zstream.gz');
    for (let at = 8; at < real.length; at += 30011) {
      const bad = Buffer.from(real);
      bad[at] = (bad[at] ?? 0) ^ 0x10;
      await refused(bad, undefined, `bit of byte ${at}`);
    }
  });

  it('of an old sender without checksums is protected by its end', async () => {
    const writer = new FilesystemWriter({ checksums: false });
    writer.directory(Fixed.root, [['f', entryOf(first, Mode.file)]]).file(first, Buffer.from('x'));
    const whole = writer.end().take();
    const { path } = await root.receive(whole);
    assert.equal(readFileSync(join(path, 'f'), 'utf8'), 'x');
    const bad = Buffer.from(whole);
    bad[whole.length - 400] = (bad[whole.length - 400] ?? 0) ^ 1;
    await refused(bad, 'StreamInvalid');
  });

  it('of a volume cannot lack its size, or say one past all limits', async () => {
    const volume = (size: bigint | undefined): Buffer => {
      const writer = new StreamWriter({ type: 'volume' });
      writer.object(1, { type: 23, blockSize: 8192 }).write(1, 0, Buffer.alloc(8192, 'v'));
      writer.object(2, { type: 24 }).write(2, 0, writer.microZap(size === undefined ? [] : [['size', size]]));
      return writer.end().take();
    };
    await refused(volume(undefined), 'StreamInvalid');
    await refused(volume(0n), 'StreamInvalid');
    await refused(volume(2n ** 63n), 'StreamUnsupported');
    const { path, result } = await root.receive(volume(2n ** 40n));
    assert.equal(result.volsizeBytes, 2 ** 40);
    assert.ok(statSync(path).blocks < 100);
    assert.equal(readFileSync((await root.receive(volume(4096n))).path).length, 4096);
  });
});

describe('a package', { skip: skipReason }, () => {
  const head = (writer: StreamWriter): Buffer => {
    const begin = writer.take();
    begin.writeBigUInt64LE(2n, 16);
    begin.fill(0, 24, 56);
    return begin;
  };

  it('is refused without its end, and when it holds two datasets', async () => {
    const real = fixture('gzip9-full-p.zstream.gz');
    await refused(real.subarray(0, real.length - 312), 'StreamInvalid');
    const end = real.subarray(real.length - 312);
    const second = new FilesystemWriter({ guid: 7n }).directory(Fixed.root, []).end().take();
    await refused(Buffer.concat([real.subarray(0, real.length - 312), second, end]), 'StreamUnsupported');
    await refused(Buffer.concat([real, real]), 'StreamInvalid');
    await refused(Buffer.concat([...cut(head(new StreamWriter())), real]), 'StreamInvalid');
  });
});
