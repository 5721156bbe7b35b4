/** Snapshots that a running zone sees, mounted as its brand mounts those that there are when it boots. */
import { join } from 'node:path';
import type { Log } from '../../log.js';
import { hostError } from '../errors.js';
import { snapshotPlace } from '../zone-name.js';
import { zoneRoot } from '../zone-root.js';
import type { Programs } from './programs.js';

/** Throws `HostFailed` with what mount(8) said, `ZoneInvalid` where the guest has something else there. */
export async function showSnapshot(programs: Programs, zonepath: string, snapshot: string): Promise<void> {
  const root = join(zonepath, 'root');
  const place = snapshotPlace(snapshot);
  await zoneRoot(root).makeDirectory(place);
  const source = join(zonepath, '.zfs/snapshot', `vmsnap-${snapshot}`, 'root');
  const args = ['-F', 'lofs', '-o', 'ro,setuid,nodevices', source, `${root}${place}`];
  const { status, stderr } = await programs.run('/usr/sbin/mount', args);
  if (status !== 0) throw hostError('HostFailed', `Command failed: ${stderr}`);
}

/** Throws `HostFailed` with what umount(8) said of what it could not unmount. */
export async function hideSnapshot(
  { programs, log }: { readonly programs: Programs; readonly log: Log },
  zonepath: string,
  snapshot: string,
): Promise<void> {
  const root = join(zonepath, 'root');
  const place = snapshotPlace(snapshot);
  const inner = zoneRoot(root);
  const warn = (err: unknown): undefined => {
    log.warn({ zonepath, place, err }, 'cannot remove the place of a snapshot');
  };
  // Where the guest has a link or something else, nothing of ours is mounted.
  if ((await inner.kindOf(place).catch(warn)) !== 'directory') return;
  const { status, stderr } = await programs.run('/usr/sbin/umount', [`${root}${place}`]);
  if (status !== 0 && !/ (?:not mounted|no such file or directory)/i.test(stderr)) {
    throw hostError('HostFailed', `Command failed: ${stderr}`);
  }
  await inner.removeDirectory(place).catch(warn);
}
