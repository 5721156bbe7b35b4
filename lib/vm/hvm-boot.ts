/** What a hardware virtual machine has ready before its zone boots (`vm-lifecycle`, start). */
import type { Context } from '../context.js';
import { hostError } from '../host/errors.js';
import type { Host } from '../host/host.js';
import type { Hvm, HvmBoot } from '../host/hvm.js';
import { metadataFile, places } from '../host/qemu/options.js';
import { zoneRoot } from '../host/zone-root.js';
import type { Disk, VmObject } from '../schema/generated/vm.js';
import { brandOf } from './brands/brand.js';
import type { Element } from './draft.js';
import { payloadFacts } from './facts.js';
import { loadVm } from './load.js';
import { PciSlots } from './pci-slots.js';
import { updateZoneConfig } from './zone-config-update.js';

/** Internal metadata may hold passwords, and the emulator runs as another user in the same zone. */
const metadataMode = 0o600;

/** The machines of a host. Throws `Unsupported` where it has nothing to run those of `brand` with. */
export function hvmOf(host: Host, brand: string | undefined): Hvm {
  if (host.hvm !== undefined) return host.hvm;
  throw hostError('Unsupported', `this host cannot run VMs of brand ${String(brand)}`);
}

/**
 * Makes the next boot of the zone of a hardware virtual machine start its guest; the VM's lock is held. Nothing to do for
 * other brands. Throws `Unsupported` on a host that runs none, `PayloadInvalid` for disks that cannot all be placed, and
 * what `host.hvm.prepare` throws.
 */
export async function prepareGuest(
  ctx: Context,
  host: Host,
  { uuid, brand }: Pick<VmObject, 'uuid' | 'brand'>,
  boot: HvmBoot = {},
): Promise<void> {
  if (!brandOf(brand).isHvm) return;
  const hvm = hvmOf(host, brand);
  const loaded = await loadVm(host, String(uuid));
  const placed = loaded.brand === 'bhyve' ? await identifyDisks(ctx, host, loaded) : loaded;
  // Loaded for machines only: this and what it uses take longer to load than a zone's boot takes to prepare.
  const { refreshNocloud } = await import('./nocloud.js');
  const vm = await refreshNocloud(ctx, host, placed);
  await hvm.prepare(vm, boot);
  const root = zoneRoot(host.at(`${String(vm.zonepath)}/root`));
  await root.makeDirectory('/tmp');
  await root.write(places.metadata, metadataFile(vm), metadataMode);
}

/** Gives disks of a bhyve VM that have none a slot, as its platform would, and a uuid; and keeps both. */
async function identifyDisks(ctx: Context, host: Host, vm: VmObject): Promise<VmObject> {
  const disks: Element[] = (vm.disks ?? []).map((disk) => ({ ...disk }));
  new PciSlots().place(disks, true, true);
  const facts = await payloadFacts(ctx);
  for (const disk of disks) disk['uuid'] ??= facts.newUuid();
  const changes = disks.flatMap((disk, index): Disk[] => {
    const old = vm.disks?.[index];
    const change = {
      ...(old?.pci_slot === disk['pci_slot'] ? {} : { pci_slot: String(disk['pci_slot']) }),
      ...(old?.uuid === disk['uuid'] ? {} : { uuid: String(disk['uuid']) }),
    };
    return old?.path === undefined || Object.keys(change).length === 0 ? [] : [{ path: old.path, ...change }];
  });
  if (changes.length === 0) return vm;
  // Ports that an update does not name get their usual places.
  const { com1, com2 } = vm;
  const { planUpdate } = await import('./update-plan.js');
  const plan = await planUpdate(vm, { update_disks: changes, com1, com2 }, facts);
  const config = await host.zones.config(vm.zonename ?? String(vm.uuid));
  await host.zones.configure(updateZoneConfig(config, vm, plan));
  return loadVm(host, String(vm.uuid));
}
