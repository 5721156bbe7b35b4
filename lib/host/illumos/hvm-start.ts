/** What a machine's next boot starts, written into its zone. */
import { stat } from 'node:fs/promises';
import type { Disk, VmObject } from '../../schema/generated/vm.js';
import type { Datasets } from '../datasets.js';
import { hostError } from '../errors.js';
import type { ExtraDisk, HvmBoot } from '../hvm.js';
import { smartosCommand, startScript } from '../qemu/smartos-argv.js';
import { zoneRoot } from '../zone-root.js';

/** The init of zones of brand kvm; what runs bhyve looks at it no more than the platform does. */
const script = '/startvm';

export interface StartOptions {
  readonly at: (path: string) => string;
  readonly datasets: Datasets;
  /** The zone's root on this host. */
  readonly root: string;
}

/** Throws `ZoneInvalid` for disks that are not there, and for values that no emulator could be given. */
export async function writeStartScript(vm: VmObject, boot: HvmBoot, options: StartOptions): Promise<void> {
  const command = smartosCommand(vm, boot);
  for (const disk of [...(vm.disks ?? []), ...(boot.disks ?? [])]) await requireDisk(disk, options);
  await zoneRoot(options.root).write(script, startScript(command), 0o755);
}

async function requireDisk(disk: Disk | ExtraDisk, { at, datasets, root }: StartOptions): Promise<void> {
  const { path = '' } = disk;
  const named = 'zfs_filesystem' in disk ? disk.zfs_filesystem : undefined;
  const volume = named ?? /^\/dev\/zvol\/r?dsk\/(.+)$/.exec(path)?.[1];
  if (volume !== undefined) {
    if ((await datasets.find(volume))?.type === 'volume') return;
  } else if (path.startsWith('/dev/')) {
    // One of the host's own.
    const found = await stat(at(path)).catch(() => undefined);
    if (found?.isBlockDevice() === true || found?.isCharacterDevice() === true) return;
  } else if ((await zoneRoot(root).kindOf(path)) === 'file') {
    return;
  }
  throw hostError('ZoneInvalid', `there is no disk ${path}`);
}
