/** Removes a VM and all that is its own. */
import { rm } from 'node:fs/promises';
import type { Context } from '../context.js';
import { codeOf, hasCode } from '../errors.js';
import type { Host } from '../host/host.js';
import type { ZoneRecord } from '../host/zones.js';
import type { VmObject } from '../schema/generated/vm.js';
import { archiveVm } from './archive.js';
import { destroyIfThere, uninstall } from './create.js';
import { damagedIn } from './damaged.js';
import { vmError } from './errors.js';
import { loadVm, loadVms } from './load.js';
import { withVmLock } from './locks.js';
import { sayingWhereUnwritable } from './unwritable.js';

const fields = ['uuid', 'zonename', 'brand', 'zonepath', 'zfs_filesystem', 'disks', 'filesystems', 'indestructible_zoneroot', 'indestructible_delegated', 'archive_on_delete'] as const; // prettier-ignore

/**
 * Ends the VM in whatever state it is and removes its datasets, then its configuration (`vm-lifecycle`, delete). What an
 * earlier command left half made or half removed goes as well; a deletion that was broken off can be repeated. Throws
 * `VmNotFound`, `VmProtected`, `VmInUse` and the host's codes.
 */
export async function deleteVm(ctx: Context, uuid: string): Promise<void> {
  await withVmLock(ctx, uuid, async () => {
    const host = await ctx.host();
    await listAgain(ctx, host, uuid);
    const vm = await loadEvenDamaged(ctx, host, uuid);
    const record = await host.zones.find(vm.zonename ?? uuid);
    if (record === undefined) throw vmError('VmNotFound', `VM ${uuid} not found`);
    refuseProtected(vm);
    await refuseShared(ctx, vm);
    await haltWhatever(ctx, host, record.name);
    if (vm.archive_on_delete === true) await archiveVm(ctx, uuid);
    await sayingWhereUnwritable(host, { uuid, dataset: rootOf(record, vm) }, () => remove(host, record, vm));
  });
}

async function remove(host: Host, record: ZoneRecord, vm: VmObject): Promise<void> {
  await uninstall(host, record.name);
  for (const dataset of ownDatasets(record, vm)) await destroyIfThere(host, dataset);
  await host.links.forget(record.name);
  await host.zones.unconfigure(record.name);
  await rm(host.at(`/etc/zones/${record.name}-receiving.json`), { force: true });
}

/**
 * A command killed between its two writes, or a damaged index, leaves a configuration that the index does not name. It is
 * named again, and then goes as others do: with all that is its own, unless it is protected.
 */
async function listAgain(ctx: Context, host: Host, uuid: string): Promise<void> {
  if ((await host.zones.find(uuid)) !== undefined) return;
  try {
    const config = await host.zones.config(uuid);
    await sayingWhereUnwritable(host, { uuid }, () => host.zones.configure(config, uuid));
    ctx.log.warn({ uuid }, 'the index of zones did not name this VM');
  } catch (error) {
    if (!hasCode(error, 'ZoneNotFound')) throw error;
  }
}

/** A VM whose configuration cannot be read is removed by what the index says of it. */
async function loadEvenDamaged(ctx: Context, host: Host, uuid: string): Promise<VmObject> {
  try {
    return await loadVm(host, uuid, fields);
  } catch (error) {
    if (!['ZoneInvalid', 'ZoneNotFound', 'VmDamaged'].some((code) => hasCode(error, code))) throw error;
    ctx.log.warn({ err: error, uuid }, 'the configuration is damaged; deleting what the index names');
    return { uuid, zonename: uuid };
  }
}

function refuseProtected(vm: VmObject): void {
  for (const flag of ['indestructible_zoneroot', 'indestructible_delegated'] as const) {
    if (vm[flag] === true) throw vmError('VmProtected', `${flag} is set, cannot delete`);
  }
}

/** Volumes of its own that other VMs have mounted. */
async function refuseShared(ctx: Context, vm: VmObject): Promise<void> {
  const volumes = `${String(vm.zonepath)}/volumes/`;
  const own = new Set(
    (vm.filesystems ?? []).map(({ source = '' }) => source).filter((path) => path.startsWith(volumes)),
  );
  if (own.size === 0) return;
  const others = (await loadVms(await ctx.host(), ['uuid', 'filesystems'], damagedIn(ctx))).filter(
    (other) => other.uuid !== vm.uuid && (other.filesystems ?? []).some(({ source }) => own.has(String(source))),
  );
  if (others.length === 0) return;
  const uuids = JSON.stringify(others.map((other) => other.uuid));
  throw vmError(
    'VmInUse',
    `Unable to delete VM ${String(vm.uuid)} the following VMs are sharing its volumes: ${uuids}`,
  );
}

/** As with the original, a zone that cannot be halted is found out by what follows. */
async function haltWhatever(ctx: Context, host: Host, zone: string): Promise<void> {
  try {
    await host.zones.halt(zone);
  } catch (error) {
    if (codeOf(error) !== 'ZoneBadState') ctx.log.error({ err: error, zone }, 'cannot halt');
  }
}

/** Disks may lie beside the root dataset, and a killed reprovision leaves parts there; what lies below it goes with it. */
function ownDatasets(record: ZoneRecord, vm: VmObject): readonly string[] {
  const root = rootOf(record, vm);
  const disks = (vm.disks ?? []).flatMap((disk) => (disk.zfs_filesystem === undefined ? [] : [disk.zfs_filesystem]));
  const moved = [`${root}-reprovisioning-root`, `${root}-reprovisioning-data`];
  return [...disks.filter((disk) => !disk.startsWith(`${root}/`)), root, ...moved];
}

function rootOf(record: ZoneRecord, vm: VmObject): string {
  return vm.zfs_filesystem ?? record.zonepath.slice(1);
}
