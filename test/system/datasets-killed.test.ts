/** A command that is killed between any two steps leaves what the next one finishes or removes. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BtrfsDatasets } from '../../lib/host/linux/datasets-btrfs.js';
import { loadNative } from '../../lib/host/native.js';
import { openTestPool, type TestPool } from '../pool.js';

const fixtures = fileURLToPath(new URL('../fixtures/zfs/', import.meta.url));

/** A program that does `body` and can be started quickly: one file, beside the addons it looks for. */
let bundle: string;
before(async () => {
  const folder = mkdtempSync(fileURLToPath(new URL('../../addon/build/killed-', import.meta.url)));
  bundle = join(folder, 'main.mjs');
  await build({
    stdin: {
      contents: `
        export { createBtrfsDatasets } from '../../lib/host/linux/datasets-btrfs.ts';
        export { loadNative } from '../../lib/host/native.ts';
        export { silentLog } from '../../lib/log.ts';`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    logLevel: 'silent',
  });
});
after(() => {
  rmSync(join(bundle, '..'), { recursive: true, force: true });
});

/**
 * Runs `body`, which has `datasets` and `stream`, on the pool in a process of its own that kills itself before its
 * `step`-th call of an addon that changes something, and says whether it came to its end first.
 */
async function runUntil(pool: TestPool, step: number, body: string): Promise<boolean> {
  const script = `
    import { createBtrfsDatasets, loadNative, silentLog } from ${JSON.stringify(bundle)};
    import { createReadStream } from 'node:fs';
    import { createGunzip } from 'node:zlib';
    import { join } from 'node:path';
    let left = ${step};
    const harmless = [
      'inspect', 'list', 'listFolder', 'listCopies', 'findPath', 'qgroupMembers', 'usage', 'quotaMode', 'lockFile', 'sync',
    ];
    for (const exports of [loadNative('posix'), loadNative('btrfs')]) {
      for (const [name, call] of Object.entries(exports)) {
        if (harmless.includes(name)) continue;
        exports[name] = (...args) => {
          left -= 1;
          if (left === 0) process.kill(process.pid, 'SIGKILL');
          return call(...args);
        };
      }
    }
    const at = (path) => join(${JSON.stringify(pool.root)}, path);
    const stream = (name) => createReadStream(${JSON.stringify(fixtures)} + name + '.zstream.gz').pipe(createGunzip());
    const pools = { zones: { driver: 'btrfs', sizeGiB: 1 } };
    const datasets = createBtrfsDatasets({ pools, at, log: silentLog });
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  assert.ok(status === 0 || signal === 'SIGKILL', errors);
  return status === 0;
}

interface Deed {
  readonly prepare: (datasets: BtrfsDatasets) => Promise<void>;
  readonly deed: string;
  /** Asserts on what is seen right after the kill, and again when the next command has tidied up. */
  readonly check: (names: readonly string[], pool: TestPool) => void;
}

/** Does `deed` on a fresh pool for each step at which it can be killed. */
async function killEverywhere({ prepare, deed, check }: Deed): Promise<void> {
  const pool = await openTestPool({ sizeGiB: 1 });
  try {
    const groups = groupsOf(pool);
    for (let step = 1, done = false; !done; step += 1) {
      assert.ok(step < 60, 'it comes to an end');
      const { datasets } = pool;
      await prepare(datasets);
      done = await runUntil(pool, step, deed);
      const seen = async () => (await datasets.list()).map(({ name }) => name).filter((name) => name !== 'zones');
      check(await seen(), pool);
      await datasets.create('zones/next');
      await datasets.destroy('zones/next');
      check(await seen(), pool);
      assert.deepEqual(readdirSync(pool.at('/zones/.smartadm/work')), [], `work after step ${step}`);
      await assertTidy(pool, groups);
      for (const { name } of await datasets.list({ root: 'zones', depth: 1, types: ['filesystem'] })) {
        if (name !== 'zones' && name !== 'zones/image') await datasets.destroy(name, { recursive: true });
      }
      const image = await datasets.find('zones/image');
      if (image !== undefined) await datasets.destroy('zones/image', { recursive: true });
    }
  } finally {
    pool.close();
  }
}

/** Folder in sysfs with an entry for each group of a pool. */
function groupsOf(pool: TestPool): string {
  const shown = spawnSync('btrfs', ['filesystem', 'show', '--raw', pool.at('/zones')], { encoding: 'utf8' });
  const uuid = /uuid: (\S+)/.exec(shown.stdout)?.[1] ?? assert.fail(shown.stderr);
  return `/sys/fs/btrfs/${uuid}/qgroups`;
}

/** Every subvolume, group and ledger belongs to something that is listed. */
async function assertTidy(pool: TestPool, groups: string): Promise<void> {
  const btrfs = loadNative('btrfs');
  const all = await pool.datasets.list();
  const listed = all.length - 1;
  const subvolumes = await btrfs.list(pool.at('/zones'), 'trusted.none');
  assert.equal(subvolumes.length, listed, subvolumes.map(({ path }) => path).join(' '));
  const filesystems = all.filter(({ type }) => type !== 'snapshot').length - 1;
  const own = readdirSync(groups).filter((name) => name.startsWith('1_'));
  assert.equal(own.length, filesystems, own.join(' '));
  const snapshots = subvolumes.filter(({ path }) => path.startsWith('.smartadm/snapshots/'));
  for (const ledger of readdirSync(pool.at('/zones/.smartadm/ledgers'))) {
    assert.ok(snapshots.some(({ id }) => String(id) === ledger), `ledger ${ledger} has a snapshot`);
  } // prettier-ignore
}

const oneOf = (names: readonly string[], ...allowed: (readonly string[])[]): void => {
  assert.ok(
    allowed.some((each) => each.join() === names.join()),
    `it is neither as before nor as after: ${names.join(' ')}`,
  );
};

// Most of the time goes to waiting for the disk.
describe('killed between any two steps', { concurrency: 4 }, () => {
  it('create: the dataset is there or not', () =>
    killEverywhere({
      prepare: (datasets) => datasets.create('zones/u', { quota: '100M' }),
      deed: `await datasets.create('zones/u/disk0', { compression: 'lz4', readonly: 'on' }, 2 ** 20);`,
      check: (names) => {
        oneOf(names, ['zones/u'], ['zones/u', 'zones/u/disk0']);
      },
    }));

  it('snapshot: it is there or not', () =>
    killEverywhere({
      prepare: (datasets) => datasets.create('zones/u'),
      deed: `await datasets.snapshot('zones/u@s', { 'test:a': 'b' });`,
      check: (names) => {
        oneOf(names, ['zones/u'], ['zones/u', 'zones/u@s']);
      },
    }));

  it('clone: it is there or not', () =>
    killEverywhere({
      async prepare(datasets) {
        await datasets.create('zones/image');
        await datasets.snapshot('zones/image@final');
      },
      deed: `await datasets.clone('zones/image@final', 'zones/u', { quota: '10M' });`,
      check: (names) => {
        const before = ['zones/image', 'zones/image@final'];
        oneOf(names, before, [...before, 'zones/u']);
      },
    }));

  it('destroy: all of it is there or nothing', () => {
    const before = ['zones/u', 'zones/u@s', 'zones/u/data', 'zones/u/data@t'];
    return killEverywhere({
      async prepare(datasets) {
        for (const name of before) await (name.includes('@') ? datasets.snapshot(name) : datasets.create(name));
      },
      deed: `await datasets.destroy('zones/u', { recursive: true });`,
      check: (names) => {
        oneOf(names, before, []);
      },
    });
  });

  it('rename: it has the one name or the other, with all below it', () =>
    killEverywhere({
      async prepare(datasets) {
        for (const name of ['zones/a', 'zones/b']) await datasets.create(name, { quota: '1G' });
        for (const name of ['zones/a/u', 'zones/a/u/data']) await datasets.create(name, { readonly: 'off' });
      },
      deed: `await datasets.rename('zones/a/u', 'zones/b/v');`,
      check: (names) => {
        oneOf(
          names,
          ['zones/a', 'zones/a/u', 'zones/a/u/data', 'zones/b'],
          ['zones/a', 'zones/b', 'zones/b/v', 'zones/b/v/data'],
        );
      },
    }));

  it('rollback: the files are the old or the new ones, and no dataset inside is lost', () => {
    let tidied = false;
    return killEverywhere({
      async prepare(datasets) {
        tidied = false;
        await datasets.create('zones/u');
        const { mountpoint = '' } = (await datasets.find('zones/u')) ?? {};
        writeFileSync(`${mountpoint}/f`, 'old');
        await datasets.create('zones/u/data');
        writeFileSync(`${mountpoint}/data/f`, 'inside');
        await datasets.snapshot('zones/u@s');
        writeFileSync(`${mountpoint}/f`, 'new');
        await datasets.snapshot('zones/u@late');
      },
      deed: `await datasets.rollback('zones/u@s');`,
      check: (names, pool) => {
        assert.match(readFileSync(pool.at('/zones/u/f'), 'utf8'), /^(?:old|new)$/);
        assert.ok(names.includes('zones/u@s'));
        // Between the swap and the next command it may be out of sight.
        if (tidied) {
          assert.ok(names.includes('zones/u/data'));
          assert.equal(readFileSync(pool.at('/zones/u/data/f'), 'utf8'), 'inside');
        }
        tidied = true;
      },
    });
  });

  it('set: the limit is what the property says', () =>
    killEverywhere({
      prepare: (datasets) => datasets.create('zones/u', { quota: '100M' }),
      deed: `await datasets.set('zones/u', { quota: '50M', readonly: 'on', compression: 'zstd' });`,
      check: (names) => {
        oneOf(names, ['zones/u']);
      },
    }));

  it('receive: dataset and snapshot are there or neither', () =>
    killEverywhere({
      prepare: () => Promise.resolve(),
      deed: `await datasets.receive('zones/u', stream('vol4k-full-c'));`,
      check: (names) => {
        oneOf(names, [], ['zones/u', names.find((name) => name.startsWith('zones/u@')) ?? '']);
      },
    }));

  it('making a pool: the next command makes it', async () => {
    for (let step = 1, done = false; !done; step += 1) {
      assert.ok(step < 40, 'it comes to an end');
      const pool = await openTestPool({ sizeGiB: 1, make: false });
      try {
        done = await runUntil(pool, step, `await datasets.ensurePool('zones');`);
        await pool.datasets.create('zones/u');
        assert.deepEqual(
          (await pool.datasets.list()).map(({ name }) => name),
          ['zones', 'zones/u'],
        );
      } finally {
        pool.close();
      }
    }
  });

  it('making a pool: half a file is made again', async () => {
    const pool = await openTestPool({ sizeGiB: 1, make: false });
    try {
      const file = pool.at('/var/lib/smartadm/zones.btrfs');
      assert.deepEqual(await pool.datasets.list(), []);
      assert.ok(!existsSync(file), 'reading makes no pool');
      await pool.datasets.ensurePool('zones');
      await pool.datasets.unmountPools();
      truncateSync(file, statSync(file).size);
      assert.deepEqual(
        (await pool.reopen().list()).map(({ name }) => name),
        ['zones'],
      );
    } finally {
      pool.close();
    }
  });
});
