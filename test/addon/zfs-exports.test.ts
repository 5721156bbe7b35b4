/**
 * Each export of zfs.node and each method of its handle: what its documentation says it fails with, wrong arguments, and a
 * thousand calls at once, on the stand-in for libzfs.
 */
import assert from 'node:assert/strict';
import { closeSync, cpSync, openSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeSend, NativeZfs, NativeZfsLibrary } from '../../lib/host/native-zfs.js';
import { addPools, failNext } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { documentedCodes, endsAThousand, refusesWrongArguments, type ExportEntry } from './every-export.js';

const addon = loadNative('zfs');
let root = new IllumosRoot();
let zfs: NativeZfsLibrary;
/** Closed after each test. */
let open: number[] = [];

/** What each test begins with, made once. */
const first = new IllumosRoot();

before(async () => {
  addPools(first, { zones: 2 ** 40, other: 2 ** 30 });
  const library = await addon.open();
  await library.create('zones/a/b', 'filesystem', {}, { parents: true });
  await library.create('zones/e', 'filesystem');
  writeFileSync(`${first.path}/zones/a/f`, Buffer.alloc(200_000, 'one'));
  await library.snapshot(['zones/a@s', 'zones/e@s']);
  await library.snapshot(['zones/a@t']);
  await library.clone('zones/a@s', 'zones/c');
  await library.create('zones/v', 'volume', { volsize: '1M' });
  await library.create('zones/down', 'filesystem', {}, { mount: false });
  library.close();
});
beforeEach(async () => {
  root.remove();
  root = new IllumosRoot();
  for (const folder of ['dev', 'system', 'zones']) {
    cpSync(`${first.path}/${folder}`, `${root.path}/${folder}`, { recursive: true });
  }
  zfs = await addon.open();
});
afterEach(() => {
  for (const fd of open) closeSync(fd);
  open = [];
  zfs.close();
});
after(() => {
  root.remove();
  first.remove();
});

function opened(path: string, flags: 'r' | 'w'): number {
  const fd = openSync(path, flags);
  open.push(fd);
  return fd;
}

/** A stream in a file, of which the first `bytes` are left. */
async function stream(what: NativeSend = { snapshot: 'zones/e@s' }, bytes?: number): Promise<string> {
  const path = `${root.path}/stream`;
  await zfs.send(what, opened(path, 'w'));
  if (bytes !== undefined) truncateSync(path, bytes);
  return path;
}

const receive = async (
  target: string,
  options: Parameters<NativeZfsLibrary['receive']>[2] = {},
  what?: NativeSend,
  bytes?: number,
) => {
  await zfs.receive(target, opened(await stream(what, bytes), 'r'), options);
};

let token = '';
/** Leaves a part of a stream in `zones/p`. */
async function cutOff(): Promise<void> {
  await assert.rejects(receive('zones/p', { resumable: true }, { snapshot: 'zones/a@t' }, 100_000));
  const { properties } = await zfs.get('zones/p', { properties: ['receive_resume_token'] });
  token = properties['receive_resume_token']?.value ?? '';
}

let sink = 0;
let source = '';
const all = { properties: ['used', 'quota'], userProperties: true } as const;
const making = { parents: false, mount: true } as const;
const settings = { quota: '1G', 'test:a': 'x' } as const;
const none = 'zones/none';

const methods: Readonly<Record<Exclude<keyof NativeZfsLibrary, 'close'>, ExportEntry>> = {
  exists: {
    args: ['zones/a', ['filesystem', 'volume']],
    required: 1,
    fails: {},
    many: () => zfs.exists('zones/a'),
    ends: { done: 1000 },
  },
  get: {
    args: ['zones/a', all],
    required: 1,
    fails: { EZFS_NOENT: () => zfs.get(none) },
    many: (index) => zfs.get(index % 2 === 0 ? 'zones/a' : none, all),
    ends: { done: 500, EZFS_NOENT: 500 },
  },
  list: {
    args: [{ root: 'zones/a', types: ['filesystem', 'bookmark'], depth: 1, ...all }],
    required: 0,
    fails: { EZFS_NOENT: () => zfs.list({ root: none }) },
    many: () => zfs.list({ root: 'zones/a', ...all }),
    ends: { done: 1000 },
  },
  set: {
    args: ['zones/a', settings],
    required: 2,
    fails: {
      EZFS_NOENT: () => zfs.set(none, {}),
      EZFS_BADPROP: () => zfs.set('zones/a', { quota: 'lots' }),
      EZFS_PROPSPACE: () => zfs.set('zones/a', { reservation: '1P' }),
      EZFS_PROPREADONLY: () => zfs.set('zones/a', { used: '1' }),
      EZFS_PROPTYPE: () => zfs.set('zones/a', { volsize: '1M' }),
    },
    many: (index) => zfs.set('zones/a', { 'test:index': String(index) }),
    ends: { done: 1000 },
  },
  inherit: {
    args: ['zones/a', 'atime', true],
    required: 2,
    fails: {
      EZFS_NOENT: () => zfs.inherit(none, 'atime'),
      EZFS_BADPROP: () => zfs.inherit('zones/a', 'nonsense'),
      EZFS_PROPREADONLY: () => zfs.inherit('zones/a', 'used'),
      EZFS_PROPNONINHERIT: () => zfs.inherit('zones/a', 'quota'),
    },
    many: () => zfs.inherit('zones/a', 'compression'),
    ends: { done: 1000 },
  },
  create: {
    args: ['zones/new', 'filesystem', settings, making],
    required: 2,
    fails: {
      EZFS_MOUNTFAILED: () => {
        root.write('/zones/new/file', 'x');
        return zfs.create('zones/new', 'filesystem');
      },
      EZFS_EXISTS: () => zfs.create('zones/a', 'filesystem'),
      EZFS_NOENT: () => zfs.create(`${none}/a`, 'filesystem'),
      EZFS_WRONG_PARENT: () => zfs.create('zones/v/a', 'filesystem'),
      EZFS_BADPROP: () => zfs.create('zones/new', 'volume'),
      EZFS_NOSPC: () => zfs.create('zones/new', 'filesystem', { reservation: '1P' }),
    },
    many: () => zfs.create('zones/new', 'filesystem'),
    ends: { done: 1, EZFS_EXISTS: 999 },
  },
  clone: {
    args: ['zones/a@s', 'zones/new', settings, making],
    required: 2,
    fails: {
      EZFS_BADTYPE: () => zfs.clone('zones/a', 'zones/new'),
      EZFS_CROSSTARGET: () => zfs.clone('zones/a@s', 'other/new'),
      EZFS_EXISTS: () => zfs.clone('zones/a@s', 'zones/c'),
      EZFS_NOENT: () => zfs.clone('zones/a@none', 'zones/new'),
    },
    many: () => zfs.clone('zones/a@s', 'zones/new'),
    ends: { done: 1, EZFS_EXISTS: 999 },
  },
  snapshot: {
    args: [['zones/a@new', 'zones/a/b@new'], { 'test:a': 'x' }],
    required: 1,
    fails: {
      EINVAL: () => zfs.snapshot(['zones/a@new'], { quota: '1' }),
      EEXIST: () => zfs.snapshot(['zones/a@s']),
      ENOENT: () => zfs.snapshot([`${none}@s`]),
      EXDEV: () => zfs.snapshot(['zones/a@new', 'other@new']),
    },
    many: () => zfs.snapshot(['zones/a@new', 'zones/a/b@new']),
    ends: { done: 1, EEXIST: 999 },
  },
  dependents: {
    args: ['zones/a'],
    required: 1,
    fails: { EZFS_NOENT: () => zfs.dependents(none) },
    many: () => zfs.dependents('zones/a'),
    ends: { done: 1000 },
  },
  destroy: {
    args: ['zones/a/b', { recursive: true, force: false }],
    required: 1,
    fails: {
      EZFS_EXISTS: () => zfs.destroy('zones/a', { recursive: true }),
      EZFS_NOENT: () => zfs.destroy(none),
      EZFS_BUSY: async () => {
        await zfs.snapshot(['zones/c@held']);
        await zfs.hold({ 'zones/c@held': 'tag' });
        await zfs.destroy('zones/c', { recursive: true });
      },
    },
    many: () => zfs.destroy('zones/a/b'),
    ends: { done: 1, EZFS_NOENT: 999 },
  },
  destroySnapshots: {
    args: [['zones/a@t', 'zones/a@u'], false],
    required: 1,
    fails: {
      EEXIST: () => zfs.destroySnapshots(['zones/a@s', 'zones/a@t']),
      EBUSY: async () => {
        await zfs.hold({ 'zones/a@t': 'tag' });
        await zfs.destroySnapshots(['zones/a@t']);
      },
    },
    many: () => zfs.destroySnapshots(['zones/a@t']),
    ends: { done: 1000 },
  },
  bookmark: {
    args: [{ 'zones/a#new': 'zones/a@s' }],
    required: 1,
    fails: {
      EEXIST: async () => {
        await zfs.bookmark({ 'zones/a#new': 'zones/a@s' });
        await zfs.bookmark({ 'zones/a#new': 'zones/a@t' });
      },
      ENOENT: () => zfs.bookmark({ 'zones/a#new': 'zones/a@none' }),
      EXDEV: () => zfs.bookmark({ 'zones/c#new': 'zones/a@s' }),
    },
    many: () => zfs.bookmark({ 'zones/a#new': 'zones/a@s' }),
    ends: { done: 1, EEXIST: 999 },
  },
  destroyBookmarks: {
    args: [['zones/a#x', 'zones/a#y']],
    required: 1,
    fails: {},
    prepare: () => zfs.bookmark({ 'zones/a#x': 'zones/a@s' }),
    many: () => zfs.destroyBookmarks(['zones/a#x', 'zones/a#y']),
    ends: { done: 1000 },
  },
  rollback: {
    args: ['zones/a@t', { destroyNewer: false }],
    required: 1,
    fails: {
      EEXIST: () => zfs.rollback('zones/a@s'),
      EBUSY: async () => {
        await zfs.hold({ 'zones/a@t': 'tag' });
        await zfs.rollback('zones/a@s', { destroyNewer: true });
      },
      EZFS_NOENT: () => zfs.rollback('zones/a@none'),
      EZFS_BADTYPE: () => zfs.rollback('zones/a'),
    },
    many: (index) => zfs.rollback(index % 50 === 0 ? 'zones/e@s' : 'zones/a@s'),
    ends: { done: 20, EEXIST: 980 },
  },
  rename: {
    args: ['zones/a/b', 'zones/b', { recursive: false, force: true }],
    required: 2,
    fails: {
      EZFS_NOENT: () => zfs.rename(none, 'zones/b'),
      EZFS_EXISTS: () => zfs.rename('zones/a', 'zones/c'),
      EZFS_CROSSTARGET: () => zfs.rename('zones/a', 'other/a'),
      EZFS_BADTYPE: () => zfs.rename('zones/a', 'zones/b', { recursive: true }),
      EZFS_ZONED: async () => {
        await zfs.set('zones/a', { zoned: 'on' });
        await zfs.rename('zones/a', 'zones/b');
      },
    },
    many: () => zfs.rename('zones/a/b', 'zones/b'),
    ends: { done: 1, EZFS_NOENT: 999 },
  },
  promote: {
    args: ['zones/c'],
    required: 1,
    fails: {
      EZFS_BADTYPE: () => zfs.promote('zones/a'),
      EZFS_NOENT: () => zfs.promote(none),
      EZFS_EXISTS: async () => {
        await zfs.snapshot(['zones/c@s']);
        await zfs.promote('zones/c');
      },
    },
    many: () => zfs.promote('zones/c'),
    ends: { done: 1, EZFS_BADTYPE: 999 },
  },
  mount: {
    args: ['zones/down', { options: 'ro', overlay: true }],
    required: 1,
    fails: {
      EZFS_NOENT: () => zfs.mount(none),
      EZFS_BADTYPE: () => zfs.mount('zones/v'),
      EZFS_MOUNTFAILED: () => {
        root.write('/zones/down/file', 'x');
        return zfs.mount('zones/down');
      },
    },
    many: () => zfs.mount('zones/down'),
    ends: { done: 1000 },
  },
  unmount: {
    args: ['zones/a/b', { force: true }],
    required: 1,
    fails: {
      EZFS_NOENT: () => zfs.unmount(none),
      EZFS_BADTYPE: () => zfs.unmount('zones/v'),
      EZFS_UMOUNTFAILED: () => zfs.unmount('zones/a'),
    },
    many: () => zfs.unmount('zones/a/b'),
    ends: { done: 1000 },
  },
  mountedAt: {
    args: ['zones/a'],
    required: 1,
    fails: {
      EZFS_NOENT: () => zfs.mountedAt(none),
      EZFS_BADTYPE: () => zfs.mountedAt('zones/v'),
    },
    many: () => zfs.mountedAt('zones/a'),
    ends: { done: 1000 },
  },
  hold: {
    args: [{ 'zones/a@s': 'tag' }],
    required: 1,
    fails: {
      EEXIST: async () => {
        await zfs.hold({ 'zones/a@s': 'tag' });
        await zfs.hold({ 'zones/a@s': 'tag' });
      },
      E2BIG: () => zfs.hold({ 'zones/a@s': 'x'.repeat(300) }),
      ENOENT: () => zfs.hold({ 'zones/a@none': 'tag' }),
    },
    many: () => zfs.hold({ 'zones/a@s': 'tag' }),
    ends: { done: 1, EEXIST: 999 },
  },
  release: {
    args: [{ 'zones/a@s': 'tag' }],
    required: 1,
    fails: {
      ESRCH: () => zfs.release({ 'zones/a@s': 'tag' }),
      ENOENT: () => zfs.release({ 'zones/a@none': 'tag' }),
    },
    prepare: () => zfs.hold({ 'zones/a@s': 'tag' }),
    many: () => zfs.release({ 'zones/a@s': 'tag' }),
    ends: { done: 1, ESRCH: 999 },
  },
  holds: {
    args: ['zones/a@s'],
    required: 1,
    fails: { ENOENT: () => zfs.holds('zones/a@none') },
    many: () => zfs.holds('zones/a@s'),
    ends: { done: 1000 },
  },
  send: {
    args: [
      {
        snapshot: 'zones/a@t', from: 'zones/a@s', embedded: true, largeBlocks: true, compressed: true, raw: true,
        resume: { object: 1n, offset: 0n },
      },
      1,
    ], // prettier-ignore
    required: 2,
    fails: {
      EBADF: () => zfs.send({ snapshot: 'zones/a@s' }, 2 ** 31 - 1),
      EPIPE: () => {
        const pipe = addon.pipe();
        closeSync(pipe.read);
        open.push(pipe.write);
        return zfs.send({ snapshot: 'zones/a@s' }, pipe.write);
      },
      EXDEV: () => zfs.send({ snapshot: 'zones/a@s', from: 'zones/a@t' }, opened('/dev/null', 'w')),
      ENOENT: () => zfs.send({ snapshot: 'zones/a@none' }, opened('/dev/null', 'w')),
    },
    prepare: () => {
      sink = opened('/dev/null', 'w');
      return Promise.resolve();
    },
    many: (index) => zfs.send({ snapshot: index % 50 === 0 ? 'zones/e@s' : 'zones/e@none' }, sink),
    ends: { done: 20, ENOENT: 980 },
  },
  sendSize: {
    args: [{ snapshot: 'zones/a@t', from: 'zones/a@s', raw: true }],
    required: 1,
    fails: {
      EXDEV: () => zfs.sendSize({ snapshot: 'zones/a@s', from: 'zones/a@t' }),
      ENOENT: () => zfs.sendSize({ snapshot: 'zones/a@none' }),
    },
    many: () => zfs.sendSize({ snapshot: 'zones/a@t' }),
    ends: { done: 1000 },
  },
  resumption: {
    args: ['1-0-0-0'],
    required: 1,
    fails: {
      EZFS_FAULT: () => zfs.resumption('1-0-0-0'),
      EZFS_BADPATH: async () => {
        await cutOff();
        await zfs.destroySnapshots(['zones/a@t']);
        await zfs.resumption(token);
      },
    },
    prepare: cutOff,
    many: () => zfs.resumption(token),
    ends: { done: 1000 },
  },
  receive: {
    args: ['zones/new', 0, { origin: 'zones/a@s', properties: settings, force: false, mount: true, resumable: true }],
    required: 2,
    fails: {
      EBADF: () => zfs.receive('zones/new', 2 ** 31 - 1),
      EZFS_BADSTREAM: () => receive('zones/new', {}, undefined, 400),
      EZFS_EXISTS: () => receive('zones/c'),
      EZFS_NOENT: () => receive(`${none}/new`),
      EZFS_BADPROP: () => receive('zones/new', { properties: { nonsense: 'x' } }),
      EZFS_BADRESTORE: () =>
        receive('zones/new', { origin: 'zones/a@t' }, { snapshot: 'zones/a@t', from: 'zones/a@s' }),
    },
    prepare: async () => {
      source = await stream();
    },
    many: (index) => zfs.receive(`zones/new${index % 10}`, opened(index % 50 < 2 ? source : '/dev/null', 'r')),
    ends: { done: 2, EZFS_EXISTS: 38, EZFS_BADSTREAM: 960 },
  },
  abandon: {
    args: ['zones/p'],
    required: 1,
    fails: {
      EZFS_NOENT: () => zfs.abandon(none),
      EZFS_BADRESTORE: () => zfs.abandon('zones/a'),
    },
    prepare: cutOff,
    many: () => zfs.abandon('zones/p'),
    ends: { done: 1, EZFS_NOENT: 999 },
  },
  pools: { args: [{ properties: ['size'] }], required: 0, fails: {}, many: () => zfs.pools(), ends: { done: 1000 } },
  pool: {
    args: ['zones', { properties: ['size'] }],
    required: 1,
    fails: { EZFS_NOENT: () => zfs.pool('none') },
    many: () => zfs.pool('zones', { properties: ['size'] }),
    ends: { done: 1000 },
  },
  isName: {
    args: ['zones/a', 'filesystem'],
    required: 2,
    fails: {},
    many: (index) => zfs.isName(`zones/${index}`, 'volume'),
    ends: { done: 1000 },
  },
};

/** Closed by the test that has opened them. */
let others: NativeZfsLibrary[] = [];
const opening = async () => {
  others.push(await addon.open());
};
const exported: Readonly<Record<keyof NativeZfs, ExportEntry>> = {
  open: {
    args: [],
    required: 0,
    fails: {
      ENOENT: async () => {
        const { path } = root;
        const bare = new IllumosRoot();
        try {
          await addon.open();
        } finally {
          bare.remove();
          process.env['SMARTADM_STAND_IN_ROOT'] = path;
        }
      },
      EACCES: () => {
        failNext(root, 'libzfs_init', 'EACCES');
        return addon.open();
      },
    },
    many: opening,
    ends: { done: 1000 },
  },
  pipe: {
    args: [],
    required: 0,
    fails: {
      EMFILE: () => {
        const many: number[] = [];
        try {
          for (;;) many.push(...Object.values(addon.pipe()));
        } finally {
          for (const fd of many) closeSync(fd);
        }
      },
    },
    many: () => {
      for (const fd of Object.values(addon.pipe())) closeSync(fd);
    },
    ends: { done: 1000 },
  },
  missingFunctions: { args: [], required: 0, fails: {}, many: () => addon.missingFunctions(), ends: { done: 1000 } },
};

const names = async () => (await zfs.list({ types: ['filesystem', 'volume', 'snapshot', 'bookmark'] })).map(({ name }) => name); // prettier-ignore
const descriptors = () => readdirSync('/proc/self/fd').length;

for (const [what, entries, of] of [
  ['NativeZfs', exported, () => addon],
  ['NativeZfsLibrary', methods, () => zfs],
] as const) {
  describe(what, () => {
    it('has nothing that is not in the table, and the table has every code that the documentation names', () => {
      const known = Object.keys(entries).sort();
      assert.deepEqual(Object.keys(of()).filter((name) => name !== 'close').sort(), known); // prettier-ignore
      const documented = documentedCodes('native-zfs.ts', what);
      assert.deepEqual([...documented.keys()].sort(), known);
      for (const [name, codes] of documented) {
        const shown = Object.keys((entries as Readonly<Record<string, ExportEntry>>)[name]?.fails ?? {});
        assert.deepEqual(codes.filter((code) => !shown.includes(code)), [], name); // prettier-ignore
      }
    });
  });

  for (const [name, entry] of Object.entries(entries as Readonly<Record<string, ExportEntry>>)) {
    describe(name, () => {
      for (const [code, call] of Object.entries(entry.fails)) {
        it(`fails with ${code}`, async () => {
          const before = descriptors();
          await assert.rejects(
            async () => await call(),
            (error) => {
              const { library, operation, errno } = error as Record<string, unknown>;
              assert.equal(codeOf(error), code);
              assert.ok(library === 'zfs' || library === 'libc');
              assert.ok(typeof operation === 'string' && typeof errno === 'number');
              return true;
            },
          );
          assert.equal(descriptors() - open.length, before);
        });
      }

      it('refuses arguments of the wrong type and length before anything is done', async () => {
        const before = await names();
        refusesWrongArguments(of(), name, entry);
        assert.deepEqual(await names(), before);
      });

      it('a thousand times at once ends as one after another would', async () => {
        const before = descriptors();
        await endsAThousand(entry);
        for (const each of others) each.close();
        others = [];
        assert.equal(descriptors() - open.length, before);
        assert.ok((await names()).includes('zones/a'));
      });

      if (what === 'NativeZfs') return;
      it('does nothing on a handle that is closed', () => {
        zfs.close();
        const call = (zfs as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>)[name];
        for (const args of [entry.args, []]) {
          assert.throws(() => call?.(...args), (error) => codeOf(error) === 'ERR_CLOSED'); // prettier-ignore
        }
      });
    });
  }
}
