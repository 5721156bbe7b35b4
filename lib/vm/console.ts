/** The console of a VM. */
import type { Context } from '../context.js';
import type { ZoneConsole } from '../host/zones.js';
import { vmError } from './errors.js';
import { loadVm } from './load.js';

/** Attaches to the console. Throws `VmNotFound`, `VmBadState`, `ZoneConsoleBusy`. */
export async function openVmConsole(ctx: Context, uuid: string): Promise<ZoneConsole> {
  const vm = await loadVm(await ctx.host(), uuid, ['uuid', 'zonename', 'state']);
  if (vm.state !== 'running') {
    throw vmError('VmBadState', `cannot connect to console when state is "${String(vm.state)}" must be "running".`);
  }
  return (await ctx.host()).zones.console(vm.zonename ?? uuid);
}
