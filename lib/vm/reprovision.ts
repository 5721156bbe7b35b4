/** Puts a VM onto another image, keeping all but its root: identity, metadata, delegated data, nics (`vm-lifecycle`, reprovision). */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import type { VmObject } from '../schema/generated/vm.js';
import { withUndo, type UndoStack } from '../undo.js';
import { brandOf } from './brands/brand.js';
import { rulesOf } from './brand-rules.js';
import { destroyIfThere, makeRoot } from './create.js';
import { vmError } from './errors.js';
import { payloadFacts } from './facts.js';
import { loadVm } from './load.js';
import { withVmLock } from './locks.js';
import { bootVm, stopVm } from './power.js';
import { replaceBootDisk, requireReplaceable } from './reprovision-volume.js';
import { withAttr } from './zone-config.js';

/** Time for the guest to set itself up, as for a new VM. */
const provisioningLimitMs = 300_000;

/**
 * Replaces the root of the VM by a clone of the image that `payload` names in `image_uuid`, and boots it. When a step
 * fails, the old root is put back. Killed half way, it is finished or taken back by the next call. Throws `VmNotFound`,
 * `PayloadInvalid`, `VmProtected`, `Unsupported` and the host's codes.
 */
export async function reprovisionVm(ctx: Context, uuid: string, payload: unknown): Promise<void> {
  const host = await ctx.host();
  const before = await loadVm(host, uuid);
  const image = await judge(ctx, host, before, imageIn(payload));
  if (before.zone_state !== 'installed') await stopVm(ctx, uuid);
  await withVmLock(ctx, uuid, async () => {
    const vm = await loadVm(host, uuid);
    if (vm.zone_state !== 'installed') throw vmError('VmBadState', `VM ${uuid} has been started meanwhile`);
    await withUndo(
      (what, error) => ctx.log.error({ err: error }, `cannot undo: ${what}`),
      (undo) =>
        vm.brand === 'bhyve'
          ? // As it was before it was stopped for this.
            replaceBootDisk(ctx, host, { ...vm, autoboot: before.autoboot === true }, image, transitionNow(), undo)
          : replaceRoot(ctx, host, vm, image, undo),
    );
  });
}

function transitionNow(): string {
  return `provisioning:running:${Date.now() + provisioningLimitMs}`;
}

function imageIn(payload: unknown): string {
  const image = typeof payload === 'object' && payload !== null && 'image_uuid' in payload ? payload.image_uuid : '';
  return typeof image === 'string' ? image : '';
}

/** The image, when all that the original looks at is as it has to be, in its order and words. */
async function judge(ctx: Context, host: Host, vm: VmObject, image: string): Promise<string> {
  const { name } = brandOf(vm.brand);
  if (name === 'kvm') throw vmError('PayloadInvalid', 'brand "kvm" does not yet support reprovision');
  if (image === '') throw vmError('PayloadInvalid', 'payload is missing image_uuid');
  if (vm.indestructible_zoneroot === true) {
    throw vmError('VmProtected', 'indestructible_zoneroot is set, cannot reprovision');
  }
  const [data, ...others] = vm.datasets ?? [];
  if (others.length > 0) {
    throw vmError('PayloadInvalid', 'cannot support reprovision with multiple delegated datasets');
  }
  if (data !== undefined && data !== `${rootOf(vm)}/data`) {
    throw vmError('PayloadInvalid', `cannot support reprovision with non-standard "${data}" dataset`);
  }
  const [zpool = ''] = rootOf(vm).split('/');
  const found = await (await payloadFacts(ctx)).image(image, zpool);
  if (found === undefined) {
    // What imgadm says, as the original passes it on.
    const said = `imgadm get: error (ImageNotInstalled): image "${image}" is not installed on zpool "${zpool}"\n`;
    throw vmError('PayloadInvalid', `Command failed: ${said}`);
  }
  const types = name === 'bhyve' ? ['zvol'] : rulesOf(name).imageTypes;
  if (found.type === undefined || !types.includes(found.type)) {
    const message = `image ${image} is type ${String(found.type)}, but must be one of: ${JSON.stringify(types)}`;
    throw vmError('PayloadInvalid', message);
  }
  if (name === 'bhyve') {
    await requireReplaceable(host, vm, found);
    return image;
  }
  if (host.features.guestOs === 'linux' && found.os !== undefined && found.os !== 'linux') {
    throw vmError('PayloadInvalid', `image ${image} is for ${found.os}, which does not run on a Linux host`);
  }
  return image;
}

async function replaceRoot(ctx: Context, host: Host, vm: VmObject, image: string, undo: UndoStack): Promise<void> {
  const zone = vm.zonename ?? String(vm.uuid);
  const root = rootOf(vm);
  const [oldRoot, oldData] = [`${root}-reprovisioning-root`, `${root}-reprovisioning-data`];
  const hasData = (vm.datasets ?? []).length > 0;
  const config = await host.zones.config(zone);
  const transition = transitionNow();
  undo.push('zone configuration', () => host.zones.configure(withAttr(config, 'transition', undefined)));
  await host.zones.configure(withAttr(config, 'transition', transition));
  undo.push('old root', () => putBack(host, root, hasData));
  if (hasData) await renameUnlessDone(host, `${root}/data`, oldData);
  await renameUnlessDone(host, root, oldRoot);
  ctx.signal.throwIfAborted();
  // A root that is there already is what a killed call had begun.
  await destroyIfThere(host, root);
  await makeRoot(host, {
    zpool: root.slice(0, root.indexOf('/')), zfs_filesystem: root, zonepath: String(vm.zonepath),
    brand: brandOf(vm.brand).name, image_uuid: image, quota: 0,
    datasetProperties: { root: (await host.datasets.find(oldRoot))?.properties ?? {}, data: {} },
  }); // prettier-ignore
  const zonepath = host.at(String(vm.zonepath));
  await cp(join(`${zonepath}-reprovisioning-root`, 'config'), join(zonepath, 'config'), {
    recursive: true, force: true, verbatimSymlinks: true, preserveTimestamps: true,
  }); // prettier-ignore
  if (hasData) await host.datasets.rename(oldData, `${root}/data`);
  await host.zones.configure(withAttr(withAttr(config, 'dataset-uuid', image), 'transition', transition));
  undo.push('running zone', () => host.zones.halt(zone));
  await bootVm(ctx, host, vm);
  undo.keep();
  await destroyIfThere(host, oldRoot).catch((error: unknown) => {
    ctx.log.warn({ err: error, dataset: oldRoot }, 'the old root stays until the VM is deleted');
  });
  await host.zones.configure(withAttr(await host.zones.config(zone), 'transition', undefined));
}

/** Its name follows from the zonepath even while the dataset itself has another. */
function rootOf(vm: VmObject): string {
  return String(vm.zonepath).slice(1);
}

/** `from` may have been renamed by a call that was killed. */
async function renameUnlessDone(host: Host, from: string, to: string): Promise<void> {
  if ((await host.datasets.find(to)) !== undefined) return;
  await host.datasets.rename(from, to);
}

/** Takes a half made root away and gives the old one its name again. */
async function putBack(host: Host, root: string, hasData: boolean): Promise<void> {
  const [oldRoot, oldData] = [`${root}-reprovisioning-root`, `${root}-reprovisioning-data`];
  const isMoved = (await host.datasets.find(oldRoot)) !== undefined;
  if (isMoved) {
    // The data may be below the new root already.
    if (hasData && (await host.datasets.find(oldData)) === undefined) {
      await host.datasets.rename(`${root}/data`, oldData);
    }
    await destroyIfThere(host, root);
    await host.datasets.rename(oldRoot, root);
  }
  if (hasData && (await host.datasets.find(oldData)) !== undefined) await host.datasets.rename(oldData, `${root}/data`);
}
