/** Changes a VM: all that a payload asks for, or nothing. */
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import type { ZoneConfig } from '../host/zones.js';
import type { VmObject } from '../schema/generated/vm.js';
import { withUndo, type UndoStack } from '../undo.js';
import { updateResult, type ChangeResult } from './change-result.js';
import { damagedIn } from './damaged.js';
import { setProperties } from './dataset-changes.js';
import { sayingHowToMakeRoom } from './disk-room.js';
import { payloadFacts } from './facts.js';
import { sayingWhereUnwritable } from './unwritable.js';
import { setIndestructible } from './indestructible.js';
import { loadVm } from './load.js';
import { withVmLock } from './locks.js';
import { writeMetadata, writeRoutes, writeTags } from './metadata.js';
import type { UpdatePlan } from './spec.js';
import { planUpdate } from './update-plan.js';
import { destroyVolume, limitSpace, makeVolumes, requireDiskImages, resizeVolume } from './volumes.js';
import { updateZoneConfig } from './zone-config-update.js';

/**
 * Judges `payload` and applies it (`vm-lifecycle`, update): what can change on a running VM does so at once, the rest
 * waits for its next boot. When any part fails, what was done is undone and the old configuration stands. Throws
 * `VmNotFound`, `PayloadInvalid`, `AddressInUse` and the host's codes.
 */
export async function updateVm(ctx: Context, uuid: string, payload: unknown): Promise<ChangeResult> {
  return withVmLock(ctx, uuid, async () => {
    const host = await ctx.host();
    const current = await loadVm(host, uuid, undefined, damagedIn(ctx));
    const plan = await planUpdate(current, payload, await payloadFacts(ctx));
    for (const { property, kind, detail } of plan.adjustments) {
      ctx.log.warn({ uuid, property, kind, detail }, 'payload adjusted');
    }
    ctx.signal.throwIfAborted();
    await withUndo(
      (what, error) => ctx.log.error({ err: error }, `cannot undo: ${what}`),
      (undo) => {
        const writing = { doing: 'update', uuid, dataset: current.zfs_filesystem ?? String(current.zonepath).slice(1) };
        return sayingWhereUnwritable(host, writing, () =>
          sayingHowToMakeRoom('update', current, () => apply(ctx, current, plan, undo)),
        );
      },
    );
    await reloadDisplays(ctx, host, current, plan);
    return updateResult(plan, current, host.features.guestOs);
  });
}

async function apply(ctx: Context, current: VmObject, plan: UpdatePlan, undo: UndoStack): Promise<void> {
  const host = await ctx.host();
  const root = current.zfs_filesystem ?? '';
  await requireDiskImages(host, current.zpool ?? '', plan.addDisks);
  // Room that the same update makes for them is there before they are; when they are, it is measured by them.
  if (current.brand === 'bhyve' && plan.addDisks.length > 0) await applySpace(host, root, current, plan, undo, 'more');
  await makeVolumes(host, root, plan.addDisks, undo);
  await writeFiles(host, current, plan, undo);
  const before = await host.zones.config(zoneOf(current));
  const after = updateZoneConfig(before, current, plan);
  await applyDatasets(host, current, plan, undo);
  await applyDisks(host, current, plan, undo);
  await applyConfig(host, current, before, after, undo);
  // Nothing brings them back, so they go when all else is done.
  for (const { zfs_filesystem: volume } of plan.removeDisks) {
    if (volume !== undefined) await destroyVolume(host, volume);
  }
}

/** Listeners and passwords of displays follow at once. When they cannot, the VM has them at its next boot. */
async function reloadDisplays(ctx: Context, host: Host, current: VmObject, plan: UpdatePlan): Promise<void> {
  const names = ['vnc_port', 'vnc_password', 'spice_port', 'spice_password'] as const;
  if (host.hvm === undefined || current.zone_state !== 'running') return;
  if (!names.some((name) => name in plan.payload && plan.payload[name] !== current[name])) return;
  await host.hvm.reloadDisplays(await loadVm(host, String(current.uuid))).catch((error: unknown) => {
    ctx.log.warn({ err: error, uuid: current.uuid }, 'cannot bring the displays in line');
  });
}

/** Properties of volumes, then their sizes. */
async function applyDisks(host: Host, current: VmObject, plan: UpdatePlan, undo: UndoStack): Promise<void> {
  const changes = plan.updateDisks.map((change) => ({
    change,
    disk: current.disks?.find((disk) => disk.path === change.path),
  }));
  for (const { change, disk } of changes) {
    const { compression, refreservation } = change;
    const properties = {
      ...(compression === undefined ? {} : { compression }),
      ...(refreservation === undefined ? {} : { refreservation: `${refreservation}M` }),
    };
    if (disk?.zfs_filesystem !== undefined) await setProperties(host, disk.zfs_filesystem, properties, undo);
  }
  for (const { change, disk } of changes) {
    if (disk === undefined || change.size === undefined) continue;
    await resizeVolume(host, current.zfs_filesystem ?? '', disk, change.size, undo);
  }
}

/** Metadata, tags and routes: what the plan has is complete, and so is what the VM had. */
async function writeFiles(host: Host, current: VmObject, plan: UpdatePlan, undo: UndoStack): Promise<void> {
  const zonepath = host.at(String(current.zonepath));
  const { metadata, tags, routes } = plan;
  if (metadata !== undefined) {
    const { customer_metadata = {}, internal_metadata = {} } = current;
    undo.push('metadata', () => writeMetadata(zonepath, { customer_metadata, internal_metadata }));
    await writeMetadata(zonepath, metadata);
  }
  if (tags !== undefined) {
    undo.push('tags', () => writeTags(zonepath, current.tags ?? {}));
    await writeTags(zonepath, tags);
  }
  if (routes !== undefined) {
    undo.push('routes', () => writeRoutes(zonepath, current.routes ?? {}));
    await writeRoutes(zonepath, routes);
  }
}

async function applyDatasets(host: Host, current: VmObject, plan: UpdatePlan, undo: UndoStack): Promise<void> {
  const root = current.zfs_filesystem;
  if (root === undefined) return;
  if (current.brand === 'bhyve') await applySpace(host, root, current, plan, undo);
  const isOwn = plan.quota === undefined || current.brand === 'bhyve';
  const quota = isOwn ? {} : { quota: plan.quota === 0 ? 'none' : String(plan.quota * 2 ** 30) };
  await setProperties(host, root, { ...quota, ...plan.datasetProperties.root }, undo);
  const data = `${root}/data`;
  const hasData = (current.datasets ?? []).includes(data);
  if (hasData) await setProperties(host, data, plan.datasetProperties.data, undo);
  const { zoneroot, delegated } = plan.indestructible;
  if (zoneroot !== undefined) await setMark(host, root, zoneroot, current.indestructible_zoneroot === true, undo);
  if (delegated !== undefined && hasData) {
    await setMark(host, data, delegated, current.indestructible_delegated === true, undo);
  }
}

/** The limits of a bhyve VM, when one of them changes; or only if it may take more, and not less, than now. */
async function applySpace(
  host: Host,
  root: string,
  current: VmObject,
  plan: UpdatePlan,
  undo: UndoStack,
  when: 'other' | 'more' = 'other',
): Promise<void> {
  const { quota = 0, flexible_disk_size: flexible } = current;
  const wanted = plan.payload['flexible_disk_size'] ?? flexible;
  if (plan.quota === undefined && wanted === flexible) return;
  const limits = { quota: plan.quota ?? quota, flexible: wanted === undefined ? undefined : Number(wanted) };
  if (when === 'more' && (limits.quota < quota || (limits.flexible ?? 0) < (flexible ?? 0))) return;
  await limitSpace(host, root, limits, undo);
}

async function setMark(host: Host, dataset: string, to: boolean, was: boolean, undo: UndoStack): Promise<void> {
  undo.push(`protection of ${dataset}`, () => setIndestructible(host, dataset, was));
  await setIndestructible(host, dataset, to);
}

/** Writes the new configuration and has a running zone follow it. */
async function applyConfig(
  host: Host,
  current: VmObject,
  before: ZoneConfig,
  after: ZoneConfig,
  undo: UndoStack,
): Promise<void> {
  undo.push('zone configuration', () => host.zones.configure(before));
  await host.zones.configure(after);
  // It takes back what it did of a refused change by itself.
  if (current.zone_state === 'running') await host.zones.refresh(zoneOf(current), before);
}

function zoneOf(vm: VmObject): string {
  return vm.zonename ?? String(vm.uuid);
}
