/** Runs programs inside running VMs. */
import type { Context } from '../context.js';
import type { ZoneAttachment, ZoneExecResult } from '../host/zones.js';
import { vmError } from './errors.js';
import { loadVm } from './load.js';

/** No limit that a person would meet. */
const limitMs = 24 * 3600 * 1000;

export interface ExecOptions {
  /** Joins the program to the standard streams of this process instead of collecting what it prints. */
  readonly attach?: ZoneAttachment;
}

/**
 * Runs `argv` as root in the VM, without a shell, and returns its status and, unless it is attached, what it printed.
 * Throws `VmNotFound`, `VmBadState`, and what `host.zones.exec` throws.
 */
export async function execInVm(
  ctx: Context,
  uuid: string,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ZoneExecResult> {
  const vm = await loadVm(await ctx.host(), uuid, ['uuid', 'zonename', 'state', 'zone_state']);
  if (vm.zone_state !== 'running') {
    throw vmError('VmBadState', `cannot run ${String(argv[0])} when state is "${String(vm.state)}" must be "running".`);
  }
  return (await ctx.host()).zones.exec(vm.zonename ?? uuid, argv, { timeoutMs: limitMs, ...options });
}
