/** The dataset contract on the fake and on btrfs. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeDatasets } from '../fakes/datasets.js';
import { openTestPool, removeRoot } from '../pool.js';
import { datasetsContract } from './datasets.js';

datasetsContract('fake', () => {
  const root = mkdtempSync(join(tmpdir(), 'smartadm-datasets-'));
  return Promise.resolve({
    datasets: fakeDatasets({ at: (path) => join(root, path) }),
    close: () => {
      removeRoot(root);
    },
  });
});

datasetsContract('btrfs', () => openTestPool());
