/** Reads directories and attributes of files out of the objects of a dataset. */
import { invalid, unsupported } from './bytes.js';
import { AttributeLayouts, FileType, type Attributes } from './attributes.js';
import type { ObjectSet } from './apply.js';
import { Content } from './content.js';
import { readNvList } from './nvlist.js';
import { ObjectFlag, type ObjectTable } from './objects.js';
import { ObjectType } from './records.js';
import { isZapNumber, zapEntries, zapNumber, zapNumberHigh, zapNumberLow, type ZapEntry } from './zap.js';

const masterObject = 1;
const mostVersion = 5n;
const mostSymlinkBytes = 4095;
const mostAttributeBytes = 64 * 1024;
export const mostNameBytes = 255;

/** What the stream itself lacks, or the target cannot hold. */
export interface Loss {
  readonly path: string;
  readonly what: string;
}

export interface DirectoryEntry {
  readonly name: Buffer;
  readonly object: number;
  /** As in the upper bits of a mode; 0 where the directory does not tell. */
  readonly type: number;
}

/** What may be a name in a directory, if it is not too long. */
export function isName(name: Buffer): boolean {
  for (let at = 0; at < name.length; at += 1) {
    if (name[at] === 0 || name[at] === 0x2f) return false;
  }
  return name.length > 2 || (name.length > 0 && (name[0] !== 0x2e || (name.length === 2 && name[1] !== 0x2e)));
}

/** The part of an object set that reading needs. */
export type ReadableObjects = Pick<ObjectSet, 'find' | 'fresh' | 'ledger' | 'order' | 'bonus' | 'essentialsOf'>;

export class FileReader {
  private readonly set: ReadableObjects;
  private readonly layouts = new AttributeLayouts();
  private readonly tell: (number: number, what: string) => void;
  private master: ReadonlyMap<string, number> | undefined;

  constructor(set: ReadableObjects, tell: (number: number, what: string) => void) {
    this.set = set;
    this.tell = tell;
  }

  /** Reports what is lost of an object. */
  lose(number: number, what: string): void {
    this.tell(number, what);
  }

  /** Object of the root directory. */
  rootDirectory(): number {
    const master = this.masterNode();
    const version = master.get('VERSION') ?? 0;
    if (version < 1 || version > mostVersion) throw unsupported(`a filesystem of version ${version}`);
    const root = master.get('ROOT');
    const found = root === undefined ? undefined : this.set.find(root);
    if (root === undefined || found?.table.type.get(found.row) !== ObjectType.directory) {
      throw invalid('it has no root directory');
    }
    return root;
  }

  /** Objects of the tables that {@link readLayouts} reads; undefined unless all and the root came before `object`. */
  tablesBefore(object: number): readonly number[] | undefined {
    const { fresh } = this.set;
    const isKnown = (number: number | undefined): number is number => {
      const row = number !== undefined && number < object ? fresh.find(number) : -1;
      return row >= 0 && !fresh.has(row, ObjectFlag.file) && fresh.extent.get(row) > 0;
    };
    if (!isKnown(masterObject)) return undefined;
    const master = this.masterNode();
    if (!isKnown(master.get('ROOT'))) return undefined;
    const found = [masterObject];
    const attributes = master.get('SA_ATTRS');
    if (attributes === undefined) return found;
    if (!isKnown(attributes)) return undefined;
    found.push(attributes);
    const tables = this.numbers(attributes);
    for (const number of [tables.get('REGISTRY'), tables.get('LAYOUTS')]) {
      if (number === undefined) continue;
      if (!isKnown(number)) return undefined;
      found.push(number);
    }
    return found;
  }

  /** Reads the tables that attributes need. */
  readLayouts(): void {
    const attributes = this.masterNode().get('SA_ATTRS');
    if (attributes === undefined) return;
    const tables = this.numbers(attributes);
    const { order } = this.set;
    const registry = tables.get('REGISTRY');
    if (registry !== undefined) {
      const { table, row } = this.found(registry);
      this.layouts.addRegistry(this.content(table, row), table.blockSize.get(row), order);
    }
    const layouts = tables.get('LAYOUTS');
    if (layouts !== undefined) {
      const { table, row } = this.found(layouts);
      this.layouts.addLayouts(this.content(table, row), table.blockSize.get(row), order);
    }
  }

  /** Attributes of a file or directory. */
  read({ table, row }: { readonly table: ObjectTable; readonly row: number }): Attributes {
    const type = table.type.get(row);
    if (type !== ObjectType.file && type !== ObjectType.directory) throw invalid('an entry of a directory is no file');
    const spillAt = table.spillAt.get(row);
    const spill = spillAt === 0 ? undefined : this.set.ledger.readBlock(spillAt);
    const attributes = this.layouts.read(table.bonusType.get(row), this.set.bonus(table, row), spill, this.set.order);
    const isDirectory = (attributes.mode & FileType.mask) === FileType.directory;
    if (isDirectory !== (type === ObjectType.directory)) throw invalid('the mode of a file disagrees with its object');
    return attributes;
  }

  /** Whether the stream should have brought a spill block, but did not. */
  lacksSpill(number: number): boolean {
    const { table, row } = this.found(number);
    return table.has(row, ObjectFlag.spill) && table.spillAt.get(row) === 0;
  }

  /** Bytes that the entries of a directory take. */
  entryBytes(table: ObjectTable, row: number): number {
    return this.content(table, row).size;
  }

  *entries(table: ObjectTable, row: number): Generator<DirectoryEntry> {
    for (const entry of zapEntries(this.content(table, row), table.blockSize.get(row), this.set.order)) {
      const high = zapNumberHigh(entry);
      if ((high & 0x0fff_0000) !== 0) throw invalid('an entry of a directory with unknown bits');
      yield { name: entry.name, object: (high & 0xffff) * 2 ** 32 + zapNumberLow(entry), type: high >>> 28 };
    }
  }

  /** Target of a symbolic link; undefined where the stream lacks it. */
  symlinkTarget(table: ObjectTable, row: number, attributes: Attributes): Buffer | undefined {
    const { size } = attributes;
    if (size === 0 || size > mostSymlinkBytes) throw invalid(`a symbolic link of ${size} bytes`);
    let target = attributes.symlink;
    if (target === undefined) {
      const content = this.content(table, row);
      if (content.empty) {
        if (table.has(row, ObjectFlag.spill) && table.spillAt.get(row) === 0) return undefined;
        throw invalid('a symbolic link without a target');
      }
      target = content.read(0, size);
    }
    if (target.length < size) throw invalid('the target of a symbolic link is cut off');
    target = target.subarray(0, size);
    if (target.includes(0)) throw invalid('a zero byte in the target of a symbolic link');
    return target;
  }

  /** Extended attributes of a file by their names on Linux. */
  *extendedAttributes(
    number: number,
    attributes: Attributes,
  ): Generator<{ readonly key: string; readonly value: Buffer }> {
    const packed = attributes.packedAttributes === undefined ? undefined : readNvList(attributes.packedAttributes);
    for (const [name, value] of packed ?? []) {
      const key = linuxKey(name);
      if (key === undefined) continue;
      if (!Buffer.isBuffer(value)) throw invalid('an extended attribute that is no array of bytes');
      yield { key, value };
    }
    if (attributes.attributeDirectory === 0) return;
    for (const { name, object } of this.entriesOfAttributes(attributes.attributeDirectory)) {
      const text = name.toString('latin1');
      const key = linuxKey(text);
      // Both places may hold one: the packed one counts.
      if (key === undefined || packed?.has(text) === true) continue;
      const value = this.attributeValue(object);
      if (value === undefined) this.lose(number, `extended attribute ${key}, which is too long`);
      else yield { key, value };
    }
  }

  /** Whether an object is a hidden directory of attributes, or a value in one. */
  private isAttributePart(table: ObjectTable, row: number): boolean {
    const type = table.type.get(row);
    if (type !== ObjectType.file && type !== ObjectType.directory) return false;
    return this.set.essentialsOf(table, row)?.ofAttributes === true;
  }

  /** What a part of hidden attributes belongs to: its directory, or the file. Undefined for other objects. */
  attributeOwner(number: number): number | undefined {
    const found = this.set.find(number);
    if (found === undefined || !this.isAttributePart(found.table, found.row)) return undefined;
    return this.read(found).parent;
  }

  private *entriesOfAttributes(number: number): Generator<DirectoryEntry> {
    const found = this.found(number);
    const attributes = this.read(found);
    const isDirectory = (attributes.mode & FileType.mask) === FileType.directory;
    if (!isDirectory || !attributes.ofAttributes)
      throw invalid('extended attributes in an object that is no place for them');
    this.visit(found);
    yield* this.entries(found.table, found.row);
  }

  /** Undefined when it is too long. */
  private attributeValue(number: number): Buffer | undefined {
    const found = this.found(number);
    const { mode, ofAttributes, size } = this.read(found);
    if (!ofAttributes || (mode & FileType.mask) !== FileType.file)
      throw invalid('an extended attribute that is no file');
    this.visit(found);
    return size > mostAttributeBytes ? undefined : this.content(found.table, found.row).read(0, size);
  }

  /** Hidden parts belong to one file: shared ones could make a small stream grow without end. */
  private visit({ table, row }: { readonly table: ObjectTable; readonly row: number }): void {
    if (table.has(row, ObjectFlag.visited)) throw invalid('extended attributes that belong to two files');
    table.mark(row, ObjectFlag.visited);
  }

  private masterNode(): ReadonlyMap<string, number> {
    this.master ??= this.numbers(masterObject, ObjectType.masterNode);
    return this.master;
  }

  /** A small table as a whole; entries that are no single number are left out. */
  private numbers(number: number, type?: number): ReadonlyMap<string, number> {
    const { table, row } = this.found(number);
    if (type !== undefined && table.type.get(row) !== type) throw invalid(`object ${number} has the wrong type`);
    const entries: Iterable<ZapEntry> = zapEntries(this.content(table, row), table.blockSize.get(row), this.set.order);
    const numbers = new Map<string, number>();
    for (const entry of entries) {
      if (isZapNumber(entry)) {
        numbers.set(entry.name.toString('latin1'), Number(zapNumber(entry)));
      }
    }
    return numbers;
  }

  private content(table: ObjectTable, row: number): Content {
    return new Content(this.set.ledger, table.has(row, ObjectFlag.file) ? 0 : table.extent.get(row));
  }

  private found(number: number): { readonly table: ObjectTable; readonly row: number } {
    const found = this.set.find(number);
    if (found === undefined) throw invalid(`object ${number} is missing`);
    return found;
  }
}

/** Attributes of systems without name spaces belong to users; those of illumos itself are left out. */
function linuxKey(name: string): string | undefined {
  if (name.startsWith('SUNWattr')) return undefined;
  return /^(user|security|trusted|system)\./.test(name) ? name : `user.${name}`;
}
