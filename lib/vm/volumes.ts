/** Volumes of hardware virtual machines: made, resized and removed, and the space that is set aside for them. */
import type { Host } from '../host/host.js';
import { finalSnapshot } from '../img/store.js';
import type { Disk } from '../schema/generated/vm.js';
import type { UndoStack } from '../undo.js';
import { setProperties } from './dataset-changes.js';
import { snapshotMargin, withRoomFor } from './disk-room.js';
import { vmError } from './errors.js';
import { volumeOf } from './load-datasets.js';
import type { NewDisk } from './spec.js';
import { volumeReservation } from './volume-space.js';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;
const defaultBlockSize = 8192;

/** Disks whose volumes are to be made. */
function disksToMake(disks: readonly NewDisk[]): readonly NewDisk[] {
  return disks.filter((disk) => disk.media !== 'cdrom' && disk.nocreate !== true);
}

/** Throws `PayloadInvalid` unless the images of all disks are in `pool`. */
export async function requireDiskImages(host: Host, pool: string, disks: readonly NewDisk[]): Promise<void> {
  for (const { image_uuid: image } of disksToMake(disks)) {
    if (image === undefined || (await host.datasets.find(`${pool}/${image}`)) !== undefined) continue;
    throw vmError('PayloadInvalid', `unable to find dataset: ${pool}/${image}`);
  }
}

/**
 * Makes the volumes of `disks`, whose paths are decided. Those below `root` grow its quota by what ZFS needs to describe
 * them (`vm-lifecycle`, adjusting for a volume change). Throws `PayloadInvalid`, `NoSpace`, and the host's codes.
 */
export async function makeVolumes(host: Host, root: string, disks: readonly NewDisk[], undo: UndoStack): Promise<void> {
  const wanted = disksToMake(disks);
  for (const [index, disk] of wanted.entries()) {
    const name = volumeOf(disk) ?? '';
    const sizeMiB = disk.size ?? disk.image_size;
    if (sizeMiB === undefined) {
      throw vmError('PayloadInvalid', `FATAL: createVolume(${JSON.stringify(disk)}): has no size or image_size`);
    }
    const origin = disk.image_uuid === undefined ? undefined : await originOf(host, name, disk, undo);
    const source = origin === undefined ? undefined : await host.datasets.find(origin.split('@')[0] ?? '');
    const blockSize = Number(source?.properties['volblocksize'] ?? disk.block_size ?? defaultBlockSize);
    const bytes = sizeMiB * mebibyte;
    const reserved = disk.refreservation === undefined ? undefined : disk.refreservation * mebibyte;
    const own = volumeReservation(bytes, blockSize);
    const addedBytes = reserved === undefined ? own - bytes : 0;
    await growQuota(host, root, name, addedBytes, undo);
    const laterBytes = wanted.slice(index + 1).reduce((sum, each) => sum + payloadBytes(each), 0);
    const need = { root, volume: name, sizeMiB, bytes: reserved ?? own, addedBytes, laterBytes };
    const properties = {
      ...(disk.compression === undefined ? {} : { compression: disk.compression }),
      refreservation: reserved === undefined ? 'auto' : String(reserved),
    };
    undo.push(`volume ${name}`, () => destroyVolume(host, name));
    await withRoomFor(host, need, async () => {
      if (origin === undefined) {
        await host.datasets.create(name, { ...properties, volblocksize: String(blockSize) }, bytes);
      } else {
        const volsize = disk.size === undefined ? {} : { volsize: String(bytes) };
        await host.datasets.clone(origin, name, { ...properties, ...volsize });
      }
    });
  }
}

/** What a disk takes of the space for disks, but for what ZFS needs to describe it. */
function payloadBytes({ refreservation, size, image_size: imageSize }: NewDisk): number {
  return (refreservation ?? size ?? imageSize ?? 0) * mebibyte;
}

/** The image's own snapshot, or one made for this disk. */
async function originOf(host: Host, name: string, disk: NewDisk, undo: UndoStack): Promise<string> {
  const image = `${name.split('/')[0] ?? ''}/${String(disk.image_uuid)}`;
  const final = `${image}@${finalSnapshot}`;
  if ((await host.datasets.find(final)) !== undefined) return final;
  const own = `${image}@${disk.uuid ?? name.replace(/^.*\//, '')}`;
  undo.push(`snapshot ${own}`, () => host.datasets.destroy(own));
  await host.datasets.snapshot(own);
  return own;
}

/** Changes the size of a disk's volume, to `sizeMiB`. Throws `NoSpace`, and the host's codes. */
export async function resizeVolume(
  host: Host,
  root: string,
  disk: Disk,
  sizeMiB: number,
  undo: UndoStack,
): Promise<void> {
  const name = disk.zfs_filesystem ?? '';
  const volume = await host.datasets.find(name);
  const [old, bytes] = [volume?.volsizeBytes ?? 0, sizeMiB * mebibyte];
  if (volume === undefined || old === bytes) return;
  const blockSize = Number(volume.properties['volblocksize'] ?? defaultBlockSize);
  const reserved = Number(volume.properties['refreservation'] ?? 0);
  const own = volumeReservation(bytes, blockSize);
  const more = own - bytes - (Number.isNaN(reserved) ? 0 : reserved - old);
  if (more > 0) await growQuota(host, root, name, more, undo);
  // What has nothing of its own takes nothing yet.
  const need = {
    root,
    volume: name,
    sizeMiB,
    bytes: reserved > 0 ? own - reserved : 0,
    addedBytes: Math.max(0, more),
    laterBytes: 0,
  };
  await withRoomFor(host, need, () => setProperties(host, name, { volsize: String(bytes) }, undo));
  if (more < 0) await growQuota(host, root, name, more, undo);
}

/** Changes the quota of `root`, where it has one and the volume `name` lies below it. */
async function growQuota(host: Host, root: string, name: string, more: number, undo: UndoStack): Promise<void> {
  if (more === 0 || !name.startsWith(`${root}/`)) return;
  const quota = (await host.datasets.find(root))?.quotaBytes;
  if (quota === undefined) return;
  const grown = String(quota + more);
  // No reservation is ever larger than the quota.
  const changes = [{ quota: grown }, { reservation: grown }];
  for (const change of more > 0 ? changes : changes.reverse()) await setProperties(host, root, change, undo);
}

/** What a bhyve VM may take in all. */
export interface SpaceLimits {
  /** GiB. */
  readonly quota: number;
  /** MiB for disks and their snapshots together; undefined when each disk has what it was made with. */
  readonly flexible: number | undefined;
}

/**
 * Sets aside what a bhyve VM may take: its root by a quota of its own, all with disks by that of the whole
 * (`vm-lifecycle`, space accounting).
 */
export async function limitSpace(host: Host, root: string, limits: SpaceLimits, undo: UndoStack): Promise<void> {
  const rootBytes = Math.max(gibibyte, limits.quota * gibibyte);
  await setProperties(host, root, { reservation: 'none', refreservation: 'none', refquota: String(rootBytes) }, undo);
  const volumes = () => host.datasets.list({ root, types: ['volume'] });
  for (const { name } of await volumes()) await setProperties(host, name, { refreservation: 'auto' }, undo);
  let [reserved, sizes] = [0, 0];
  for (const { volsizeBytes = 0, properties } of await volumes()) {
    const known = Number(properties['refreservation']);
    reserved += known > 0 ? known : volsizeBytes;
    sizes += volsizeBytes;
  }
  const flexible = limits.flexible === undefined ? 0 : limits.flexible * mebibyte - sizes;
  const all = String(Math.max(limits.quota * gibibyte, reserved + rootBytes + flexible));
  const own = String(Math.max(0, rootBytes - snapshotMargin));
  await setProperties(host, root, { quota: all }, undo);
  await setProperties(host, root, { reservation: all, refreservation: own }, undo);
}

/** Removes a volume with its snapshots, and the snapshot that was made for it. Fine when it is gone. */
export async function destroyVolume(host: Host, name: string): Promise<void> {
  const volume = await host.datasets.find(name);
  if (volume === undefined) return;
  await host.datasets.destroy(name, { recursive: true });
  const { origin } = volume;
  if (origin === undefined || origin.endsWith(`@${finalSnapshot}`)) return;
  if ((await host.datasets.find(origin)) !== undefined) await host.datasets.destroy(origin);
}
