/**
 * Which number an object has, and how it is stored: both follow from the files, or from the stream that they were once
 * received as, so that nothing has to be remembered from one stream to the next.
 */
import { FileType } from './attributes.js';
import { roundUp, unsendable } from './bytes.js';
import { newLayouts, type LayoutTable } from './write-attributes.js';
import { firstOfAttributes, type FixedObjects, type KnownObjects, type KnownShape } from './write-known.js';
import { largeBlock, type Described, type FileTable } from './write-source.js';

const smallBlock = 512;

const newObjects: FixedObjects = { attributes: 2, queue: 3, registry: 4, layouts: 5, root: 6 };
/** Number of inode 0, were there one. */
const firstInode = 16;
const mostNumber = 2 ** 36;
/** A file of fewer extended attributes has their numbers close to each other, one with more far away. */
const fewParts = 8;
const manyParts = 1024;
const firstOfMany = 2 ** 44;

/** Tells a file that outgrew its one block from the one it was: the size of blocks cannot change back. */
const largeGeneration = 1n << 40n;

/** The row in `table` of the file at `row` of `other`; -1 for none. The root is the root whatever its inode is. */
export function rowIn(table: FileTable, other: FileTable, row: number): number {
  return row === 0 ? 0 : table.find(other.inode(row));
}

export class Numbering {
  /** What was received, when the files come from there. */
  readonly known: KnownObjects | undefined;
  readonly fixed: FixedObjects;
  readonly layouts: LayoutTable;

  constructor(known: KnownObjects | undefined) {
    this.known = known;
    this.fixed = known?.fixed ?? newObjects;
    this.layouts = known?.layouts ?? newLayouts();
  }

  /** Object number of a file. */
  number(files: FileTable, row: number): number {
    if (row === 0) return this.fixed.root;
    const { known } = this;
    const at = known === undefined ? -1 : rowIn(known.files, files, row);
    if (known !== undefined && at > 0) return known.number(at);
    const number = (known?.firstNew ?? firstInode) + files.inode(row);
    if (number >= mostNumber) throw unsendable(`inode number ${files.inode(row)} is too high`);
    return number;
  }

  /** Of a file that is still what it was when it was received: how it is stored. */
  unchanged(files: FileTable, row: number): KnownShape | undefined {
    const { known } = this;
    if (known === undefined) return undefined;
    const at = rowIn(known.files, files, row);
    const same = at >= 0 && (known.files === files || known.files.change(at) === files.change(row));
    return same ? known.shape(known.number(at)) : undefined;
  }

  /** Whether a file needs another generation, since it outgrew its block or fits into one again. */
  isReplaced(from: FileTable, then: number, to: FileTable, now: number): boolean {
    if (from.isLarge(then) === to.isLarge(now)) return false;
    const { known } = this;
    const at = known === undefined ? -1 : rowIn(known.files, to, now);
    return known === undefined || at < 0 || !known.shape(known.number(at)).several;
  }

  /** How a file is stored. */
  shape(files: FileTable, row: number, described: Described): KnownShape {
    const unchanged = this.unchanged(files, row);
    if (unchanged !== undefined) return unchanged;
    const { known } = this;
    const at = known === undefined ? -1 : rowIn(known.files, files, row);
    const base = known === undefined || at < 0 ? undefined : known.shape(known.number(at));
    const parts = partsOf(this.number(files, row), described.attributes.length);
    if (base?.several === true) return { ...base, parts };
    const isFile = (described.mode & FileType.mask) === FileType.file;
    const large = isFile && described.size > largeBlock;
    const born = row === 0 || described.born.seconds <= 0n ? 1n : described.born.seconds;
    const generation = base?.generation ?? born;
    return {
      generation: large ? generation ^ largeGeneration : generation,
      blockSize: large ? largeBlock : isFile ? Math.max(smallBlock, roundUp(described.size, 512)) : smallBlock,
      several: large,
      slots: base?.slots ?? 1,
      parts,
    };
  }
}

/** Objects of the extended attributes of an object: their directory, and one for each. */
function partsOf(number: number, count: number): number[] {
  if (count === 0) return [];
  if (count >= manyParts) throw unsendable(`a file has ${count} extended attributes`);
  const first = count < fewParts ? firstOfAttributes + number * fewParts : firstOfMany + number * manyParts;
  return Array.from({ length: count + 1 }, (_, index) => first + index);
}
