/** Writes the object of one file or directory: all of it, or what differs from an earlier snapshot. */
import { FileType } from './attributes.js';
import { roundUp } from './bytes.js';
import { ObjectType } from './records.js';
import { packAttributes } from './write-attributes.js';
import { Blocks } from './write-blocks.js';
import type { KnownShape } from './write-known.js';
import { rowIn, type Numbering } from './write-numbering.js';
import { toTheEnd, type RecordWriter } from './write-records.js';
import { largeBlock, type Described, type FileTable } from './write-source.js';
import { knownBonus, writeKnownContent, writeZap } from './write-tables.js';
import { buildZap, type Names } from './write-zap.js';

/** A file in one of the snapshots. */
export interface FileAt {
  readonly files: FileTable;
  readonly row: number;
  readonly described: Described;
  readonly shape: KnownShape;
}

const directoryKind = 4;
const fileKind = 8;

/**
 * Writes the records of `is`, which was `was` in the earlier snapshot; nothing when it is the same, unless `again`. Yields
 * where the writer may be emptied.
 */
export async function* writeFile(
  out: RecordWriter,
  numbering: Numbering,
  is: FileAt,
  was: FileAt | undefined,
  again: boolean,
): AsyncGenerator<void> {
  if (was !== undefined && !again && (await isEqual(is, was))) return;
  const { files, row, described, shape } = is;
  const number = numbering.number(files, row);
  const kind = files.kind(row);
  const { known } = numbering;
  const asReceived = known !== undefined && numbering.unchanged(files, row) !== undefined ? known : undefined;
  const zap =
    kind === directoryKind && asReceived === undefined ? buildZap(directory(numbering, files, row)) : undefined;
  const { bonus, spill } = asReceived === undefined ? bonusOf(numbering, number, is) : knownBonus(asReceived, number);
  const blockSize = zap?.blockSize ?? shape.blockSize;
  const type = kind === directoryKind ? ObjectType.directory : ObjectType.file;
  out.object(number, { type, blockSize, slots: shape.slots, bonus, hasSpill: spill !== undefined });
  const end = roundUp(described.size, blockSize);
  if (kind === directoryKind) {
    const used = zap === undefined || was !== undefined ? 0 : zap.blockSize * zap.blockCount;
    if (zap !== undefined || was !== undefined) out.free(number, used, toTheEnd);
    if (zap !== undefined) yield* writeZap(out, number, type, zap);
    else if (asReceived !== undefined) yield* writeKnownContent(out, asReceived, number);
  } else if (kind !== fileKind) {
    out.free(number, 0, toTheEnd);
  } else if (was === undefined) {
    out.free(number, end, toTheEnd);
    yield* writeBlocks(out, number, blocksOf(is, blockSize), end);
  } else if (was.shape.generation === shape.generation && was.shape.blockSize === blockSize) {
    out.free(number, end, toTheEnd);
    yield* writeDifference(out, number, blocksOf(was, blockSize), blocksOf(is, blockSize), end, blockSize);
  } else {
    out.free(number, 0, toTheEnd);
    yield* writeBlocks(out, number, blocksOf(is, blockSize), 0);
  }
  if (spill !== undefined) out.spill(number, spill);
}

/** Whether nothing changed after all; where that would take reading much, it is left to the blocks. */
async function isEqual(is: FileAt, was: FileAt): Promise<boolean> {
  if (is.files.change(is.row) !== was.files.change(was.row)) return false;
  if (!is.described.packed.equals(was.described.packed)) return false;
  if (is.files.kind(is.row) === fileKind && is.described.size > largeBlock) {
    const [now, then] = [blocksOf(is, largeBlock), blocksOf(was, largeBlock)];
    for (;;) {
      const [a, b] = [await now.next(), await then.next()];
      if (a === undefined || b === undefined) return a === b;
      if (a.offset !== b.offset || !a.bytes.equals(b.bytes)) return false;
    }
  }
  const [first, end] = is.files.entries(is.row);
  const [firstThen, endThen] = was.files.entries(was.row);
  if (end - first !== endThen - firstThen) return false;
  for (let entry = first; entry < end; entry += 1) {
    const then = firstThen + entry - first;
    const same =
      is.files.inode(is.files.entryRow(entry)) === was.files.inode(was.files.entryRow(then)) &&
      is.files.entryName(entry).equals(was.files.entryName(then));
    if (!same) return false;
  }
  return true;
}

function bonusOf(
  numbering: Numbering,
  number: number,
  { files, row, described, shape }: FileAt,
): { readonly bonus: Buffer; readonly spill?: Buffer } {
  const kind = described.mode & FileType.mask;
  const isDirectory = kind === FileType.directory;
  const isDevice = kind === FileType.blockDevice || kind === FileType.characterDevice;
  const [first, end] = files.entries(row);
  return packAttributes(
    {
      ...described,
      size: isDirectory ? end - first + 2 : kind === FileType.file ? described.size : described.target.length,
      links: isDirectory ? 2 + subdirectories(files, first, end) : described.links,
      generation: shape.generation,
      parent: row === 0 ? number : numbering.number(files, rowIn(files, files, files.parent(row))),
      device: isDevice ? described.device : undefined,
      target: kind === FileType.symlink ? described.target : undefined,
      more: shape.parts[0],
    },
    numbering.layouts,
  );
}

function directory(numbering: Numbering, files: FileTable, row: number): Names {
  const [first, end] = files.entries(row);
  return {
    count: end - first,
    name: (index) => files.entryName(first + index),
    value: (index) => {
      const child = files.entryRow(first + index);
      return (BigInt(files.kind(child)) << 60n) | BigInt(numbering.number(files, child));
    },
  };
}

function subdirectories(files: FileTable, first: number, end: number): number {
  let count = 0;
  for (let entry = first; entry < end; entry += 1) {
    if (files.kind(files.entryRow(entry)) === directoryKind) count += 1;
  }
  return count;
}

function blocksOf({ files, row, described }: FileAt, blockSize: number): Blocks {
  const content = described.size <= largeBlock ? described.content : undefined;
  return new Blocks(files.reader, files.path(row), blockSize, content);
}

/** All blocks, and what lies between them up to `end` as holes. */
export async function* writeBlocks(
  out: RecordWriter,
  number: number,
  blocks: Blocks,
  end: number,
  type: number = ObjectType.file,
): AsyncGenerator<void> {
  let next = 0;
  for (let block = await blocks.next(); block !== undefined; block = await blocks.next()) {
    const { offset, bytes } = block;
    if (end > 0 && offset > next) out.free(number, next, offset - next);
    out.write(number, type, offset, bytes.length, bytes);
    next = offset + bytes.length;
    if (out.full) yield;
  }
  if (end > next) out.free(number, next, end - next);
}

/** Blocks that differ, and holes that are new before `end`. */
export async function* writeDifference(
  out: RecordWriter,
  number: number,
  old: Blocks,
  now: Blocks,
  end: number,
  blockSize: number,
  type: number = ObjectType.file,
): AsyncGenerator<void> {
  let [then, is] = [await old.next(), await now.next()];
  let [holeFrom, holeTo] = [0, 0];
  const punch = (): void => {
    if (holeTo > holeFrom) out.free(number, holeFrom, holeTo - holeFrom);
    [holeFrom, holeTo] = [0, 0];
  };
  while (then !== undefined || is !== undefined) {
    const at = Math.min(then?.offset ?? Infinity, is?.offset ?? Infinity);
    const [wasThere, isThere] = [then?.offset === at, is?.offset === at];
    if (is === undefined || !isThere) {
      // What lies past the end has been freed.
      if (at >= end) break;
      if (holeTo !== at || holeFrom === holeTo) {
        punch();
        holeFrom = at;
      }
      holeTo = at + blockSize;
    } else if (!wasThere || then?.bytes.equals(is.bytes) !== true) {
      punch();
      out.write(number, type, at, blockSize, is.bytes);
    }
    if (out.full) yield;
    if (wasThere) then = await old.next();
    if (isThere) is = await now.next();
  }
  punch();
}
