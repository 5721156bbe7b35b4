/** All datasets of a pool in one pass over its subvolumes. */
import { join } from 'node:path';
import { isWithin, levelsBelow, parentOf } from '../dataset-names.js';
import { bytesOf } from '../dataset-properties.js';
import type { Dataset } from '../datasets.js';
import { loadNative } from '../native.js';
import { qgroupOf } from './dataset-quotas.js';
import { parseRecord, recordAttribute, type DatasetRecord } from './dataset-records.js';
import { poolSpace, snapshotsFolder, workFolder, type OpenPool } from './pool.js';

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

export interface Tree {
  /** By name, in the order of zfs-list(8): by name, parents first. Begins with the pool. */
  readonly datasets: ReadonlyMap<string, TreeNode>;
  /** By the id of their dataset, oldest first. */
  readonly snapshots: ReadonlyMap<bigint, readonly TreeNode[]>;
  /** Subvolumes below the working folder, datasets or not; and every other that is neither dataset nor snapshot. */
  readonly unlisted: readonly {
    readonly path: string;
    readonly subvolume: bigint;
    readonly record: DatasetRecord | undefined;
  }[];
}

/** The file in a volume's subvolume that holds its blocks. */
export const volumeFile = 'disk.raw';

const component = /^[A-Za-z0-9_.:% -]+$/;

/** Reads the whole pool. */
export async function readTree(pool: OpenPool): Promise<Tree> {
  const btrfs = loadNative('btrfs');
  const [top, all] = await Promise.all([
    btrfs.inspect(pool.top, recordAttribute),
    btrfs.list(pool.top, recordAttribute),
  ]);
  const topRecord = top === undefined ? undefined : parseRecord(top.attribute, top.id);
  if (top === undefined || topRecord === undefined) throw new Error(`${pool.top} is no pool any more`);
  const datasets: TreeNode[] = [
    { name: pool.name, path: pool.top, subvolume: top.id, readOnly: top.readOnly, record: topRecord },
  ];
  const names = new Map([['', pool.name]]);
  const snapshots: (TreeNode & { readonly folder: string })[] = [];
  const unlisted: Tree['unlisted'][number][] = [];
  // Ids only grow: those inside a subvolume may be older than it, once renamed or rolled back.
  const byPath = [...all].sort((a, b) => compare(a.path, b.path));
  for (const { path, id, readOnly, attribute } of byPath) {
    const record = parseRecord(attribute, id);
    const node = { path: join(pool.top, path), subvolume: id, readOnly };
    const slash = path.lastIndexOf('/');
    const base = path.slice(slash + 1);
    const above = slash < 0 ? '' : path.slice(0, slash);
    const parent = names.get(above);
    if (record?.type === 'snapshot' && above === `${snapshotsFolder}/${record.id}` && component.test(base)) {
      snapshots.push({ ...node, name: base, record, folder: above });
    } else if (record !== undefined && record.type !== 'snapshot' && parent !== undefined && component.test(base)) {
      const name = `${parent}/${base}`;
      // Nothing can lie inside a volume.
      if (record.type === 'filesystem') names.set(path, name);
      datasets.push({ ...node, name, record });
    } else {
      unlisted.push({ path, subvolume: id, record });
    }
  }
  datasets.sort((a, b) => compare(a.name, b.name));
  const owners = new Map(datasets.map(({ record, name }) => [record.id, name]));
  const bySet = new Map<bigint, TreeNode[]>();
  for (const { folder, ...snapshot } of snapshots.sort((a, b) => (a.subvolume < b.subvolume ? -1 : 1))) {
    const { id } = snapshot.record;
    const owner = owners.get(id);
    if (owner === undefined) {
      unlisted.push({ path: `${folder}/${snapshot.name}`, subvolume: snapshot.subvolume, record: snapshot.record });
      continue;
    }
    const list = bySet.get(id) ?? [];
    bySet.set(id, list);
    list.push({ ...snapshot, name: `${owner}@${snapshot.name}` });
  }
  return { datasets: new Map(datasets.map((node) => [node.name, node])), snapshots: bySet, unlisted };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Name of the entry in the working folder that `path` lies in; undefined when it lies elsewhere. */
export function workEntryOf(path: string): string | undefined {
  if (!path.startsWith(`${workFolder}/`)) return undefined;
  return path.slice(workFolder.length + 1).split('/')[0];
}

/** The snapshots of a dataset, oldest first. */
export function snapshotsOf(tree: Tree, node: TreeNode): readonly TreeNode[] {
  return tree.snapshots.get(node.record.id) ?? [];
}

/** A dataset with all below it, parents first; without snapshots. */
export function subtree(tree: Tree, root: string): readonly TreeNode[] {
  return [...tree.datasets.values()].filter(({ name }) => isWithin(name, root));
}

/** Datasets that are clones of one of `snapshots`. */
export function clonesOf(tree: Tree, snapshots: readonly TreeNode[]): readonly TreeNode[] {
  const origins = new Set(snapshots.map(({ subvolume }) => subvolume));
  if (origins.size === 0) return [];
  return [...tree.datasets.values()].filter(({ record }) => record.origin !== undefined && origins.has(record.origin));
}

/** Selects names below `root` within `depth` levels. */
export interface Selection {
  readonly root?: string | undefined;
  readonly depth?: number | undefined;
}

/** What users see of a tree: datasets, each followed by its snapshots. */
export async function describeTree(pool: OpenPool, tree: Tree, selection: Selection = {}): Promise<readonly Dataset[]> {
  const nodes = [...tree.datasets.values()];
  const snapshots = [...tree.snapshots.values()].flat();
  const exclusive = !pool.simpleQuotas;
  const own = [...nodes, ...snapshots].map(({ subvolume }) => subvolume);
  const btrfs = loadNative('btrfs');
  const [charged, referred, grouped, space] = await Promise.all([
    btrfs.usage(pool.top, own, exclusive),
    exclusive ? btrfs.usage(pool.top, own, false) : undefined,
    btrfs.usage(pool.top, nodes.map(({ record }) => qgroupOf(record.id)), exclusive), // prettier-ignore
    poolSpace(pool),
  ]);
  const origins = new Map(snapshots.map((node) => [node.subvolume, node]));
  const available = new Map<string, number>();
  const result: Dataset[] = [];
  const { root, depth } = selection;
  const selected = (name: string): boolean =>
    root === undefined || (isWithin(name, root) && (depth === undefined || levelsBelow(name, root) <= depth));
  let firstSnapshot = nodes.length;
  const firstOf = new Map<bigint, number>();
  for (const [id, list] of tree.snapshots) {
    firstOf.set(id, firstSnapshot);
    firstSnapshot += list.length;
  }
  nodes.forEach((node, index) => {
    const { name, record } = node;
    const isPool = index === 0;
    const ownBytes = charged[index] ?? 0;
    const referencedBytes = referred?.[index] ?? record.baseBytes + ownBytes;
    const usedBytes = isPool ? space.sizeBytes - space.unusedBytes : (grouped[index] ?? ownBytes);
    const { properties, volume } = record;
    const quotaBytes = bytesOf(properties['quota']);
    const refquotaBytes = bytesOf(properties['refquota']);
    const availableBytes = Math.max(
      0,
      Math.min(
        available.get(parentOf(name) ?? '') ?? space.freeBytes,
        quotaBytes === undefined ? Infinity : quotaBytes - usedBytes,
        refquotaBytes === undefined ? Infinity : refquotaBytes - ownBytes,
      ),
    );
    available.set(name, availableBytes);
    const origin = record.origin === undefined ? undefined : origins.get(record.origin);
    const place = `${pool.mountpoint}${name.slice(pool.name.length)}`;
    if (selected(name)) {
      result.push({
        name,
        type: record.type,
        mountpoint: record.type === 'filesystem' ? place : undefined,
        device: record.type === 'volume' ? `${place}/${volumeFile}` : undefined,
        origin: origin?.name,
        creation: record.creation,
        guid: record.guid,
        usedBytes,
        availableBytes,
        referencedBytes,
        quotaBytes,
        reservationBytes: bytesOf(properties['reservation']) ?? bytesOf(properties['refreservation']),
        volsizeBytes: volume?.sizeBytes,
        properties:
          volume === undefined
            ? properties
            : { volsize: String(volume.sizeBytes), volblocksize: String(volume.blockBytes), ...properties },
      });
    }
    let before = origin?.record.baseBytes ?? 0;
    snapshotsOf(tree, node).forEach((snapshot, offset) => {
      const { baseBytes } = snapshot.record;
      if (selected(snapshot.name)) {
        result.push({
          name: snapshot.name,
          type: 'snapshot',
          mountpoint: undefined,
          device: undefined,
          origin: undefined,
          creation: snapshot.record.creation,
          guid: snapshot.record.guid,
          usedBytes: charged[(firstOf.get(record.id) ?? 0) + offset] ?? 0,
          availableBytes: 0,
          referencedBytes: baseBytes,
          quotaBytes: undefined,
          reservationBytes: undefined,
          volsizeBytes: snapshot.record.volume?.sizeBytes,
          properties: snapshot.record.properties,
          content: snapshot.path,
          writtenBytes: Math.max(0, baseBytes - before),
        });
      }
      before = baseBytes;
    });
  });
  return result;
}
