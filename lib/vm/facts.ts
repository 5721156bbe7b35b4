/** The host as payload judgement sees it. */
import type { Context } from '../context.js';
import type { Manifest } from '../img/manifest.js';
import { findImage } from '../img/store.js';
import { randomBelow, randomUuid } from '../random.js';
import type { VmObject } from '../schema/generated/vm.js';
import { damagedIn } from './damaged.js';
import { loadVms } from './load.js';
import type { ImageFacts, PayloadFacts } from './spec.js';

/** What conflicts between VMs are found by. */
const conflictFields = ['uuid', 'zonename', 'brand', 'state', 'zone_state', 'nics', 'vnc_port', 'spice_port'] as const;

/**
 * Facts of the context's host, each asked for at most once. For what goes into a pool, `needsPool` makes the host's own
 * where there is none yet.
 */
export async function payloadFacts(
  ctx: Context,
  { needsPool = false }: { readonly needsPool?: boolean } = {},
): Promise<PayloadFacts> {
  const host = await ctx.host();
  let vms: Promise<readonly VmObject[]> | undefined;
  return {
    guestOs: host.features.guestOs,
    async zpools() {
      let pools = await host.datasets.pools();
      if (pools.length === 0 && needsPool) {
        const { zpool } = await host.sysinfo.read();
        if (zpool !== undefined) pools = [await host.datasets.ensurePool(zpool)];
      }
      return pools.map((pool) => pool.name);
    },
    async image(uuid, zpool) {
      const manifest = (await findImage(ctx, zpool, uuid))?.manifest;
      return manifest === undefined ? undefined : imageFacts(manifest);
    },
    nicTags: () => host.links.nicTags(),
    async exists(uuid) {
      return (await host.zones.find(uuid)) !== undefined;
    },
    vms: () => (vms ??= loadVms(host, conflictFields, damagedIn(ctx))),
    newUuid: randomUuid,
    random: randomBelow,
    now: Date.now,
  };
}

function imageFacts({ type, os, image_size: size, requirements, tags }: Manifest): ImageFacts {
  const bootrom = requirements?.bootrom;
  return {
    ...(type === undefined ? {} : { type }),
    ...(os === undefined ? {} : { os }),
    ...(size === undefined ? {} : { image_size: Number(size) }),
    ...(typeof bootrom === 'string' ? { requirements: { bootrom } } : {}),
    ...(tags === undefined ? {} : { tags }),
  };
}
