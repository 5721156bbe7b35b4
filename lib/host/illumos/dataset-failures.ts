/** What libzfs and libzfs_core say, in the codes of every host. */
import { codeOf, SmartadmError } from '../../errors.js';
import { hostError, type HostErrorCode } from '../errors.js';

const codes: Readonly<Partial<Record<string, HostErrorCode>>> = {
  EZFS_NOENT: 'DatasetNotFound', ENOENT: 'DatasetNotFound', EZFS_WRONG_PARENT: 'DatasetNotFound',
  EZFS_EXISTS: 'DatasetExists', EEXIST: 'DatasetExists',
  EZFS_BUSY: 'DatasetBusy', EBUSY: 'DatasetBusy', EZFS_UMOUNTFAILED: 'DatasetBusy', EZFS_ZONED: 'DatasetBusy',
  EZFS_NOSPC: 'NoSpace', EZFS_PROPSPACE: 'NoSpace', ENOSPC: 'NoSpace', EDQUOT: 'NoSpace',
  EZFS_BADPROP: 'InvalidProperty', EZFS_PROPTYPE: 'InvalidProperty', EZFS_PROPREADONLY: 'InvalidProperty',
  EZFS_PROPNONINHERIT: 'InvalidProperty', EZFS_VOLTOOBIG: 'InvalidProperty', EINVAL: 'InvalidProperty',
  ENAMETOOLONG: 'InvalidProperty', E2BIG: 'InvalidProperty',
  EZFS_INVALIDNAME: 'InvalidName', EZFS_NAMETOOLONG: 'InvalidName', EZFS_CROSSTARGET: 'InvalidName', EXDEV: 'InvalidName',
  EZFS_BADSTREAM: 'StreamInvalid', EZFS_BADRESTORE: 'StreamInvalid', EZFS_BADVERSION: 'StreamUnsupported',
  EZFS_PERM: 'PermissionDenied', EPERM: 'PermissionDenied', EACCES: 'PermissionDenied', EROFS: 'PermissionDenied',
  EZFS_POOLREADONLY: 'PermissionDenied', EZFS_DSREADONLY: 'PermissionDenied',
  EZFS_POOLUNAVAIL: 'PoolNotFound', EZFS_NOTSUP: 'Unsupported', ENOSYS: 'Unsupported',
}; // prettier-ignore

/**
 * Runs `work`; an error of the library comes back as one of the host that says `doing`, which names the dataset. `others`
 * gives codes that mean something else here. What has no code, such as the reason of an abort, comes back as it is.
 */
export async function whileDoing<T>(
  doing: string,
  work: () => Promise<T>,
  others: Readonly<Partial<Record<string, HostErrorCode>>> = {},
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = codeOf(cause);
    if (cause instanceof SmartadmError || code === undefined) throw cause;
    throw hostError(others[code] ?? codes[code] ?? 'HostFailed', doing, { cause });
  }
}
