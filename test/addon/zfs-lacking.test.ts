/** A libzfs that lacks functions costs only those who need them: every function that zfs.node calls, away from it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, it } from 'node:test';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { inLackingProcess } from './lacking.js';

let root: IllumosRoot;
before(() => {
  root = new IllumosRoot();
  addPools(root);
});
after(() => {
  root.remove();
});

/** Calls that need all functions, as far as they come; what those say that need one that is not there. */
const program = `
  const { openSync } = require('fs');
  const addon = require(file);
  const ends = new Set();
  const note = async (call) => { ends.add(await codeOf(call)); };
  (async () => {
    let zfs;
    await note(async () => { zfs = await addon.open(); });
    const fd = openSync('/dev/null', 'r+');
    const a = 'zones/a' + process.pid;
    for (const call of zfs === undefined ? [] : [
      () => zfs.create(a, 'filesystem', {}, { mount: false }), () => zfs.create(a + '/b', 'filesystem'),
      () => zfs.create(a + '/c/d', 'filesystem', {}, { parents: true }), () => zfs.create(a + '/b', 'filesystem', {}, { mount: false }),
      () => zfs.create(a + '/v', 'volume', { volsize: '1M', volblocksize: '4K', refreservation: 'auto' }),
      () => zfs.set(a, { 'test:a': 'x' }), () => zfs.inherit(a, 'test:a'), () => zfs.snapshot([a + '@s']),
      () => zfs.exists(a), () => zfs.exists(a + '#b', ['bookmark']), () => zfs.clone(a + '@s', a + 'c', { 'test:b': 'x' }),
      () => zfs.promote(a), () => zfs.bookmark({ [a + '#b']: a + '@s' }), () => zfs.list(), () => zfs.list({ types: ['filesystem'] }),
      () => zfs.list({ root: 'zones', types: ['filesystem'] }), () => zfs.list({ root: 'zones', types: ['bookmark'] }),
      () => zfs.list({ root: 'zones', properties: ['used'] }), () => zfs.get(a + 'c', { userProperties: true }),
      () => zfs.get('zones', { properties: ['used'] }), () => zfs.hold({ [a + '@s']: 't' }), () => zfs.holds(a + '@s'),
      () => zfs.release({ [a + '@s']: 't' }), () => zfs.release({ [a + '@s']: 't' }), () => zfs.destroyBookmarks([a + '#b']),
      () => zfs.rollback(a + '@s'), () => zfs.mount(a), () => zfs.unmount(a), () => zfs.mountedAt(a),
      () => zfs.send({ snapshot: a + '@s' }, fd), () => zfs.send({ snapshot: a + '@s', resume: { object: 1n, offset: 0n } }, fd),
      () => zfs.sendSize({ snapshot: a + '@s' }), () => zfs.resumption('1-0-0-0'),
      () => zfs.receive(a + 'r', fd, { properties: { 'test:a': 'x' } }), () => zfs.abandon(a),
      () => zfs.pools({ properties: ['size'] }), () => zfs.pool('zones', { properties: ['size'] }), () => zfs.dependents(a),
      () => zfs.destroySnapshots([a + '@s']), () => zfs.destroy(a + '/b'), () => zfs.isName(a, 'volume'), () => zfs.get('zones/none'),
    ]) await note(call);
    zfs?.close();
    console.log(JSON.stringify([addon.missingFunctions(), [...ends].filter((end) => end.startsWith('ENOSYS'))]));
  })();`; // prettier-ignore

/** Those that no other one of them keeps from being needed. */
const groups: readonly (readonly string[])[] = [
  ['lzc_snapshot', 'lzc_destroy_snaps', 'lzc_release', 'lzc_get_holds', 'lzc_send', 'lzc_send_resume', 'lzc_send_space',
    'lzc_bookmark', 'lzc_destroy_bookmarks', 'lzc_exists', 'zfs_nicestrtonum', 'zfs_prop_get_int', 'zfs_is_mounted'],
  ['zfs_clone', 'zfs_promote', 'zfs_prop_set_list', 'zfs_prop_inherit', 'zfs_iter_root', 'zfs_receive', 'zfs_dataset_exists',
    'zfs_bookmark_exists', 'zpool_iter', 'zfs_send_resume_token_to_nvlist', 'zfs_iter_dependents', 'zfs_get_pool_handle',
    'zfs_create_ancestors', 'zfs_iter_filesystems', 'zfs_iter_bookmarks', 'zfs_mount'],
  ['lzc_hold', 'zvol_volsize_to_reservation', 'zfs_rollback', 'zfs_unmount', 'zpool_get_prop', 'zfs_prop_get',
    'zfs_get_user_props'],
  ['zfs_destroy', 'zfs_name_to_prop', 'zpool_get_name', 'zfs_iter_snapshots_sorted', 'nvpair_value_nvlist'],
  ['zpool_name_to_prop', 'nvpair_value_int32'],
  ...['libzfs_init', 'libzfs_fini', 'libzfs_errno', 'libzfs_error_action', 'libzfs_error_description', 'zfs_open', 'zfs_close',
    'zfs_get_type', 'zfs_get_name', 'zfs_name_valid', 'zpool_close', 'nvlist_free', 'nvlist_add_boolean'].map((name) => [name]),
]; // prettier-ignore

/** What the stand-ins themselves, or each other, call by name. */
const within = [
  'zfs_create', 'zfs_rename', 'zpool_open_canfail', 'nvlist_alloc', 'nvlist_exists', 'nvlist_lookup_uint64',
  'nvlist_lookup_string', 'nvlist_add_uint64', 'nvlist_add_string', 'nvlist_add_nvlist', 'nvlist_next_nvpair', 'nvpair_name',
  'nvpair_value_uint64',
]; // prettier-ignore

it('all functions that are called are here', () => {
  const header = readFileSync(new URL('../../addon/src/illumos/zfs_library.h', import.meta.url), 'utf8');
  const known = [...header.matchAll(/ F\((\w+)\)/g)].map(([, name = '']) => name);
  assert.deepEqual([...groups.flat(), ...within].sort(), known.sort());
});

for (const functions of groups) {
  it(`without ${functions.join(', ')}`, () => {
    const said = inLackingProcess({ addon: 'zfs', libraries: ['zfs', 'zfs_core', 'nvpair'], functions }, program);
    const [missing, ends] = JSON.parse(said) as readonly (readonly string[])[];
    assert.deepEqual([...(missing ?? [])].sort(), [...functions].sort());
    assert.deepEqual([...(ends ?? [])].sort(), functions.map((name) => `ENOSYS zfs ${name}`).sort());
  });
}

it('no libzfs at all is told when the addon is loaded', () => {
  const said = inLackingProcess({ addon: 'zfs', libraries: [] }, 'codeOf(() => require(file)).then(console.log)');
  assert.equal(said, 'ENOENT zfs dlopen\n');
});
