/** Snapshots of a VM's root dataset (`vm-lifecycle`, snapshots). */
import { utimes } from 'node:fs/promises';
import type { Context } from '../context.js';
import { codeOf, hasCode } from '../errors.js';
import type { Host } from '../host/host.js';
import type { VmObject } from '../schema/generated/vm.js';
import { withUndo } from '../undo.js';
import { brandOf } from './brands/brand.js';
import { vmError } from './errors.js';
import { sayingWhereUnwritable } from './unwritable.js';
import { loadVm } from './load.js';
import { withVmLock } from './locks.js';
import { startVm, stopVm } from './power.js';

const fields = [
  'uuid', 'zonename', 'brand', 'state', 'zone_state', 'zfs_filesystem', 'datasets', 'snapshots',
] as const; // prettier-ignore

/** Takes a snapshot. Throws `VmNotFound`, `PayloadInvalid` and the host's codes. */
export async function createSnapshot(ctx: Context, uuid: string, name: string): Promise<void> {
  await withVmLock(ctx, uuid, async () => {
    const vm = await loadVm(await ctx.host(), uuid, fields);
    requireSnapshots(vm, name);
    if ((vm.datasets ?? []).length > 0) {
      throw vmError('PayloadInvalid', 'Cannot currently snapshot zones that have datasets');
    }
    if (vm.zfs_filesystem === undefined) {
      throw vmError('VmDamaged', 'vmobj missing zfs_filesystem, cannot create snapshot');
    }
    if (has(vm, name)) throw vmError('PayloadInvalid', `snapshot with name "${name}" already exists.`);
    const host = await ctx.host();
    await withUndo(
      (what, error) => ctx.log.error({ err: error }, `cannot undo: ${what}`),
      async (undo) => {
        for (const dataset of await datasetsOf(host, vm)) {
          const snapshot = snapshotOf(dataset, name);
          await sayingWhereUnwritable(host, { doing: 'take a snapshot of', uuid, dataset }, () =>
            host.datasets.snapshot(snapshot),
          );
          undo.push(snapshot, () => host.datasets.destroy(snapshot));
        }
      },
    );
    if (!brandOf(vm.brand).isHvm && vm.zone_state === 'running') {
      await host.zones.showSnapshot(zoneOf(vm), name).catch((error: unknown) => {
        ctx.log.warn({ err: error, uuid, name }, 'the zone does not see its snapshot');
      });
    }
    await touchConfig(ctx, host, vm);
  });
}

/** Removes a snapshot. Throws `VmNotFound`, `PayloadInvalid` and the host's codes. */
export async function deleteSnapshot(ctx: Context, uuid: string, name: string): Promise<void> {
  await withVmLock(ctx, uuid, async () => {
    const vm = await loadVm(await ctx.host(), uuid, fields);
    requireSnapshot(vm, name);
    const host = await ctx.host();
    if (!brandOf(vm.brand).isHvm) {
      await host.zones.hideSnapshot(zoneOf(vm), name).catch((error: unknown) => {
        // One of a name that cannot be shown is not.
        if (!hasCode(error, 'InvalidName')) throw error;
      });
    }
    // The root's own last: while it is there, a deletion that was broken off can be repeated.
    for (const snapshot of (await snapshotsOf(host, vm, name)).reverse()) await host.datasets.destroy(snapshot);
    await touchConfig(ctx, host, vm);
  });
}

/**
 * Takes a VM back to a snapshot, which removes later ones, and starts it even when it was stopped before, as `vmadm(8)`
 * does. Throws `VmNotFound`, `PayloadInvalid` and the host's codes.
 */
export async function rollbackSnapshot(ctx: Context, uuid: string, name: string): Promise<void> {
  const vm = await loadVm(await ctx.host(), uuid, fields);
  requireSnapshot(vm, name);
  if (vm.state !== 'stopped') {
    await stopVm(ctx, uuid, { force: true }).catch((error: unknown) => {
      if (!hasCode(error, 'VmBadState')) throw error;
    });
  }
  await withVmLock(ctx, uuid, async () => {
    const host = await ctx.host();
    if ((await host.zones.find(String(vm.zonename)))?.state !== 'installed') {
      throw vmError('VmBadState', `VM ${uuid} has been started or removed meanwhile`);
    }
    for (const snapshot of await snapshotsOf(host, vm, name)) await host.datasets.rollback(snapshot);
  });
  await startVm(ctx, uuid);
}

function zoneOf(vm: VmObject): string {
  return vm.zonename ?? String(vm.uuid);
}

function requireSnapshots(vm: VmObject, name: string): void {
  if (!/^[\w.:%-]{1,64}$/.test(name)) throw vmError('PayloadInvalid', 'Invalid snapshot name');
  if (brandOf(vm.brand).name === 'kvm') {
    throw vmError('PayloadInvalid', 'snapshots for kvm VMs currently unsupported');
  }
}

function requireSnapshot(vm: VmObject, name: string): void {
  requireSnapshots(vm, name);
  if (!has(vm, name)) throw vmError('PayloadInvalid', `No snapshot named "${name}" for ${String(vm.uuid)}`);
}

function has(vm: VmObject, name: string): boolean {
  return (vm.snapshots ?? []).some((snapshot) => snapshot.name === name);
}

function snapshotOf(dataset: string, name: string): string {
  return `${dataset}@vmsnap-${name}`;
}

/** What a snapshot is taken of: the root; of a bhyve VM, whose disks lie below it, all of them. */
async function datasetsOf(host: Host, vm: VmObject): Promise<readonly string[]> {
  const root = String(vm.zfs_filesystem);
  if (vm.brand !== 'bhyve') return [root];
  const below = await host.datasets.list({ root, types: ['filesystem', 'volume'] });
  return below.map((dataset) => dataset.name);
}

/** The snapshots of this name that there are; a disk may be younger. */
async function snapshotsOf(host: Host, vm: VmObject, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const dataset of await datasetsOf(host, vm)) {
    const snapshot = snapshotOf(dataset, name);
    if ((await host.datasets.find(snapshot)) !== undefined) found.push(snapshot);
  }
  return found;
}

/** Makes the VM look changed to those who watch `last_modified`, as `vmadm(8)` does: no reason to fail when all is done. */
async function touchConfig(ctx: Context, host: Host, vm: VmObject): Promise<void> {
  const now = new Date();
  await utimes(host.at(`/etc/zones/${String(vm.zonename)}.xml`), now, now).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') ctx.log.warn({ err: error, uuid: vm.uuid }, 'cannot touch the configuration');
  });
}
