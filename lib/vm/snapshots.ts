/** Snapshots of a VM's root dataset (`vm-lifecycle`, snapshots). */
import type { Context } from '../context.js';
import type { VmObject } from '../schema/generated/vm.js';
import { brandOf } from './brands/brand.js';
import { vmError } from './errors.js';
import { loadVm } from './load.js';
import { withVmLock } from './locks.js';
import { startVm, stopVm } from './power.js';
import { hasCode } from '../errors.js';

const fields = ['uuid', 'zonename', 'brand', 'state', 'zfs_filesystem', 'datasets', 'snapshots'] as const;

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
    await (await ctx.host()).datasets.snapshot(snapshotOf(vm, name));
  });
}

/** Removes a snapshot. Throws `VmNotFound`, `PayloadInvalid` and the host's codes. */
export async function deleteSnapshot(ctx: Context, uuid: string, name: string): Promise<void> {
  await withVmLock(ctx, uuid, async () => {
    const vm = await loadVm(await ctx.host(), uuid, fields);
    requireSnapshot(vm, name);
    await (await ctx.host()).datasets.destroy(snapshotOf(vm, name));
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
  await withVmLock(ctx, uuid, async () => (await ctx.host()).datasets.rollback(snapshotOf(vm, name)));
  await startVm(ctx, uuid);
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

function snapshotOf(vm: VmObject, name: string): string {
  return `${String(vm.zfs_filesystem)}@vmsnap-${name}`;
}
