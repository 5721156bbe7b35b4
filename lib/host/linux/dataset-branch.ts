/** Reads a part of a pool: what is below one dataset, and what that hangs together with elsewhere. */
import { isWithin, levelsBelow, type DatasetName } from '../dataset-names.js';
import { loadNative } from '../native.js';
import { chainOf, isHidden, snapshotAt, snapshotFolder } from './dataset-lookup.js';
import { qgroupOf } from './dataset-quotas.js';
import { parseRecord, recordAttribute } from './dataset-records.js';
import { byAge, isComponent, readTree, sortOut, type Tree, type TreeNode } from './dataset-tree.js';
import { snapshotsFolder, topId, type OpenPool } from './pool.js';

/**
 * The datasets from the pool down to `name`, and those below it within `depth` levels; snapshots, when asked for, of
 * `name` and below. When `name` is a snapshot, its dataset with its snapshots. Undefined when there is no such dataset.
 */
export async function readBranch(
  pool: OpenPool,
  name: DatasetName,
  depth: number,
  withSnapshots: boolean,
): Promise<Tree | undefined> {
  const chain = isHidden(name.components) ? undefined : await chainOf(pool, name);
  const root = chain?.at(-1);
  if (chain === undefined || root === undefined) return undefined;
  const isSnapshot = name.snapshot !== undefined;
  const below = isSnapshot || depth < 1 ? [] : await datasetsBelow(pool, root);
  const within = [root, ...below.filter((node) => levelsBelow(node.name, root.name) <= depth)];
  const holders = withSnapshots ? within.filter((node) => isSnapshot || levelsBelow(node.name, root.name) < depth) : [];
  const [lists, origins] = await Promise.all([
    Promise.all(holders.map((node) => snapshotsIn(pool, node))),
    readOrigins(pool, within),
  ]);
  const snapshots = new Map(holders.map((node, index) => [node.record.id, lists[index] ?? []]));
  return { datasets: [...chain.slice(0, -1), ...within], snapshots, origins };
}

/** The datasets below another, parents first. */
export async function datasetsBelow(pool: OpenPool, node: TreeNode): Promise<readonly TreeNode[]> {
  if (node.record.type !== 'filesystem') return [];
  return sortOut(node, await loadNative('btrfs').list(node.path, recordAttribute)).datasets;
}

/** The snapshots of a dataset, oldest first. */
export async function snapshotsIn(pool: OpenPool, { name, record: { id } }: TreeNode): Promise<readonly TreeNode[]> {
  const folder = snapshotFolder(pool, id);
  const found: TreeNode[] = [];
  for (const { path, id: subvolume, readOnly, attribute } of await loadNative('btrfs').listFolder(
    folder,
    recordAttribute,
  )) {
    const record = parseRecord(attribute, subvolume);
    if (record?.type !== 'snapshot' || record.id !== id || !isComponent(path)) continue;
    found.push({ name: `${name}@${path}`, path: `${folder}/${path}`, subvolume, readOnly, record });
  }
  return found.sort(byAge);
}

/** The snapshots that datasets are clones of, by their subvolumes. */
async function readOrigins(pool: OpenPool, nodes: readonly TreeNode[]): Promise<ReadonlyMap<bigint, TreeNode>> {
  const ids = new Set(nodes.map(({ record }) => record.origin).filter((id) => id !== undefined));
  const found = await Promise.all([...ids].map((id) => originAt(pool, id)));
  return new Map(found.filter((node) => node !== undefined).map((node) => [node.subvolume, node]));
}

/** The snapshot that is a subvolume; undefined when it is none. */
export async function originAt(pool: OpenPool, subvolume: bigint): Promise<TreeNode | undefined> {
  const path = await loadNative('btrfs').findPath(pool.top, subvolume);
  const prefix = `${snapshotsFolder}/`;
  if (path?.startsWith(prefix) !== true) return undefined;
  const [id = '', base = '', ...more] = path.slice(prefix.length).split('/');
  if (more.length > 0 || !isComponent(base)) return undefined;
  const owner = /^\d+$/.test(id) ? await datasetOf(pool, BigInt(id)) : undefined;
  const snapshot = owner === undefined ? undefined : await snapshotAt(pool, owner, base);
  if (snapshot?.subvolume === subvolume) return snapshot;
  // Moved meanwhile, or its dataset is being removed.
  return (await readTree(pool)).origins.get(subvolume);
}

/**
 * The dataset of that id. Mostly it lives in the subvolume it began as; one that has been rolled back is a member of its
 * group.
 */
export async function datasetOf(pool: OpenPool, id: bigint): Promise<TreeNode | undefined> {
  if (id === topId) return datasetAt(pool, '');
  const isIt = async (subvolume: bigint): Promise<TreeNode | undefined> => {
    const path = await loadNative('btrfs').findPath(pool.top, subvolume);
    const node = path === undefined ? undefined : await datasetAt(pool, path);
    return node?.record.id === id ? node : undefined;
  };
  const first = await isIt(id);
  if (first !== undefined) return first;
  for (const member of await loadNative('btrfs').qgroupMembers(pool.top, qgroupOf(id))) {
    const node = await isIt(member);
    if (node !== undefined) return node;
  }
  return undefined;
}

/** The dataset at a path below the top of the pool. */
async function datasetAt(pool: OpenPool, path: string): Promise<TreeNode | undefined> {
  const components = path === '' ? [] : path.split('/');
  if (isHidden(components) || !components.every(isComponent)) return undefined;
  const dataset = [pool.name, ...components].join('/');
  return (await chainOf(pool, { pool: pool.name, dataset, components, snapshot: undefined }))?.at(-1);
}

/**
 * Datasets that are clones of one of `snapshots`, leaving out those within `root`. Only what the kernel remembers as made
 * from one of them is looked at.
 */
export async function clonesOf(
  pool: OpenPool,
  snapshots: readonly TreeNode[],
  root?: string,
): Promise<readonly TreeNode[]> {
  if (snapshots.length === 0) return [];
  const origins = snapshots.map(({ subvolume }) => subvolume);
  const copies = await loadNative('btrfs').listCopies(pool.top, origins, recordAttribute);
  const found: TreeNode[] = [];
  for (const { path, id, attribute } of copies) {
    const origin = parseRecord(attribute, id)?.origin;
    if (origin === undefined || !origins.includes(origin)) continue;
    const node = await datasetAt(pool, path);
    if (node?.record.origin === origin && (root === undefined || !isWithin(node.name, root))) found.push(node);
  }
  return found;
}
