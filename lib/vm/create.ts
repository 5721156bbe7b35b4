/** Makes a VM from a payload: all of it, or nothing. */
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../atomic-file.js';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Host } from '../host/host.js';
import type { ZoneConfig } from '../host/zones.js';
import { finalSnapshot } from '../img/store.js';
import { withUndo, type UndoStack } from '../undo.js';
import { brandOf } from './brands/brand.js';
import { createResult, type CreateResult } from './change-result.js';
import { withImageCommand } from './container-command.js';
import { mountContainerFiles } from './container-files.js';
import { vmError } from './errors.js';
import { payloadFacts } from './facts.js';
import { makeFilesystems } from './filesystems.js';
import { hvmOf, prepareGuest } from './hvm-boot.js';
import { sayingWhereUnwritable } from './unwritable.js';
import { setIndestructible } from './indestructible.js';
import { withNewVm } from './locks.js';
import { makeConfigFiles, writeMetadata, writeRoutes, writeTags } from './metadata.js';
import { parseCreatePayload } from './payload.js';
import { bootsWithHost, bootVm } from './power.js';
import type { VmSpec } from './spec.js';
import { limitSpace, makeVolumes, requireDiskImages } from './volumes.js';
import { vmToZoneConfig, withAttr, withAutoboot, withDataset } from './zone-config.js';

/** Only the host's root may look into a machine: what is setuid inside is for nobody outside. */
const zonepathMode = 0o700;
/** What the platform keeps of a VM beside its root. */
const platformsOwn = ['config', 'lastbooted', 'lastexited'] as const;

/**
 * Makes the VM that `payload` describes and, unless it says otherwise, boots it (`vm-lifecycle`, create). Killed at any
 * moment, it leaves a VM that `deleteVm` removes. Throws `PayloadInvalid`, `VmExists`, `AddressInUse`, `Unsupported` and
 * the host's codes.
 */
export async function createVm(ctx: Context, payload: unknown): Promise<CreateResult> {
  const host = await ctx.host();
  return withUndo(
    (what, error) => ctx.log.error({ err: error }, `cannot undo: ${what}`),
    (undo) =>
      withNewVm(
        ctx,
        () => claim(ctx, host, payload, undo),
        async ({ spec, config }) => {
          const writing = { doing: 'create', uuid: spec.uuid, dataset: spec.zfs_filesystem };
          await sayingWhereUnwritable(host, writing, () => install(ctx, host, spec, config, undo));
          return createResult(payload, spec);
        },
      ),
  );
}

interface Claimed {
  readonly uuid: string;
  readonly spec: VmSpec;
  readonly config: ZoneConfig;
}

/** Judges the payload and writes the VM down, so that nobody else takes its uuid or addresses. */
async function claim(ctx: Context, host: Host, payload: unknown, undo: UndoStack): Promise<Claimed> {
  const spec = await parseCreatePayload(payload, await payloadFacts(ctx, { needsPool: true }));
  if (spec.autoboot && brandOf(spec.brand).isHvm) hvmOf(host, spec.brand);
  await requireDiskImages(host, spec.zpool, spec.disks);
  for (const { property, kind, detail } of spec.adjustments) {
    ctx.log.warn({ uuid: spec.uuid, property, kind, detail }, 'payload adjusted');
  }
  const config = vmToZoneConfig(spec);
  ctx.signal.throwIfAborted();
  undo.push('zone configuration', () => host.zones.unconfigure(spec.zonename));
  const writing = { doing: 'create', uuid: spec.uuid };
  await sayingWhereUnwritable(host, writing, () => host.zones.configure(config, spec.uuid));
  return { uuid: spec.uuid, spec, config };
}

async function install(ctx: Context, host: Host, spec: VmSpec, config: ZoneConfig, undo: UndoStack): Promise<void> {
  await makeDatasets(host, spec, undo);
  await writeFiles(host.at(spec.zonepath), await withImageCommand(ctx, host, spec));
  let done = withAttr(config, 'provisioning', undefined);
  if (spec.indestructible_zoneroot) await setIndestructible(host, spec.zfs_filesystem, true);
  if (spec.delegate_dataset) {
    const name = `${spec.zfs_filesystem}/data`;
    await host.datasets.create(name, spec.datasetProperties.data);
    done = withDataset(done, name);
    if (spec.indestructible_delegated) await setIndestructible(host, name, true);
  }
  done = await mountContainerFiles(host, spec, done);
  done = await makeFilesystems(host, spec, done);
  ctx.signal.throwIfAborted();
  // Whoever is told that the VM is made finds it after a power cut, too: btrfs has nothing of a dataset that was just made on
  // the disk until something in it is. The disk works while the zone boots.
  const onDisk = syncFolder(host.at(spec.zonepath));
  onDisk.catch(() => undefined);
  await host.zones.mark(spec.zonename, 'installed');
  await host.zones.configure(done);
  if (spec.autoboot) await firstBoot(ctx, host, spec, undo);
  await onDisk;
}

async function firstBoot(ctx: Context, host: Host, spec: VmSpec, undo: UndoStack): Promise<void> {
  undo.push('running zone', () => host.zones.halt(spec.zonename));
  const vm = { ...spec, docker: spec.properties['docker'] === true };
  // There, the platform waits for the guest to say that it has set itself up.
  if (spec.nowait && host.features.guestOs === 'smartos') return bootVm(ctx, host, vm);
  // On this kind of host a guest tells nobody: it is provisioned when its init runs.
  await prepareGuest(ctx, host, spec);
  await host.zones.boot(spec.zonename);
  const provisioned = withAttr(await host.zones.config(spec.zonename), 'transition', undefined);
  await host.zones.configure(bootsWithHost(vm) ? withAutoboot(provisioned, true) : provisioned);
}

/** Root and disks. Where brands of the platform bring zones onto disk, they make the root of all but those whose disks lie in it. */
async function makeDatasets(host: Host, spec: VmSpec, undo: UndoStack): Promise<void> {
  const { zonename, zfs_filesystem: root, image_uuid: image, quota } = spec;
  const byBrand = host.zones.install !== undefined;
  if (!byBrand) await host.zones.mark(zonename, 'incomplete');
  if (!byBrand || spec.brand === 'bhyve') {
    undo.push('root dataset', () => destroyIfThere(host, root));
    await makeRoot(host, spec);
  }
  await makeVolumes(host, root, spec.disks, undo);
  if (spec.brand === 'bhyve') {
    const flexible = spec.properties['flexible_disk_size'];
    const limits = { quota, flexible: flexible === undefined ? undefined : Number(flexible) };
    await limitSpace(host, root, limits, undo);
  }
  if (!byBrand) return;
  undo.push('installed zone', () => uninstall(host, zonename));
  await host.zones.install?.(zonename, { image, quotaGiB: quota, hasDataset: spec.brand === 'bhyve' });
}

/** Has the brand take off the disk what it has brought there; fine where it has nothing, or where brands do no such thing. */
export async function uninstall(host: Host, zone: string): Promise<void> {
  const state = (await host.zones.find(zone))?.state;
  if (state === 'installed' || state === 'incomplete') await host.zones.uninstall?.(zone);
}

/** What the root of a VM is made from. */
export type RootSpec = Pick<
  VmSpec,
  'zpool' | 'zfs_filesystem' | 'zonepath' | 'brand' | 'image_uuid' | 'quota' | 'datasetProperties'
>;

/** Makes the root dataset: a clone of the image, or an empty filesystem where there is none. */
export async function makeRoot(host: Host, spec: RootSpec): Promise<void> {
  const properties = {
    ...spec.datasetProperties.root,
    ...(spec.quota > 0 && spec.brand !== 'bhyve' ? { quota: String(spec.quota * 2 ** 30) } : {}),
  };
  if (spec.image_uuid === undefined) {
    await host.datasets.create(spec.zfs_filesystem, properties);
  } else {
    const snapshot = `${spec.zpool}/${spec.image_uuid}@${finalSnapshot}`;
    await host.datasets.clone(snapshot, spec.zfs_filesystem, properties);
  }
  const zonepath = host.at(spec.zonepath);
  await chmod(zonepath, zonepathMode);
  // What an image brings of these is another VM's, or a link or pipe that is to harm.
  await Promise.all(platformsOwn.map((name) => rm(join(zonepath, name), { recursive: true, force: true })));
  // What a hypervisor runs in comes with no image.
  if (spec.image_uuid === undefined) await mkdir(join(zonepath, 'root'), { recursive: true });
  // What an image calls its root may be a way out of it.
  const root = await lstat(join(zonepath, 'root')).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
  if (root?.isDirectory() === true) return;
  throw vmError('PayloadInvalid', `image ${String(spec.image_uuid)} has no directory "root" for a zone to live in`);
}

/** Metadata, tags and routes. What a VM does not have stays as it was made, as in every folder `vmadm(8)` has written. */
async function writeFiles(zonepath: string, spec: VmSpec): Promise<void> {
  await makeConfigFiles(zonepath);
  const { tags, customer_metadata: customer, internal_metadata: internal, routes } = spec;
  const isThere = (values: object) => Object.keys(values).length > 0;
  await Promise.all([
    isThere(tags) ? writeTags(zonepath, tags) : undefined,
    isThere(customer) || isThere(internal) ? writeMetadata(zonepath, spec) : undefined,
    isThere(routes) ? writeRoutes(zonepath, routes) : undefined,
  ]);
}

/** Also what was made below it. */
export async function destroyIfThere(host: Host, dataset: string): Promise<void> {
  try {
    await host.datasets.destroy(dataset, { recursive: true });
  } catch (error) {
    if (codeOf(error) !== 'DatasetNotFound') throw error;
  }
}
