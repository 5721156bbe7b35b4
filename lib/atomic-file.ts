/** Files that are either as they were or wholly as they are to be, whatever happens to the writer. */
import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface AtomicFileOptions {
  /** Permission bits, regardless of the umask. Default 0644. */
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/**
 * Replaces or makes `path` with `data`. After a crash at any moment it holds the old content or the new; what a killed
 * writer left beside it (`.NAME.PID.RANDOM.new`) is removed by the next writer of the same file. The folder must exist.
 * Two writers at once are safe, the later rename wins; who reads before writing takes a lock.
 */
export async function writeAtomically(
  path: string,
  data: string | Uint8Array,
  options: AtomicFileOptions = {},
): Promise<void> {
  const folder = dirname(path);
  const prefix = `.${basename(path)}.`;
  await removeLeftovers(folder, prefix);
  const temporary = join(folder, `${prefix}${process.pid}.${randomBytes(4).toString('hex')}${suffix}`);
  try {
    await usingFile(temporary, 'wx', async (file) => {
      await file.writeFile(data);
      await file.chmod(options.mode ?? 0o644);
      if (options.owner !== undefined) await file.chown(options.owner.uid, options.owner.gid);
      await file.sync();
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Makes what was created, renamed or removed in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  await usingFile(folder, 'r', (handle) => handle.sync());
}

const suffix = '.new';

async function removeLeftovers(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue;
    const parts = name.slice(prefix.length, -suffix.length).split('.');
    if (parts.length === 2 && !isAlive(Number(parts[0]))) await rm(join(folder, name), { force: true });
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

async function usingFile(path: string, flags: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await work(file);
  } finally {
    await file.close();
  }
}
