/** Every export of btrfs.node with good and bad arguments, on a pool of the test's own. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import { openTestPool, type TestPool } from '../pool.js';

const btrfs = loadNative('btrfs');
const attribute = 'trusted.test';
const level1 = 1n << 48n;
let pool: TestPool;
let top: string;
const at = (name: string): string => `${top}/${name}`;
const code =
  (...expected: string[]) =>
  (error: unknown) => {
    assert.ok(expected.includes(codeOf(error) ?? ''), String(error));
    return true;
  };
const untyped = btrfs as unknown as Record<string, (...args: unknown[]) => unknown>;
const call = (name: string, ...args: unknown[]): unknown => untyped[name]?.(...args);
const inspect = async (name: string) => {
  const found = await btrfs.inspect(at(name), attribute);
  return found ?? assert.fail(`${name} is no subvolume`);
};

before(async () => {
  pool = await openTestPool({ sizeGiB: 2 });
  top = pool.at('/zones');
});
after(() => {
  pool.close();
});

describe('every export', () => {
  const nowhere = '/nowhere/x';
  const good: Readonly<Record<string, readonly unknown[]>> = {
    createSubvolume: [nowhere],
    snapshotSubvolume: [nowhere, '/nowhere/y'],
    deleteSubvolume: [nowhere],
    setReadOnly: [nowhere, true],
    rename: [nowhere, '/nowhere/y'],
    exchange: [nowhere, '/nowhere/y'],
    removeFolder: [nowhere],
    setCompression: [nowhere, 'zstd'],
    inspect: [nowhere, attribute],
    list: [nowhere, attribute],
    listFolder: [nowhere, attribute],
    listCopies: [nowhere, [1n], attribute],
    findPath: [nowhere, 256n],
    setAttribute: [nowhere, attribute, 'x'],
    quotaMode: [nowhere],
    enableQuotas: [nowhere],
    createQgroup: [nowhere, 1n],
    qgroupMembers: [nowhere, 1n],
    removeQgroup: [nowhere, 1n],
    assignQgroup: [nowhere, 1n, level1, true],
    limitQgroup: [nowhere, 1n, 5, false],
    usage: [nowhere, [1n], false],
    sync: [nowhere],
  };

  it('is tested here', () => {
    assert.deepEqual(Object.keys(btrfs).sort(), Object.keys(good).sort());
  });

  it('refuses missing and mistyped arguments at the call', () => {
    for (const [name, args] of Object.entries(good)) {
      args.forEach((_, index) => {
        for (const wrong of [undefined, null, {}, Symbol('x'), Number.NaN, -1n, [1]]) {
          if (name === 'limitQgroup' && index === 2 && wrong === undefined) continue;
          const attempt = () => call(name, ...args.slice(0, index), wrong, ...args.slice(index + 1));
          assert.throws(
            attempt,
            (error) => error instanceof TypeError || error instanceof RangeError,
            `${name} ${index}`,
          );
        }
      });
      for (const path of ['', 'a\0b', 'x'.repeat(5000)]) assert.throws(() => call(name, path, ...args.slice(1)), name);
    }
    assert.throws(() => call('limitQgroup', top, 1n, -5, false), RangeError);
    assert.throws(() => call('createQgroup', top, 2n ** 64n), RangeError);
  });

  it('says what failed and on what', async () => {
    for (const [name, args] of Object.entries(good)) {
      if (name === 'inspect' || name === 'listFolder') continue;
      await assert.rejects(
        () => call(name, ...args) as Promise<unknown>,
        (error) => {
          assert.ok(error instanceof Error && 'library' in error && 'operation' in error, String(error));
          assert.equal(codeOf(error), 'ENOENT', name);
          assert.ok(error.message.includes('/nowhere'), error.message);
          return true;
        },
      );
    }
  });

  it('refuses what is not on btrfs, and what is no subvolume', async () => {
    await assert.rejects(btrfs.createSubvolume('/dev/x'), code('NOT_BTRFS', 'ENOTTY'));
    await assert.rejects(btrfs.list('/dev', attribute), code('NOT_BTRFS', 'ENOTTY', 'NOT_SUBVOLUME'));
    await assert.rejects(btrfs.quotaMode('/dev'), code('ENOTTY'));
    assert.equal(await btrfs.inspect('/dev', attribute), undefined);
    mkdirSync(at('folder'));
    assert.equal(await btrfs.inspect(at('folder'), attribute), undefined);
    await assert.rejects(btrfs.list(at('folder'), attribute), code('NOT_SUBVOLUME'));
    await assert.rejects(btrfs.deleteSubvolume(at('folder')), code('NOT_SUBVOLUME', 'EINVAL'));
    await assert.rejects(btrfs.snapshotSubvolume(at('folder'), at('y')), code('NOT_SUBVOLUME', 'EINVAL'));
    await assert.rejects(btrfs.setReadOnly(at('folder'), true), code('NOT_SUBVOLUME', 'EINVAL'));
    await btrfs.removeFolder(at('folder'));
  });

  it('follows no symbolic link on the way', async () => {
    await btrfs.createSubvolume(at('real'));
    symlinkSync(at('real'), at('link'));
    for (const attempt of [
      () => btrfs.createSubvolume(at('link/x')),
      () => btrfs.snapshotSubvolume(at('link'), at('y')),
      () => btrfs.snapshotSubvolume(at('real'), at('link/y')),
      () => btrfs.deleteSubvolume(at('link/x')),
      () => btrfs.setReadOnly(at('link'), true),
      () => btrfs.setAttribute(at('link'), attribute, 'x'),
      () => btrfs.rename(at('link/x'), at('y')),
      () => btrfs.rename(at('real'), at('link/y')),
      () => btrfs.exchange(at('link/x'), at('real')),
      () => btrfs.removeFolder(at('link/x')),
      () => btrfs.setCompression(at('link'), 'zstd'),
      () => btrfs.list(at('link'), attribute),
      () => btrfs.listFolder(at('link'), attribute),
    ]) {
      await assert.rejects(attempt, code('ELOOP'));
    }
    assert.equal(await btrfs.inspect(at('link'), attribute), undefined);
    assert.deepEqual(readdirSync(at('real')), []);
    await assert.rejects(btrfs.createSubvolume(at('real/..')), code('EINVAL'));
  });
});

describe('subvolumes', () => {
  it('are made, told apart, found by id and removed with those inside', async () => {
    await btrfs.createSubvolume(at('s'));
    await assert.rejects(btrfs.createSubvolume(at('s')), code('EEXIST'));
    await btrfs.createSubvolume(at('s/inside'));
    const { id, path, readOnly } = await inspect('s');
    assert.deepEqual([path, readOnly], ['', false]);
    assert.equal(await btrfs.findPath(top, (await inspect('s/inside')).id), 's/inside');
    assert.equal(await btrfs.findPath(top, 2n ** 40n), undefined);
    await btrfs.deleteSubvolume(at('s'));
    assert.equal(await btrfs.inspect(at('s'), attribute), undefined);
    assert.equal(await btrfs.findPath(top, id), undefined);
    await assert.rejects(btrfs.deleteSubvolume(at('s')), code('ENOENT'));
  });

  it('are copied by snapshots, attribute and files, which go their own way', async () => {
    await btrfs.createSubvolume(at('origin'));
    writeFileSync(at('origin/f'), 'old');
    await btrfs.setAttribute(at('origin'), attribute, 'ünï');
    await btrfs.snapshotSubvolume(at('origin'), at('copy'));
    writeFileSync(at('origin/f'), 'new');
    await btrfs.setAttribute(at('origin'), attribute, '');
    await btrfs.setAttribute(at('origin'), attribute, '');
    assert.equal((await inspect('origin')).attribute, undefined);
    assert.equal((await inspect('copy')).attribute, 'ünï');
    assert.equal(readFileSync(at('copy/f'), 'utf8'), 'old');
    await btrfs.setReadOnly(at('copy'), true);
    assert.equal((await inspect('copy')).readOnly, true);
    await assert.rejects(btrfs.setAttribute(at('copy'), attribute, 'x'), code('EROFS'));
    await btrfs.setReadOnly(at('copy'), false);
    await assert.rejects(btrfs.setAttribute(at('copy'), attribute, 'x'.repeat(60000)), code('ENOSPC', 'E2BIG'));
    await assert.rejects(btrfs.setAttribute(at('copy'), 'nonsense', 'x'), code('EOPNOTSUPP'));
    await btrfs.deleteSubvolume(at('copy'));
  });

  it('are listed in one pass, with their attribute, from the top or from one of them', async () => {
    await btrfs.createSubvolume(at('l'));
    await btrfs.setAttribute(at('l'), attribute, 'x');
    mkdirSync(at('l/deep'));
    await btrfs.createSubvolume(at('l/deep/a'));
    const all = await btrfs.list(top, attribute);
    assert.equal(all.find(({ path }) => path === 'l')?.attribute, 'x');
    assert.ok(all.some(({ path }) => path === 'l/deep/a'));
    assert.deepEqual(
      (await btrfs.list(at('l'), attribute)).map(({ path }) => path),
      ['deep/a'],
    );
    await btrfs.deleteSubvolume(at('l'));
  });

  it('are listed folder by folder', async () => {
    mkdirSync(at('folders/plain'), { recursive: true });
    for (const name of ['b', 'a', 'a/inside']) await btrfs.createSubvolume(at(`folders/${name}`));
    symlinkSync(at('folders/a'), at('folders/link'));
    await btrfs.setAttribute(at('folders/a'), attribute, 'x'.repeat(3000));
    const found = await btrfs.listFolder(at('folders'), attribute);
    assert.deepEqual(
      found.map((each) => [each.path, each.attribute]),
      [['a', 'x'.repeat(3000)], ['b', undefined]],
    ); // prettier-ignore
    assert.equal(found[0]?.id, (await inspect('folders/a')).id);
    assert.deepEqual(await btrfs.listFolder(at('none'), attribute), []);
    for (const name of ['a', 'b']) await btrfs.deleteSubvolume(at(`folders/${name}`));
  });

  it('are known as copies of others, one that replaced a copy as well', async () => {
    const copies = async (...ids: bigint[]) => (await btrfs.listCopies(top, ids, attribute)).map(({ path }) => path);
    await btrfs.createSubvolume(at('first'));
    await btrfs.createSubvolume(at('unrelated'));
    await btrfs.snapshotSubvolume(at('first'), at('second'));
    const { id } = await inspect('first');
    assert.deepEqual(await copies(id, (await inspect('unrelated')).id), ['second']);
    assert.deepEqual(await copies((await inspect('second')).id), []);
    // Back to a snapshot of it.
    await btrfs.snapshotSubvolume(at('second'), at('kept'));
    await btrfs.snapshotSubvolume(at('kept'), at('third'));
    assert.deepEqual(await copies(id), ['second']);
    await btrfs.deleteSubvolume(at('second'));
    assert.deepEqual(await copies(id), ['kept', 'third']);
    for (const name of ['first', 'unrelated', 'kept', 'third']) await btrfs.deleteSubvolume(at(name));
  });

  it('are renamed and swapped, never over something', async () => {
    for (const name of ['r1', 'r2']) await btrfs.createSubvolume(at(name));
    const [one, two] = [await inspect('r1'), await inspect('r2')];
    await assert.rejects(btrfs.rename(at('r1'), at('r2')), code('EEXIST'));
    await btrfs.exchange(at('r1'), at('r2'));
    assert.deepEqual([(await inspect('r1')).id, (await inspect('r2')).id], [two.id, one.id]);
    await assert.rejects(btrfs.exchange(at('r1'), at('r3')), code('ENOENT'));
    await btrfs.rename(at('r1'), at('r3'));
    assert.equal((await inspect('r3')).id, two.id);
    for (const name of ['r2', 'r3']) await btrfs.deleteSubvolume(at(name));
  });

  it('are not what removeFolder removes, nor folders with something in them', async () => {
    await btrfs.createSubvolume(at('keep'));
    await assert.rejects(btrfs.removeFolder(at('keep')), code('EEXIST'));
    mkdirSync(at('keep/full/x'), { recursive: true });
    await assert.rejects(btrfs.removeFolder(at('keep/full')), code('ENOTEMPTY'));
    await btrfs.removeFolder(at('keep/full/x'));
    await btrfs.removeFolder(at('keep/full/x'));
    await btrfs.deleteSubvolume(at('keep'));
  });

  it('take a compression method with all their files, links and devices left alone', async () => {
    await btrfs.createSubvolume(at('z'));
    mkdirSync(at('z/a/b'), { recursive: true });
    writeFileSync(at('z/a/b/f'), 'x');
    symlinkSync('/dev/null', at('z/a/link'));
    for (const method of ['zstd', 'lzo', 'zlib', '', '']) await btrfs.setCompression(at('z'), method);
    await assert.rejects(btrfs.setCompression(at('z'), 'lz4'), code('EINVAL'));
    await btrfs.deleteSubvolume(at('z'));
  });

  it('are made and removed 1000 at once', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => at(`n${index}`));
    await Promise.all(names.map((name) => btrfs.createSubvolume(name)));
    const listing = Promise.all(Array.from({ length: 20 }, () => btrfs.list(top, attribute)));
    await Promise.all(names.map((name) => btrfs.deleteSubvolume(name)));
    assert.ok((await listing).every((list) => list.length <= 1010));
    assert.ok((await btrfs.list(top, attribute)).length < 10);
  });
});

describe('qgroups', () => {
  it('are simple ones where the kernel has them, and stay on', async () => {
    const mode = await btrfs.quotaMode(top);
    assert.ok(mode === 'simple' || mode === 'full');
    assert.equal(await btrfs.enableQuotas(top), mode);
  });

  it('count what their members are charged with, and limit it', async () => {
    await btrfs.createSubvolume(at('q'));
    const { id } = await inspect('q');
    const group = level1 | id;
    for (let times = 0; times < 2; times += 1) {
      await btrfs.createQgroup(top, group);
      await btrfs.assignQgroup(top, id, group, true);
    }
    writeFileSync(at('q/f'), Buffer.alloc(2 ** 20, 1));
    await btrfs.sync(top);
    assert.deepEqual(await btrfs.qgroupMembers(top, group), [id]);
    assert.deepEqual(await btrfs.qgroupMembers(top, level1 | 99999n), []);
    const [own = 0, both = 0, none] = await btrfs.usage(top, [id, group, level1 | 99999n], false);
    assert.ok(own >= 2 ** 20 && own === both);
    // Many at a time are read in another way.
    const many = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? id : group));
    assert.deepEqual(new Set(await btrfs.usage(top, many, false)), new Set([own]));
    assert.equal(none, undefined);
    await btrfs.limitQgroup(top, group, 2 * 2 ** 20, false);
    assert.throws(() => {
      writeFileSync(at('q/g'), Buffer.alloc(4 * 2 ** 20, 1));
    }); // prettier-ignore
    await btrfs.limitQgroup(top, group, undefined, false);
    writeFileSync(at('q/g'), Buffer.alloc(4 * 2 ** 20, 1));
    rmSync(at('q/g'));
    await assert.rejects(btrfs.limitQgroup(top, level1 | 99999n, 5, false), code('ENOENT'));
    await assert.rejects(btrfs.assignQgroup(top, id, level1 | 99999n, true), code('EINVAL', 'ENOENT'));
    for (let times = 0; times < 2; times += 1) await btrfs.removeQgroup(top, group);
    assert.deepEqual(await btrfs.usage(top, [group], false), [undefined]);
    assert.deepEqual(await btrfs.usage(top, [], true), []);
  });
});
