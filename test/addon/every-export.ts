/** What the tests of an addon ask of each of its exports: failures that are documented, wrong arguments, a thousand at once. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { codeOf } from '../../lib/errors.js';

/** One export, or one method of a handle. */
export interface ExportEntry {
  /** Arguments that are good, with all that may be given. */
  readonly args: readonly unknown[];
  /** How many of them must be given. */
  readonly required: number;
  /** Calls that fail, by their codes: at least those that its documentation names. */
  readonly fails: Readonly<Record<string, () => unknown>>;
  /** What is called a thousand times at once, and how many of these end how: `done`, or by a code. */
  readonly many: (index: number) => unknown;
  readonly ends: Readonly<Record<string, number>>;
  /** Before the thousand. */
  readonly prepare?: () => Promise<unknown>;
}

/** The codes that the documentation of each method of an interface names. */
export function documentedCodes(file: string, name: string): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(new URL(`../../lib/host/${file}`, import.meta.url), 'utf8');
  const [, body = ''] = new RegExp(`export interface ${name}\\b[^{]*\\{\n(.*?)\n\\}\n`, 's').exec(text) ?? [];
  const codes = new Map<string, readonly string[]>();
  const methods = body.matchAll(/^ {2}(?:\/\*\*((?:(?!\*\/).)*)\*\/\n {2})?(\w+)(?:<[^(]*>)?\(/gms);
  for (const [, comment = '', method = ''] of methods) {
    const named = [...comment.matchAll(/`((?:E|DLADM_STATUS_|Z_)[A-Z0-9_]+)`/g)].map(([, code = '']) => code);
    // One that may be called in several ways is there several times.
    codes.set(method, [...(codes.get(method) ?? []), ...named]);
  }
  assert.ok(codes.size > 0, `${file} has no ${name}`);
  return codes;
}

/** What is wrong in the place of `good`, whatever the place. */
function wrongFor(good: unknown): readonly unknown[] {
  const never = [null, Symbol('x'), () => undefined];
  if (typeof good === 'string') return [...never, 1, true, {}, [], 'a\0b', 'x'.repeat(70_000)];
  if (typeof good === 'boolean') return [...never, 1, 'true', {}];
  if (typeof good === 'number') return [...never, '1', true, {}, 1n, -1, 1.5, NaN, Infinity, 2 ** 53];
  if (typeof good === 'bigint') return [...never, 1, '1', true, {}, -1n, 2n ** 64n];
  if (good instanceof Uint8Array) return [...never, 1, 'x', {}, [1, 2], new Uint16Array(6)];
  if (Array.isArray(good)) return [...never, 1, 'x', {}];
  return [...never, 1, 'x', []];
}

/** `good` with one thing in it replaced by something wrong, for each thing and all that is wrong. */
function* spoiled(good: unknown): Generator {
  yield* wrongFor(good);
  if (typeof good !== 'object' || good === null || good instanceof Uint8Array) return;
  if (Array.isArray(good)) {
    for (const [index, each] of good.entries()) for (const bad of spoiled(each)) yield good.with(index, bad);
    return;
  }
  for (const [key, each] of Object.entries(good)) for (const bad of spoiled(each)) yield { ...good, [key]: bad };
}

/** That a call is refused at once, before any work. */
export function refusesWrongArguments(of: object, name: string, entry: ExportEntry): void {
  const functions = of as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;
  const refused = (args: readonly unknown[]) => {
    assert.throws(
      () => functions[name]?.(...args),
      (error) => error instanceof TypeError || error instanceof RangeError,
      inspect(args, { depth: 5, maxStringLength: 20 }),
    );
  };
  for (let given = 0; given < entry.required; given += 1) refused(entry.args.slice(0, given));
  for (const [index, good] of entry.args.entries()) {
    for (const bad of spoiled(good)) refused(entry.args.with(index, bad));
  }
}

/** That a thousand calls at once end as the entry says. */
export async function endsAThousand(entry: ExportEntry): Promise<void> {
  await entry.prepare?.();
  // A call may also fail at once.
  const calls = Array.from({ length: 1000 }, async (_, index) => await entry.many(index));
  const ends: Record<string, number> = {};
  for (const each of await Promise.allSettled(calls)) {
    const end = each.status === 'fulfilled' ? 'done' : (codeOf(each.reason) ?? String(each.reason));
    ends[end] = (ends[end] ?? 0) + 1;
  }
  assert.deepEqual(ends, entry.ends);
}
