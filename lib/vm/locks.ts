/** Who may change what at the same time. */
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import { acquireLock, withLock } from '../lock.js';
import { vmError } from './errors.js';

/**
 * Runs `work` while nobody else changes the configuration or datasets of the VM. Other programs honour the same lock
 * (`vm-lifecycle`, locks).
 */
export async function withVmLock<T>(ctx: Context, uuid: string, work: () => Promise<T>): Promise<T> {
  const host = await ctx.host();
  return withLock(host.at(lockPath(uuid)), work, { signal: ctx.signal });
}

/**
 * Runs `claim` with the whole host's VMs held still, so that what it has judged (uuid, addresses) is still true when it
 * has written it down, then `work` with the lock of the VM that `claim` names. Throws `VmExists` when somebody is
 * changing that VM.
 */
export async function withNewVm<C extends { readonly uuid: string }, T>(
  ctx: Context,
  claim: () => Promise<C>,
  work: (claimed: C) => Promise<T>,
): Promise<T> {
  const host = await ctx.host();
  const { claimed, lock } = await withLock(
    host.at('/var/run/smartadm/new-vm.lock'),
    async () => {
      const claimed = await claim();
      return { claimed, lock: await takeFree(host.at(lockPath(claimed.uuid)), claimed.uuid) };
    },
    { signal: ctx.signal },
  );
  try {
    return await work(claimed);
  } finally {
    lock.release();
  }
}

async function takeFree(path: string, uuid: string) {
  try {
    return await acquireLock(path, { wait: false });
  } catch (error) {
    if (codeOf(error) === 'LockHeld') throw vmError('VmExists', `VM with UUID ${uuid} already exists`);
    throw error;
  }
}

function lockPath(uuid: string): string {
  if (!/^[\w.-]{1,64}$/.test(uuid)) throw vmError('VmNotFound', `VM ${uuid} not found`);
  return `/var/run/vm.${uuid}.config.lockfile`;
}
