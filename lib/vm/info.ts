/** Questions and requests to the hypervisor of a running VM (`vm-lifecycle`, info; sysrq). */
import type { Context } from '../context.js';
import { hostError } from '../host/errors.js';
import { brandOf } from './brands/brand.js';
import { vmError } from './errors.js';
import { loadVm } from './load.js';

const infoTypes = {
  kvm: ['all', 'block', 'blockstats', 'chardev', 'cpus', 'kvm', 'pci', 'spice', 'status', 'version', 'vnc'],
  bhyve: ['all', 'vnc'],
} as const;

/** Requests that the hypervisor of each brand takes. */
const sysrqTypes = { kvm: ['nmi', 'screenshot'], bhyve: ['nmi'] } as const;

/** What the hypervisor says, by type; all types when none is named. Throws `VmNotFound`, `VmBadState`, `PayloadInvalid`. */
export async function vmInfo(ctx: Context, uuid: string, types: readonly string[]): Promise<Record<string, unknown>> {
  const vm = await loadVm(await ctx.host(), uuid, ['uuid', 'brand', 'state']);
  if (vm.state !== 'running' && vm.state !== 'stopping') {
    const message = `Unable to get info for vm from state "${String(vm.state)}", must be "running" or "stopping".`;
    throw vmError('VmBadState', message);
  }
  const { name } = brandOf(vm.brand);
  if (name !== 'kvm' && name !== 'bhyve') {
    throw vmError('PayloadInvalid', `no info types supported for brand ${name}`);
  }
  const unknown = types.find((type) => !(infoTypes[name] as readonly string[]).includes(type));
  if (unknown !== undefined) throw vmError('PayloadInvalid', `unknown info type ${unknown}`);
  throw hostError('Unsupported', `this host cannot ask VMs of brand ${name}`);
}

/** Sends a request. Throws `VmNotFound`, `VmBadState`, `PayloadInvalid` where the brand does not take it. */
export async function sendSysrq(ctx: Context, uuid: string, request: 'nmi' | 'screenshot'): Promise<void> {
  const vm = await loadVm(await ctx.host(), uuid, ['uuid', 'brand', 'state']);
  if (vm.state !== 'running' && vm.state !== 'stopping') {
    const message = `Unable to send request to vm from state "${String(vm.state)}", must be "running" or "stopping".`;
    throw vmError('VmBadState', message);
  }
  const { name } = brandOf(vm.brand);
  if (name !== 'kvm' && name !== 'bhyve') {
    // Both blanks are the original's.
    throw vmError('PayloadInvalid', 'The sysrq command is only supported for VMs  with brand "bhyve" or "kvm".');
  }
  const known: readonly string[] = sysrqTypes[name];
  if (!known.includes(request)) {
    const valid = known.map((type) => `"${type}"`).join(',');
    throw vmError('PayloadInvalid', `Invalid sysrq "${request}" valid values: ${valid}.`);
  }
  throw hostError('Unsupported', `this host cannot send requests to VMs of brand ${name}`);
}
