/**
 * Puts files of a full stream where they belong while it is still being read, as far as it has told their directories by
 * then: a sender goes by object numbers, and files mostly have higher ones than the directory they are in. What is not
 * told in time waits in the stage.
 */
import { codeOf } from '../../errors.js';
import { FileType, type Attributes } from './attributes.js';
import type { ObjectSet } from './apply.js';
import { FileReader, isName, mostNameBytes, type DirectoryEntry } from './files.js';
import { ObjectFlag } from './objects.js';
import { ObjectType } from './records.js';

/** Most names that are remembered until their objects come: some 5 MB. */
const mostPending = 100_000;
/** Most directories that are made for one file. */
const mostDepth = 256;

const empty = Buffer.alloc(0);

/**
 * What it relies on (tables, directories) is sealed: the records that would change it later are refused, so all of it is
 * found as it was when the tree is finished.
 */
export class EarlyTree {
  private readonly set: ObjectSet;
  private readonly files: FileReader;
  private root: number | undefined;
  /** Position in the ledger of the place of each object that a directory names, until the object is put there. */
  private readonly places = new Map<number, number>();
  /** Directory whose names the commands are about. */
  private folder: number | undefined;

  constructor(set: ObjectSet) {
    this.set = set;
    this.files = new FileReader(set, () => undefined);
  }

  /** Makes the file that is object `number` at its place; its attributes, or undefined when it has to wait. */
  make(number: number, row: number): Attributes | undefined {
    const { fresh, ledger, commands } = this.set;
    if (fresh.has(row, ObjectFlag.spill) || !this.isReady(number)) return undefined;
    const attributes = this.attributes(row);
    if (attributes === undefined || attributes.links !== 1 || !this.makeFolder(attributes.parent, number)) {
      return undefined;
    }
    const position = this.places.get(number);
    if (position === undefined) return undefined;
    const directory = ledger.placeDirectory(position);
    if (directory !== attributes.parent) return undefined;
    this.put(number, row, position);
    this.enter(directory);
    commands.makeFile(ledger.placeName(position), attributes.mode);
    return attributes;
  }

  /** Goes on writing a file that was made. */
  reopen(number: number, row: number): Attributes | undefined {
    const { fresh, ledger, commands } = this.set;
    const position = fresh.placeAt.get(row);
    this.enter(ledger.placeDirectory(position));
    commands.edit(ledger.placeName(position));
    fresh.clear(row, ObjectFlag.finished);
    return this.attributes(row);
  }

  /** Whether the tables are there that attributes and the root need. */
  private isReady(number: number): boolean {
    if (this.root !== undefined) return true;
    const tables = this.files.tablesBefore(number);
    if (tables === undefined) return false;
    const { fresh, ledger } = this.set;
    for (const table of tables) fresh.mark(fresh.find(table), ObjectFlag.sealed);
    const root = this.files.rootDirectory();
    this.files.readLayouts();
    const row = fresh.find(root);
    fresh.placeAt.set(row, ledger.appendPlace(0, empty));
    fresh.mark(row, ObjectFlag.placed);
    this.root = root;
    return true;
  }

  /** Undefined where they cannot be read yet, or ever: that is told when the tree is finished. */
  private attributes(row: number): Attributes | undefined {
    try {
      return this.files.read({ table: this.set.fresh, row });
    } catch (error) {
      if (codeOf(error)?.startsWith('Stream') !== true) throw error;
      return undefined;
    }
  }

  /** Makes directory `number` with all above, and reads what it holds; false when that is not known before `object`. */
  private makeFolder(number: number, object: number): boolean {
    const { fresh } = this.set;
    const missing: { readonly number: number; readonly row: number }[] = [];
    for (let at = number, below = object; ;) {
      // So there are no circles either.
      const row = at > 0 && at < below ? fresh.find(at) : -1;
      if (row < 0 || fresh.type.get(row) !== ObjectType.directory) return false;
      if (fresh.has(row, ObjectFlag.placed)) {
        if (!this.open(row, at)) return false;
        break;
      }
      if (missing.push({ number: at, row }) > mostDepth) return false;
      below = at;
      const attributes = this.attributes(row);
      if (attributes === undefined) return false;
      at = attributes.parent;
    }
    for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
      const position = this.places.get(next.number);
      if (position === undefined) return false;
      const { ledger, commands } = this.set;
      this.enter(ledger.placeDirectory(position));
      commands.makeFolder(ledger.placeName(position));
      this.put(next.number, next.row, position);
      if (!this.open(next.row, next.number)) return false;
    }
    return true;
  }

  /** Reads and seals a directory, once; false when it cannot be. */
  private open(row: number, number: number): boolean {
    const { fresh, ledger } = this.set;
    if (fresh.has(row, ObjectFlag.sealed)) return true;
    if (fresh.extent.get(row) === 0 || this.places.size >= mostPending) return false;
    fresh.mark(row, ObjectFlag.sealed);
    for (const entry of this.files.entries(fresh, row)) {
      if (this.places.size >= mostPending) break;
      if (!mayBeEarly(entry) || entry.object <= number) continue;
      this.places.set(entry.object, ledger.appendPlace(number, entry.name));
    }
    return true;
  }

  private put(number: number, row: number, position: number): void {
    const { fresh } = this.set;
    this.places.delete(number);
    fresh.placeAt.set(row, position);
    fresh.mark(row, ObjectFlag.placed | ObjectFlag.early);
  }

  private enter(directory: number): void {
    if (this.folder === directory) return;
    this.set.commands.folder(this.set.pathOf(directory) ?? empty);
    this.folder = directory;
  }
}

/** Other kinds of entries, and those that will be refused, are left for the end. */
function mayBeEarly({ name, type }: DirectoryEntry): boolean {
  if (type !== 0 && type !== FileType.file >>> 12 && type !== FileType.directory >>> 12) return false;
  return isName(name) && name.length <= mostNameBytes;
}
