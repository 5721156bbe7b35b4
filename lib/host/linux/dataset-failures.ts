/** What goes wrong with a dataset, in the codes that every host uses. */
import { codeOf, SmartadmError } from '../../errors.js';
import { hostError, type HostErrorCode } from '../errors.js';

const codes: Readonly<Partial<Record<string, HostErrorCode>>> = {
  ENOSPC: 'NoSpace', EDQUOT: 'NoSpace', EBUSY: 'DatasetBusy', ETXTBSY: 'DatasetBusy', ENOENT: 'DatasetNotFound',
  EEXIST: 'DatasetExists', ENOTEMPTY: 'DatasetExists', ENOTDIR: 'DatasetExists',
  EPERM: 'PermissionDenied', EACCES: 'PermissionDenied', EROFS: 'PermissionDenied',
}; // prettier-ignore

/**
 * Runs `work`; an error of the system comes back as one of the host that says `doing`, which names the dataset. What has
 * no code, such as the reason of an abort, comes back as it is.
 */
export async function whileDoing<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = codeOf(cause);
    if (cause instanceof SmartadmError || code === undefined) throw cause;
    const message =
      code === 'EDQUOT' ? `${doing}: quota exceeded` : code === 'ENOSPC' ? `${doing}: pool is full` : doing;
    throw hostError(codes[code] ?? 'HostFailed', message, { cause });
  }
}

/** Runs `undo` because of `error`, which is thrown on whatever comes of it. */
export async function undoing(error: unknown, undo: () => Promise<void>): Promise<never> {
  try {
    await undo();
  } catch {
    // The next command that changes the pool tries again.
  }
  throw error;
}
