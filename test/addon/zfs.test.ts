/** What zfs.node does with datasets, snapshots, holds, pools and streams, on the stand-in for libzfs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { addonFile, loadNative } from '../../lib/host/native.js';
import type { NativeSend, NativeZfsLibrary } from '../../lib/host/native-zfs.js';
import { addPools, failNext, zfsEvents } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

const addon = loadNative('zfs');
let root = new IllumosRoot();
let zfs: NativeZfsLibrary;

beforeEach(async () => {
  root.remove();
  root = new IllumosRoot();
  addPools(root, { zones: 2 ** 40, other: 2 ** 30 });
  zfs = await addon.open();
});
afterEach(() => {
  zfs.close();
});
after(() => {
  root.remove();
});

const code = (expected: string) => (error: unknown) => codeOf(error) === expected;
const names = async (from?: string) =>
  (await zfs.list(from === undefined ? {} : { root: from })).map(({ name }) => name);
const value = async (name: string, property: string) =>
  (await zfs.get(name, { properties: [property], userProperties: true })).properties[property]?.value;
const write = (path: string, text: string) => {
  writeFileSync(root.path + path, text);
};
const read = (path: string) => readFileSync(root.path + path, 'utf8');

/** Sends and receives through a pipe. */
async function copy(what: NativeSend, target: string, options: Parameters<NativeZfsLibrary['receive']>[2] = {}) {
  const pipe = addon.pipe();
  const receiving = zfs.receive(target, pipe.read, options);
  const sending = zfs.send(what, pipe.write);
  closeSync(pipe.read);
  closeSync(pipe.write);
  const [sent, received] = await Promise.allSettled([sending, receiving]);
  if (received.status === 'rejected') throw received.reason;
  if (sent.status === 'rejected') throw sent.reason;
}

describe('the library', () => {
  it('has every function that the addon knows', () => {
    assert.deepEqual(addon.missingFunctions(), []);
  });

  it('cannot be opened where there is no ZFS', async () => {
    const bare = new IllumosRoot();
    try {
      await assert.rejects(addon.open(), code('ENOENT'));
    } finally {
      bare.remove();
      process.env['SMARTADM_STAND_IN_ROOT'] = root.path;
    }
    for (const errno of ['EACCES', 'ENXIO', 'EMFILE']) {
      failNext(root, 'libzfs_init', errno);
      await assert.rejects(addon.open(), code(errno));
    }
  });

  it('keeps its descriptors from programs that are started', () => {
    const device = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === `${root.path}/dev/zfs`;
      } catch {
        return false;
      }
    });
    assert.ok(device.length >= 2);
    for (const fd of device) {
      const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      assert.ok((parseInt(flags ?? '0', 8) & 0o2000000) !== 0, fd);
    }
  });

  it('closes them with the handle', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    const others = await Promise.all(Array.from({ length: 20 }, () => addon.open()));
    assert.ok(open() >= before + 20);
    for (const other of others) {
      other.close();
      other.close();
    }
    assert.equal(open(), before);
  });

  it('judges names', async () => {
    for (const [name, type, good] of [
      ['zones/a', 'filesystem', true],
      ['zones/a@s', 'filesystem', false],
      ['zones/a@s', 'snapshot', true],
      ['zones/a', 'snapshot', false],
      ['zones/a#b', 'bookmark', true],
      ['zones/../a', 'volume', false],
      ['zones//a', 'volume', false],
      ['', 'filesystem', false],
      [`zones/${'a'.repeat(300)}`, 'filesystem', false],
    ] as const) {
      assert.equal(await zfs.isName(name, type), good, name);
    }
  });
});

describe('get and list', () => {
  it('give values, exactly, with where they are from', async () => {
    await zfs.create('zones/a', 'filesystem', { quota: '1.5G', compression: 'lz4', 'test:a': 'ü "x"\n' });
    await zfs.create('zones/a/b', 'filesystem', { 'test:b': '2' });
    const { name, type, properties } = await zfs.get('zones/a/b', {
      properties: ['compression', 'quota', 'mountpoint', 'type', 'no-such', 'volsize'],
      userProperties: true,
    });
    assert.deepEqual([name, type], ['zones/a/b', 'filesystem']);
    assert.deepEqual(properties, {
      compression: { value: 'lz4', source: 'inherited', from: 'zones/a' },
      quota: { value: '0', source: 'default' },
      mountpoint: { value: '/zones/a/b', source: 'default' },
      type: { value: 'filesystem', source: 'none' },
      'test:a': { value: 'ü "x"\n', source: 'inherited', from: 'zones/a' },
      'test:b': { value: '2', source: 'local' },
    });
    assert.equal(await value('zones/a', 'quota'), String(1.5 * 2 ** 30));
    assert.deepEqual((await zfs.get('zones/a')).properties, {});
  });

  it('give each dataset before its snapshots, these before what is below', async () => {
    for (const each of ['zones/b', 'zones/a', 'zones/a/c']) await zfs.create(each, 'filesystem');
    await zfs.create('zones/v', 'volume', { volsize: '1M' });
    await zfs.snapshot(['zones/a@z']);
    await zfs.snapshot(['zones/a@y', 'zones/a/c@y']);
    const below = ['zones/a', 'zones/a@z', 'zones/a@y', 'zones/a/c', 'zones/a/c@y'];
    assert.deepEqual(await names(), ['other', 'zones', ...below, 'zones/b', 'zones/v']);
    assert.deepEqual(await names('zones/a'), below);
    assert.deepEqual(await names('zones/a@z'), ['zones/a@z']);
    const some = async (query: Parameters<NativeZfsLibrary['list']>[0]) => (await zfs.list(query)).map((d) => d.name);
    assert.deepEqual(await some({ root: 'zones/a', depth: 0 }), ['zones/a']);
    assert.deepEqual(await some({ root: 'zones/a', depth: 1 }), below.slice(0, 4));
    assert.deepEqual(await some({ types: ['volume', 'bookmark'] }), ['zones/v']);
    assert.deepEqual(await some({ types: [] }), []);
    const types = await zfs.list({ types: ['volume', 'snapshot'] });
    assert.deepEqual(new Set(types.map(({ type }) => type)), new Set(['snapshot', 'volume']));
  });

  it('exists knows names by their types, and takes no wrong name for one', async () => {
    await zfs.create('zones/a', 'filesystem');
    await zfs.snapshot(['zones/a@s']);
    assert.deepEqual(
      await Promise.all([
        zfs.exists('zones/a'), zfs.exists('zones/a', ['volume']), zfs.exists('zones/a@s', ['snapshot']), zfs.exists('zones/b'),
        zfs.exists('../a'), zfs.exists(`zones/a${'a'.repeat(2000)}`),
      ]), // prettier-ignore
      [true, false, true, false, false, false],
    );
  });
});

describe('set and inherit', () => {
  it('set several at once or none', async () => {
    await zfs.create('zones/a', 'filesystem', { 'test:a': '1' });
    await zfs.set('zones/a', { quota: '1G', 'test:a': '', atime: 'off' });
    assert.deepEqual([await value('zones/a', 'quota'), await value('zones/a', 'test:a')], [String(2 ** 30), '']);
    for (const [bad, expected] of [
      [{ quota: 'lots' }, 'EZFS_BADPROP'],
      [{ nonsense: 'on' }, 'EZFS_BADPROP'],
      [{ used: '1' }, 'EZFS_PROPREADONLY'],
      [{ volsize: '1M' }, 'EZFS_PROPTYPE'],
      [{ 'test:b': 'x'.repeat(8192) }, 'EZFS_BADPROP'],
      [{ reservation: '1P' }, 'EZFS_PROPSPACE'],
    ] as const) {
      await assert.rejects(zfs.set('zones/a', { atime: 'on', ...bad }), code(expected), JSON.stringify(bad));
    }
    assert.equal(await value('zones/a', 'atime'), 'off');
    await zfs.set('zones/a', {});
  });

  it('take values back to what is above', async () => {
    await zfs.create('zones/a', 'filesystem', { compression: 'off', 'test:a': '1' });
    await zfs.set('zones', { compression: 'lz4' });
    await zfs.inherit('zones/a', 'compression');
    await zfs.inherit('zones/a', 'test:a');
    assert.deepEqual([await value('zones/a', 'compression'), await value('zones/a', 'test:a')], ['lz4', undefined]);
    await assert.rejects(zfs.inherit('zones/a', 'quota'), code('EZFS_PROPNONINHERIT'));
    await assert.rejects(zfs.inherit('zones/a', 'used'), code('EZFS_PROPREADONLY'));
  });

  it('move what is mounted with its mountpoint', async () => {
    await zfs.create('zones/a', 'filesystem');
    write('/zones/a/f', 'x');
    await zfs.set('zones/a', { mountpoint: '/elsewhere' });
    assert.equal(read('/elsewhere/f'), 'x');
    assert.equal(await zfs.mountedAt('zones/a'), '/elsewhere');
  });
});

describe('create, clone and destroy', () => {
  it('make and mount, parents too when asked', async () => {
    await assert.rejects(zfs.create('zones/a/b/c', 'filesystem'), code('EZFS_NOENT'));
    await zfs.create('zones/a/b/c', 'filesystem', {}, { parents: true });
    write('/zones/a/b/c/f', 'x');
    await zfs.create('zones/d', 'filesystem', {}, { mount: false });
    await zfs.create('zones/e', 'filesystem', { canmount: 'noauto' });
    await zfs.create('zones/g', 'filesystem', { mountpoint: 'none' });
    for (const name of ['zones/d', 'zones/e', 'zones/g']) assert.equal(await zfs.mountedAt(name), undefined);
    assert.deepEqual([await zfs.mount('zones/e'), await zfs.mount('zones/g')], [true, false]);
    assert.equal(await zfs.mount('zones/e'), true);
    await zfs.unmount('zones/e');
    await zfs.unmount('zones/e');
    assert.equal(await zfs.mountedAt('zones/e'), undefined);
  });

  it('make volumes, with room for all they may hold when asked', async () => {
    await zfs.create('zones/v', 'volume', { volsize: '8M', volblocksize: '4k', refreservation: 'auto' });
    assert.equal(statSync(`${root.path}/dev/zvol/rdsk/zones/v`).size, 8 << 20);
    assert.ok(Number(await value('zones/v', 'refreservation')) > 8 << 20);
    await zfs.set('zones/v', { volsize: '16M' });
    assert.ok(Number(await value('zones/v', 'refreservation')) > 16 << 20);
    await assert.rejects(zfs.create('zones/w', 'volume'), code('EZFS_BADPROP'));
    await assert.rejects(zfs.create('zones/w', 'volume', { refreservation: 'auto' }), code('EZFS_BADPROP'));
    await assert.rejects(
      zfs.create('zones/w', 'volume', { volsize: 'x', refreservation: 'auto' }),
      code('EZFS_BADPROP'),
    );
    await assert.rejects(zfs.create('zones/w', 'volume', { volsize: '1000' }), code('EZFS_BADPROP'));
    await assert.rejects(
      zfs.create('zones/w', 'volume', { volsize: '1M', volblocksize: 'y', refreservation: 'auto' }),
      (error) => codeOf(error) === 'EZFS_BADPROP' && /'y' for volblocksize/.test((error as Error).message),
    );
    await assert.rejects(zfs.create('zones/v/w', 'filesystem'), code('EZFS_WRONG_PARENT'));
    await assert.rejects(zfs.mount('zones/v'), code('EZFS_BADTYPE'));
  });

  it('reserve for a volume what its size of a block takes', async () => {
    for (const [index, volblocksize] of ['512', '4K', '8192', '128k'].entries()) {
      const name = `zones/v${index}`;
      await zfs.create(name, 'volume', { volsize: '64M', volblocksize, refreservation: 'auto' });
      const reserved = await value(name, 'refreservation');
      await zfs.set(name, { refreservation: 'none' });
      await zfs.set(name, { refreservation: 'auto' });
      assert.equal(reserved, await value(name, 'refreservation'), volblocksize);
    }
    const one = Number(await value('zones/v2', 'refreservation'));
    await zfs.create('zones/twice', 'volume', { volsize: '64M', copies: '2', refreservation: 'auto' });
    assert.ok(Number(await value('zones/twice', 'refreservation')) > one + (64 << 20));
  });

  it('take away again what cannot be mounted', async () => {
    await zfs.create('zones/a', 'filesystem');
    write('/zones/a/file', 'x');
    await zfs.unmount('zones/a');
    root.write('/zones/b/file', 'y');
    await assert.rejects(zfs.create('zones/b', 'filesystem'), code('EZFS_MOUNTFAILED'));
    await zfs.snapshot(['zones/a@s']);
    await assert.rejects(zfs.clone('zones/a@s', 'zones/b'), code('EZFS_MOUNTFAILED'));
    assert.equal(await zfs.exists('zones/b'), false);
    assert.equal(read('/zones/b/file'), 'y');
  });

  it('clone, promote, and destroy what nothing depends on', async () => {
    await zfs.create('zones/a', 'filesystem');
    write('/zones/a/f', 'origin');
    await zfs.snapshot(['zones/a@s'], { 'test:a': '1' });
    await zfs.clone('zones/a@s', 'zones/x/b', { quota: '1G' }, { parents: true });
    assert.equal(read('/zones/x/b/f'), 'origin');
    assert.equal(await value('zones/x/b', 'origin'), 'zones/a@s');
    assert.equal(await value('zones/a@s', 'clones'), 'zones/x/b');
    assert.deepEqual(await zfs.dependents('zones/a'), ['zones/x/b', 'zones/a@s']);
    await assert.rejects(zfs.clone('zones/a', 'zones/c'), code('EZFS_BADTYPE'));
    await assert.rejects(zfs.clone('zones/a@none', 'zones/c'), code('EZFS_NOENT'));
    await assert.rejects(zfs.clone('zones/a@s', 'other/c'), code('EZFS_CROSSTARGET'));
    for (const options of [{}, { recursive: true }]) {
      await assert.rejects(zfs.destroy('zones/a', options), code('EZFS_EXISTS'));
      await assert.rejects(zfs.destroy('zones/a@s', options), code('EZFS_EXISTS'));
    }
    assert.ok(existsSync(`${root.path}/zones/a/f`));
    await zfs.promote('zones/x/b');
    assert.equal(await value('zones/a', 'origin'), 'zones/x/b@s');
    await assert.rejects(zfs.promote('zones/x/b'), code('EZFS_BADTYPE'));
    await zfs.destroy('zones/a');
    await zfs.destroy('zones/x', { recursive: true });
    assert.deepEqual(await names('zones'), ['zones']);
    assert.ok(!existsSync(`${root.path}/zones/x`));
  });

  it('a clone that lies below its origin goes with it, once', async () => {
    await zfs.create('zones/a', 'filesystem');
    await zfs.snapshot(['zones/a@s']);
    await zfs.clone('zones/a@s', 'zones/a/b');
    await zfs.snapshot(['zones/a/b@t']);
    await zfs.clone('zones/a/b@t', 'zones/a/c');
    const dependents = await zfs.dependents('zones/a');
    assert.equal(new Set(dependents).size, dependents.length);
    await zfs.destroy('zones/a', { recursive: true });
    assert.deepEqual(await names('zones'), ['zones']);
  });

  it('destroy nothing when a snapshot is held, nor a pool', async () => {
    await zfs.create('zones/a/b', 'filesystem', {}, { parents: true });
    await zfs.snapshot(['zones/a@s', 'zones/a/b@s']);
    await zfs.hold({ 'zones/a@s': 'tag' });
    const before = await names('zones');
    await assert.rejects(zfs.destroy('zones/a', { recursive: true }), code('EZFS_BUSY'));
    await assert.rejects(zfs.destroy('zones', { recursive: true }), code('EZFS_INVALIDNAME'));
    assert.deepEqual(await names('zones'), before);
  });
});

describe('rename', () => {
  it('moves what is below and what is mounted', async () => {
    await zfs.create('zones/a/b', 'filesystem', {}, { parents: true });
    await zfs.create('zones/a/v', 'volume', { volsize: '1M' });
    write('/zones/a/b/f', 'x');
    await zfs.rename('zones/a', 'zones/c');
    assert.deepEqual(await names('zones'), ['zones', 'zones/c', 'zones/c/b', 'zones/c/v']);
    assert.equal(read('/zones/c/b/f'), 'x');
    assert.ok(!existsSync(`${root.path}/zones/a`) && existsSync(`${root.path}/dev/zvol/dsk/zones/c/v`));
  });

  it('gives snapshots of a tree another name', async () => {
    await zfs.create('zones/a/b', 'filesystem', {}, { parents: true });
    await zfs.snapshot(['zones/a@s', 'zones/a/b@s']);
    await zfs.rename('zones/a@s', 'zones/a@t', { recursive: true });
    assert.deepEqual(await names('zones/a'), ['zones/a', 'zones/a@t', 'zones/a/b', 'zones/a/b@t']);
  });

  it('refuses what the library would end the process for, and the rest by its codes', async () => {
    await zfs.create('zones/a', 'filesystem');
    await zfs.create('zones/b', 'filesystem');
    await zfs.snapshot(['zones/a@s']);
    for (const [from, to, expected] of [
      ['zones/a', 'zones', 'EZFS_INVALIDNAME'],
      ['zones/a', 'elsewhere', 'EZFS_INVALIDNAME'],
      ['zones/a', 'zones/a@t', 'EZFS_INVALIDNAME'],
      ['zones/a', 'zones/a/c', 'EZFS_INVALIDNAME'],
      ['zones', 'zones/c', 'EZFS_INVALIDNAME'],
      ['zones/a', 'zones/b', 'EZFS_EXISTS'],
      ['zones/a', 'zones/none/b', 'EZFS_NOENT'],
      ['zones/a', 'other/b', 'EZFS_CROSSTARGET'],
      ['zones/none', 'zones/c', 'EZFS_NOENT'],
      ['zones/a@s', 'zones/b@s', 'EZFS_CROSSTARGET'],
      ['zones/a@s', 'zones/b', 'EZFS_INVALIDNAME'],
      ['zones/a', `zones/${'x'.repeat(250)}`, 'EZFS_NAMETOOLONG'],
    ] as const) {
      await assert.rejects(zfs.rename(from, to), code(expected), `${from} ${to}`);
    }
    await assert.rejects(zfs.rename('zones/a', 'zones/c', { recursive: true }), code('EZFS_BADTYPE'));
    await zfs.set('zones/a', { zoned: 'on' });
    await assert.rejects(zfs.rename('zones/a', 'zones/c'), code('EZFS_ZONED'));
  });
});

describe('snapshots', () => {
  it('are all taken or none', async () => {
    await zfs.create('zones/a', 'filesystem');
    await zfs.snapshot(['zones/a@s', 'zones@s'], { 'test:a': 'x' });
    assert.equal(await value('zones/a@s', 'test:a'), 'x');
    await assert.rejects(zfs.snapshot(['zones@t', 'zones/a@s']), code('EEXIST'));
    await assert.rejects(zfs.snapshot(['zones/none@t', 'zones/a@t']), code('ENOENT'));
    await assert.rejects(zfs.snapshot(['zones/a@t', 'zones/a@u']), code('EXDEV'));
    await assert.rejects(zfs.snapshot(['zones/a@t', 'other@t']), code('EXDEV'));
    await assert.rejects(zfs.snapshot(['zones/a@t'], { quota: '1' }), code('EINVAL'));
    await assert.rejects(zfs.snapshot(['zones/a']), code('EZFS_INVALIDNAME'));
    await assert.rejects(zfs.snapshot(['nowhere@t']), code('ENOENT'));
    await zfs.snapshot([]);
    assert.deepEqual(await names('zones'), ['zones', 'zones@s', 'zones/a', 'zones/a@s']);
  });

  it('roll back, over later ones only when told', async () => {
    await zfs.create('zones/a', 'filesystem');
    write('/zones/a/f', 'old');
    await zfs.snapshot(['zones/a@s']);
    write('/zones/a/f', 'new');
    await zfs.snapshot(['zones/a@t']);
    await assert.rejects(zfs.rollback('zones/a@s'), code('EEXIST'));
    await zfs.clone('zones/a@t', 'zones/b');
    await assert.rejects(zfs.rollback('zones/a@s', { destroyNewer: true }), code('EEXIST'));
    await zfs.destroy('zones/b');
    await zfs.hold({ 'zones/a@t': 'x' });
    await assert.rejects(zfs.rollback('zones/a@s', { destroyNewer: true }), code('EBUSY'));
    await zfs.release({ 'zones/a@t': 'x' });
    await zfs.rollback('zones/a@s', { destroyNewer: true });
    assert.deepEqual([read('/zones/a/f'), await names('zones/a')], ['old', ['zones/a', 'zones/a@s']]);
    await assert.rejects(zfs.rollback('zones/a'), code('EZFS_BADTYPE'));
  });

  it('are held and released by tags', async () => {
    await zfs.create('zones/a', 'filesystem');
    await zfs.snapshot(['zones/a@s', 'zones@s']);
    await zfs.hold({ 'zones/a@s': 'one', 'zones@s': 'one' });
    await zfs.hold({ 'zones/a@s': 'two' });
    const holds = await zfs.holds('zones/a@s');
    assert.deepEqual(Object.keys(holds).sort(), ['one', 'two']);
    assert.ok(Math.abs((holds['one'] ?? 0) - Date.now() / 1000) < 60);
    await assert.rejects(zfs.hold({ 'zones/a@s': 'one' }), code('EEXIST'));
    await assert.rejects(zfs.hold({ 'zones/a@s': 'three', 'zones/a@none': 'three' }), code('ENOENT'));
    await assert.rejects(zfs.hold({ 'zones/a@s': 'x'.repeat(300) }), code('E2BIG'));
    assert.deepEqual(Object.keys(await zfs.holds('zones/a@s')).sort(), ['one', 'two']);
    await assert.rejects(zfs.destroySnapshots(['zones/a@s']), code('EBUSY'));
    await assert.rejects(zfs.release({ 'zones/a@s': 'none' }), code('ESRCH'));
    await assert.rejects(zfs.release({ 'zones/a@none': 'one' }), code('ENOENT'));
    await assert.rejects(zfs.holds('zones/a@none'), code('ENOENT'));
    await zfs.destroySnapshots(['zones/a@s'], true);
    assert.equal(await value('zones/a@s', 'defer_destroy'), 'on');
    await zfs.release({ 'zones/a@s': 'one' });
    await zfs.release({ 'zones/a@s': 'two' });
    assert.equal(await value('zones@s', 'userrefs'), '1');
    await zfs.hold({});
    await zfs.release({});
  });

  it('are destroyed all or none, and missing ones are not missed', async () => {
    await zfs.create('zones/a', 'filesystem');
    for (const each of ['s', 't']) await zfs.snapshot([`zones/a@${each}`]);
    await zfs.clone('zones/a@t', 'zones/b');
    await assert.rejects(zfs.destroySnapshots(['zones/a@s', 'zones/a@t']), code('EEXIST'));
    assert.equal(await zfs.exists('zones/a@s'), true);
    await zfs.destroySnapshots(['zones/a@s', 'zones/a@none', 'zones/none@s']);
    await zfs.destroySnapshots([]);
    assert.deepEqual(await names('zones/a'), ['zones/a', 'zones/a@t']);
  });
});

describe('streams', () => {
  beforeEach(async () => {
    await zfs.create('zones/a', 'filesystem');
    write('/zones/a/f', 'one');
    await zfs.snapshot(['zones/a@s']);
    write('/zones/a/f', 'two');
    await zfs.snapshot(['zones/a@t']);
  });

  it('carry a dataset, and what changed since', async () => {
    await copy({ snapshot: 'zones/a@s' }, 'zones/b', { properties: { 'test:a': 'x', compression: 'lz4' } });
    assert.equal(read('/zones/b/f'), 'one');
    assert.equal(await value('zones/b@s', 'guid'), await value('zones/a@s', 'guid'));
    assert.deepEqual([await value('zones/b', 'test:a'), await value('zones/b', 'compression')], ['x', 'lz4']);
    await copy({ snapshot: 'zones/a@t', from: 'zones/a@s' }, 'zones/b@renamed');
    assert.deepEqual(
      [read('/zones/b/f'), await names('zones/b')],
      ['two', ['zones/b', 'zones/b@s', 'zones/b@renamed']],
    );
    await copy({ snapshot: 'zones/a@t', from: 'zones/a@s' }, 'zones/c', { origin: 'zones/a@s', mount: false });
    assert.deepEqual([await value('zones/c', 'origin'), await zfs.mountedAt('zones/c')], ['zones/a@s', undefined]);
    assert.ok((await zfs.sendSize({ snapshot: 'zones/a@s', raw: true, largeBlocks: true })) > 0);
  });

  it('carry a volume', async () => {
    await zfs.create('zones/v', 'volume', { volsize: '1M' });
    writeFileSync(`${root.path}/dev/zvol/rdsk/zones/v`, 'boot', { flag: 'r+' });
    await zfs.snapshot(['zones/v@s']);
    await copy({ snapshot: 'zones/v@s', compressed: true, embedded: true }, 'zones/w');
    assert.equal(await value('zones/w', 'volsize'), String(1 << 20));
    assert.equal(readFileSync(`${root.path}/dev/zvol/rdsk/zones/w`).subarray(0, 4).toString(), 'boot');
  });

  it('are refused where they do not fit', async () => {
    const from = { snapshot: 'zones/a@t', from: 'zones/a@s' };
    await assert.rejects(copy({ snapshot: 'zones/a@s' }, 'zones/a'), code('EZFS_EXISTS'));
    await assert.rejects(copy({ snapshot: 'zones/a@s' }, 'zones/none/b'), code('EZFS_NOENT'));
    await assert.rejects(copy(from, 'zones/b'), code('EZFS_NOENT'));
    await assert.rejects(copy(from, 'zones/b', { origin: 'zones/a@t' }), code('EZFS_BADRESTORE'));
    await assert.rejects(copy({ snapshot: 'zones/a@s' }, 'zones/b', { properties: { x: 'y' } }), code('EZFS_BADPROP'));
    await assert.rejects(copy({ snapshot: 'zones/a@s' }, 'zones'), code('EZFS_INVALIDNAME'));
    const pipe = addon.pipe();
    await assert.rejects(zfs.send({ snapshot: 'zones/a@s', from: 'zones/a@t' }, pipe.write), code('EXDEV'));
    await assert.rejects(zfs.send({ snapshot: 'zones/a@none' }, pipe.write), code('ENOENT'));
    closeSync(pipe.read);
    await assert.rejects(zfs.send({ snapshot: 'zones/a@s' }, pipe.write), code('EPIPE'));
    closeSync(pipe.write);
    assert.throws(() => zfs.send({ snapshot: 'zones/a@s' }, pipe.write), code('EBADF'));
    assert.throws(() => zfs.receive('zones/b', pipe.read), code('EBADF'));
    assert.deepEqual(await names('zones'), ['zones', 'zones/a', 'zones/a@s', 'zones/a@t']);
  });

  it('that are damaged leave nothing', async () => {
    write('/sent', '');
    const whole = spawnSync(process.execPath, [
      '-e',
      `const z = require(${JSON.stringify(addonFile('zfs'))}); const fd = require('fs').openSync(${JSON.stringify(`${root.path}/sent`)}, 'w');
       z.open().then((l) => l.send({ snapshot: 'zones/a@s' }, fd));`,
    ]);
    assert.equal(whole.status, 0, String(whole.stderr));
    const bytes = readFileSync(`${root.path}/sent`);
    const broken = Buffer.from(bytes);
    broken[1000] = (broken[1000] ?? 0) ^ 1;
    for (const bad of [Buffer.alloc(0), Buffer.from('x'.repeat(400)), bytes.subarray(0, 2000), broken]) {
      const pipe = addon.pipe();
      const receiving = zfs.receive('zones/b', pipe.read);
      closeSync(pipe.read);
      writeFileSync(pipe.write, bad);
      closeSync(pipe.write);
      await assert.rejects(receiving, code('EZFS_BADSTREAM'));
    }
    assert.equal(await zfs.exists('zones/b'), false);
  });

  it('run beside other calls', async () => {
    const pipe = addon.pipe();
    const receiving = zfs.receive('zones/b', pipe.read);
    closeSync(pipe.read);
    assert.equal((await zfs.get('zones/a')).name, 'zones/a');
    const sending = zfs.send({ snapshot: 'zones/a@s' }, pipe.write);
    closeSync(pipe.write);
    zfs.close();
    await Promise.all([sending, receiving]);
    assert.ok(zfsEvents(root).includes('receive zones/b@s'));
  });
});

describe('pools', () => {
  it('are told with their state', async () => {
    const query = { properties: ['size', 'free', 'guid', 'no-such'] };
    const pools = await zfs.pools(query);
    assert.deepEqual(
      pools.map(({ name, state }) => [name, state]),
      [['other', 'ONLINE'], ['zones', 'ONLINE']], // prettier-ignore
    );
    assert.deepEqual(await zfs.pool('zones', query), pools[1]);
    assert.deepEqual(Object.keys(pools[0]?.properties ?? {}).sort(), ['free', 'guid', 'size']);
    await assert.rejects(zfs.pool('none'), code('EZFS_NOENT'));
    await assert.rejects(zfs.pool('a/b'), code('EZFS_INVALIDNAME'));
  });
});
