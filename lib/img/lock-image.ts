/** The lock of an image, held while it is made or removed. */
import type { Context } from '../context.js';
import { acquireLock, type Lock } from '../lock.js';
import { imageLockPath } from './store.js';

/** After this time the waiting is told. */
const patienceMs = 1000;

/** Waits for the lock, telling so when it takes long. */
export async function lockImage(ctx: Context, uuid: string, say: (line: string) => void): Promise<Lock> {
  const timer = setTimeout(() => say(`Waiting for image ${uuid} import lock`), patienceMs);
  try {
    return await acquireLock(imageLockPath(ctx.root, uuid), { signal: ctx.signal });
  } finally {
    clearTimeout(timer);
  }
}
