/** Bookmarks, and streams that go on from where they were cut off, by zfs.node on the stand-in for libzfs. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeSend, NativeZfsLibrary } from '../../lib/host/native-zfs.js';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

const addon = loadNative('zfs');
let root = new IllumosRoot();
let zfs: NativeZfsLibrary;

beforeEach(async () => {
  root.remove();
  root = new IllumosRoot();
  addPools(root, { zones: 2 ** 40, other: 2 ** 30 });
  zfs = await addon.open();
  await zfs.create('zones/a', 'filesystem');
  writeFileSync(`${root.path}/zones/a/f`, Buffer.alloc(300_000, 'one'));
  await zfs.snapshot(['zones/a@s']);
  writeFileSync(`${root.path}/zones/a/g`, Buffer.alloc(200_000, 'two'));
  await zfs.snapshot(['zones/a@t']);
});
afterEach(() => {
  zfs.close();
});
after(() => {
  root.remove();
});

const code = (expected: string) => (error: unknown) => codeOf(error) === expected;
const value = async (name: string, property: string) =>
  (await zfs.get(name, { properties: [property] })).properties[property]?.value;
const file = (name: string) => readFileSync(`${root.path}${name}`, 'utf8');

/** Sends into a file, of which the first `bytes` are left. */
async function sent(what: NativeSend, bytes?: number): Promise<string> {
  const path = `${root.path}/sent`;
  const fd = openSync(path, 'w');
  try {
    await zfs.send(what, fd);
  } finally {
    closeSync(fd);
  }
  if (bytes !== undefined) truncateSync(path, bytes);
  return path;
}

async function received(
  path: string,
  target: string,
  options: Parameters<NativeZfsLibrary['receive']>[2] = {},
): Promise<void> {
  const fd = openSync(path, 'r');
  try {
    await zfs.receive(target, fd, options);
  } finally {
    closeSync(fd);
  }
}

describe('bookmarks', () => {
  it('are made of snapshots, listed, and destroyed', async () => {
    await zfs.bookmark({ 'zones/a#s': 'zones/a@s', 'zones/a#t': 'zones/a@t' });
    const list = await zfs.list({ root: 'zones/a', types: ['bookmark'], properties: ['guid'] });
    assert.deepEqual(list.map(({ name, type }) => [name, type]), [['zones/a#s', 'bookmark'], ['zones/a#t', 'bookmark']]); // prettier-ignore
    assert.equal(list[0]?.properties['guid']?.value, await value('zones/a@s', 'guid'));
    const { type, properties } = await zfs.get('zones/a#s', { properties: ['creation', 'used'], userProperties: true });
    assert.deepEqual([type, Object.keys(properties)], ['bookmark', ['creation']]);
    assert.deepEqual(
      [await zfs.exists('zones/a#s', ['bookmark']), await zfs.exists('zones/a#s'), await zfs.exists('zones/a#x', ['bookmark'])],
      [true, false, false],
    ); // prettier-ignore
    await zfs.destroyBookmarks(['zones/a#s', 'zones/a#none', 'zones/none#s']);
    await zfs.destroyBookmarks([]);
    await zfs.bookmark({});
    await assert.rejects(zfs.get('zones/a#s'), code('EZFS_NOENT'));
    assert.equal(await zfs.exists('zones/a#t', ['bookmark']), true);
  });

  it('are all made or none', async () => {
    await zfs.bookmark({ 'zones/a#s': 'zones/a@s' });
    for (const [bookmark, snapshot, expected] of [
      ['zones/a#s', 'zones/a@t', 'EEXIST'],
      ['zones/a#x', 'zones/a@none', 'ENOENT'],
      ['zones/none#x', 'zones/none@s', 'ENOENT'],
      ['zones#x', 'zones/a@s', 'EXDEV'],
      ['zones/a@x', 'zones/a@s', 'EZFS_INVALIDNAME'],
      ['zones/a#x', 'zones/a', 'EZFS_INVALIDNAME'],
      [`zones/a#${'x'.repeat(260)}`, 'zones/a@s', 'EZFS_NAMETOOLONG'],
    ] as const) {
      await assert.rejects(
        zfs.bookmark({ 'zones/a#good': 'zones/a@s', [bookmark]: snapshot }),
        code(expected),
        bookmark,
      );
    }
    await assert.rejects(zfs.destroyBookmarks(['zones/a@s']), code('EZFS_INVALIDNAME'));
    assert.equal(await zfs.exists('zones/a#good', ['bookmark']), false);
  });

  it('are what an incremental stream builds on when the snapshot has gone', async () => {
    await received(await sent({ snapshot: 'zones/a@s' }), 'zones/b');
    await zfs.bookmark({ 'zones/a#s': 'zones/a@s', 'zones/a#t': 'zones/a@t' });
    await zfs.destroySnapshots(['zones/a@s']);
    await received(await sent({ snapshot: 'zones/a@t', from: 'zones/a#s' }), 'zones/b');
    assert.equal(file('/zones/b/g'), file('/zones/a/g'));
    await assert.rejects(sent({ snapshot: 'zones/a@t', from: 'zones/a#t' }), code('EXDEV'));
    await assert.rejects(sent({ snapshot: 'zones/a@t', from: 'zones/a#none' }), code('ENOENT'));
  });
});

describe('a stream that is cut off', () => {
  const resumable = { resumable: true } as const;

  it('goes on from there, as often as it takes', async () => {
    await assert.rejects(
      received(await sent({ snapshot: 'zones/a@s' }, 100_000), 'zones/b', resumable),
      code('EZFS_BADSTREAM'),
    );
    const first = await zfs.resumption((await value('zones/b', 'receive_resume_token')) ?? '');
    assert.deepEqual(
      [first.snapshot, first.from, first.embedded, first.resume?.offset],
      ['zones/a@s', undefined, false, 65_536n],
    );
    await assert.rejects(received(await sent(first, 140_000), 'zones/b', resumable), code('EZFS_BADSTREAM'));
    const second = await zfs.resumption((await value('zones/b', 'receive_resume_token')) ?? '');
    assert.equal(second.resume?.offset, 3n * 65_536n);
    const rest = await sent(second);
    assert.ok(readFileSync(rest).length < 200_000);
    await received(rest, 'zones/b', resumable);
    assert.equal(file('/zones/b/f'), file('/zones/a/f'));
    assert.equal(await value('zones/b@s', 'guid'), await value('zones/a@s', 'guid'));
    assert.equal(await value('zones/b', 'receive_resume_token'), undefined);
  });

  it('goes on into a dataset that was there before, whose state nobody sees meanwhile', async () => {
    await received(await sent({ snapshot: 'zones/a@s' }), 'zones/b');
    const more = { snapshot: 'zones/a@t', from: 'zones/a@s' };
    await assert.rejects(received(await sent(more, 100_000), 'zones/b', resumable), code('EZFS_BADSTREAM'));
    assert.deepEqual((await zfs.list({ root: 'zones/b' })).map(({ name }) => name), ['zones/b', 'zones/b@s']); // prettier-ignore
    await assert.rejects(received(await sent(more), 'zones/b'), code('EZFS_BUSY'));
    const token = (await value('zones/b', 'receive_resume_token')) ?? '';
    // It may build on a bookmark by now.
    await zfs.bookmark({ 'zones/a#s': 'zones/a@s' });
    await zfs.destroySnapshots(['zones/a@s']);
    const rest = await zfs.resumption(token);
    assert.equal(rest.from, 'zones/a#s');
    await received(await sent(rest), 'zones/b', resumable);
    assert.equal(file('/zones/b/g'), file('/zones/a/g'));
  });

  it('of a clone builds on the origin', async () => {
    await zfs.clone('zones/a@s', 'zones/c');
    writeFileSync(`${root.path}/zones/c/h`, Buffer.alloc(200_000, 'three'));
    await zfs.snapshot(['zones/c@u']);
    const what = { snapshot: 'zones/c@u', from: 'zones/a@s' };
    await assert.rejects(
      received(await sent(what, 100_000), 'zones/d', { ...resumable, origin: 'zones/a@s' }),
      code('EZFS_BADSTREAM'),
    );
    const rest = await zfs.resumption((await value('zones/d', 'receive_resume_token')) ?? '');
    assert.equal(rest.from, 'zones/a@s');
    await received(await sent(rest), 'zones/d', { origin: 'zones/a@s' });
    assert.equal(file('/zones/d/h'), file('/zones/c/h'));
  });

  it('is dropped when nobody wants the rest', async () => {
    const cut = await sent({ snapshot: 'zones/a@s' }, 100_000);
    await assert.rejects(received(cut, 'zones/b', resumable), code('EZFS_BADSTREAM'));
    await assert.rejects(received(cut, 'zones/b'), code('EZFS_BADSTREAM'));
    await zfs.abandon('zones/b');
    assert.equal(await zfs.exists('zones/b'), false);
    await received(await sent({ snapshot: 'zones/a@s' }), 'zones/b');
    await assert.rejects(
      received(await sent({ snapshot: 'zones/a@t', from: 'zones/a@s' }, 100_000), 'zones/b', resumable),
      code('EZFS_BADSTREAM'),
    );
    await zfs.abandon('zones/b');
    assert.equal(await value('zones/b', 'receive_resume_token'), undefined);
    await assert.rejects(zfs.abandon('zones/b'), code('EZFS_BADRESTORE'));
    await assert.rejects(zfs.abandon('zones/none'), code('EZFS_NOENT'));
    await assert.rejects(zfs.abandon('zones'), code('EZFS_INVALIDNAME'));
    assert.equal(await zfs.exists('zones/b@s'), true);
  });

  it('leaves nothing when it may not be resumed, or nothing of it came', async () => {
    await assert.rejects(received(await sent({ snapshot: 'zones/a@s' }, 100_000), 'zones/b'), code('EZFS_BADSTREAM'));
    await assert.rejects(
      received(await sent({ snapshot: 'zones/a@s' }, 100), 'zones/b', resumable),
      code('EZFS_BADSTREAM'),
    );
    assert.equal(await zfs.exists('zones/b'), false);
  });

  it('cannot go on where its target, its snapshot or its token is not what it was', async () => {
    await assert.rejects(
      received(await sent({ snapshot: 'zones/a@s' }, 100_000), 'zones/b', resumable),
      code('EZFS_BADSTREAM'),
    );
    const token = (await value('zones/b', 'receive_resume_token')) ?? '';
    const rest = await sent(await zfs.resumption(token));
    await assert.rejects(received(rest, 'zones/other'), code('EZFS_NOENT'));
    const other = { snapshot: 'zones/a@t', resume: { object: 1n, offset: 0n } };
    await assert.rejects(received(await sent(other), 'zones/b'), code('EZFS_BADSTREAM'));
    for (const bad of [
      '',
      'x',
      '1-0-0-',
      token.slice(0, -2),
      token.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    ]) {
      await assert.rejects(zfs.resumption(bad), code('EZFS_FAULT'), bad);
    }
    await zfs.destroySnapshots(['zones/a@s']);
    await assert.rejects(zfs.resumption(token), code('EZFS_BADPATH'));
    await zfs.rename('zones/a@t', 'zones/a@s');
    await assert.rejects(zfs.resumption(token), code('EZFS_BADPATH'));
  });

  it('is asked for a thousand times at once', async () => {
    await assert.rejects(
      received(await sent({ snapshot: 'zones/a@s' }, 100_000), 'zones/b', resumable),
      code('EZFS_BADSTREAM'),
    );
    const token = (await value('zones/b', 'receive_resume_token')) ?? '';
    const all = await Promise.all(Array.from({ length: 1000 }, () => zfs.resumption(token)));
    assert.ok(all.every(({ snapshot }) => snapshot === 'zones/a@s'));
  });
});
