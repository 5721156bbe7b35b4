/** Puts a bhyve VM onto another image: its boot disk becomes a clone of it, all else stays (`vm-lifecycle`, reprovision). */
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import type { ZoneConfig, ZoneResource } from '../host/zones.js';
import { finalSnapshot } from '../img/store.js';
import type { Disk, VmObject } from '../schema/generated/vm.js';
import type { UndoStack } from '../undo.js';
import { destroyIfThere } from './create.js';
import { vmError } from './errors.js';
import { volumeOf } from './load-datasets.js';
import { bootVm } from './power.js';
import type { ImageFacts } from './spec.js';
import { withAttr } from './zone-config.js';

const mebibyte = 2 ** 20;

/** Throws `PayloadInvalid` when the image does not fit onto the boot disk, or somebody holds what that disk has been. */
export async function requireReplaceable(host: Host, vm: VmObject, image: ImageFacts): Promise<void> {
  if ((vm.disks ?? []).length === 0) throw vmError('PayloadInvalid', 'No disks found for bhyve VM');
  const name = volumeOf(firstDisk(vm)) ?? '';
  const volume = await host.datasets.find(await whereItLies(host, name));
  const { image_size: wanted } = image;
  if (wanted === undefined) throw vmError('PayloadInvalid', 'Missing image_size in manifest');
  const there = (volume?.volsizeBytes ?? 0) / mebibyte;
  if (wanted > there) {
    throw vmError('PayloadInvalid', `Cannot reprovision: image (${wanted} MiB) > disk0 (${there} MiB)`);
  }
  const snapshots = await host.datasets.list({ root: name, types: ['snapshot'] });
  const held = snapshots.filter(({ properties }) => Number(properties['userrefs'] ?? 0) > 0);
  if (held.length === 0) return;
  const lines = held.map((snapshot) => `  - ${snapshot.name} (holds: ${String(snapshot.properties['userrefs'])})`);
  const message = 'Cannot reprovision: disk0 has snapshots with holds that must be released first:';
  throw vmError('PayloadInvalid', [message, ...lines].join('\n'));
}

/**
 * Replaces the boot disk of the VM, whose lock is held, and boots the VM if it is to run. When a step fails, the old disk
 * is put back. Killed half way, the next call begins with the old disk again. Throws `PayloadInvalid` and the host's codes.
 */
export async function replaceBootDisk(
  ctx: Context,
  host: Host,
  vm: VmObject,
  image: string,
  transition: string,
  undo: UndoStack,
): Promise<void> {
  const disk = firstDisk(vm);
  if (disk.boot !== true) {
    const message = 'disk0 found but does not have boot property set to true - reprovision requires a bootable disk0';
    throw vmError('PayloadInvalid', message);
  }
  const name = volumeOf(disk) ?? '';
  const zone = vm.zonename ?? String(vm.uuid);
  const snapshot = await snapshotOf(host, name, image, String(vm.uuid));
  const config = await host.zones.config(zone);
  undo.push('zone configuration', () => host.zones.configure(withAttr(config, 'transition', undefined)));
  await host.zones.configure(withAttr(config, 'transition', transition));
  undo.push('old disk', () => putBack(host, name));
  await putBack(host, name);
  await host.datasets.rename(name, oldNameOf(name));
  ctx.signal.throwIfAborted();
  await host.datasets.clone(snapshot, name);
  await host.zones.configure(withAttr(withDiskImage(config, String(disk.path), image), 'transition', undefined));
  undo.keep();
  await destroyIfThere(host, oldNameOf(name)).catch((error: unknown) => {
    ctx.log.warn({ err: error, dataset: oldNameOf(name) }, 'the old disk stays until the VM is deleted');
  });
  if (vm.autoboot !== true) return;
  await bootVm(ctx, host, vm).catch((error: unknown) => {
    ctx.log.error({ err: error, zone }, 'cannot start the VM on its new disk');
  });
}

function firstDisk(vm: VmObject): Disk {
  const disk = (vm.disks ?? []).find((each) => volumeOf(each)?.endsWith('/disk0') === true);
  if (disk === undefined) throw vmError('PayloadInvalid', 'disk0 not found for bhyve VM');
  return disk;
}

function oldNameOf(volume: string): string {
  return `${volume}-reprovisioning`;
}

/** A call that was killed may have moved it. */
async function whereItLies(host: Host, volume: string): Promise<string> {
  return (await host.datasets.find(oldNameOf(volume))) === undefined ? volume : oldNameOf(volume);
}

async function putBack(host: Host, volume: string): Promise<void> {
  if ((await host.datasets.find(oldNameOf(volume))) === undefined) return;
  await destroyIfThere(host, volume);
  await host.datasets.rename(oldNameOf(volume), volume);
}

async function snapshotOf(host: Host, volume: string, image: string, uuid: string): Promise<string> {
  const [pool = ''] = volume.split('/');
  for (const name of [finalSnapshot, uuid]) {
    const snapshot = `${pool}/${image}@${name}`;
    if ((await host.datasets.find(snapshot)) !== undefined) return snapshot;
  }
  throw vmError('PayloadInvalid', `Image ${image} not found in zpool ${pool}`);
}

/** The configuration with another image noted for the disk at `path`. */
function withDiskImage(config: ZoneConfig, path: string, image: string): ZoneConfig {
  const changed = (resource: ZoneResource): ZoneResource => {
    if (resource.kind !== 'device' || resource.attributes['match'] !== path) return resource;
    const isImage = (child: ZoneResource['children'][number]) => child.attributes['name'] === 'image-uuid';
    const property = { kind: 'net-attr', attributes: { name: 'image-uuid', value: image } };
    return { ...resource, children: [...resource.children.filter((child) => !isImage(child)), property] };
  };
  return { ...config, resources: config.resources.map(changed) };
}
