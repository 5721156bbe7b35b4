/** A pool without any space left: removing still works, which is the way out. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openTestPool, type TestPool } from '../pool.js';

describe('a pool that is full', () => {
  let pool: TestPool;
  before(async () => {
    pool = await openTestPool({ sizeGiB: 1 });
  });
  after(() => {
    pool.close();
  });

  it('lets datasets be removed, with what is below them', async () => {
    for (const name of ['zones/big', 'zones/big/child', 'zones/small']) await pool.datasets.create(name);
    await pool.datasets.snapshot('zones/big@s');
    for (const [name, size] of [
      ['f', '1M'],
      ['g', '4k'],
    ]) {
      const file = join(pool.at('/zones/big'), String(name));
      const dd = spawnSync('dd', ['if=/dev/urandom', `of=${file}`, `bs=${String(size)}`], { encoding: 'utf8' }); // prettier-ignore
      assert.match(dd.stderr, /No space left on device/);
    }
    await pool.datasets.destroy('zones/small');
    await pool.datasets.destroy('zones/big', { recursive: true });
    assert.equal(await pool.datasets.find('zones/small'), undefined);
    assert.equal(await pool.datasets.find('zones/big'), undefined);
    await pool.datasets.create('zones/again');
  });
});
