/**
 * Files inside the root of a zone, touched from outside. A guest or its image may put symbolic links, devices or pipes
 * anywhere: nothing here follows or opens one.
 */
import { codeOf } from '../errors.js';
import { hostError } from './errors.js';
import { loadNative } from './native.js';
import type { NativeRootfs } from './native-linux.js';

/** Larger files are none of ours. */
const readLimitBytes = 4 * 1024 * 1024;

/** The root of one zone. Paths are as the zone sees them. Codes: `ZoneInvalid` where something is in the way, `NoSpace`. */
export interface ZoneRoot {
  /** What is there; undefined when it is missing, or a directory on the way is. */
  kindOf(path: string): Promise<'file' | 'directory' | 'symlink' | 'other' | undefined>;
  /** Text of a regular file; undefined when it is missing. */
  read(path: string): Promise<string | undefined>;
  /** Replaces or makes a file in one step; a symbolic link of that name is replaced. Its directory must exist. */
  write(path: string, text: string, mode?: number): Promise<void>;
  /** Makes a directory with its parents. Fine when it is there. */
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** Removes an empty directory; fine when it is missing. On Linux, what is mounted there in zones goes too. */
  removeDirectory(path: string): Promise<void>;
}

/** Files below `folder`, the directory on the host with a zone's root. */
export function zoneRoot(folder: string): ZoneRoot {
  async function run<T>(path: string, work: (native: NativeRootfs) => Promise<T>): Promise<T> {
    try {
      return await work(loadNative('rootfs'));
    } catch (cause) {
      const code = codeOf(cause) ?? '';
      const where = `${folder}/${path.replace(/^\/+/, '')}`;
      const reason = mishaps[code];
      if (reason !== undefined) throw hostError('ZoneInvalid', `${where} ${reason}`, { cause, quietCause: true });
      const full = code === 'ENOSPC' || code === 'EDQUOT';
      if (full) throw hostError('NoSpace', `cannot write ${where}`, { cause });
      throw cause;
    }
  }
  return {
    kindOf: (path) => run(path, (native) => native.kindOf(folder, path)),
    read: (path) =>
      run(path, async (native) => (await native.readFile(folder, path, readLimitBytes))?.toString('utf8')),
    write: (path, text, mode = 0o644) => run(path, (native) => native.writeFile(folder, path, Buffer.from(text), mode)),
    makeDirectory: (path, mode = 0o755) => run(path, (native) => native.makeDirectory(folder, path, mode)),
    removeDirectory: (path) => run(path, (native) => native.removeDirectory(folder, path)),
  };
}

const mishaps: Readonly<Record<string, string>> = {
  ELOOP: 'is a symlink, or leads over one',
  EXDEV: 'leads out of the zone',
  ENOTDIR: 'is not a directory, or leads over something that is none',
  ENOTEMPTY: 'is not empty',
  EEXIST: 'is not empty',
  EISDIR: 'is not a file',
  EINVAL: 'is not a file',
  EFBIG: 'is too large',
  ENAMETOOLONG: 'has too long a name',
};
