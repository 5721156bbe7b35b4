/** What is read of a part of a pool is what a reading of the whole pool says of it, whatever has been done to the pool. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { isWithin, levelsBelow } from '../../lib/host/dataset-names.js';
import type { Dataset, DatasetType } from '../../lib/host/datasets.js';
import { loadNative } from '../../lib/host/native.js';
import { openTestPool, type TestPool } from '../pool.js';

const btrfs = loadNative('btrfs');

/** Numbers that look random and are the same for the same seed. */
function randomOf(seed: number) {
  let state = seed;
  const below = (count: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] ?? assert.fail('nothing to pick from');
  return { below, pick };
}

describe('a part of a pool', () => {
  let pool: TestPool;
  before(async () => {
    pool = await openTestPool();
  });
  after(() => {
    pool.close();
  });

  const whole = () => pool.datasets.list();
  const isSnapshot = ({ type }: Dataset) => type === 'snapshot';

  /** The clones that keep `name` from being destroyed. */
  const holders = (all: readonly Dataset[], name: string) =>
    all.filter(({ name: clone, origin }) => origin !== undefined && isWithin(origin, name) && !isWithin(clone, name));

  /** Does something to the pool at random, and fails exactly where the whole pool says that it must. */
  async function act({ below, pick }: ReturnType<typeof randomOf>, step: number): Promise<void> {
    const { datasets } = pool;
    const all = await whole();
    const filesystems = all.filter(({ type }) => type === 'filesystem');
    const snapshots = all.filter(isSnapshot);
    const others = all.filter((each) => !isSnapshot(each) && each.name !== 'zones');
    const parent = pick(filesystems);
    const fresh = `${parent.name}/${pick(['a', 'b-', 'b', 'b.c', 'Z'])}${step}`;
    const expectBusy = async (work: Promise<void>, clones: readonly Dataset[], what: string) => {
      const code = await work.then(() => undefined, codeOf);
      assert.equal(code, clones.length > 0 ? 'DatasetBusy' : undefined, `step ${step}: ${what}`);
    };
    const kind = below(20);
    if (kind < 5) await datasets.create(fresh, below(2) === 0 ? {} : { quota: '100M', 'test:x': String(step) });
    else if (kind < 6) await datasets.create(fresh, {}, 2 ** 20);
    else if (kind < 9) await datasets.snapshot(`${pick(all.filter((each) => !isSnapshot(each))).name}@s${step}`);
    else if (kind < 13 && snapshots.length > 0) await datasets.clone(pick(snapshots).name, fresh);
    else if (kind < 14) writeFileSync(`${parent.mountpoint ?? ''}/f${step}`, 'x'.repeat(below(200_000)));
    // What a zone does by itself.
    else if (kind < 15) await btrfs.createSubvolume(`${parent.mountpoint ?? ''}/own${step}`);
    else if (kind < 16 && parent.name !== 'zones') {
      mkdirSync(`${parent.mountpoint ?? ''}/plain${step}`);
      await btrfs.snapshotSubvolume(parent.mountpoint ?? '', `${parent.mountpoint ?? ''}/plain${step}/copy`);
    } else if (kind < 17 && others.length > 0) {
      const moved = pick(others).name;
      if (!isWithin(fresh, moved)) await datasets.rename(moved, fresh);
    } else if (kind < 18 && snapshots.length > 0) {
      const { name, creation } = pick(snapshots);
      const dataset = name.slice(0, name.indexOf('@'));
      const own = snapshots.filter((each) => each.name.startsWith(`${dataset}@`));
      const later = own.slice(own.findIndex((each) => each.name === name) + 1);
      assert.ok(creation > 0);
      const clones = later.flatMap((each) => holders(all, each.name));
      if (dataset !== 'zones') await expectBusy(datasets.rollback(name), clones, `rollback ${name}`);
    } else if (kind < 19 && snapshots.length > 0) {
      const { name } = pick(snapshots);
      await expectBusy(datasets.destroy(name), holders(all, name), `destroy ${name}`);
    } else if (others.length > 0) {
      const { name } = pick(others);
      await expectBusy(datasets.destroy(name, { recursive: true }), holders(all, name), `destroy ${name}`);
    }
  }

  async function compare(): Promise<void> {
    const { datasets } = pool;
    const all = await whole();
    const names = [
      ...all.map(({ name }) => name),
      'zones/none',
      'zones@none',
      'zones/.smartadm',
      `${all.at(-1)?.name ?? ''}x`,
    ];
    const kinds: readonly (readonly DatasetType[] | undefined)[] = [undefined, ['filesystem', 'volume'], ['snapshot']];
    for (const root of names) {
      assert.deepEqual(
        await datasets.find(root),
        all.find(({ name }) => name === root),
      );
      for (const depth of [undefined, 0, 1, 2]) {
        for (const types of kinds) {
          const expected = all.filter(
            ({ name, type }) =>
              isWithin(name, root) && levelsBelow(name, root) <= (depth ?? Infinity) && (types?.includes(type) ?? true),
          );
          const query = { root, ...(depth === undefined ? {} : { depth }), ...(types === undefined ? {} : { types }) };
          assert.deepEqual(await datasets.list(query), expected, JSON.stringify(query));
        }
      }
    }
  }

  for (const seed of [1, 2, 3]) {
    it(`is what the whole says of it, and what has clones is kept (${seed})`, async () => {
      const random = randomOf(seed);
      for (let step = 0; step < 70; step += 1) await act(random, seed * 1000 + step);
      // What was removed may still be cleaned up: figures move until that is over.
      for (let attempt = 1; ; attempt += 1) {
        await btrfs.sync(pool.at('/zones'));
        const before = await whole();
        const outcome = await compare().then(
          () => undefined,
          (error: unknown) => ({ error }),
        );
        if (outcome === undefined) break;
        if (attempt === 5 || JSON.stringify(before.map(figures)) === JSON.stringify((await whole()).map(figures))) {
          throw outcome.error;
        }
      }
    });
  }

  const figures = ({ name, usedBytes, availableBytes, referencedBytes }: Dataset) => [
    name, usedBytes, availableBytes, referencedBytes,
  ]; // prettier-ignore
});
