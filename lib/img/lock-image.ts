/** The locks of an image, held while it is made or removed, and of a VM while an image is made of it. */
import { join } from 'node:path';
import type { Context } from '../context.js';
import { acquireLock, type Lock } from '../lock.js';
import { imageLockPath } from './store.js';

/** After this time the waiting is told. */
const patienceMs = 1000;

/** Waits for the lock of an image, telling so when it takes long. */
export async function lockImage(ctx: Context, uuid: string, say: (line: string) => void): Promise<Lock> {
  return lockPatiently(ctx, imageLockPath(ctx.root, uuid), () => say(`Waiting for image ${uuid} import lock`));
}

/** Waits until nobody else makes an image of the VM, telling so when it takes long. */
export async function lockForCreate(ctx: Context, vm: string, say: (line: string) => void): Promise<Lock> {
  const path = join(ctx.root, `/var/run/img.${vm}.create.lock`);
  return lockPatiently(ctx, path, () => say(`Waiting for another image of VM ${vm} to be made`));
}

async function lockPatiently(ctx: Context, path: string, takesLong: () => void): Promise<Lock> {
  const timer = setTimeout(takesLong, patienceMs);
  try {
    return await acquireLock(path, { signal: ctx.signal });
  } finally {
    clearTimeout(timer);
  }
}
