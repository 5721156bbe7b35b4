/** What is said when a disk does not fit into what its machine has set aside for disks: which, how much, and what helps. */
import { hasCode, SmartadmError } from '../errors.js';
import { hostError } from '../host/errors.js';
import type { Host } from '../host/host.js';
import type { VmObject } from '../schema/generated/vm.js';

const mebibyte = 2 ** 20;

/** What keeps `@indestructible` possible when the root's reservation is used up; disks are not to take it. */
export const snapshotMargin = mebibyte;

export interface DiskNeed {
  /** Root dataset of the machine, with a quota for all that lies below it. */
  readonly root: string;
  readonly volume: string;
  /** Of the disk, once there is room for it. */
  readonly sizeMiB: number;
  /** What the disk takes beside what it has. */
  readonly bytes: number;
  /** What of that the quota has been raised by already, for ZFS to describe the disk. */
  readonly addedBytes: number;
  /** What is still to come with it. */
  readonly laterBytes: number;
}

/** Runs `work`, which makes or grows a volume; where the quota of the root has no room for it, throws `NoSpace` that says so. */
export async function withRoomFor<T>(host: Host, need: DiskNeed, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { root, volume, sizeMiB, bytes, addedBytes, laterBytes } = need;
    if (!hasCode(cause, 'NoSpace') || !volume.startsWith(`${root}/`)) throw cause;
    const { quotaBytes, usedBytes = 0 } = (await host.datasets.find(root)) ?? {};
    // Else it is the pool that has none.
    if (quotaBytes === undefined || quotaBytes - usedBytes >= bytes) throw cause;
    const left = Math.max(0, quotaBytes - usedBytes - snapshotMargin - addedBytes);
    throw hostError(
      'NoSpace',
      `no room for disk ${volume} of ${sizeMiB} MiB: ${Math.floor(left / mebibyte)} MiB are left of what is set aside for disks`,
      { cause, quietCause: true, info: { missingMiB: Math.ceil((bytes - addedBytes + laterBytes - left) / mebibyte) } },
    );
  }
}

/** Runs `work` on disks of `vm`; where one finds no room, the error names the VM and the command that makes it. */
export async function sayingHowToMakeRoom<T>(doing: string, vm: VmObject, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof SmartadmError) || typeof cause.info['missingMiB'] !== 'number') throw cause;
    const uuid = String(vm.uuid);
    const below = `${vm.zfs_filesystem ?? ''}/`;
    // Without it, disks have what they were made with.
    const own = (vm.disks ?? []).filter(({ zfs_filesystem: volume }) => volume?.startsWith(below) === true);
    const flexible = vm.flexible_disk_size ?? own.reduce((sum, { size = 0 }) => sum + size, 0);
    const enough = flexible + cause.info['missingMiB'];
    throw hostError('NoSpace', `cannot ${doing} VM ${uuid}`, {
      cause,
      exitStatus: cause.exitStatus,
      hint: `set more aside with: vmadm update ${uuid} flexible_disk_size=${enough}`,
    });
  }
}
