/** Writes the objects of a filesystem between BEGIN and END: all of a snapshot, or what has changed since another. */
import { roundUp, unsendable } from './bytes.js';
import { firstOfAttributes } from './write-known.js';
import { writeFile, type FileAt } from './write-file.js';
import { rowIn, type Numbering } from './write-numbering.js';
import { writePart } from './write-parts.js';
import type { RecordWriter } from './write-records.js';
import { largeBlock, type Described, type FileTable } from './write-source.js';
import { writeKnown, writeLayouts, writeTables } from './write-tables.js';
import { allTasks, changeTasks, type Task } from './write-tasks.js';

/** Objects in a block of them: a stream says of each whether it is in use. */
const objectsPerBlock = 32;

/** Yields where the writer may be emptied, at least after every record once it is full. */
export async function* writeFilesystem(
  out: RecordWriter,
  numbering: Numbering,
  to: FileTable,
  from?: FileTable,
): AsyncGenerator<void> {
  const { tasks, freedParts, freedOwners } =
    from === undefined ? allTasks(numbering, to) : changeTasks(numbering, from, to);
  const parts = new Parts(freedParts);
  const described = describing(numbering, tasks, to, from);
  if (from === undefined && numbering.known === undefined) yield* writeTables(out, numbering);
  for (const task of tasks) {
    if (from === undefined) out.freeUpTo(task.number);
    if (task.do === 'file') {
      const { is, was } = await described(task.row);
      parts.note(numbering, is, was);
      yield* writeFile(out, numbering, is, was, task.again);
    } else if (task.do === 'free') {
      out.freeObjects(task.number, 1);
    } else if (task.do === 'layouts') {
      yield* writeLayouts(out, numbering, from === undefined);
    } else if (numbering.known !== undefined) {
      yield* writeKnown(out, numbering.known, task.number);
    }
    if (out.full) yield;
  }
  if (from !== undefined) {
    for await (const { row, described: gone } of from.describe(freedOwners, 0)) {
      parts.free(numbering.shape(from, row, gone).parts);
    }
  }
  yield* parts.write(out, numbering, to, from === undefined);
  if (from === undefined) out.freeUpTo(roundUp(out.nextNumber, objectsPerBlock));
}

/** Describes the files of the tasks one after the other, in both snapshots. */
function describing(
  numbering: Numbering,
  tasks: readonly Task[],
  to: FileTable,
  from: FileTable | undefined,
): (row: number) => Promise<{ readonly is: FileAt; readonly was: FileAt | undefined }> {
  const rows = tasks.flatMap((task) => (task.do === 'file' ? [task.row] : []));
  const then = (row: number): number => (from === undefined ? -1 : rowIn(from, to, row));
  const now = to.describe(rows, largeBlock);
  const before = from?.describe(
    rows.map(then).filter((row) => row >= 0),
    largeBlock,
  );
  const at = (files: FileTable, row: number, described: Described): FileAt => ({
    files, row, described, shape: numbering.shape(files, row, described),
  }); // prettier-ignore
  return async (row) => {
    const is = at(to, row, await next(now));
    const old = then(row);
    if (from === undefined || before === undefined || old < 0) return { is, was: undefined };
    return { is, was: at(from, old, await next(before)) };
  };
}

async function next(from: AsyncGenerator<{ readonly described: Described }>): Promise<Described> {
  const found = await from.next();
  if (found.done === true) throw unsendable('a file is gone');
  return found.value.described;
}

/** Objects of extended attributes, which come after all others. */
class Parts {
  /** Row of the file each belongs to; undefined for those that are gone. */
  private readonly owners = new Map<number, number | undefined>();

  constructor(freed: readonly number[]) {
    this.free(freed);
  }

  free(numbers: readonly number[]): void {
    for (const number of numbers) if (number >= firstOfAttributes) this.owners.set(number, undefined);
  }

  /** Takes note of the parts that a file has and had. */
  note(numbering: Numbering, is: FileAt, was: FileAt | undefined): void {
    const stay = is.shape.parts;
    this.free((was?.shape.parts ?? []).filter((number) => !stay.includes(number)));
    if (numbering.unchanged(is.files, is.row) !== undefined) return;
    for (const number of stay) this.owners.set(number, is.row);
  }

  async *write(out: RecordWriter, numbering: Numbering, files: FileTable, isFull: boolean): AsyncGenerator<void> {
    let owner: FileAt | undefined;
    for (const number of [...this.owners.keys()].sort((a, b) => a - b)) {
      const row = this.owners.get(number);
      if (isFull) out.freeUpTo(number);
      if (row === undefined) {
        out.freeObjects(number, 1);
      } else {
        if (owner?.row !== row) {
          const described = await files.describeOne(row);
          owner = { files, row, described, shape: numbering.shape(files, row, described) };
        }
        writePart(out, numbering, number, owner, isFull);
      }
      if (out.full) yield;
    }
  }
}
