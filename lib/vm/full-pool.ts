/** What is said when there is no space left: of which VM, where, and what helps. */
import { statfs } from 'node:fs/promises';
import { hasCode, SmartadmError } from '../errors.js';
import { hostError } from '../host/errors.js';
import type { Host } from '../host/host.js';

export interface SpaceUse {
  /** The verb, as in `cannot update VM …`. */
  readonly doing: string;
  readonly uuid: string;
  /** Root dataset of the VM. */
  readonly dataset: string;
}

/** Fewer free bytes than any file needs. */
const nothingBytes = 65_536;

/** Runs `work`; where that fails for want of space, throws `NoSpace` that says so, with the way out, unless it is told already. */
export async function sayingWhereFull<T>(host: Host, use: SpaceUse, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SmartadmError && cause.code === 'NoSpace' && cause.hint !== undefined) throw cause;
    const isQuota = hasCode(cause, 'EDQUOT');
    if (!isQuota && !hasCode(cause, 'ENOSPC') && !hasCode(cause, 'NoSpace')) throw cause;
    const { doing, uuid, dataset } = use;
    const what = `cannot ${doing} VM ${uuid}`;
    const details = { cause, ...(cause instanceof SmartadmError ? { exitStatus: cause.exitStatus } : {}) };
    if (isQuota) {
      const hint = `raise it with: vmadm update ${uuid} quota=GIB`;
      throw hostError('NoSpace', `${what}: the quota of dataset ${dataset} is used up`, { ...details, hint });
    }
    if (await isFull(host.at('/etc/zones'))) {
      throw hostError('NoSpace', `${what}: the file system that holds ${host.at('/etc/zones')} is full`, details);
    }
    const pool = dataset.split('/')[0] ?? dataset;
    const hint = 'vmadm delete-snapshot, vmadm delete and imgadm vacuum make room';
    throw hostError('NoSpace', `${what}: no space is left in pool ${pool} for dataset ${dataset}`, {
      ...details,
      hint,
    });
  }
}

async function isFull(folder: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: 1, bsize: nothingBytes }));
  return bavail * bsize < nothingBytes;
}
