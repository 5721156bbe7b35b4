/**
 * Has a script prepare a VM for becoming an image: inside it, by the guest's own tools, with snapshots to go back to
 * (`imgadm(8)`, create).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import type { SourceVm } from './create-manifest.js';
import { imgError } from './errors.js';
import type { Narration } from './narration.js';

/** What is done with a VM; the caller knows how. */
export interface VmHandle {
  /** The VM as it is now; undefined when there is none. */
  get(): Promise<SourceVm | undefined>;
  stop(options?: { readonly force?: boolean }): Promise<void>;
  start(): Promise<void>;
  update(payload: Readonly<Record<string, unknown>>): Promise<void>;
}

const prePrepare = 'imgadm-create-pre-prepare';
const limitMs = 300_000;
const startPollMs = 2000;
const pollMs = 1000;

function datasetsOf(vm: SourceVm): readonly string[] {
  const disks = vm.brand === 'kvm' || vm.brand === 'bhyve' ? (vm.disks ?? []) : [];
  const names = [vm.zfs_filesystem, ...disks.map((disk) => disk.zfs_filesystem)];
  return names.filter((name) => name !== undefined);
}

/** Takes the snapshots that {@link takeBack} goes back to. */
export async function snapshotBefore(ctx: Context, host: Host, vm: SourceVm, narration: Narration): Promise<void> {
  narration.say(`Snapshotting VM "${vm.uuid}" to @${prePrepare}`);
  for (const dataset of datasetsOf(vm)) {
    ctx.signal.throwIfAborted();
    await host.datasets.snapshot(`${dataset}@${prePrepare}`);
  }
}

/** Runs the script. Throws `PrepareImageDidNotRun` and `PrepareImageError`. */
export async function prepare(
  ctx: Context,
  vm: SourceVm,
  handle: VmHandle,
  script: string,
  narration: Narration,
): Promise<void> {
  const { uuid } = vm;
  const failed = (details: string) => {
    const shown = details === '' ? '' : details.includes('\n') ? `:\n    ...\n${indent(details)}` : `: ${details}`;
    return imgError('PrepareImageError', `prepare-image script error while preparing VM ${uuid}${shown}`);
  };
  await handle.update({ set_internal_metadata: { 'operator-script': script } });
  await handle.update({ remove_customer_metadata: ['prepare-image:state', 'prepare-image:error'] });
  narration.say(`Preparing VM ${uuid} (starting it)`);
  await handle.start();
  const told = (now: SourceVm): string | undefined => {
    const state = now.customer_metadata?.['prepare-image:state'];
    return typeof state === 'string' && state !== '' ? state : undefined;
  };
  if (!(await becomes(ctx, handle, startPollMs, (now) => told(now) !== undefined))) {
    narration.say('Timeout waiting for prepare-image script to signal it started');
    throw imgError('PrepareImageDidNotRun', `prepare-image script did not run on VM ${uuid} boot`);
  }
  narration.say('Prepare script is running');
  const isOver = (now: SourceVm): boolean => ['success', 'error'].includes(told(now) ?? '');
  const over = await becomes(ctx, handle, pollMs, isOver);
  if (!over) throw failed('prepare-image script did not complete');
  if (told(over) === 'error') throw failed(toldError(over));
  narration.say('Prepare script succeeded');
  if (!(await becomes(ctx, handle, pollMs, ({ state }) => state === 'stopped'))) throw failed('VM did not shutdown');
  narration.say(`Prepare script stopped VM ${uuid}`);
}

function toldError({ customer_metadata: metadata }: SourceVm): string {
  const text = metadata?.['prepare-image:error'];
  return typeof text === 'string' ? text : '';
}

/** The VM once `done` says so; undefined when that takes too long. */
async function becomes(
  ctx: Context,
  handle: VmHandle,
  everyMs: number,
  done: (vm: SourceVm) => boolean,
): Promise<SourceVm | undefined> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const vm = await handle.get();
    if (vm !== undefined && done(vm)) return vm;
    if (Date.now() >= deadline) return undefined;
    await sleep(everyMs, undefined, { signal: ctx.signal });
  }
}

/** Whether a create that was killed has left snapshots to go back to. */
export async function isBetween(host: Host, vm: SourceVm): Promise<boolean> {
  const [first] = datasetsOf(vm);
  return first !== undefined && (await host.datasets.find(`${first}@${prePrepare}`)) !== undefined;
}

/** Takes the VM back to what it was before. */
export async function takeBack(host: Host, vm: SourceVm, handle: VmHandle, narration: Narration): Promise<void> {
  narration.say(`Rollback VM ${vm.uuid} to pre-prepare snapshot (cleanup)`);
  if ((await handle.get())?.state !== 'stopped') await handle.stop({ force: true });
  const snapshots = datasetsOf(vm).map((dataset) => `${dataset}@${prePrepare}`);
  const there: string[] = [];
  for (const snapshot of snapshots) if ((await host.datasets.find(snapshot)) !== undefined) there.push(snapshot);
  for (const snapshot of there) await host.datasets.rollback(snapshot);
  for (const snapshot of there) await host.datasets.destroy(snapshot);
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
