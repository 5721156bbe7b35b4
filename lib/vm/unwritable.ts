/** What is said when nothing can be written any more: of which VM, where, and what helps. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, SmartadmError } from '../errors.js';
import { hostError } from '../host/errors.js';
import type { Host } from '../host/host.js';

export interface Writing {
  /** The verb, as in `cannot update VM …`; absent where the command has words of its own for that. */
  readonly doing?: string;
  readonly uuid: string;
  /** Dataset of the VM that is written to; absent where that is its configuration alone. */
  readonly dataset?: string;
  /** What the user can do without writing there. */
  readonly otherwise?: string;
}

/** Fewer free bytes than any file needs. */
const nothingBytes = 65_536;

/**
 * Runs `work`; where that fails for want of space, throws `NoSpace` that says so, with the way out, unless it is told
 * already. Where a file system is mounted read-only, that is told by `HostFailed`.
 */
export async function sayingWhereUnwritable<T>(host: Host, writing: Writing, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SmartadmError && cause.code === 'NoSpace' && cause.hint !== undefined) throw cause;
    throw (await unwritable(host, writing, cause)) ?? cause;
  }
}

async function unwritable(host: Host, writing: Writing, cause: unknown): Promise<SmartadmError | undefined> {
  const { doing, uuid, dataset, otherwise } = writing;
  const what = doing === undefined ? '' : `cannot ${doing} VM ${uuid}: `;
  const details = { cause, ...(cause instanceof SmartadmError ? { exitStatus: cause.exitStatus } : {}) };
  const wayOut = (first: string): string => (otherwise === undefined ? first : `${first}; ${otherwise}`);
  const zones = host.at('/etc/zones');
  if (hasCode(cause, 'EROFS')) {
    const folder = folderOf(cause) ?? (dataset === undefined ? zones : undefined);
    if (folder === undefined) return undefined;
    const hint = wayOut('mount it for writing and try again');
    return hostError('HostFailed', `${what}the file system that holds ${folder} is read-only`, { ...details, hint });
  }
  const isQuota = hasCode(cause, 'EDQUOT');
  if (!isQuota && !hasCode(cause, 'ENOSPC') && !hasCode(cause, 'NoSpace')) return undefined;
  if (isQuota && dataset !== undefined) {
    const hint = `raise it with: vmadm update ${uuid} quota=GIB`;
    return hostError('NoSpace', `${what}the quota of dataset ${dataset} is used up`, { ...details, hint });
  }
  if (dataset === undefined || (await isFull(zones))) {
    const hint = wayOut('make room there and try again');
    return hostError('NoSpace', `${what}the file system that holds ${zones} is full`, { ...details, hint });
  }
  const pool = dataset.split('/')[0] ?? dataset;
  const hint = 'vmadm delete-snapshot, vmadm delete and imgadm vacuum make room';
  return hostError('NoSpace', `${what}no space is left in pool ${pool} for dataset ${dataset}`, { ...details, hint });
}

/** Where the file lies that an error of the system is about. */
function folderOf(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('path' in at && typeof at.path === 'string') return dirname(at.path);
  }
  return undefined;
}

async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 1, bsize: nothingBytes }));
  return bavail * bsize < nothingBytes;
}
