/** Questions and requests to the hypervisor of a running VM (`vm-lifecycle`, info; sysrq). */
import type { Context } from '../context.js';
import type { HvmInfoType } from '../host/hvm.js';
import { brandOf } from './brands/brand.js';
import { vmError } from './errors.js';
import { hvmOf } from './hvm-boot.js';
import { loadVm } from './load.js';

/** What can be asked of each brand, in the order in which it is answered; `all` beside. */
const infoTypes: Readonly<Record<'kvm' | 'bhyve', readonly HvmInfoType[]>> = {
  kvm: ['status', 'version', 'chardev', 'block', 'blockstats', 'cpus', 'pci', 'kvm', 'vnc', 'spice'],
  bhyve: ['vnc'],
};

/** Requests that the hypervisor of each brand takes. */
const sysrqTypes = { kvm: ['nmi', 'screenshot'], bhyve: ['nmi'] } as const;

/** What the hypervisor says, by type; all types when none is named. Throws `VmNotFound`, `VmBadState`, `PayloadInvalid`. */
export async function vmInfo(ctx: Context, uuid: string, types: readonly string[]): Promise<Record<string, unknown>> {
  const vm = await loadVm(await ctx.host(), uuid, ['uuid', 'zonename', 'brand', 'state']);
  if (vm.state !== 'running' && vm.state !== 'stopping') {
    const message = `Unable to get info for vm from state "${String(vm.state)}", must be "running" or "stopping".`;
    throw vmError('VmBadState', message);
  }
  const { name } = brandOf(vm.brand);
  if (name !== 'kvm' && name !== 'bhyve') {
    throw vmError('PayloadInvalid', `no info types supported for brand ${name}`);
  }
  const known = infoTypes[name];
  const unknown = types.find((type) => type !== 'all' && !known.some((each) => each === type));
  if (unknown !== undefined) throw vmError('PayloadInvalid', `unknown info type ${unknown}`);
  const isWhole = types.length === 0 || types.includes('all');
  const asked = isWhole ? known : known.filter((type) => types.includes(type));
  const host = await ctx.host();
  const answers = await hvmOf(host, name).info(vm.zonename ?? uuid, asked);
  return Object.fromEntries(asked.map((type) => [type, answers[type]]));
}

/** Sends a request. Throws `VmNotFound`, `VmBadState`, `PayloadInvalid` where the brand does not take it. */
export async function sendSysrq(ctx: Context, uuid: string, request: 'nmi' | 'screenshot'): Promise<void> {
  const vm = await loadVm(await ctx.host(), uuid, ['uuid', 'zonename', 'brand', 'state']);
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
  const hvm = hvmOf(await ctx.host(), name);
  await (request === 'nmi' ? hvm.interrupt(vm.zonename ?? uuid) : hvm.screenshot(vm.zonename ?? uuid));
}
