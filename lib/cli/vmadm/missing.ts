/** What a command says of a VM that is not there: each has words of its own that clients match (`vmadm-cli`, messages). */
import { SmartadmError, codeOf } from '../../errors.js';

/** How the service that keeps the VMs answers in the original. */
export const notFoundStatus = 'bad statusCode: 404';

/** Runs `work`; where the VM does not exist, the error says `text`. */
export async function sayingOfMissing<T>(text: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === 'VmNotFound') throw new SmartadmError('VmNotFound', text, { cause: error, quietCause: true });
    throw error;
  }
}

/** Runs `work`; every failure, and a missing VM with `missing` as its reason, is told as `failed: REASON`. */
export async function sayingOfFailure<T>(failed: string, missing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await sayingOfMissing(missing, work);
  } catch (error) {
    if (codeOf(error) === 'Usage') throw error;
    throw new SmartadmError(codeOf(error) ?? 'HostFailed', failed, {
      cause: error,
      ...(error instanceof SmartadmError ? { exitStatus: error.exitStatus } : {}),
      ...(error instanceof SmartadmError && error.hint !== undefined ? { hint: error.hint } : {}),
    });
  }
}
