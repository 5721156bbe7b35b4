/** A small pool of its own for a test: real btrfs in a sparse file below a temporary root. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBtrfsDatasets, type BtrfsDatasets } from '../lib/host/linux/datasets-btrfs.js';
import { silentLog, type Log } from '../lib/log.js';

export interface TestPool {
  /** Temporary root prefix; everything below it goes with {@link TestPool.close}. */
  readonly root: string;
  readonly at: (absolutePath: string) => string;
  /** With one pool, `zones`, mounted at `at('/zones')`. */
  readonly datasets: BtrfsDatasets;
  /** The same pool seen by another command. */
  reopen(): BtrfsDatasets;
  /** Unmounts all that is mounted below the root and removes it. May be called again. */
  close(): void;
}

/**
 * Makes the pool. Call `close` in an `after` hook; should that not run, the end of the process does the same. `make:
 * false` leaves making the pool to the first command that needs it.
 */
export async function openTestPool(
  options: { readonly sizeGiB?: number; readonly log?: Log; readonly make?: boolean } = {},
): Promise<TestPool> {
  const root = mkdtempSync(join(realpathSync(tmpdir()), 'smartadm-pool-'));
  const at = (path: string): string => join(root, path);
  const open = (): BtrfsDatasets =>
    createBtrfsDatasets({
      pools: { zones: { driver: 'btrfs', sizeGiB: options.sizeGiB ?? 4 } },
      at,
      log: options.log ?? silentLog,
    });
  const close = (): void => {
    removeRoot(root);
    process.off('exit', close);
  };
  process.on('exit', close);
  const datasets = open();
  if (options.make ?? true) await datasets.ensurePool('zones');
  return { root, at, datasets, reopen: open, close };
}

/** Unmounts all that is mounted below `root`, the last first, and removes it; never what lies under a mount. */
export function removeRoot(root: string): void {
  const mounted = (): string[] =>
    readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((target) => target.startsWith(`${root}/`));
  for (const target of mounted().reverse()) {
    const done = spawnSync('umount', [target], { stdio: 'ignore' });
    if (done.status !== 0) spawnSync('umount', ['-l', target], { stdio: 'ignore' });
  }
  if (mounted().length === 0) rmSync(root, { recursive: true, force: true });
}
