/** What `imgadm create` does with the VM that it makes an image of. */
import type { Context } from '../../context.js';
import { codeOf } from '../../errors.js';
import type { SourceVm } from '../../img/create-manifest.js';
import type { VmHandle } from '../../img/create-prepare.js';
import { loadVm } from '../../vm/load.js';
import { startVm, stopVm } from '../../vm/power.js';
import { updateVm } from '../../vm/update.js';

export function vmHandle(ctx: Context, uuid: string): VmHandle {
  return {
    async get() {
      try {
        return (await loadVm(await ctx.host(), uuid)) as SourceVm;
      } catch (error) {
        if (codeOf(error) === 'VmNotFound') return undefined;
        throw error;
      }
    },
    stop: (options = {}) => stopVm(ctx, uuid, options),
    start: () => startVm(ctx, uuid),
    async update(payload) {
      await updateVm(ctx, uuid, payload);
    },
  };
}
