/** Datasets as users see them: names, figures, properties. */
import { isWithin, levelsBelow, parentOf, type DatasetName } from '../dataset-names.js';
import { bytesOf } from '../dataset-properties.js';
import type { Dataset, DatasetQuery } from '../datasets.js';
import { loadNative } from '../native.js';
import { readBranch } from './dataset-branch.js';
import { qgroupOf } from './dataset-quotas.js';
import { readTree, volumeFile, type Tree, type TreeNode } from './dataset-tree.js';
import { poolSpace, type OpenPool, type PoolSpace } from './pool.js';

type Selection = { readonly [Key in keyof DatasetQuery]?: DatasetQuery[Key] | undefined };

/** All datasets of a pool, each followed by its snapshots. */
export async function describePool(pool: OpenPool, types: Selection['types']): Promise<readonly Dataset[]> {
  return describeTree(pool, await readTree(pool), { types });
}

/** `name` and what is below it, as the query says, each dataset followed by its snapshots. Reads nothing else. */
export async function describeBelow(
  pool: OpenPool,
  name: DatasetName,
  { depth = Infinity, types }: Selection,
): Promise<readonly Dataset[]> {
  const root = name.snapshot === undefined ? name.dataset : `${name.dataset}@${name.snapshot}`;
  const withSnapshots = types?.includes('snapshot') ?? true;
  const isWhole = name.components.length === 0 && name.snapshot === undefined && depth > 0;
  const tree = isWhole ? await readTree(pool) : await readBranch(pool, name, depth, withSnapshots);
  return tree === undefined ? [] : describeTree(pool, tree, { root, depth, types });
}

/** What the kernel says of datasets and snapshots, in their order. */
interface Figures {
  /** Charged to the subvolume of each, or with ordinary quotas its exclusive bytes. */
  readonly own: readonly (number | undefined)[];
  /** The same for the group of each dataset. */
  readonly grouped: readonly (number | undefined)[];
  /** With ordinary quotas, all that the subvolume of each dataset refers to. */
  readonly referred: readonly (number | undefined)[] | undefined;
  readonly space: PoolSpace;
}

async function readFigures(
  pool: OpenPool,
  nodes: readonly TreeNode[],
  snapshots: readonly TreeNode[],
): Promise<Figures> {
  const exclusive = !pool.simpleQuotas;
  const own = [...nodes, ...snapshots].map(({ subvolume }) => subvolume);
  const groups = nodes.map(({ record }) => qgroupOf(record.id));
  const btrfs = loadNative('btrfs');
  const [charged, referred, space] = await Promise.all([
    btrfs.usage(pool.top, [...own, ...groups], exclusive),
    exclusive ? btrfs.usage(pool.top, own.slice(0, nodes.length), false) : undefined,
    poolSpace(pool),
  ]);
  return { own: charged, grouped: charged.slice(own.length), referred, space };
}

async function describeTree(
  pool: OpenPool,
  tree: Tree,
  { root, depth = Infinity, types }: Selection,
): Promise<readonly Dataset[]> {
  const within = (name: string): boolean =>
    root === undefined || (isWithin(name, root) && levelsBelow(name, root) <= depth);
  const wanted = (node: TreeNode): boolean =>
    (types === undefined || types.includes(node.record.type)) && within(node.name);
  // What is above counts for what is available.
  const nodes = tree.datasets.filter(({ name }) => within(name) || (root !== undefined && isWithin(root, name)));
  const snapshotsOf = (node: TreeNode) => tree.snapshots.get(node.record.id) ?? [];
  const shown = nodes.flatMap(snapshotsOf).filter(wanted);
  const { own, grouped, referred, space } = await readFigures(pool, nodes, shown);
  const available = new Map<string, number>();
  const result: Dataset[] = [];
  let nextSnapshot = nodes.length;
  nodes.forEach((node, index) => {
    const { name, record } = node;
    const { properties } = record;
    const ownBytes = own[index] ?? 0;
    const usedBytes = index === 0 ? space.sizeBytes - space.unusedBytes : (grouped[index] ?? ownBytes);
    const quotaBytes = bytesOf(properties['quota']);
    const refquotaBytes = bytesOf(properties['refquota']);
    const above = available.get(parentOf(name) ?? '') ?? space.freeBytes;
    const below = Math.max(0, Math.min(above, quotaBytes === undefined ? Infinity : quotaBytes - usedBytes));
    // Not what lies below it.
    const itself = refquotaBytes === undefined ? Infinity : Math.max(0, refquotaBytes - ownBytes);
    const availableBytes = Math.min(below, itself);
    available.set(name, below);
    const origin = record.origin === undefined ? undefined : tree.origins.get(record.origin);
    const referencedBytes = referred?.[index] ?? record.baseBytes + ownBytes;
    if (wanted(node)) {
      result.push(dataset(pool, node, origin?.name, { usedBytes, availableBytes, referencedBytes, quotaBytes }));
    }
    let before = origin?.record.baseBytes ?? 0;
    for (const each of snapshotsOf(node)) {
      if (wanted(each)) {
        result.push(snapshot(each, own[nextSnapshot] ?? 0, before));
        nextSnapshot += 1;
      }
      before = each.record.baseBytes;
    }
  });
  return result;
}

function dataset(
  pool: OpenPool,
  { name, record }: TreeNode,
  origin: string | undefined,
  figures: Pick<Dataset, 'usedBytes' | 'availableBytes' | 'referencedBytes' | 'quotaBytes'>,
): Dataset {
  const place = `${pool.mountpoint}${name.slice(pool.name.length)}`;
  const { properties, volume } = record;
  return {
    name,
    type: record.type,
    mountpoint: record.type === 'filesystem' ? place : undefined,
    device: record.type === 'volume' ? `${place}/${volumeFile}` : undefined,
    origin,
    creation: record.creation,
    guid: record.guid,
    ...figures,
    reservationBytes: bytesOf(properties['reservation']) ?? bytesOf(properties['refreservation']),
    volsizeBytes: volume?.sizeBytes,
    properties:
      volume === undefined
        ? properties
        : { volsize: String(volume.sizeBytes), volblocksize: String(volume.blockBytes), ...properties },
  };
}

/** `before` is what the snapshot before it refers to, or the origin. */
function snapshot({ name, path, record }: TreeNode, usedBytes: number, before: number): Dataset {
  return {
    name,
    type: 'snapshot',
    mountpoint: undefined,
    device: undefined,
    origin: undefined,
    creation: record.creation,
    guid: record.guid,
    usedBytes,
    availableBytes: 0,
    referencedBytes: record.baseBytes,
    quotaBytes: undefined,
    reservationBytes: undefined,
    volsizeBytes: record.volume?.sizeBytes,
    properties: record.properties,
    content: path,
    writtenBytes: Math.max(0, record.baseBytes - before),
  };
}
