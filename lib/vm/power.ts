/** Starting, stopping, rebooting and signalling VMs (`vm-lifecycle`, start; stop, halt, reboot, reset, kill). */
import { constants } from 'node:os';
import type { Context } from '../context.js';
import { codeOf, hasCode } from '../errors.js';
import type { Host } from '../host/host.js';
import type { HvmBoot } from '../host/hvm.js';
import { zoneRoot } from '../host/zone-root.js';
import type { ZoneConfig } from '../host/zones.js';
import type { VmObject } from '../schema/generated/vm.js';
import { sleep } from '../sleep.js';
import { brandOf } from './brands/brand.js';
import { rulesOf } from './brand-rules.js';
import { vmError } from './errors.js';
import { hvmOf, prepareGuest } from './hvm-boot.js';
import { loadVm } from './load.js';
import { withVmLock } from './locks.js';
import { requireNicTags } from './nic-tags.js';
import { resetRestartCount } from './restart-count.js';
import { sayingWhereUnwritable } from './unwritable.js';
import { withAttr, withAutoboot } from './zone-config.js';

/** How long a guest may take to shut itself down, and to come back. */
const shutdownLimitMs = 60_000;
const rebootLimitMs = 180_000;
const firstPollMs = 10;
const longestPollMs = 250;

/** What the original does beside a wait reports its failures with these words in front (`vmadm-cli`, prefix). */
const besideWait = 'first of 1 error: ';

/** What these operations look at. */
const fields = [
  'uuid', 'zonename', 'brand', 'state', 'zone_state', 'docker', 'internal_metadata', 'nics', 'pid', 'autoboot',
] as const; // prettier-ignore

/** Seconds that a guest has to end after its init was told to, where the caller does not say. */
const containerTimeout = 10;
const machineTimeout = 180;

/**
 * Boots a stopped VM and has it boot with the host from now on. Throws `VmNotFound`, `EALREADYRUNNING`, `VmBadState`,
 * `PayloadInvalid` for a nic tag the host lost and for disks of `boot` that are not there, and what `host.zones.boot` throws.
 *
 * @param boot - What a kvm guest has for this boot only; nothing to other brands.
 */
export async function startVm(ctx: Context, uuid: string, boot: HvmBoot = {}): Promise<void> {
  await withVmLock(ctx, uuid, async () => {
    const wanted = boot.disks === undefined ? fields : ([...fields, 'disks', 'zonepath'] as const);
    const vm = await loadVm(await ctx.host(), uuid, wanted);
    if (vm.state === 'running') throw vmError('EALREADYRUNNING', `VM ${uuid} is already 'running'`);
    // What is stopping and does not run was stopped by a command that has not lived to say so.
    const isStartable =
      vm.state === 'stopped' ||
      ((vm.state === 'provisioning' || vm.state === 'stopping') && vm.zone_state === 'installed');
    if (!isStartable) throw badState(`Cannot start vm from state "${String(vm.state)}", must be "stopped".`);
    const host = await ctx.host();
    await requireNicTags(host, vm.nics ?? []);
    if (brandOf(vm.brand).isHvm) await requireExtraDisks(host, vm, boot.disks ?? []);
    if (vm.state === 'stopping') await setStopping(host, vm, undefined, 'start');
    await bootVm(ctx, host, vm, vm.brand === 'kvm' ? boot : {});
  });
}

async function requireExtraDisks(host: Host, vm: VmObject, disks: NonNullable<HvmBoot['disks']>): Promise<void> {
  const models = rulesOf('kvm').diskModels ?? [];
  const root = zoneRoot(host.at(`${String(vm.zonepath)}/root`));
  for (const { path, model } of disks) {
    const isOwn = vm.disks?.some((disk) => disk.path === path) === true;
    if (!isOwn && (await root.kindOf(path).catch(() => undefined)) === undefined) {
      throw vmError('PayloadInvalid', `Cannot find disk: ${path}`);
    }
    if (models.includes(model)) continue;
    const message = `"${model}" is not a valid disk model for kvm brand. Valid are: ${models.join(',')}`;
    throw vmError('PayloadInvalid', message);
  }
}

/** What has to be known of a VM to boot it. */
export type BootableVm = Pick<VmObject, 'uuid' | 'zonename' | 'brand' | 'docker' | 'internal_metadata'>;

/** Boots the zone of a VM whose lock is held, and sets autoboot, which is worth a warning at most. */
export async function bootVm(ctx: Context, host: Host, vm: BootableVm, boot: HvmBoot = {}): Promise<void> {
  await prepareGuest(ctx, host, vm, boot);
  const zone = zoneOf(vm);
  if (vm.docker === true) await resetRestartCount(host, zone);
  await host.zones.boot(zone);
  if (!bootsWithHost(vm)) return;
  await setAutoboot(ctx, host, vm, true).catch((error: unknown) => {
    ctx.log.warn({ err: error, zone }, 'cannot set autoboot');
  });
}

/** Whether a VM that has been booted is to come up with the host: a container only if it is to be restarted at all. */
export function bootsWithHost(vm: BootableVm): boolean {
  return vm.docker !== true || vm.internal_metadata?.['docker:restartpolicy'] !== undefined;
}

export interface StopOptions {
  /** End it at once instead of asking the guest. */
  readonly force?: boolean;
  /** Seconds until a guest that was asked is ended; only for VMs that take one. */
  readonly timeout?: number | undefined;
}

/**
 * Stops a VM, and keeps it from booting with the host. Throws `VmNotFound`, `ENOTRUNNING`, and `PayloadInvalid` for a
 * time-out where the brand takes none.
 */
export async function stopVm(ctx: Context, uuid: string, options: StopOptions = {}): Promise<void> {
  const vm = await loadVm(await ctx.host(), uuid, fields);
  const host = await ctx.host();
  const zone = zoneOf(vm);
  if (options.force === true) return halt(ctx, host, vm);
  await withVmLock(ctx, uuid, () => setAutoboot(ctx, host, vm, false));
  if (vm.state !== 'running') throw notRunning(vm);
  const { isHvm } = brandOf(vm.brand);
  if (options.timeout !== undefined && vm.docker !== true && !isHvm) {
    const message = 'Timeout option is only supported for bhyve, KVM and docker containers.';
    throw vmError('PayloadInvalid', `${besideWait}${message}`);
  }
  if (isHvm) return powerOff(ctx, host, vm, 'stopped', options.timeout ?? machineTimeout);
  if (vm.docker === true) await terminate(host, vm, options.timeout ?? containerTimeout);
  else await shutDown(ctx, host, vm);
  // Whatever happened inside, nothing of it is to be left.
  await haltIfThere(host, zone);
}

/** Reboots a VM. Throws `VmNotFound`, `VmBadState`, `PayloadInvalid`, `TimedOut`. */
export async function rebootVm(ctx: Context, uuid: string, options: { readonly force?: boolean } = {}): Promise<void> {
  const vm = await loadVm(await ctx.host(), uuid, fields);
  const host = await ctx.host();
  const zone = zoneOf(vm);
  const state = String(vm.state);
  if (options.force === true) {
    if (state !== 'running') throw badState(`Cannot reset vm from state "${state}", must be "running".`);
    if (vm.brand === 'kvm') return hvmOf(host, vm.brand).reset(zone);
    return withVmLock(ctx, uuid, async () => {
      await host.zones.halt(zone);
      await prepareGuest(ctx, host, vm);
      await host.zones.boot(zone);
    });
  }
  const isStartable = vm.docker === true && state === 'stopped';
  if (state !== 'running' && !isStartable) throw badState(`Cannot reboot vm from state "${state}", must be "running"`);
  await requireNicTags(host, vm.nics ?? [], 'Cannot reboot vm: ');
  if (vm.brand === 'kvm') {
    await powerOff(ctx, host, vm, 'start', machineTimeout);
    return startVm(ctx, uuid).catch((error: unknown) => {
      // By a daemon of the platform that has seen it end, and where it was going.
      if (!hasCode(error, 'EALREADYRUNNING')) throw error;
    });
  }
  if (vm.docker === true || vm.brand === 'bhyve') {
    if (!isStartable) await stopVm(ctx, uuid, { timeout: containerTimeout });
    return startVm(ctx, uuid);
  }
  const before = await host.zones.runtime(zone);
  await askGuest(ctx, host, vm, 'reboot');
  const isBack = await until(ctx, rebootLimitMs, async () => {
    const now = await host.zones.runtime(zone);
    // Some hosts know the second of a boot only.
    return now !== undefined && (now.pid !== before?.pid || now.bootedAt !== before.bootedAt);
  });
  if (!isBack) throw vmError('TimedOut', 'timed out waiting for zone to reboot');
}

/**
 * Sends a signal to the init of a VM: a number, a name or a SIG name. Throws `VmNotFound`, `ENOTRUNNING`,
 * `PayloadInvalid` for an unknown signal.
 */
export async function killVm(ctx: Context, uuid: string, signal: string | number = 'SIGTERM'): Promise<void> {
  const vm = await loadVm(await ctx.host(), uuid, fields);
  const host = await ctx.host();
  const runtime = vm.zone_state === 'running' ? await host.zones.runtime(zoneOf(vm)) : undefined;
  if (runtime === undefined) throw vmError('ENOTRUNNING', `Cannot find running init PID for VM ${uuid}`);
  process.kill(runtime.pid, signalNumber(signal));
}

/** A number without a name is SIGTERM (`vmadm(8)`); 0 asks whether the process exists. */
function signalNumber(signal: string | number): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  if (/^\d+$/.test(String(signal))) {
    const number = Number(signal);
    return number === 0 || Object.values(numbers).includes(number) ? number : constants.signals.SIGTERM;
  }
  const name = String(signal);
  const known = name.startsWith('SIG') ? name : `SIG${name}`;
  const number = Object.hasOwn(numbers, known) ? numbers[known] : undefined;
  if (number === undefined) throw vmError('PayloadInvalid', `Unknown signal "${name}"`);
  return number;
}

/** Ends a VM at once, in every state, and keeps it from booting with the host. */
async function halt(ctx: Context, host: Host, vm: VmObject): Promise<void> {
  const zone = zoneOf(vm);
  const wasUp = vm.zone_state !== 'installed' && vm.zone_state !== 'configured' && vm.zone_state !== 'incomplete';
  await haltIfThere(host, zone);
  // Left over from a command that was asking it to stop.
  if (vm.state === 'stopping') await withVmLock(ctx, String(vm.uuid), () => setStopping(host, vm, undefined, 'stop'));
  if (!wasUp) throw vmError('VmBadState', `${besideWait}${notRunning(vm).message}`);
  await withVmLock(ctx, String(vm.uuid), () => setAutoboot(ctx, host, vm, false)).catch((error: unknown) => {
    ctx.log.warn({ err: error, zone }, 'cannot clear autoboot');
  });
}

/** Ends a zone; fine when it has ended meanwhile. */
async function haltIfThere(host: Host, zone: string): Promise<void> {
  await host.zones.halt(zone).catch((error: unknown) => {
    if (!hasCode(error, 'ZoneBadState') && !hasCode(error, 'ZoneNotFound')) throw error;
  });
}

async function shutDown(ctx: Context, host: Host, vm: VmObject): Promise<void> {
  await askGuest(ctx, host, vm, 'poweroff');
  await until(ctx, shutdownLimitMs, () => isDown(host, zoneOf(vm)));
}

/** SIGTERM to init, as container engines do, and the end after `seconds`. */
async function terminate(host: Host, vm: VmObject, seconds: number): Promise<void> {
  const runtime = await host.zones.runtime(zoneOf(vm));
  if (runtime === undefined) return;
  try {
    process.kill(runtime.pid, 'SIGTERM');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
  await until(undefined, seconds * 1000, () => isDown(host, zoneOf(vm)));
}

/**
 * Presses the power button of a running machine and ends it after `seconds`, whatever its guest makes of the button. A kvm
 * VM is seen stopping meanwhile, on its way to `target`.
 */
async function powerOff(
  ctx: Context,
  host: Host,
  vm: VmObject,
  target: 'stopped' | 'start',
  seconds: number,
): Promise<void> {
  const zone = zoneOf(vm);
  const isSeen = vm.brand === 'kvm';
  const doing = target === 'start' ? 'reboot' : 'stop';
  const stopping = `stopping:${target}:${Date.now() + seconds * 1000}`;
  if (isSeen) await withVmLock(ctx, String(vm.uuid), () => setStopping(host, vm, stopping, doing));
  try {
    await hvmOf(host, vm.brand)
      .powerDown(zone)
      .catch((error: unknown) => {
        // A machine that cannot even be asked is ended like one that does not listen.
        ctx.log.warn({ err: error, zone }, 'cannot press the power button');
      });
    await until(ctx, seconds * 1000, () => isDown(host, zone));
    await haltIfThere(host, zone);
  } finally {
    // Also when the command has been told to end.
    const tidying = { ...ctx, signal: new AbortController().signal };
    if (isSeen) await withVmLock(tidying, String(vm.uuid), () => setStopping(host, vm, undefined, doing));
  }
}

/** Notes that a machine is being stopped, or no longer is. */
async function setStopping(
  host: Host,
  vm: BootableVm,
  value: string | undefined,
  doing: 'start' | 'stop' | 'reboot',
): Promise<void> {
  await writeDown(host, vm, withAttr(await host.zones.config(zoneOf(vm)), 'transition', value), doing);
}

/** Runs the guest's own program for it; one that lacks all of them has its init told by a signal. */
async function askGuest(ctx: Context, host: Host, vm: VmObject, what: 'poweroff' | 'reboot'): Promise<void> {
  const zone = zoneOf(vm);
  for (const argv of brandOf(vm.brand).guestCommands(what, host.features.guestOs)) {
    try {
      const { status } = await host.zones.exec(zone, argv);
      if (status === 0) return;
      ctx.log.debug({ zone, argv, status }, 'guest cannot run it');
    } catch (error) {
      // It may have gone down while we were inside.
      if (await isDown(host, zone)) return;
      ctx.log.debug({ zone, argv, err: error }, 'guest cannot run it');
    }
  }
  const runtime = await host.zones.runtime(zone);
  if (runtime !== undefined) process.kill(runtime.pid, what === 'reboot' ? 'SIGINT' : 'SIGTERM');
}

async function isDown(host: Host, zone: string): Promise<boolean> {
  const record = await host.zones.find(zone);
  return record === undefined || record.state === 'installed' || record.state === 'configured';
}

/** Asks `done` again and again, ever more slowly. False when it did not come true in time. */
async function until(ctx: Context | undefined, limitMs: number, done: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  for (let pause = firstPollMs; !(await done()); pause = Math.min(pause * 1.5, longestPollMs)) {
    if (Date.now() > deadline) return false;
    ctx?.signal.throwIfAborted();
    await sleep(pause);
  }
  return true;
}

async function setAutoboot(ctx: Context, host: Host, vm: BootableVm, autoboot: boolean): Promise<void> {
  const zone = zoneOf(vm);
  const config = await host.zones.config(zone);
  const changed = withAutoboot(config, autoboot);
  if (changed === config) return;
  await writeDown(host, vm, changed, autoboot ? 'start' : 'stop');
  ctx.log.debug({ zone, autoboot }, 'autoboot set');
}

async function writeDown(host: Host, vm: BootableVm, config: ZoneConfig, doing: string): Promise<void> {
  const uuid = String(vm.uuid);
  const otherwise = `vmadm stop -F ${uuid} ends it all the same`;
  const writing = { doing, uuid, ...(doing === 'stop' ? { otherwise } : {}) };
  await sayingWhereUnwritable(host, writing, () => host.zones.configure(config));
}

function notRunning(vm: VmObject) {
  return vmError('ENOTRUNNING', `VM ${String(vm.uuid)} is already not 'running' (currently: ${String(vm.state)})`);
}

function badState(message: string) {
  return vmError('VmBadState', message);
}

function zoneOf(vm: Pick<VmObject, 'uuid' | 'zonename'>): string {
  return vm.zonename ?? String(vm.uuid);
}
