/** Whether somebody uses a dataset, as far as the kernel says so. */
import { hostError } from '../errors.js';
import type { TreeNode } from './dataset-tree.js';
import { readMounts } from './mounts.js';
import type { OpenPool } from './pool.js';

/**
 * Throws `DatasetBusy` when something is mounted inside the dataset, or a part of it is mounted elsewhere, in this mount
 * namespace. Programs with open files keep what they opened.
 */
export async function requireUnused(pool: OpenPool, node: TreeNode, what: string): Promise<void> {
  const mounts = await readMounts();
  const device = mounts.findLast(({ target }) => target === pool.top)?.device;
  const root = node.path.slice(pool.top.length);
  const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
  const user = mounts.find(
    (mount) => within(mount.target, node.path) || (mount.device === device && within(mount.root, root)),
  );
  if (user === undefined) return;
  throw hostError('DatasetBusy', `cannot ${what} ${node.name}: dataset is busy (mounted on ${user.target})`);
}
