/** zfs.node where things go wrong: every code that a function documents, wrong arguments, closed handles, many at once. */
import assert from 'node:assert/strict';
import { closeSync, readFileSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeZfsLibrary } from '../../lib/host/native-zfs.js';
import { addPools, failNext } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

const addon = loadNative('zfs');
const root = new IllumosRoot();
let zfs: NativeZfsLibrary;

before(async () => {
  addPools(root);
  zfs = await addon.open();
  await zfs.create('zones/a/b', 'filesystem', {}, { parents: true });
  await zfs.snapshot(['zones/a@s', 'zones/a/b@s']);
  await zfs.clone('zones/a@s', 'zones/clone');
  await zfs.create('zones/down', 'filesystem', {}, { mount: false });
});
afterEach(() => {
  root.write('/system/zfs/faults', '');
});
after(() => {
  zfs.close();
  root.remove();
});

const names = async () => (await zfs.list()).map(({ name }) => name);

/** With a descriptor that is closed when the work has settled. */
async function withPipe(work: (ends: { read: number; write: number }) => Promise<void>): Promise<void> {
  const pipe = addon.pipe();
  try {
    await work(pipe);
  } finally {
    closeSync(pipe.read);
    closeSync(pipe.write);
  }
}

/** A call that would succeed, and the functions of libzfs in it. */
const calls: readonly (readonly [operation: string, functions: readonly string[], call: () => Promise<unknown>])[] = [
  ['get', ['zfs_open'], () => zfs.get('zones/a')],
  [
    'list',
    ['zfs_iter_root', 'zfs_iter_filesystems', 'zfs_iter_snapshots_sorted', 'zfs_iter_bookmarks'],
    () => zfs.list({ types: ['filesystem', 'snapshot', 'bookmark'] }),
  ],
  ['set', ['zfs_open', 'zfs_prop_set_list'], () => zfs.set('zones/a', { atime: 'on' })],
  ['inherit', ['zfs_open', 'zfs_prop_inherit'], () => zfs.inherit('zones/a', 'atime')],
  [
    'create',
    ['zfs_create_ancestors', 'zfs_create', 'zfs_mount'],
    () => zfs.create('zones/new', 'filesystem', {}, { parents: true }),
  ],
  ['clone', ['zfs_open', 'zfs_clone', 'zfs_mount'], () => zfs.clone('zones/a@s', 'zones/new')],
  ['dependents', ['zfs_iter_dependents'], () => zfs.dependents('zones/a')],
  ['destroy', ['zfs_iter_dependents', 'zfs_unmount', 'zfs_destroy'], () => zfs.destroy('zones/clone')],
  ['rollback', ['zfs_open', 'zfs_iter_snapshots_sorted', 'zfs_rollback'], () => zfs.rollback('zones/a@s')],
  ['rename', ['zfs_open', 'zfs_rename'], () => zfs.rename('zones/clone', 'zones/new')],
  ['promote', ['zfs_promote'], () => zfs.promote('zones/clone')],
  ['mount', ['zfs_mount'], () => zfs.mount('zones/down')],
  ['unmount', ['zfs_unmount'], () => zfs.unmount('zones/a/b')],
  ['mountedAt', ['zfs_open'], () => zfs.mountedAt('zones/a')],
  ['receive', ['zfs_receive'], () => withPipe(({ read }) => zfs.receive('zones/new', read))],
  ['abandon', ['zfs_open'], () => zfs.abandon('zones/a')],
  ['pools', ['zpool_iter'], () => zfs.pools()],
  ['pool', ['zpool_open_canfail'], () => zfs.pool('zones')],
];

/** Those that the fact sheet names, and those that anything may end with. */
const codes = [
  'EZFS_NOMEM', 'EZFS_BADPROP', 'EZFS_PROPREADONLY', 'EZFS_PROPTYPE', 'EZFS_PROPNONINHERIT', 'EZFS_PROPSPACE',
  'EZFS_BADTYPE', 'EZFS_BUSY', 'EZFS_EXISTS', 'EZFS_NOENT', 'EZFS_BADSTREAM', 'EZFS_INVALIDNAME', 'EZFS_BADRESTORE',
  'EZFS_BADBACKUP', 'EZFS_CROSSTARGET', 'EZFS_ZONED', 'EZFS_MOUNTFAILED', 'EZFS_UMOUNTFAILED', 'EZFS_PERM', 'EZFS_NOSPC',
  'EZFS_IO', 'EZFS_INTR', 'EZFS_NAMETOOLONG', 'EZFS_POOLUNAVAIL', 'EZFS_POOLREADONLY', 'EZFS_REFTAG_RELE',
  'EZFS_REFTAG_HOLD', 'EZFS_UNKNOWN',
]; // prettier-ignore

describe('every code of libzfs comes through', () => {
  for (const [operation, functions, call] of calls) {
    it(`${operation}: ${functions.join(', ')}`, async () => {
      const there = await names();
      for (const each of functions) {
        for (const expected of codes) {
          failNext(root, each, expected);
          await assert.rejects(call(), (error) => {
            assert.ok(error instanceof Error);
            const { library, operation: failed, errno } = error as unknown as Record<string, unknown>;
            assert.deepEqual([codeOf(error), library, failed], [expected, 'zfs', each]);
            assert.ok(typeof errno === 'number' && errno >= 2000);
            assert.match(error.message, /^cannot .+: .+/);
            return true;
          });
        }
      }
      assert.deepEqual(await names(), there);
    });
  }
});

/** The same for libzfs_core, which gives an errno. */
const coreCalls: readonly (readonly [name: string, call: () => Promise<unknown>])[] = [
  ['lzc_snapshot', () => zfs.snapshot(['zones/a@new'])],
  ['lzc_destroy_snaps', () => zfs.destroySnapshots(['zones/a/b@s'])],
  ['lzc_bookmark', () => zfs.bookmark({ 'zones/a#new': 'zones/a@s' })],
  ['lzc_destroy_bookmarks', () => zfs.destroyBookmarks(['zones/a#new'])],
  ['lzc_hold', () => zfs.hold({ 'zones/a@s': 'tag' })],
  ['lzc_release', () => zfs.release({ 'zones/a@s': 'tag' })],
  ['lzc_get_holds', () => zfs.holds('zones/a@s')],
  ['lzc_send', () => withPipe(({ write }) => zfs.send({ snapshot: 'zones/a@s' }, write))],
  [
    'lzc_send_resume',
    () => withPipe(({ write }) => zfs.send({ snapshot: 'zones/a@s', resume: { object: 1n, offset: 0n } }, write)),
  ],
  ['lzc_send_space', () => zfs.sendSize({ snapshot: 'zones/a@s' })],
];
const errnos = [
  'ENOENT', 'EEXIST', 'EINVAL', 'EXDEV', 'EBUSY', 'ESRCH', 'E2BIG', 'EPIPE', 'ENODEV', 'ETXTBSY', 'ENOSPC', 'EPERM', 'EROFS',
]; // prettier-ignore

describe('every errno of libzfs_core comes through', () => {
  for (const [name, call] of coreCalls) {
    it(name, async () => {
      const there = await names();
      for (const expected of errnos) {
        failNext(root, name, expected);
        await assert.rejects(call(), (error) => {
          const { library, operation } = error as Record<string, unknown>;
          assert.deepEqual([codeOf(error), library, operation], [expected, 'zfs', name]);
          return true;
        });
      }
      assert.deepEqual(await names(), there);
    });
  }

  it('an errno that libzfs does not explain is told as one, an old error is not told again', async () => {
    await assert.rejects(zfs.promote('zones/a'), (error) => codeOf(error) === 'EZFS_BADTYPE');
    await zfs.create('zones/clone/x', 'filesystem');
    await zfs.snapshot(['zones/clone@s']);
    await assert.rejects(zfs.promote('zones/clone'), (error) => codeOf(error) === 'EZFS_EXISTS');
    await zfs.destroy('zones/clone/x');
    await zfs.destroySnapshots(['zones/clone@s']);
  });
});

/** They cannot fail; or say only that there is nothing, or no such property; or are refused by names of our own. */
const without = [
  'libzfs_fini', 'libzfs_errno', 'libzfs_error_action', 'libzfs_error_description', 'zfs_close', 'zfs_get_type', 'zfs_get_name',
  'zfs_get_pool_handle', 'zfs_dataset_exists', 'zfs_bookmark_exists', 'zfs_name_valid', 'zvol_volsize_to_reservation',
  'zfs_nicestrtonum', 'zfs_name_to_prop', 'zfs_prop_get', 'zfs_prop_get_int', 'zfs_get_user_props', 'zfs_is_mounted',
  'zpool_close', 'zpool_get_name', 'zpool_name_to_prop', 'zpool_get_prop', 'zfs_send_resume_token_to_nvlist', 'lzc_exists',
]; // prettier-ignore

it('every function of the libraries that is called is in a table here', () => {
  const header = readFileSync(new URL('../../addon/src/illumos/zfs_library.h', import.meta.url), 'utf8');
  const called = [...header.matchAll(/ F\((\w+)\)/g)].map(([, name = '']) => name);
  // Where memory runs out, lists of names and values fail; libzfs_init has an errno, and tests of its own.
  const others = called.filter((name) => /^nv(list|pair)_/.test(name) || name === 'libzfs_init');
  const tables = [...calls.flatMap(([, functions]) => functions), ...coreCalls.map(([name]) => name), ...without];
  assert.deepEqual([...new Set([...tables, ...others])].sort(), called.sort());
});

const call = (name: string, args: readonly unknown[]): unknown =>
  (zfs as unknown as Record<string, (...all: readonly unknown[]) => unknown>)[name]?.(...args);

describe('arguments', () => {
  it('that are none of what may be given are refused at the call', () => {
    for (const [name, ...args] of [
      ['exists', 'zones/a', 'filesystem'], ['exists', 'zones/a', ['zone']], ['exists', 'zones/a', [1]],
      ['get', 'zones/a', 1], ['get', 'zones/a', { properties: 'quota' }], ['get', 'zones/a', { properties: [1] }],
      ['get', 'zones/a', { userProperties: 'yes' }], ['list', 1], ['list', { root: 1 }], ['list', { root: '' }],
      ['list', { depth: -1 }], ['list', { depth: 1.5 }], ['list', { depth: '1' }], ['list', { types: 'volume' }],
      ['set', 'zones/a', { quota: 1 }], ['set', 'zones/a', { quota: null }], ['set', 'zones/a', 'quota'],
      ['set', 'zones/a', { a: 'x\0' }], ['set', 'zones/a', { a: 'x'.repeat(70000) }], ['inherit', 'zones/a', 'atime', 1],
      ['create', 'zones/x', 'snapshot'], ['create', 'zones/x', 'pool'], ['create', 'zones/x', 'filesystem', 1],
      ['create', 'zones/x', 'filesystem', {}, { mount: 1 }], ['create', 'zones/x', 'filesystem', {}, 1],
      ['clone', 'zones/a@s', 'zones/x', { quota: 1 }], ['clone', 'zones/a@s', 'zones/x', {}, { parents: 'no' }],
      ['snapshot', 'zones/a@x'], ['snapshot', [1]], ['snapshot', ['zones/a@x'], { a: 1 }], ['destroy', 'zones/x', 1],
      ['destroy', 'zones/x', { recursive: 1 }], ['destroy', 'zones/x', { force: 'x' }], ['destroySnapshots', 'zones/a@s'],
      ['destroySnapshots', [null]], ['destroySnapshots', [], 1], ['rollback', 'zones/a@s', { destroyNewer: 1 }],
      ['rename', 'zones/x', 'zones/y', { recursive: 1 }], ['mount', 'zones/a', { options: 1 }],
      ['mount', 'zones/a', { options: 'x'.repeat(2000) }], ['mount', 'zones/a', { overlay: 1 }],
      ['unmount', 'zones/a', { force: 1 }], ['hold'], ['hold', 'x'], ['hold', { 'zones/a@s': 1 }], ['release'],
      ['release', { 'zones/a@s': {} }], ['send'], ['send', {}, 1], ['send', { snapshot: 1 }, 1],
      ['send', { snapshot: 'zones/a@s', from: '' }, 1], ['send', { snapshot: 'zones/a@s', raw: 1 }, 1],
      ['send', { snapshot: 'zones/a@s' }, -1], ['send', { snapshot: 'zones/a@s' }, '1'], ['send', { snapshot: 'zones/a@s' }],
      ['send', { snapshot: 'zones/a@s', resume: 1 }, 1], ['send', { snapshot: 'zones/a@s', resume: {} }, 1],
      ['send', { snapshot: 'zones/a@s', resume: { object: 1, offset: 0n } }, 1],
      ['send', { snapshot: 'zones/a@s', resume: { object: '1', offset: 0n } }, 1], ['receive', 'zones/x', 0, { resumable: 1 }],
      ['bookmark'], ['bookmark', 'x'], ['bookmark', { 'zones/a#b': 1 }], ['destroyBookmarks', 'zones/a#b'],
      ['destroyBookmarks', [1]], ['sendSize', 'zones/a@s'], ['receive', 'zones/x', 2 ** 31], ['receive', 'zones/x', 0, { origin: 1 }],
      ['receive', 'zones/x', 0, { properties: { a: 1 } }], ['receive', 'zones/x', 0, { mount: 1 }], ['pools', 1],
      ['pools', { properties: 1 }], ['isName', 'a'], ['isName', 1, 'volume'], ['isName', 'a', 'pool'],
    ] as const) {
      assert.throws(
        () => call(name, args),
        (error) => error instanceof TypeError || error instanceof RangeError,
        `${name} ${inspect(args)}`,
      );
    } // prettier-ignore
  });

  it('that are no names never reach the library', async () => {
    const long = `zones/${'x'.repeat(300)}`;
    for (const bad of ['', '/', 'zones/', 'zones//a', 'zones/..', 'zones/a@', 'zones/a@b@c', 'zones/ü', '@', long]) {
      const refused = (work: Promise<unknown>) =>
        assert.rejects(
          work,
          (error) => ['EZFS_INVALIDNAME', 'EZFS_NAMETOOLONG'].includes(codeOf(error) ?? ''),
          JSON.stringify(bad),
        );
      await refused(zfs.get(bad));
      await refused(zfs.create(bad, 'filesystem', {}, { parents: true }));
      await refused(zfs.clone('zones/a@s', bad, {}, { parents: true }));
      await refused(zfs.rename('zones/a', bad));
      await refused(zfs.snapshot([bad]));
      await refused(zfs.destroySnapshots([bad]));
      await refused(zfs.hold({ [bad]: 'x' }));
      await refused(zfs.release({ [bad]: 'x' }));
      await refused(zfs.sendSize({ snapshot: bad }));
      await refused(zfs.receive(bad, 0));
      await refused(zfs.bookmark({ 'zones/a#b': bad }));
      await refused(zfs.bookmark({ [bad]: 'zones/a@s' }));
      await refused(zfs.destroyBookmarks([bad]));
      await refused(zfs.abandon(bad));
      assert.equal(await zfs.exists(bad), false);
    }
    for (const pool of ['zones', 'nowhere']) {
      await assert.rejects(zfs.create(pool, 'filesystem'), (error) => codeOf(error) === 'EZFS_INVALIDNAME');
      await assert.rejects(zfs.clone('zones/a@s', pool), (error) => codeOf(error) === 'EZFS_INVALIDNAME');
    }
  });
});

describe('a handle', () => {
  it('that is closed meanwhile lets work end', async () => {
    const other = await addon.open();
    const work = Array.from({ length: 20 }, () => other.list({ properties: ['used'] }));
    other.close();
    const lists = await Promise.all(work);
    assert.ok(lists.every((list) => list.length > 0));
  });

  it('serves 1000 calls at once, of all kinds', async () => {
    const work = Array.from({ length: 1000 }, (_, index): Promise<unknown> => {
      const name = `zones/many${index % 10}`;
      switch (index % 5) {
        case 0:
          return zfs.get('zones/a', { properties: ['used', 'guid'], userProperties: true });
        case 1:
          return zfs.exists(name);
        case 2:
          return zfs.set('zones/a', { 'test:index': String(index) });
        case 3:
          return zfs.list({ root: 'zones/a', properties: ['creation'] });
        default:
          return zfs.get(name);
      }
    });
    const settled = await Promise.allSettled(work);
    const failed = settled.filter((each) => each.status === 'rejected');
    assert.equal(failed.length, 200);
    assert.ok(failed.every(({ reason }) => codeOf(reason) === 'EZFS_NOENT'));
  });

  it('and others beside it, from many at once, make each dataset once', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => addon.open()));
    const settled = await Promise.allSettled(
      others.flatMap((each) =>
        Array.from({ length: 4 }, (_, index) => each.create(`zones/race${index}`, 'filesystem')),
      ),
    );
    assert.equal(settled.filter((each) => each.status === 'fulfilled').length, 4);
    for (const each of others) each.close();
  });
});
