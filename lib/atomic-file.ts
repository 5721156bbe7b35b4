/** Files that are either as they were or wholly as they are to be, whatever happens to the writer. */
import { closeSync, fchmodSync, fsync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from './random.js';

export interface AtomicFileOptions {
  /** Permission bits, regardless of the umask. Default 0644. */
  readonly mode?: number;
  /**
   * What a power cut right afterwards may do: `nothing`, which is the default; bring `before` back, the old content, which
   * is quicker and enough where another write to the same folder follows; or leave `anything`, for what can be done without.
   */
  readonly powerCut?: 'nothing' | 'before' | 'anything';
}

/**
 * Replaces or makes `path` with `data`. After a crash at any moment it holds the old content or the new; what a killed
 * writer left beside it (`.NAME.PID.RANDOM.new`) is removed by the next writer of the same file. The folder must exist.
 * Two writers at once are safe, the later rename wins; who reads before writing takes a lock.
 */
export async function writeAtomically(
  path: string,
  data: string | Uint8Array,
  { mode = 0o644, powerCut = 'nothing' }: AtomicFileOptions = {},
): Promise<void> {
  const folder = dirname(path);
  const prefix = `.${basename(path)}.`;
  removeLeftovers(folder, prefix);
  const temporary = join(folder, `${prefix}${process.pid}.${randomBytes(4).toString('hex')}${suffix}`);
  try {
    // Only what waits for the disk is worth a thread; the rest takes less time than handing it over.
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, data);
      fchmodSync(file, mode);
      if (powerCut !== 'anything') await flushed(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  if (powerCut === 'nothing') await syncFolder(folder);
}

/** Makes what was created, renamed or removed in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = openSync(folder, 'r');
  try {
    await flushed(handle);
  } finally {
    closeSync(handle);
  }
}

function flushed(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(file, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

const suffix = '.new';

function removeLeftovers(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue;
    const parts = name.slice(prefix.length, -suffix.length).split('.');
    if (parts.length === 2 && !isAlive(Number(parts[0]))) rmSync(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
