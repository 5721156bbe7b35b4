/** What a pool is kept on: a sparse file or a device, formatted once and never over something else. */
import { chmod, mkdir, open, readdir, readFile, realpath, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../../atomic-file.js';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import { runProgram } from './run-program.js';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
/** A file takes only what is written to it, but must not promise more than there is. */
const defaultFileBytes = 64 * gibibyte;
const shareOfFreeSpace = 0.8;
const leastFileBytes = 256 * mebibyte;
const mkfsTimeoutMs = 600_000;

/**
 * Makes `file`, sparse and formatted, of `bytes` or a size that suits its filesystem. It appears under its name when it
 * is complete. Throws `NoSpace`. Only for the holder of the pool's lock: what another left half made is removed.
 */
export async function makePoolFile(pool: string, file: string, bytes: number | undefined): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  const size = bytes ?? (await defaultSize(folder));
  const unfinished = `${file}.new`;
  await rm(unfinished, { force: true });
  try {
    const handle = await open(unfinished, 'wx', 0o600);
    try {
      await handle.truncate(size);
    } finally {
      await handle.close();
    }
    await format(pool, unfinished);
    await rename(unfinished, file);
  } catch (cause) {
    await rm(unfinished, { force: true });
    throw cause;
  }
  await syncFolder(folder);
}

async function defaultSize(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  const size = Math.min(defaultFileBytes, Math.floor((bavail * bsize * shareOfFreeSpace) / mebibyte) * mebibyte);
  if (size >= leastFileBytes) return size;
  throw hostError('NoSpace', `there is too little space in ${folder} for a pool: ${bavail * bsize} bytes`, {
    hint: 'keep it elsewhere: vmadm setup --device DEVICE, or --file FILE',
  });
}

/** Whether the file or device is there; throws `ConfigInvalid` when it is something else. */
export async function storageExists(path: string, kind: 'file' | 'device'): Promise<boolean> {
  let found;
  try {
    found = await stat(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' && kind === 'file') return false;
    throw hostError('ConfigInvalid', `cannot use ${path} for a pool`, { cause });
  }
  const suits = kind === 'file' ? found.isFile() : found.isBlockDevice();
  if (!suits) {
    throw hostError(
      'ConfigInvalid',
      `cannot use ${path} for a pool: it is not a ${kind === 'file' ? kind : 'block device'}`,
    );
  }
  return true;
}

/** Whether there is a btrfs on `path`; false for an empty one. Throws `ConfigInvalid` when it holds something else. */
export async function isFormatted(path: string): Promise<boolean> {
  const { status, stdout, stderr } = await runProgram('blkid', ['-p', '-o', 'export', path], { package: 'util-linux' });
  if (status === 0) {
    const type = /^(?:TYPE|PTTYPE)=(.*)$/m.exec(stdout)?.[1] ?? 'data';
    if (type === 'btrfs') return true;
    throw hostError('ConfigInvalid', `cannot use ${path} for a pool: it holds ${type}, which is not overwritten`);
  }
  const nothingFound = 2;
  if (status !== nothingFound) throw hostError('HostFailed', `cannot probe ${path}: ${stderr.trim()}`);
  const found = await stat(path);
  if (found.isFile() && found.size > 0 && found.blocks > 0) {
    throw hostError('ConfigInvalid', `cannot use ${path} for a pool: it holds data, which is not overwritten`);
  }
  return false;
}

/** Makes a filesystem on `path`. Without `-f`, mkfs.btrfs refuses what looks like anything. */
export async function format(pool: string, path: string): Promise<void> {
  const { status, stderr } = await runProgram(
    'mkfs.btrfs',
    ['-q', '-n', '8192', '-m', 'single', '-d', 'single', '-L', `smartadm ${pool}`, path],
    { package: 'btrfs-progs', timeoutMs: mkfsTimeoutMs },
  );
  if (status === 0) return;
  const why = stderr.split('\n').find((line) => /error/i.test(line)) ?? stderr.trim();
  throw hostError('HostFailed', `cannot format ${path} for pool ${pool}: ${why.replace(/^ERROR:\s*/, '')}`);
}

/** The loop device that `file` is attached to already, by a mount of another mount namespace. */
export async function loopOf(file: string): Promise<string | undefined> {
  const real = await realpath(file);
  for (const name of await readdir('/sys/block')) {
    if (!name.startsWith('loop')) continue;
    try {
      const backing = await readFile(join('/sys/block', name, 'loop/backing_file'), 'utf8');
      if (backing.trimEnd() === real) return `/dev/${name}`;
    } catch (error) {
      // It is not attached, or goes away just now.
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENODEV') throw error;
    }
  }
  return undefined;
}

/** Makes the folder that a pool is mounted on. Throws `ConfigInvalid` when something is in it, which a mount would hide. */
export async function makeMountpoint(pool: string, path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const hidden = await readdir(path);
  if (hidden.length > 0) {
    throw hostError('ConfigInvalid', `cannot mount pool ${pool} on ${path}: the folder is not empty`);
  }
  await chmod(path, 0o755);
}
