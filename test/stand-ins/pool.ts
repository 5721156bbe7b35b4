/** Pools for the stand-in for libzfs, and calls of it that shall fail. */
import { fileURLToPath } from 'node:url';
import type { IllumosRoot } from './root.js';

/** Has the system below `root` ZFS with these pools, of a TiB each unless told otherwise. */
export function addPools(root: IllumosRoot, pools: Readonly<Record<string, number>> = { zones: 2 ** 40 }): void {
  root.write('/dev/zfs', '');
  root.write(
    '/system/zfs/pools',
    Object.entries(pools)
      .map(([name, bytes]) => `${name} ${bytes}\n`)
      .join(''),
  );
  const receiver = fileURLToPath(new URL('libzfs/receive.ts', import.meta.url));
  root.write(
    '/system/zfs/receiver',
    [process.execPath, '--import', import.meta.resolve('tsx'), receiver].map((each) => `${each}\n`).join(''),
  );
}

/** Makes the next call of a function of libzfs or libzfs_core fail, or one after some that may pass. */
export function failNext(root: IllumosRoot, name: string, code: string, pass = 0): void {
  const known = root.read('/system/zfs/faults');
  root.write('/system/zfs/faults', `${typeof known === 'string' ? known : ''}${name} ${code} ${pass}\n`);
}

/** What the stand-in has done, in order. */
export function zfsEvents(root: IllumosRoot): readonly string[] {
  const events = root.read('/system/zfs/events');
  return typeof events === 'string' ? events.split('\n').slice(0, -1) : [];
}
