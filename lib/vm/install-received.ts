/** Completes a VM that has been received, once all of its datasets are there (`vm-lifecycle`, install). */
import { readFile } from 'node:fs/promises';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Host } from '../host/host.js';
import { vmError } from './errors.js';
import { setIndestructible } from './indestructible.js';
import { loadVm } from './load.js';
import { withVmLock } from './locks.js';
import { bootVm } from './power.js';
import { withAttr } from './zone-config.js';

/** Where the payload of a VM lies while it arrives. */
export function receivingFile(host: Host, uuid: string): string {
  return host.at(`/etc/zones/${uuid}-receiving.json`);
}

/**
 * Completes a VM whose datasets were brought by hand. Throws `VmNotFound` with the words of the original where there is no
 * payload of it, `VmBadState` while anything is missing, and the host's codes.
 */
export async function installVm(ctx: Context, uuid: string): Promise<void> {
  const host = await ctx.host();
  await withVmLock(ctx, uuid, () => finishReceived(ctx, host, uuid));
}

/** The same for the holder of the VM's lock. */
export async function finishReceived(ctx: Context, host: Host, uuid: string): Promise<void> {
  const payload = await readPayload(host, uuid);
  const vm = await loadVm(host, uuid);
  if (vm.state === 'receiving') refuseMissing(uuid, vm);
  const zone = vm.zonename ?? uuid;
  if (vm.state === 'receiving' && host.zones.install !== undefined) {
    await host.zones.install(zone, { image: vm.image_uuid, quotaGiB: vm.quota ?? 0, hasDataset: true });
  }
  if (vm.zfs_filesystem !== undefined) {
    await keepAsTold(host, vm.zfs_filesystem, payload['indestructible_zoneroot'] === true);
    if (payload['delegate_dataset'] === true) {
      await keepAsTold(host, `${vm.zfs_filesystem}/data`, payload['indestructible_delegated'] === true);
    }
  }
  await host.zones.mark(zone, 'installed');
  const config = await host.zones.config(zone);
  await host.zones.configure(withAttr(withAttr(config, 'transition', undefined), 'provisioning', undefined));
  if (payload['autoboot'] === true) await bootVm(ctx, host, vm);
}

interface Missing {
  readonly datasets?: readonly unknown[];
  readonly filesystems?: readonly unknown[];
  readonly disks?: readonly unknown[];
}

function refuseMissing(uuid: string, { missing = {} }: { readonly missing?: Missing }): void {
  const lacking = (['datasets', 'filesystems', 'disks'] as const).flatMap((what) => {
    const count = missing[what]?.length ?? 0;
    return count === 0 ? [] : [`${count} ${what}`];
  });
  if (lacking.length === 0) return;
  throw vmError('VmBadState', `Unable to complete install for ${uuid} zone is still missing: ${lacking.join(', ')}`);
}

async function keepAsTold(host: Host, dataset: string, indestructible: boolean): Promise<void> {
  if (indestructible) await setIndestructible(host, dataset, true);
}

async function readPayload(host: Host, uuid: string): Promise<Readonly<Record<string, unknown>>> {
  const path = `/etc/zones/${uuid}-receiving.json`;
  try {
    return JSON.parse(await readFile(receivingFile(host, uuid), 'utf8')) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') {
      throw vmError('VmNotFound', `ENOENT, open '${path}'`, { cause, quietCause: true });
    }
    throw vmError('VmDamaged', cause instanceof Error ? cause.message : String(cause), { cause, quietCause: true });
  }
}
