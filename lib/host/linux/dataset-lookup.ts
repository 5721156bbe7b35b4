/** Finds single datasets by their paths, without reading the whole pool. */
import { join } from 'node:path';
import type { DatasetName } from '../dataset-names.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { parseRecord, recordAttribute } from './dataset-records.js';
import type { TreeNode } from './dataset-tree.js';
import { hiddenFolder, snapshotsFolder, type OpenPool } from './pool.js';

/** Whether that is the folder where the pool keeps its own things, or in it. */
export function isHidden(components: readonly string[]): boolean {
  return components[0] === hiddenFolder;
}

/** Where a dataset lies in its pool. Throws `InvalidName` for the one name that is taken. */
export function pathOf(pool: OpenPool, name: DatasetName): string {
  if (isHidden(name.components)) {
    throw hostError(
      'InvalidName',
      `${JSON.stringify(name.dataset)} is not a dataset name: the pool keeps its own things there`,
    );
  }
  return join(pool.top, ...name.components);
}

/** The datasets from the pool down to `name`. Undefined when one of them is missing. Nothing can lie inside a volume. */
export async function chainOf(pool: OpenPool, name: DatasetName): Promise<readonly TreeNode[] | undefined> {
  const levels = Array.from({ length: name.components.length + 1 }, (_, depth) => name.components.slice(0, depth));
  const found = await Promise.all(
    levels.map((components) => nodeAt(pathOf(pool, { ...name, components }), [name.pool, ...components].join('/'))),
  );
  const nodes: TreeNode[] = [];
  for (const node of found) {
    const above = nodes.at(-1);
    if (node === undefined || node.record.type === 'snapshot' || above?.record.type === 'volume') return undefined;
    nodes.push(node);
  }
  return nodes;
}

/** Where the snapshots of a dataset lie. */
export function snapshotFolder(pool: OpenPool, datasetId: bigint): string {
  return join(pool.top, snapshotsFolder, String(datasetId));
}

/** The snapshot of that name of a dataset. */
export async function snapshotAt(pool: OpenPool, dataset: TreeNode, snapshot: string): Promise<TreeNode | undefined> {
  const path = join(snapshotFolder(pool, dataset.record.id), snapshot);
  const node = await nodeAt(path, `${dataset.name}@${snapshot}`);
  return node?.record.type === 'snapshot' ? node : undefined;
}

async function nodeAt(path: string, name: string): Promise<TreeNode | undefined> {
  const found = await loadNative('btrfs').inspect(path, recordAttribute);
  if (found === undefined) return undefined;
  const record = parseRecord(found.attribute, found.id);
  return record === undefined ? undefined : { name, path, subvolume: found.id, readOnly: found.readOnly, record };
}

/** The last of a chain, with those above it. */
export interface Located {
  readonly node: TreeNode;
  /** From the pool down to the parent. */
  readonly ancestors: readonly TreeNode[];
}

/** Like {@link chainOf}. Throws `DatasetNotFound`. */
export async function locate(pool: OpenPool, name: DatasetName): Promise<Located> {
  const chain = await chainOf(pool, name);
  const node = chain?.at(-1);
  if (chain === undefined || node === undefined) {
    throw hostError('DatasetNotFound', `dataset ${name.dataset} does not exist`);
  }
  return { node, ancestors: chain.slice(0, -1) };
}

/** A snapshot with its dataset. Throws `DatasetNotFound`. */
export async function locateSnapshot(
  pool: OpenPool,
  name: DatasetName & { readonly snapshot: string },
): Promise<{ readonly dataset: TreeNode; readonly snapshot: TreeNode }> {
  const dataset = (await chainOf(pool, name))?.at(-1);
  const snapshot = dataset === undefined ? undefined : await snapshotAt(pool, dataset, name.snapshot);
  if (dataset === undefined || snapshot === undefined) {
    throw hostError('DatasetNotFound', `snapshot ${name.dataset}@${name.snapshot} does not exist`);
  }
  return { dataset, snapshot };
}
