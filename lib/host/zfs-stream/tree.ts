/**
 * Makes the tree of a filesystem what its objects say, once a stream has been read: names that are gone are taken out,
 * new ones put in, then attributes set. A full stream is the case in which all is new.
 */
import { invalid, unsupported } from './bytes.js';
import { FileType, type Attributes } from './attributes.js';
import type { ObjectSet } from './apply.js';
import { FileReader, isName, mostNameBytes, type Loss } from './files.js';
import { makeEntry } from './make-entry.js';
import { NameTable, partOf } from './name-table.js';
import { ObjectFlag, type Row } from './objects.js';
import { objectNumberEnd, ObjectType } from './records.js';
import { setAttributes } from './set-attributes.js';

const empty = Buffer.alloc(0);
/**
 * Entries of a directory that are compared at a time with what it held before: 16 MB of them, whose names take about as
 * much memory. Larger ones are gone through several times. Past the most parts, memory grows again.
 */
const partBytes = 16 * 1024 * 1024;
const mostParts = 32;

/** Changes the tree on disk from that of `set.base` to that of `set.fresh`. `stage` is the name of the stage in the root. */
export class TreeBuilder {
  private readonly set: ObjectSet;
  private readonly stage: string;
  private readonly files: FileReader;
  /** Directory whose names the commands are about. */
  private folder: number | undefined;
  private readonly names = new NameTable();

  constructor(set: ObjectSet, stage: string, lose: (loss: Loss) => void) {
    this.set = set;
    this.stage = stage;
    this.files = new FileReader(set, (number, what) => lose({ path: this.describe(number), what }));
  }

  async build(): Promise<void> {
    const root = this.files.rootDirectory();
    this.files.readLayouts();
    await this.detachAll();
    await this.attachAll(root);
    await this.finishAll(root);
  }

  /** Tells that an extended attribute did not fit into the target. */
  refuse(number: number, key: string): void {
    this.files.lose(number, `extended attribute ${key}, which the filesystem cannot hold`);
  }

  // Taking out

  /** Frees every name that is not the same in the stream: its object waits in the stage, or is removed. */
  private async detachAll(): Promise<void> {
    const { base, fresh } = this.set;
    for (let row = 0; row < base.length; row += 1) {
      if (base.type.get(row) !== ObjectType.directory || !base.has(row, ObjectFlag.placed)) continue;
      const number = base.number.get(row);
      const now = fresh.find(number);
      // Nothing about it in the stream.
      if (now < 0 && base.has(row, ObjectFlag.live)) continue;
      const other = now >= 0 && fresh.has(now, ObjectFlag.kept) ? { table: fresh, row: now } : undefined;
      const parts = this.partsOf(other);
      for (let part = 0; part < parts; part += 1) {
        const names = this.namesOf(other, part, parts);
        for (const { name, object } of this.files.entries(base, row)) {
          if (partOf(name, parts) !== part || (names?.find(name) === object && this.isKept(object))) continue;
          this.detach(number, name, object);
          if (this.set.commands.full) await this.set.commands.flush();
        }
      }
    }
    this.folder = undefined;
  }

  private detach(directory: number, name: Buffer, number: number): void {
    const { base, commands } = this.set;
    const row = base.findAny(number);
    if (row < 0 || base.has(row, ObjectFlag.missing)) return;
    if (this.folder !== directory) {
      const path = this.set.originPathOf(directory);
      if (path === undefined) throw invalid(`directory ${directory} of the origin has no name`);
      commands.folder(path);
      this.folder = directory;
    }
    const now = this.isKept(number) ? this.set.find(number) : undefined;
    if (base.type.get(row) === ObjectType.directory) {
      // A new object of the number may be in the stage already.
      const staged = now === undefined ? number + objectNumberEnd : number;
      commands.moveOut(name, staged);
      const place = this.set.ledger.appendPlace(0, Buffer.from(`${this.stage}/${staged}`));
      base.placeAt.set(row, place);
      if (now === undefined) return;
      now.table.placeAt.set(now.row, place);
      now.table.mark(now.row, ObjectFlag.staged);
      now.table.clear(now.row, ObjectFlag.placed);
      return;
    }
    if (now !== undefined) {
      if (this.set.ledger.isPlace(base.placeAt.get(row), directory, name)) now.table.clear(now.row, ObjectFlag.placed);
    }
    if (now !== undefined && !now.table.has(now.row, ObjectFlag.staged)) {
      commands.moveOut(name, number);
      now.table.mark(now.row, ObjectFlag.staged);
    } else {
      commands.unlink(name);
    }
  }

  // Putting in

  private async attachAll(root: number): Promise<void> {
    const { fresh, ledger } = this.set;
    const start = this.set.find(root);
    if (start === undefined) throw invalid('the root directory is missing');
    start.table.placeAt.set(start.row, ledger.appendPlace(0, empty));
    start.table.mark(start.row, ObjectFlag.placed | ObjectFlag.visited);
    // Numbers of directories, each once; those that are made on the way are added at the end.
    const queue = start.table === fresh ? [root] : [];
    for (let row = fresh.nextLive(0); row < fresh.length; row = fresh.nextLive(row + 1)) {
      const number = fresh.number.get(row);
      const changed = fresh.has(row, ObjectFlag.kept) && fresh.has(row, ObjectFlag.placed | ObjectFlag.staged);
      if (fresh.type.get(row) === ObjectType.directory && changed && number !== root) queue.push(number);
    }
    for (let index = 0; index < queue.length; index += 1) {
      const number = queue[index] ?? 0;
      await this.attachEntries(number, queue);
      // That of the root has to wait until the stage is gone from it.
      if (number === root) continue;
      const found = this.found(number);
      this.enter(number);
      setAttributes(this.set.commands, this.files, number, empty, this.files.read(found), this.isUpdate);
      found.table.mark(found.row, ObjectFlag.finished);
    }
  }

  private async attachEntries(directory: number, queue: number[]): Promise<void> {
    const { table, row } = this.found(directory);
    const before = table.has(row, ObjectFlag.kept) ? this.set.base.findAny(directory) : -1;
    const other = before < 0 ? undefined : { table: this.set.base, row: before };
    const parts = this.partsOf(other);
    for (let part = 0; part < parts; part += 1) {
      const names = this.namesOf(other, part, parts);
      for (const { name, object, type } of this.files.entries(table, row)) {
        if (partOf(name, parts) !== part || (names?.find(name) === object && this.isKept(object))) continue;
        checkName(name);
        this.attach(directory, name, object, type, queue);
        if (this.set.commands.full) await this.set.commands.flush();
      }
    }
  }

  private attach(directory: number, name: Buffer, number: number, type: number, queue: number[]): void {
    const found = this.found(number);
    if (this.isReady(found, directory, name, type)) return;
    const attributes = this.files.read(found);
    const kind = attributes.mode & FileType.mask;
    if ((type !== 0 && type !== kind >>> 12) || attributes.ofAttributes) {
      throw invalid('an entry of a directory disagrees with its object');
    }
    const { table, row } = found;
    if (kind === FileType.directory) {
      if (table.has(row, ObjectFlag.visited)) throw invalid('a directory has two names');
      table.mark(row, ObjectFlag.visited);
      if (this.meetsEarly(found, directory, name)) {
        queue.push(number);
        return;
      }
      this.enter(directory);
      if (table.has(row, ObjectFlag.staged)) {
        this.set.commands.moveIn(number, name);
        table.clear(row, ObjectFlag.staged);
      } else if (table.has(row, ObjectFlag.placed)) {
        throw invalid('a directory has two names');
      } else {
        this.set.commands.makeFolder(name);
        queue.push(number);
      }
      this.place(found, directory, name);
      return;
    }
    this.enter(directory);
    if (this.meetsEarly(found, directory, name)) {
      setAttributes(this.set.commands, this.files, number, name, attributes, this.isUpdate);
      table.mark(row, ObjectFlag.finished);
      return;
    }
    if (
      table.has(row, ObjectFlag.placed) &&
      !table.has(row, ObjectFlag.missing) &&
      !table.has(row, ObjectFlag.staged)
    ) {
      this.stageLink(number);
      this.enter(directory);
    }
    if (!table.has(row, ObjectFlag.placed)) this.place(found, directory, name);
    if (table.has(row, ObjectFlag.staged)) this.putIn(found, number, name, attributes);
    else if (!makeEntry(this.set, this.files, found, number, name, attributes)) {
      table.mark(row, ObjectFlag.missing | ObjectFlag.finished);
      return;
    }
    table.clear(row, ObjectFlag.missing);
    if (table === this.set.fresh && !table.has(row, ObjectFlag.finished)) {
      setAttributes(this.set.commands, this.files, number, name, attributes, this.isUpdate);
      table.mark(row, ObjectFlag.finished);
    }
  }

  /** Whether nothing is left to do for an entry: its file was made there while the stream was read. */
  private isReady(found: Row, directory: number, name: Buffer, type: number): boolean {
    const { table, row } = found;
    if (!table.has(row, ObjectFlag.early) || !table.has(row, ObjectFlag.file) || !table.has(row, ObjectFlag.finished)) {
      return false;
    }
    if (type !== 0 && type !== FileType.file >>> 12) return false;
    return this.meetsEarly(found, directory, name);
  }

  /** Whether this is the entry by which an object was put into the tree while the stream was read. */
  private meetsEarly({ table, row }: Row, directory: number, name: Buffer): boolean {
    if (!table.has(row, ObjectFlag.early)) return false;
    if (!this.set.ledger.isPlace(table.placeAt.get(row), directory, name)) return false;
    table.clear(row, ObjectFlag.early);
    return true;
  }

  /** Gives a staged object a name. */
  private putIn({ table, row }: Row, number: number, name: Buffer, attributes: Attributes): void {
    if (attributes.links > 1) {
      this.set.commands.linkIn(number, name);
    } else {
      this.set.commands.moveIn(number, name);
      table.clear(row, ObjectFlag.staged);
    }
    // Once only, before its times are set.
    const isNew = table === this.set.fresh && !table.has(row, ObjectFlag.finished);
    if (!isNew || !table.has(row, ObjectFlag.file)) return;
    if (table.has(row, ObjectFlag.kept) || table.extent.get(row) < attributes.size) {
      this.set.commands.edit(name);
      this.set.commands.resize(attributes.size);
    }
  }

  /** Links an object that has a name into the stage too, so that it can get another one. */
  private stageLink(number: number): void {
    const { table, row } = this.found(number);
    const { ledger, commands } = this.set;
    const position = table.placeAt.get(row);
    this.enter(ledger.placeDirectory(position));
    commands.linkOut(ledger.placeName(position), number);
    table.mark(row, ObjectFlag.staged);
  }

  // Attributes of what kept its name, and the end

  private async finishAll(root: number): Promise<void> {
    const { fresh, commands } = this.set;
    this.findOtherNames();
    for (let row = fresh.nextLive(0); row < fresh.length; row = fresh.nextLive(row + 1)) {
      const number = fresh.number.get(row);
      if (fresh.has(row, ObjectFlag.early)) throw invalid(`object ${number} is not where it was`);
      if (!fresh.has(row, ObjectFlag.placed)) this.finishOwner(number);
      else if (number !== root) this.finish({ table: fresh, row }, number);
      if (commands.full) await commands.flush();
    }
    commands.sweep();
    const start = this.found(root);
    commands.folder(empty);
    setAttributes(commands, this.files, root, empty, this.files.read(start), true);
    await commands.finish();
  }

  /** Files that lost the name we knew them by, but have another one in a directory that did not change. */
  private findOtherNames(): void {
    const { base, fresh } = this.set;
    const sought = new Set<number>();
    for (const table of [base, fresh]) {
      for (let row = table.nextLive(0); row < table.length; row = table.nextLive(row + 1)) {
        if (table.has(row, ObjectFlag.staged) && !table.has(row, ObjectFlag.placed)) sought.add(table.number.get(row));
      }
    }
    for (const table of sought.size > 0 && this.isUpdate ? [base, fresh] : []) {
      for (let row = table.nextLive(0); row < table.length; row = table.nextLive(row + 1)) {
        if (table.type.get(row) !== ObjectType.directory || !table.has(row, ObjectFlag.placed)) continue;
        for (const { name, object } of this.files.entries(table, row)) {
          const found = sought.delete(object) ? this.set.find(object) : undefined;
          if (found !== undefined) this.place(found, table.number.get(row), name);
        }
      }
    }
  }

  /** Where attributes in a hidden directory changed, those of the file are set again. */
  private finishOwner(number: number): void {
    // A value is in its directory, and that belongs to the file.
    const directory = this.files.attributeOwner(number);
    const owner = directory === undefined ? undefined : (this.files.attributeOwner(directory) ?? directory);
    const found = owner === undefined ? undefined : this.set.find(owner);
    if (owner === undefined || found?.table !== this.set.base) return;
    if (found.table.has(found.row, ObjectFlag.placed)) this.finish(found, owner);
  }

  private finish(found: Row, number: number): void {
    const { table, row } = found;
    if (table.has(row, ObjectFlag.finished)) return;
    table.mark(row, ObjectFlag.finished);
    const attributes = this.files.read(found);
    const { ledger } = this.set;
    const position = table.placeAt.get(row);
    this.enter(ledger.placeDirectory(position));
    const name = Buffer.from(ledger.placeName(position));
    if (table.has(row, ObjectFlag.missing)) {
      if (!makeEntry(this.set, this.files, found, number, name, attributes)) return;
      table.clear(row, ObjectFlag.missing);
    } else if (table.has(row, ObjectFlag.file)) {
      this.set.commands.edit(name);
      this.set.commands.resize(attributes.size);
    }
    setAttributes(this.set.commands, this.files, number, name, attributes, true);
  }

  // What all of them need

  /** Makes `directory` the one in which the next commands look up names. */
  private enter(directory: number): void {
    if (this.folder === directory) return;
    const path = this.set.pathOf(directory);
    if (path === undefined) throw invalid(`directory ${directory} has no name`);
    this.set.commands.folder(path);
    this.folder = directory;
  }

  private place({ table, row }: Row, directory: number, name: Buffer): void {
    table.placeAt.set(row, this.set.ledger.appendPlace(directory, name));
    table.mark(row, ObjectFlag.placed);
  }

  private found(number: number): Row {
    const found = this.set.find(number);
    if (found === undefined) throw invalid(`an entry of a directory points to object ${number}, which does not exist`);
    return found;
  }

  /** Whether an object is the same file or directory as in the origin. */
  private isKept(number: number): boolean {
    const found = this.set.find(number);
    return found !== undefined && (found.table === this.set.base || found.table.has(found.row, ObjectFlag.kept));
  }

  /** Whether something was there before: files may have inherited attributes from it. */
  private get isUpdate(): boolean {
    return this.set.base.length > 0;
  }

  /** In how many parts a directory is compared with `other`. */
  private partsOf(other: Row | undefined): number {
    if (other === undefined) return 1;
    const bytes = this.files.entryBytes(other.table, other.row);
    return Math.min(mostParts, Math.ceil(bytes / partBytes) || 1);
  }

  /** Good until it is asked for others. */
  private namesOf(directory: Row | undefined, part: number, parts: number): NameTable | undefined {
    if (directory === undefined) return undefined;
    const { names } = this;
    names.clear();
    for (const { name, object } of this.files.entries(directory.table, directory.row)) {
      if (partOf(name, parts) === part) names.add(name, object);
    }
    return names;
  }

  private describe(number: number): string {
    return (this.set.pathOf(number) ?? this.set.originPathOf(number))?.toString() ?? `object ${number}`;
  }
}

function checkName(name: Buffer): void {
  if (!isName(name)) throw invalid(`${JSON.stringify(name.toString('latin1'))} as a name in a directory`);
  if (name.length > mostNameBytes) throw unsupported(`a name is longer than ${mostNameBytes} bytes`);
}
