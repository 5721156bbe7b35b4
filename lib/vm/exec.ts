/** Runs programs inside running VMs. */
import type { Context } from '../context.js';
import type { ZoneExecResult } from '../host/zones.js';
import { vmError } from './errors.js';
import { loadVm } from './load.js';

/** No limit that a person would meet. */
const limitMs = 24 * 3600 * 1000;

/** Runs `argv` as root in the VM, without a shell. Throws `VmNotFound`, `VmBadState`, and what `host.zones.exec` throws. */
export async function execInVm(ctx: Context, uuid: string, argv: readonly string[]): Promise<ZoneExecResult> {
  const vm = await loadVm(await ctx.host(), uuid, ['uuid', 'zonename', 'state', 'zone_state']);
  if (vm.zone_state !== 'running') {
    throw vmError('VmBadState', `cannot run ${String(argv[0])} when state is "${String(vm.state)}" must be "running".`);
  }
  return (await ctx.host()).zones.exec(vm.zonename ?? uuid, argv, { timeoutMs: limitMs });
}
