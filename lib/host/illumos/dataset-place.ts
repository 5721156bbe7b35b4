/** What must be there, and what must not, before a dataset is made or moved: in words that name it. */
import { parentOf, type DatasetName } from '../dataset-names.js';
import { hostError } from '../errors.js';
import type { NativeZfsLibrary } from '../native-zfs.js';

/** Where pools of other hosts keep their own things: no dataset that could not move there. */
const reserved = '.smartadm';

/** Throws `PoolNotFound`, `DatasetExists`, `DatasetNotFound` for the parent, or `InvalidName`. */
export async function requirePlace(zfs: NativeZfsLibrary, { pool, dataset, components }: DatasetName): Promise<void> {
  if (components[0] === reserved) throw hostError('InvalidName', `${JSON.stringify(dataset)} is not a dataset name`);
  if (!(await zfs.exists(pool, ['filesystem']))) {
    throw hostError('PoolNotFound', `there is no pool ${JSON.stringify(pool)} on this host`);
  }
  if (await zfs.exists(dataset)) throw hostError('DatasetExists', `dataset ${dataset} already exists`);
  const parent = parentOf(dataset) ?? pool;
  if (!(await zfs.exists(parent, ['filesystem']))) {
    throw hostError('DatasetNotFound', `there is no filesystem ${parent} for ${dataset} to be in`);
  }
}

/** Throws `DatasetNotFound` unless a dataset or snapshot of that name is there. */
export async function requireDataset(zfs: NativeZfsLibrary, name: string): Promise<void> {
  if (!(await zfs.exists(name))) {
    throw hostError('DatasetNotFound', `${name.includes('@') ? 'snapshot' : 'dataset'} ${name} does not exist`);
  }
}
