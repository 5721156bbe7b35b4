/** The host as payload judgement sees it. */
import { randomInt, randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { findImage } from '../img/store.js';
import type { VmObject } from '../schema/generated/vm.js';
import { loadVms } from './load.js';
import type { PayloadFacts } from './spec.js';

/** What conflicts between VMs are found by. */
const conflictFields = ['uuid', 'zonename', 'brand', 'state', 'zone_state', 'nics', 'vnc_port', 'spice_port'] as const;

/** Facts of the context's host, each asked for at most once. */
export async function payloadFacts(ctx: Context): Promise<PayloadFacts> {
  const host = await ctx.host();
  let vms: Promise<readonly VmObject[]> | undefined;
  return {
    async guestOs() {
      return (await ctx.host()).features.guestOs;
    },
    async zpools() {
      const pools = await host.datasets.pools();
      return pools.map((pool) => pool.name);
    },
    async image(uuid, zpool) {
      const image = await findImage(ctx, zpool, uuid);
      return image?.manifest;
    },
    nicTags: () => host.links.nicTags(),
    async exists(uuid) {
      return (await host.zones.find(uuid)) !== undefined;
    },
    vms: () => (vms ??= loadVms(ctx, conflictFields)),
    newUuid: randomUUID,
    random: (limit) => randomInt(limit),
    now: Date.now,
  };
}
