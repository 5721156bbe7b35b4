/** What a stream has to say, by object: everything of a snapshot, or what has changed since another. */
import { firstOfAttributes } from './write-known.js';
import { rowIn, type Numbering } from './write-numbering.js';
import type { FileTable } from './write-source.js';

export type Task =
  | { readonly number: number; readonly do: 'free' | 'known' | 'layouts' }
  /** `again`: even if nothing of it changed. */
  | { readonly number: number; readonly do: 'file'; readonly row: number; readonly again: boolean };

export interface Tasks {
  /** Ascending by number. */
  readonly tasks: readonly Task[];
  /** Objects of extended attributes that are gone, with numbers that come after all others. */
  readonly freedParts: readonly number[];
  /** Files that are gone, whose extended attributes have to be asked for: rows of the earlier snapshot. */
  readonly freedOwners: readonly number[];
}

/**
 * What was changed so shortly before a snapshot was made may have been changed once more right after it, at the same time as
 * the kernel counts it. In nanoseconds, from when the root was given its attributes, which is a little later.
 */
const unsettled = 1_000_000_000n;

const byNumber = (a: Task, b: Task): number => a.number - b.number;

export function allTasks(numbering: Numbering, files: FileTable): Tasks {
  const tasks: Task[] = [];
  for (let row = 0; row < files.count; row += 1) {
    tasks.push({ number: numbering.number(files, row), do: 'file', row, again: false });
    for (const number of numbering.unchanged(files, row)?.parts ?? []) tasks.push({ number, do: 'known' });
  }
  for (const number of numbering.known?.others() ?? []) {
    tasks.push({ number, do: number === numbering.fixed.layouts ? 'layouts' : 'known' });
  }
  return { tasks: tasks.sort(byNumber), freedParts: [], freedOwners: [] };
}

export function changeTasks(numbering: Numbering, from: FileTable, to: FileTable): Tasks {
  const tasks: Task[] = [];
  const freedParts: number[] = [];
  const freedOwners: number[] = [];
  const settled = from.change(0) - unsettled;
  const isSame = (then: number, now: number): boolean => {
    const change = from.change(then);
    return change === to.change(now) && change < settled;
  };
  for (let row = 0; row < from.count; row += 1) {
    const now = rowIn(to, from, row);
    if (now >= 0 && isSame(row, now)) continue;
    if (now < 0) tasks.push({ number: numbering.number(from, row), do: 'free' });
    const then = numbering.unchanged(from, row);
    if (now < 0 && then === undefined) freedOwners.push(row);
    const stay = now < 0 ? [] : (numbering.unchanged(to, now)?.parts ?? []);
    for (const number of then?.parts ?? []) {
      if (stay.includes(number)) continue;
      if (number >= firstOfAttributes) freedParts.push(number);
      else tasks.push({ number, do: 'free' });
    }
  }
  const changed = new Set<number>();
  const replaced = new Set<number>();
  for (let row = 0; row < to.count; row += 1) {
    const then = rowIn(from, to, row);
    if (then >= 0 && isSame(then, row)) continue;
    if (then >= 0 && numbering.isReplaced(from, then, to, row)) replaced.add(row);
    changed.add(row);
  }
  // Whoever receives another generation of a file expects it in its directories, as if it had been removed and made.
  const again = replaced.size === 0 ? new Set<number>() : directoriesOf(to, replaced);
  for (const row of new Set([...changed, ...again])) {
    tasks.push({ number: numbering.number(to, row), do: 'file', row, again: again.has(row) });
  }
  // Whatever comes after the received snapshot has the larger table.
  const { known, layouts, fixed } = numbering;
  if (known?.files === from && layouts.grown) tasks.push({ number: fixed.layouts, do: 'layouts' });
  return { tasks: tasks.sort(byNumber), freedParts, freedOwners };
}

/** The directories in which any of `rows` has a name. */
function directoriesOf(files: FileTable, rows: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  for (let row = 0; row < files.count; row += 1) {
    const [first, end] = files.entries(row);
    for (let entry = first; entry < end; entry += 1) if (rows.has(files.entryRow(entry))) found.add(row);
  }
  return found;
}
