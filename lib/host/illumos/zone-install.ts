/** Brings zones onto disk and off it by zoneadm(8), which holds the zone's lock and runs the brand's hooks. */
import { hostError } from '../errors.js';
import type { ZoneInstall } from '../zones.js';
import type { Programs } from './programs.js';

const zoneadm = '/usr/sbin/zoneadm';
/** A clone takes no time; an uninstall removes a tree. */
const limitMs = 30 * 60 * 1000;

/** Throws `HostFailed` with what zoneadm said. */
export async function installZone(programs: Programs, name: string, what: ZoneInstall): Promise<void> {
  const { image, quotaGiB, hasDataset } = what;
  const template = image === undefined ? [] : ['-t', image];
  await run(programs, [
    '-z',
    name,
    'install',
    '-q',
    String(quotaGiB),
    ...template,
    ...(hasDataset || image !== undefined ? ['-x', 'nodataset'] : []),
  ]);
}

/** Throws `HostFailed` with what zoneadm said. */
export async function uninstallZone(programs: Programs, name: string): Promise<void> {
  await run(programs, ['-z', name, 'uninstall', '-F']);
}

async function run(programs: Programs, args: readonly string[]): Promise<void> {
  const { status, stderr } = await programs.run(zoneadm, args, { timeoutMs: limitMs });
  if (status !== 0) throw hostError('HostFailed', `Command failed: ${stderr}`);
}
