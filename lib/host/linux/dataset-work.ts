/**
 * The working folder of a pool: what is being made there gets its real name in one step when it is complete, and what is
 * being removed is taken there first. Entries carry the process that they belong to; what a killed one left is finished
 * or removed by the next command that changes the pool.
 */
import { mkdir, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf } from '../../errors.js';
import { withLock } from '../../lock.js';
import type { Log } from '../../log.js';
import { randomBytes } from '../../random.js';
import { loadNative } from '../native.js';
import { ensureQgroup, pastQuota, release } from './dataset-quotas.js';
import { recordAttribute } from './dataset-records.js';
import { readTree, workEntryOf, type TreeNode, type WholeTree } from './dataset-tree.js';
import { ledgersFolder, snapshotsFolder, workFolder, type OpenPool } from './pool.js';

/** Path of a new entry of this process. */
export async function newWork(pool: OpenPool): Promise<string> {
  const started = await startOf(process.pid);
  return join(pool.top, workFolder, `${process.pid}.${started ?? 0}.${randomBytes(6).toString('hex')}`);
}

/**
 * Runs `work` while an entry says that it is under way: if it is cut off, the next command sets groups and limits right.
 */
export async function markedWork<T>(pool: OpenPool, work: () => Promise<T>): Promise<T> {
  const marker = await newWork(pool);
  await mkdir(marker, { mode: 0o700 });
  try {
    return await work();
  } finally {
    await rmdir(marker);
  }
}

/**
 * Runs `work` as the only one that changes names, snapshots or properties in the pool, after finishing what killed
 * commands left.
 */
export function changingPool<T>(pool: OpenPool, log: Log, work: () => Promise<T>): Promise<T> {
  return withLock(pool.lock, async () => {
    await collect(pool, log);
    return work();
  });
}

/** Removes a subvolume, file or folder with all that is in it. Fine when it is not there. */
export async function discard(path: string): Promise<void> {
  const btrfs = loadNative('btrfs');
  if ((await btrfs.inspect(path, recordAttribute)) !== undefined) await btrfs.deleteSubvolume(path);
  else await rm(path, { recursive: true, force: true });
}

/** Removes a snapshot and what is kept beside it. */
export async function discardSnapshot(pool: OpenPool, node: { path: string; subvolume: bigint }): Promise<void> {
  await loadNative('btrfs').deleteSubvolume(node.path);
  await rm(join(pool.top, ledgersFolder, String(node.subvolume)), { force: true });
  await removeEmptyFolder(dirname(node.path));
}

/** Removes a folder of the pool's own; fine when it is not there or has something in it. */
async function removeEmptyFolder(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
  }
}

/** When a process was started, in the kernel's ticks; undefined when there is none. A number used again has another. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; what follows are numbers, the 20th is the start.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

async function isAbandoned(entry: string): Promise<boolean> {
  const [pid = '', started] = entry.split('.');
  return !/^\d{1,10}$/.test(pid) || (await startOf(Number(pid))) !== started;
}

async function collect(pool: OpenPool, log: Log): Promise<void> {
  const folder = join(pool.top, workFolder);
  const abandoned = new Set<string>();
  for (const entry of await readdir(folder)) if (await isAbandoned(entry)) abandoned.add(entry);
  if (abandoned.size === 0) return;
  log.info({ pool: pool.name, entries: [...abandoned] }, 'finishing what another command left');
  const before = await readTree(pool);
  for (const entry of abandoned) await rescueChildren(pool, before, entry);
  const ledgers = await readdir(join(pool.top, ledgersFolder));
  const tree = await readTree(pool);
  const isLeft = (path: string): boolean => abandoned.has(workEntryOf(path) ?? '');
  const spared = new Set(tree.datasets.map(({ record }) => record.id));
  for (const { path, record } of tree.unlisted) {
    if (record !== undefined && workEntryOf(path) !== undefined && !isLeft(path)) spared.add(record.id);
  }
  // The entries last: while they are there, the next command comes here again.
  for (const { path, subvolume, record } of tree.unlisted) {
    if (!path.startsWith(`${snapshotsFolder}/`) || (record !== undefined && spared.has(record.id))) continue;
    await discardSnapshot(pool, { path: join(pool.top, path), subvolume });
  }
  const subvolumes = [...tree.snapshots.values(), tree.unlisted.filter(({ path }) => !isLeft(path))].flat();
  const living = new Set(subvolumes.map(({ subvolume }) => String(subvolume)));
  for (const ledger of ledgers)
    if (!living.has(ledger)) await rm(join(pool.top, ledgersFolder, ledger), { force: true });
  for (const { path, subvolume, record } of tree.unlisted) {
    if (record !== undefined && isLeft(path) && !spared.has(record.id)) await release(pool, { subvolume, record });
  }
  for (const node of tree.datasets) await settle(pool, node);
  for (const entry of abandoned) await discard(join(folder, entry));
}

/** Makes the kernel do what the record of a dataset says. May be called again. */
export async function settle(pool: OpenPool, node: TreeNode): Promise<void> {
  await ensureQgroup(pool, node);
  const readOnly = node.record.properties['readonly'] === 'on';
  if (node.readOnly !== readOnly) await loadNative('btrfs').setReadOnly(node.path, readOnly);
}

/**
 * A rolled-back dataset whose old subvolume is still there: datasets inside that one belong into the new one.
 */
async function rescueChildren(pool: OpenPool, tree: WholeTree, entry: string): Promise<void> {
  const old = tree.unlisted.find(({ path }) => path === `${workFolder}/${entry}`);
  const { record } = old ?? {};
  const successor = tree.datasets.find((node) => node.record.id === record?.id);
  if (old === undefined || record === undefined || successor === undefined) return;
  const holders = [{ subvolume: old.subvolume, record }, successor];
  for (const child of tree.unlisted) {
    if (dirname(child.path) !== old.path || child.record === undefined) continue;
    await moveChild(pool, holders, join(pool.top, child.path), join(successor.path, basename(child.path)));
  }
}

/** Moves a dataset from one subvolume into another, over the empty folder that a snapshot has in its place. */
export async function moveChild(
  pool: OpenPool,
  holders: Parameters<typeof pastQuota>[1],
  from: string,
  to: string,
): Promise<void> {
  await pastQuota(pool, holders, async () => {
    await loadNative('btrfs').removeFolder(to);
    await loadNative('btrfs').rename(from, to);
  });
}
