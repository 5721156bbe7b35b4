/** Names of datasets and snapshots: what ZFS allows, checked before a name becomes a path. */
import { hostError } from './errors.js';

export interface DatasetName {
  readonly pool: string;
  /** The name without its snapshot: `zones/U/data`. */
  readonly dataset: string;
  /** What follows the pool: `['U', 'data']`; empty for the pool itself. */
  readonly components: readonly string[];
  /** What follows the `@`. */
  readonly snapshot: string | undefined;
}

/** ZFS_MAX_DATASET_NAME_LEN without its terminator. */
const longestName = 255;
const deepest = 50;
const component = /^[A-Za-z0-9_.:% -]+$/;

/** Takes a name of a dataset or snapshot apart. Throws `InvalidName`, with what is wrong, as zfs(8) "Names" demands. */
export function parseDatasetName(name: string): DatasetName {
  const refuse = (why: string) => hostError('InvalidName', `${JSON.stringify(name)} is not a dataset name: ${why}`);
  if (typeof name !== 'string' || name === '') throw hostError('InvalidName', 'a dataset name must not be empty');
  if (Buffer.byteLength(name) > longestName) throw refuse(`it is longer than ${longestName} bytes`);
  const [dataset = '', snapshot, ...more] = name.split('@');
  if (more.length > 0) throw refuse('it has more than one "@"');
  const [pool = '', ...components] = dataset.split('/');
  if (!/^[A-Za-z]/.test(pool)) throw refuse('the name of a pool begins with a letter');
  if (components.length > deepest) throw refuse(`it is nested deeper than ${deepest} levels`);
  for (const part of [pool, ...components, ...(snapshot === undefined ? [] : [snapshot])]) {
    if (part === '') throw refuse('it has an empty component');
    if (part === '.' || part === '..') throw refuse(`${JSON.stringify(part)} is not a component`);
    if (!component.test(part)) throw refuse(`component ${JSON.stringify(part)} has characters that are not allowed`);
  }
  return { pool, dataset, components, snapshot };
}

/** The same for a name that must be a dataset's, not a snapshot's. */
export function parseDataset(name: string): DatasetName {
  const parsed = parseDatasetName(name);
  if (parsed.snapshot === undefined) return parsed;
  throw hostError('InvalidName', `${name} is a snapshot, where a dataset is needed`);
}

/** The same for a name that must be a snapshot's. */
export function parseSnapshot(name: string): DatasetName & { readonly snapshot: string } {
  const { snapshot, ...rest } = parseDatasetName(name);
  if (snapshot !== undefined) return { ...rest, snapshot };
  throw hostError('InvalidName', `${name} is a dataset, where a snapshot is needed`);
}

/** Name of the dataset above; undefined for a pool. */
export function parentOf(dataset: string): string | undefined {
  const slash = dataset.lastIndexOf('/');
  return slash < 0 ? undefined : dataset.slice(0, slash);
}

/** Whether `name` is `root`, a dataset below it, or a snapshot of one of these. */
export function isWithin(name: string, root: string): boolean {
  return name === root || name.startsWith(`${root}/`) || name.startsWith(`${root}@`);
}

/** How many levels `name` lies below `root`, as zfs-list(8) `-d` counts: a child or a snapshot is one level down. */
export function levelsBelow(name: string, root: string): number {
  const rest = name.slice(root.length);
  return rest.split(/[/@]/).length - 1;
}
