/** Datasets of a pool and the subvolumes they are, read in one pass. */
import type { NativeSubvolume } from '../native-linux.js';
import { loadNative } from '../native.js';
import { parseRecord, recordAttribute, type DatasetRecord } from './dataset-records.js';
import { snapshotsFolder, workFolder, type OpenPool } from './pool.js';

/** A dataset or snapshot and the subvolume it is. */
export interface TreeNode {
  /** ZFS name. */
  readonly name: string;
  /** Its subvolume, without symbolic links above it. */
  readonly path: string;
  readonly subvolume: bigint;
  readonly readOnly: boolean;
  readonly record: DatasetRecord;
}

/** Some or all datasets of a pool. */
export interface Tree {
  /** In the order of zfs-list(8): by name, parents first. Begins with the pool. */
  readonly datasets: readonly TreeNode[];
  /** By the id of their dataset, oldest first. */
  readonly snapshots: ReadonlyMap<bigint, readonly TreeNode[]>;
  /** Snapshots by their subvolumes: at least those that the datasets are clones of. */
  readonly origins: ReadonlyMap<bigint, TreeNode>;
}

/** A subvolume that is no dataset by where it lies and what is kept on it. */
export interface OtherSubvolume {
  /** Below the one that was read. */
  readonly path: string;
  readonly subvolume: bigint;
  readonly readOnly: boolean;
  readonly record: DatasetRecord | undefined;
}

/** All of a pool. */
export interface WholeTree extends Tree {
  /** Subvolumes below the working folder, datasets or not; and every other that is neither dataset nor snapshot. */
  readonly unlisted: readonly OtherSubvolume[];
}

/** The file in a volume's subvolume that holds its blocks. */
export const volumeFile = 'disk.raw';

const component = /^[A-Za-z0-9_.:% -]+$/;

/** Whether an entry of a folder can be a dataset or snapshot of that name. */
export function isComponent(entry: string): boolean {
  return component.test(entry);
}

/** Tells the datasets below `root` from the other subvolumes inside it, which come by path. Nothing can lie in a volume. */
export function sortOut(
  root: TreeNode,
  inside: readonly NativeSubvolume[],
): { readonly datasets: readonly TreeNode[]; readonly others: readonly OtherSubvolume[] } {
  const datasets: TreeNode[] = [];
  const others: OtherSubvolume[] = [];
  const names = new Map(root.record.type === 'filesystem' ? [['', root.name]] : []);
  for (const { path, id, readOnly, attribute } of inside) {
    const record = parseRecord(attribute, id);
    const slash = path.lastIndexOf('/');
    const base = path.slice(slash + 1);
    const parent = names.get(slash < 0 ? '' : path.slice(0, slash));
    if (record !== undefined && record.type !== 'snapshot' && parent !== undefined && isComponent(base)) {
      const name = `${parent}/${base}`;
      if (record.type === 'filesystem') names.set(path, name);
      datasets.push({ name, path: `${root.path}/${path}`, subvolume: id, readOnly, record });
    } else {
      others.push({ path, subvolume: id, readOnly, record });
    }
  }
  return { datasets, others };
}

/** The order in which snapshots were made. */
export function byAge(a: TreeNode, b: TreeNode): number {
  return a.subvolume < b.subvolume ? -1 : 1;
}

/** Reads the whole pool. */
export async function readTree(pool: OpenPool): Promise<WholeTree> {
  const btrfs = loadNative('btrfs');
  const [top, all] = await Promise.all([
    btrfs.inspect(pool.top, recordAttribute),
    btrfs.list(pool.top, recordAttribute),
  ]);
  const record = top === undefined ? undefined : parseRecord(top.attribute, top.id);
  if (top === undefined || record === undefined) throw new Error(`${pool.top} is no pool any more`);
  const root: TreeNode = { name: pool.name, path: pool.top, subvolume: top.id, readOnly: top.readOnly, record };
  const { datasets, others } = sortOut(root, all);
  const owners = new Map([root, ...datasets].map((node) => [node.record.id, node.name]));
  const snapshots = new Map<bigint, TreeNode[]>();
  const origins = new Map<bigint, TreeNode>();
  const unlisted: OtherSubvolume[] = [];
  for (const other of others) {
    const snapshot = asSnapshot(pool, other, owners);
    if (snapshot === undefined) {
      unlisted.push(other);
      continue;
    }
    origins.set(snapshot.subvolume, snapshot);
    const list = snapshots.get(snapshot.record.id);
    if (list === undefined) snapshots.set(snapshot.record.id, [snapshot]);
    else list.push(snapshot);
  }
  for (const list of snapshots.values()) list.sort(byAge);
  return { datasets: [root, ...datasets], snapshots, origins, unlisted };
}

/** The snapshot of one of `owners`, names of datasets by their ids, that a subvolume is. */
function asSnapshot(
  pool: OpenPool,
  { path, subvolume, readOnly, record }: OtherSubvolume,
  owners: ReadonlyMap<bigint, string>,
): TreeNode | undefined {
  if (record?.type !== 'snapshot') return undefined;
  const owner = owners.get(record.id);
  const folder = `${snapshotsFolder}/${record.id}/`;
  if (owner === undefined || !path.startsWith(folder)) return undefined;
  const base = path.slice(folder.length);
  if (!isComponent(base)) return undefined;
  return { name: `${owner}@${base}`, path: `${pool.top}/${path}`, subvolume, readOnly, record };
}

/** Name of the entry in the working folder that `path` lies in; undefined when it lies elsewhere. */
export function workEntryOf(path: string): string | undefined {
  if (!path.startsWith(`${workFolder}/`)) return undefined;
  return path.slice(workFolder.length + 1).split('/')[0];
}
