/** Boots what is to run whenever the host does. */
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import { damagedIn } from './damaged.js';
import { loadVms } from './load.js';
import { startVm } from './power.js';

/** VMs that boot at the same time: more would only wait for the disk together. */
const atOnce = 4;

export interface Autobooted {
  readonly uuid: string;
  /** Why it does not run; undefined where it does. */
  readonly error: unknown;
}

/**
 * Boots every stopped VM whose `autoboot` is true, as SmartOS does when a host comes up. One that cannot be booted keeps
 * no other from it. `report` is told of each as it comes.
 */
export async function autobootVms(ctx: Context, report: (vm: Autobooted) => void): Promise<readonly Autobooted[]> {
  const vms = await loadVms(await ctx.host(), ['uuid', 'zonename', 'brand', 'autoboot', 'state'], damagedIn(ctx));
  const waiting = vms.filter((vm) => vm.autoboot === true && vm.state === 'stopped').map((vm) => String(vm.uuid));
  const done: Autobooted[] = [];
  const work = async (): Promise<void> => {
    for (let uuid = waiting.shift(); uuid !== undefined; uuid = waiting.shift()) {
      ctx.signal.throwIfAborted();
      const error = await bootOne(ctx, uuid);
      done.push({ uuid, error });
      report({ uuid, error });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return done;
}

async function bootOne(ctx: Context, uuid: string): Promise<unknown> {
  try {
    await startVm(ctx, uuid);
    return undefined;
  } catch (error) {
    // Somebody else was faster, or has deleted it.
    return codeOf(error) === 'EALREADYRUNNING' || codeOf(error) === 'VmNotFound' ? undefined : error;
  }
}
