/** Has the daemon of a zone move it, as zoneadm(8) does after the same checks. */
import { lstat } from 'node:fs/promises';
import type { Log } from '../../log.js';
import { hostError } from '../errors.js';
import type { ZoneIndexEntry } from '../zone-index.js';
import { loadNative } from '../native.js';
import type { NativeZoneadmdCommand } from '../native-zonecfg.js';
import type { Programs } from './programs.js';

/** A daemon that has just ended its work goes away under the feet of who calls it. */
const mostStarts = 5;

interface Surroundings {
  readonly at: (path: string) => string;
  readonly programs: Programs;
  readonly log: Log;
}

/** Throws `ZoneBootFailed` (`boot`) or `HostFailed`, with what the daemon said. */
export async function moveZone(
  { at, programs, log }: Surroundings,
  { name, zonepath }: Pick<ZoneIndexEntry, 'name' | 'zonepath'>,
  command: NativeZoneadmdCommand,
): Promise<void> {
  await verifyZonepath(at(zonepath), name);
  const failed = command === 'boot' ? 'ZoneBootFailed' : 'HostFailed';
  for (let starts = 0; starts <= mostStarts; starts += 1) {
    const answer = await loadNative('zonecfg').callZoneadmd(name, command, '', false);
    if (answer !== undefined) {
      // What it says of a zone that is where it should be is no failure.
      if (answer.result === 0) return;
      throw hostError(failed, `Command failed: ${answer.messages}`);
    }
    log.debug({ zone: name }, 'starting zoneadmd');
    const { status, stderr } = await programs.run('/usr/lib/zones/zoneadmd', ['-z', name]);
    if (status !== 0) throw hostError(failed, `Command failed: ${stderr}`);
  }
  throw hostError(failed, `zoneadmd of zone ${name} does not answer, however often it is started`);
}

/** What zoneadm(8) verifies of a zonepath before it has a zone moved. */
async function verifyZonepath(path: string, zone: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw hostError('ZoneInvalid', `zonepath ${path} of zone ${zone} is no folder`);
  if (found.uid !== 0 || (found.mode & 0o077) !== 0) {
    throw hostError('ZoneInvalid', `zonepath ${path} of zone ${zone} must be root's, and for nobody else (0700)`);
  }
}
