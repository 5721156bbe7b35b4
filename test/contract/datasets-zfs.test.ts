/** The dataset contract on libzfs's stand-in, through the addon. */
import { join } from 'node:path';
import { createZfsDatasets } from '../../lib/host/illumos/datasets.js';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { datasetsContract } from './datasets.js';

datasetsContract('zfs', () => {
  const root = new IllumosRoot();
  addPools(root);
  return Promise.resolve({
    datasets: createZfsDatasets({ at: (path) => join(root.path, path) }),
    close: () => {
      root.remove();
    },
  });
});
