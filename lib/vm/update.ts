/** Changes a VM: all that a payload asks for, or nothing. */
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import type { ZoneConfig } from '../host/zones.js';
import type { VmObject } from '../schema/generated/vm.js';
import { withUndo, type UndoStack } from '../undo.js';
import { hostError } from '../host/errors.js';
import { payloadFacts } from './facts.js';
import { setIndestructible } from './indestructible.js';
import { requireVm } from './load.js';
import { withVmLock } from './locks.js';
import { readVmFiles, writeVmFiles } from './metadata.js';
import type { UpdatePlan } from './spec.js';
import { planUpdate } from './update-plan.js';
import { updateZoneConfig } from './zone-config.js';

/**
 * Judges `payload` and applies it (`vm-lifecycle`, update): what can change on a running VM does so at once, the rest
 * waits for its next boot. When any part fails, what was done is undone and the old configuration stands. Throws
 * `VmNotFound`, `PayloadInvalid`, `AddressInUse` and the host's codes.
 */
export async function updateVm(ctx: Context, uuid: string, payload: unknown): Promise<UpdatePlan> {
  return withVmLock(ctx, uuid, async () => {
    const current = await requireVm(ctx, uuid);
    const plan = await planUpdate(current, payload, await payloadFacts(ctx));
    for (const { property, kind, detail } of plan.adjustments) {
      ctx.log.warn({ uuid, property, kind, detail }, 'payload adjusted');
    }
    ctx.signal.throwIfAborted();
    await withUndo(
      (what, error) => ctx.log.error({ err: error }, `cannot undo: ${what}`),
      (undo) => apply(ctx, current, plan, undo),
    );
    return plan;
  });
}

async function apply(ctx: Context, current: VmObject, plan: UpdatePlan, undo: UndoStack): Promise<void> {
  const host = await ctx.host();
  if (plan.addDisks.length + plan.removeDisks.length + plan.updateDisks.length > 0) {
    throw hostError('Unsupported', 'this host cannot change disks yet');
  }
  await writeFiles(host, current, plan, undo);
  const before = await host.zones.config(zoneOf(current));
  const after = updateZoneConfig(before, current, plan);
  await applyDatasets(host, current, plan, undo);
  await applyConfig(host, current, before, after, undo);
}

/** Metadata, tags and routes. */
async function writeFiles(host: Host, current: VmObject, plan: UpdatePlan, undo: UndoStack): Promise<void> {
  const { metadata, tags, routes } = plan;
  if (metadata === undefined && tags === undefined && routes === undefined) return;
  const zonepath = host.at(String(current.zonepath));
  const old = await readVmFiles(zonepath);
  undo.push('metadata, tags and routes', () => writeVmFiles(zonepath, old));
  await writeVmFiles(zonepath, {
    ...(metadata === undefined ? {} : { metadata }),
    ...(tags === undefined ? {} : { tags }),
    ...(routes === undefined ? {} : { routes }),
  });
}

async function applyDatasets(host: Host, current: VmObject, plan: UpdatePlan, undo: UndoStack): Promise<void> {
  const root = current.zfs_filesystem;
  if (root === undefined) return;
  const quota = plan.quota === undefined ? {} : { quota: plan.quota === 0 ? 'none' : String(plan.quota * 2 ** 30) };
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

async function setProperties(
  host: Host,
  dataset: string,
  properties: Readonly<Record<string, string>>,
  undo: UndoStack,
): Promise<void> {
  const names = Object.keys(properties);
  if (names.length === 0) return;
  const old = (await host.datasets.find(dataset))?.properties ?? {};
  undo.push(`properties of ${dataset}`, () =>
    host.datasets.set(dataset, Object.fromEntries(names.map((name) => [name, old[name] ?? null]))),
  );
  await host.datasets.set(dataset, properties);
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
