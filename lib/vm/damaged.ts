/** What is damaged of one VM, or its line of the index, keeps nobody from the others: it is told, and passed over. */
import type { Context } from '../context.js';
import { describeError, hasCode } from '../errors.js';

/** Told of a damaged file; the error names it. */
export type Damaged = (error: unknown) => void;

const codes = ['ZoneInvalid', 'ZoneNotFound', 'VmDamaged', 'InvalidJson'];

/** Whether `error` says that something of a VM is damaged, as opposed to the host. */
export function isDamage(error: unknown): boolean {
  return codes.some((code) => hasCode(error, code));
}

/** Tells the log and, once for each command, the user. */
export function damagedIn(ctx: Context): Damaged {
  return (error) => {
    const text = describeError(error);
    const told = toldIn.get(ctx) ?? new Set();
    toldIn.set(ctx, told);
    if (told.has(text)) return;
    told.add(text);
    ctx.log.warn({ err: error }, 'a file of a VM is damaged');
    ctx.warn?.(text);
  };
}

const toldIn = new WeakMap<Context, Set<string>>();
