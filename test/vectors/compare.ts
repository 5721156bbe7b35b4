/** How what happened differs from what was recorded. */
import type { Invocation } from './records.js';
import type { Outcome } from './captured-cli.js';

/** What differs, in words; undefined when all is as recorded. */
export function differenceOf(wanted: Invocation, outcome: Outcome): string | undefined {
  const { exit, stdout, stderr, order_free: isFree } = wanted;
  if (stderr !== outcome.stderr) return `stderr: ${unequal(stderr, outcome.stderr)}`;
  if (exit !== outcome.exit) return `exit: ${unequal(exit, outcome.exit)}`;
  if (stdout === null) return outcome.stdout + outcome.stderr === '' ? 'nothing was printed' : undefined;
  const [a, b] = isFree === true ? [sorted(stdout), sorted(outcome.stdout)] : [stdout, outcome.stdout];
  return a === b ? undefined : `stdout: ${unequal(a, b)}`;
}

/** Both sides from where they part, in one line. */
export function unequal(wanted: unknown, found: unknown): string {
  const [a, b] = [wanted, found].map((side) =>
    typeof side === 'string' ? side : side === undefined ? 'nothing' : JSON.stringify(side),
  );
  if (a === undefined || b === undefined) return '';
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const from = Math.max(0, at - 40);
  const cut = (text: string) => JSON.stringify(text.slice(from, at + 120));
  return `wanted ${cut(a)}, found ${cut(b)}`;
}

/** Lines, or the elements of a JSON array, without their order. */
function sorted(text: string): string {
  const parts = text.startsWith('[')
    ? (JSON.parse(text) as unknown[]).map((each) => JSON.stringify(each))
    : text.split('\n');
  return parts.sort().join('\n');
}
