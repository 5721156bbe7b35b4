/** What datasets cost on a pool of its own: each act with 1, 100 and 1000 clones of one image beside it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { openTestPool } from '../pool.js';
import { median, ms, type BenchTable } from './measure.js';

const sizes = [1, 100, 1000];
const runs = 15;

export async function bench(): Promise<BenchTable> {
  const pool = await openTestPool({ sizeGiB: 16 });
  try {
    const { datasets, at } = pool;
    await datasets.create('zones/image');
    for (let folder = 0; folder < 100; folder += 1) {
      const path = at(`/zones/image/${folder}`);
      mkdirSync(path);
      for (let file = 0; file < 60; file += 1) writeFileSync(`${path}/${file}`, `${folder}/${file}`);
    }
    await datasets.snapshot('zones/image@final');
    const columns: Record<string, string[]> = {};
    const note = (act: string, taken: number): void => void (columns[act] ??= []).push(ms(taken));
    let made = 0;
    for (const size of sizes) {
      for (; made < size; made += 1) await datasets.clone('zones/image@final', `zones/u${made}`);
      note('list', await median(runs, () => datasets.list()));
      note('list one', await median(runs, () => datasets.list({ root: 'zones/u0' })));
      note('find', await median(runs, () => datasets.find('zones/u0')));
      note('find snapshot', await median(runs, () => datasets.find('zones/image@final')));
      const x = 'zones/x';
      const destroy = () => datasets.destroy(x, { recursive: true });
      note('create', await median(runs, () => datasets.create(x), { clean: destroy }));
      const clone = () => datasets.clone('zones/image@final', x);
      note('clone', await median(runs, clone, { clean: destroy }));
      note('destroy', await median(runs, destroy, { prepare: clone }));
      const destroySnapshot = () => datasets.destroy('zones/u0@s');
      const snapshot = () => datasets.snapshot('zones/u0@s');
      note('snapshot', await median(runs, snapshot, { clean: destroySnapshot }));
      note('destroy snapshot', await median(runs, destroySnapshot, { prepare: snapshot }));
      note('set quota', await median(runs, () => datasets.set('zones/u0', { quota: '10G' })));
      const atOnce = Array.from({ length: 20 }, (_, index) => `zones/x${index}`);
      note(
        '20 clones at once',
        await median(3, () => Promise.all(atOnce.map((name) => datasets.clone('zones/image@final', name))), {
          clean: () => Promise.all(atOnce.map((name) => datasets.destroy(name))),
        }),
      );
    }
    return {
      title: `datasets on btrfs, image of 6,100 entries, median of ${runs}`,
      columns: ['act', ...sizes.map((size) => `${size} clones`)],
      rows: Object.entries(columns).map(([act, taken]) => [act, ...taken]),
    };
  } finally {
    pool.close();
  }
}
