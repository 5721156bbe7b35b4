/** Folders whose entries are watched by the kernel: a file that is put in place of another is seen, too. */
import { statSync, watch, type FSWatcher } from 'node:fs';
import { codeOf } from '../errors.js';

export interface FolderWatch {
  /**
   * Watches these folders, and no others any more. What is not there is left out until it is named again. False where
   * one cannot be watched, since the system has no watches left. One that is watched anew counts as changed.
   */
  readonly follow: (folders: readonly string[]) => boolean;
  readonly close: () => void;
}

interface Watched {
  readonly watcher: FSWatcher;
  /** Which folder it is: its name may lead to another one later. */
  readonly identity: string;
}

/** Keeps no program running. */
export function watchFolders(changed: () => void): FolderWatch {
  const watched = new Map<string, Watched>();

  function drop(folder: string): void {
    watched.get(folder)?.watcher.close();
    watched.delete(folder);
  }

  function open(folder: string, identity: string): boolean {
    try {
      const watcher = watch(folder, { persistent: false }, changed);
      watcher.on('error', () => {
        drop(folder);
        changed();
      });
      watched.set(folder, { watcher, identity });
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return codeOf(error) === 'ENOENT';
    }
    changed();
    return true;
  }

  function follow(folder: string): boolean {
    const stat = statSync(folder, { throwIfNoEntry: false });
    const identity = stat?.isDirectory() === true ? `${stat.dev}:${stat.ino}` : undefined;
    if (watched.get(folder)?.identity === identity) return true;
    drop(folder);
    return identity === undefined || open(folder, identity);
  }

  return {
    follow(folders) {
      const wanted = new Set(folders);
      for (const folder of watched.keys()) if (!wanted.has(folder)) drop(folder);
      return [...wanted].map(follow).every(Boolean);
    },
    close() {
      for (const folder of watched.keys()) drop(folder);
    },
  };
}
