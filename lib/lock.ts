/** Locks on files: one holder at a time, on the whole machine, which die with their holder. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { SmartadmError } from './errors.js';
import { loadNative } from './host/native.js';
import type { NativeHandle } from './host/native-linux.js';

export interface Lock {
  /** Lets the next one in. May be called more than once. */
  release(): void;
}

export interface LockOptions {
  /** Wait while somebody else holds it. Default true. */
  readonly wait?: boolean;
  /** Gives up waiting when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** Who may read the lock file: everybody. Others can see a lock, only root takes one. */
const lockFileMode = 0o644;

/** Longer than anybody waits. */
const longMs = 2 ** 31 - 1;

/**
 * Takes the lock kept in the file `path`, made with its parents when missing. Excludes other callers in this process as
 * in others, and programs that use fcntl locks. The file stays, until the machine's next boot at the latest: were it
 * removed, who waits for it would hold a lock on nothing while the next one takes a new file, and other programs that use
 * these locks do not look whether the file they have locked is still the one of that name. Throws `LockHeld` when `wait` is
 * false and somebody else has it, and the reason of `signal` when that is aborted.
 */
export async function acquireLock(path: string, options: LockOptions = {}): Promise<Lock> {
  options.signal?.throwIfAborted();
  mkdirSync(dirname(path), { recursive: true });
  const native = loadNative('posix');
  const free = await native.lockFile(path, lockFileMode, false);
  if (free !== undefined) return lockOf(free);
  if (options.wait === false) throw new SmartadmError('LockHeld', `${path} is locked by another command`);
  return lockOf(await waitFor(path, native.lockFile(path, lockFileMode, true), options.signal));
}

/** Runs `work` while holding the lock in `path`. Throws what {@link acquireLock} and `work` throw. */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const lock = await acquireLock(path, options);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

function lockOf(handle: NativeHandle): Lock {
  return {
    release() {
      handle.close();
    },
  };
}

/** The native wait cannot be broken off: who gives up leaves it behind, and passes the lock on when it comes. */
async function waitFor(
  path: string,
  arrival: Promise<NativeHandle | undefined>,
  signal: AbortSignal | undefined,
): Promise<NativeHandle> {
  // The native wait does not keep the program running; this timer does for as long as somebody wants the lock.
  const timer = setInterval(() => undefined, longMs);
  let aborted: (() => void) | undefined;
  const givingUp = new Promise<never>((_, reject) => {
    aborted = () => reject(abortReason(signal));
    signal?.addEventListener('abort', aborted);
    if (signal?.aborted === true) aborted();
  });
  try {
    const handle = await Promise.race([arrival, givingUp]);
    if (handle === undefined) throw new SmartadmError('HostFailed', `cannot lock ${path}`);
    return handle;
  } catch (error) {
    arrival.then(
      (handle) => handle?.close(),
      () => undefined,
    );
    throw error;
  } finally {
    clearInterval(timer);
    if (aborted !== undefined) signal?.removeEventListener('abort', aborted);
  }
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new SmartadmError('Aborted', 'aborted', { cause: reason });
}
