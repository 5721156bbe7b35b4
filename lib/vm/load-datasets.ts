/** What the datasets of a VM add to its object. Pure, but for the one pass over the host's datasets. */
import { bytesOf, defaultVolblocksize } from '../host/dataset-properties.js';
import type { Dataset, Datasets, DatasetType } from '../host/datasets.js';
import type { Disk, Snapshot, VmObject } from '../schema/generated/vm.js';

const mebibyte = 1_048_576;
const gibibyte = 1_073_741_824;

/** Datasets found, by name and by place. */
export interface DatasetIndex {
  find(name: string): Dataset | undefined;
  /** A filesystem by where it is mounted. */
  mounted(path: string): Dataset | undefined;
  /** In the order in which they were taken. */
  snapshotsOf(name: string): readonly Dataset[];
}

/** Of all VMs. Snapshots are asked for only `withSnapshots`: there may be very many. */
export async function allDatasets(datasets: Datasets, withSnapshots: boolean): Promise<DatasetIndex> {
  return indexOf(await datasets.list({ types: types(withSnapshots) }));
}

/** Below the given datasets only; those that do not exist are passed over. */
export async function datasetsBelow(
  datasets: Datasets,
  roots: readonly string[],
  withSnapshots: boolean,
): Promise<DatasetIndex> {
  const outermost = [...new Set(roots)].filter((name) => !roots.some((other) => name.startsWith(`${other}/`)));
  const found = await Promise.all(outermost.map((root) => datasets.list({ root, types: types(withSnapshots) })));
  return indexOf(found.flat());
}

const types = (withSnapshots: boolean): readonly DatasetType[] =>
  withSnapshots ? ['filesystem', 'snapshot', 'volume'] : ['filesystem', 'volume'];

function indexOf(found: readonly Dataset[]): DatasetIndex {
  const byName = new Map<string, Dataset>();
  const byMountpoint = new Map<string, Dataset>();
  const snapshots = new Map<string, Dataset[]>();
  for (const dataset of found) {
    byName.set(dataset.name, dataset);
    const at = dataset.name.indexOf('@');
    if (at >= 0) {
      const of = dataset.name.slice(0, at);
      const list = snapshots.get(of);
      if (list === undefined) snapshots.set(of, [dataset]);
      else list.push(dataset);
    } else if (dataset.mountpoint !== undefined) byMountpoint.set(dataset.mountpoint, dataset);
  }
  return {
    find: (name) => byName.get(name),
    mounted: (path) => byMountpoint.get(path),
    snapshotsOf: (name) => (snapshots.get(name) ?? []).sort((a, b) => a.creation - b.creation),
  };
}

/** The dataset behind the path of a disk, if the path is that of a volume. */
export function volumeOf(disk: Disk): string | undefined {
  return /^\/dev\/zvol\/r?dsk\/(.+)$/.exec(disk.path ?? '')?.[1];
}

/**
 * Adds all that follows from datasets to a VM whose configuration and zone record are in it: sizes, quotas, names,
 * snapshots. `place` is where the zonepath lies on this host.
 */
export function addDatasets(vm: VmObject & Record<string, unknown>, place: string, index: DatasetIndex): void {
  const { zonepath = '' } = vm;
  const root = index.mounted(zonepath) ?? index.mounted(place) ?? index.find(zonepath.slice(1));
  for (const disk of vm.disks ?? []) addVolume(disk, index);
  if (root !== undefined) addRoot(vm, root, index);
  const data = index.find(`${vm.zfs_filesystem ?? zonepath.slice(1)}/data`);
  if (data !== undefined) addDelegated(vm, data, index);
  vm.snapshots = root === undefined ? [] : index.snapshotsOf(root.name).flatMap(vmSnapshot).reverse();
  if (vm.flexible_disk_size !== undefined) addFreeSpace(vm, vm.flexible_disk_size, index);
  if (vm.state === 'receiving') addMissing(vm, index);
}

function addRoot(vm: VmObject, root: Dataset, index: DatasetIndex): void {
  const { properties } = root;
  if (isHeld(root.name, index)) vm.indestructible_zoneroot = true;
  vm.quota = (vm.brand === 'bhyve' ? (bytesOf(properties['refquota']) ?? 0) : (root.quotaBytes ?? 0)) / gibibyte;
  vm.create_timestamp ??= new Date(root.creation * 1000).toISOString();
  const compression = compressionOf(properties);
  if (compression !== 'off') vm.zfs_root_compression = compression;
  vm.zfs_root_recsize = bytesOf(properties['recordsize']) ?? defaultRecordSize;
  const filesystems = limit(properties['filesystem_limit']);
  if (filesystems !== undefined) vm.zfs_filesystem_limit = filesystems;
  const snapshots = limit(properties['snapshot_limit']);
  if (snapshots !== undefined) vm.zfs_snapshot_limit = snapshots;
  vm.zfs_filesystem = root.name;
  vm.zpool = poolOf(root.name);
}

const defaultRecordSize = 131_072;

function addDelegated(vm: VmObject, data: Dataset, index: DatasetIndex): void {
  if (isHeld(data.name, index)) vm.indestructible_delegated = true;
  const compression = compressionOf(data.properties);
  if (compression !== 'off') vm.zfs_data_compression = compression;
  vm.zfs_data_recsize = bytesOf(data.properties['recordsize']) ?? defaultRecordSize;
}

function addVolume(disk: Disk, index: DatasetIndex): void {
  const volume = index.find(volumeOf(disk) ?? '');
  if (volume?.volsizeBytes === undefined) {
    disk.missing = true;
    return;
  }
  const { properties } = volume;
  disk.zfs_filesystem = volume.name;
  disk.zpool = poolOf(volume.name);
  disk.size = volume.volsizeBytes / mebibyte;
  disk.compression = compressionOf(properties);
  disk.refreservation = Math.ceil((bytesOf(properties['refreservation']) ?? 0) / mebibyte);
  disk.block_size = bytesOf(properties['volblocksize']) ?? defaultVolblocksize;
}

function vmSnapshot(snapshot: Dataset): Snapshot[] {
  const name = /@vmsnap-(.*)$/.exec(snapshot.name)?.[1];
  if (name === undefined) return [];
  return [
    {
      name,
      size: (snapshot.writtenBytes ?? snapshot.usedBytes) / mebibyte,
      created_at: new Date(snapshot.creation * 1000).toISOString(),
    },
  ];
}

/** What the guest may still give to disks; unknown while a disk has no volume. */
function addFreeSpace(vm: VmObject, flexible: number, index: DatasetIndex): void {
  let free = flexible;
  for (const disk of vm.disks ?? []) {
    const volume = index.find(volumeOf(disk) ?? '');
    if (volume?.volsizeBytes === undefined) return;
    free -= (volume.volsizeBytes + usedBySnapshots(volume, index)) / mebibyte;
  }
  // A row says text; every original has printed a number.
  (vm as Record<string, unknown>)['free_space'] = Math.floor(free);
}

function usedBySnapshots(volume: Dataset, index: DatasetIndex): number {
  const known = bytesOf(volume.properties['usedbysnapshots']);
  if (known !== undefined) return known;
  return index.snapshotsOf(volume.name).reduce((sum, snapshot) => sum + snapshot.usedBytes, 0);
}

function addMissing(vm: VmObject & Record<string, unknown>, index: DatasetIndex): void {
  const root = vm.zfs_filesystem ?? (vm.zonepath ?? '').slice(1);
  vm['missing'] = {
    datasets: [root, ...(vm.datasets ?? [])].filter((name) => index.find(name) === undefined),
    disks: (vm.disks ?? []).filter((disk) => disk.missing === true).map((disk) => disk.path),
    // Whether they are there is not looked at (`vmadm(8)`).
    filesystems: (vm.filesystems ?? []).map((filesystem) => filesystem.source),
  };
}

/** A dataset is kept from destruction by a hold on this snapshot. */
function isHeld(name: string, index: DatasetIndex): boolean {
  const snapshot = index.find(`${name}@indestructible`);
  return snapshot !== undefined && Number(snapshot.properties['userrefs'] ?? 1) > 0;
}

function compressionOf(properties: Readonly<Record<string, string>>): string {
  return properties['compression'] ?? 'off';
}

const noLimit = 18_446_744_073_709_551_615n;

function limit(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) || BigInt(text) === noLimit ? undefined : Number(text);
}

function poolOf(dataset: string): string {
  return dataset.split('/', 1)[0] ?? dataset;
}
