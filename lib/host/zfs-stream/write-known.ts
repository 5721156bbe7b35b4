/**
 * The objects of a snapshot that was received, as its stream numbered them. What is made from it here keeps their numbers,
 * so that an increment applies to the original, wherever that is.
 */
import { FileReader } from './files.js';
import { bigEndian, littleEndian, roundUp, unsendable } from './bytes.js';
import { Content } from './content.js';
import { hostError } from '../errors.js';
import { Ledger } from './ledger.js';
import { NameTable } from './name-table.js';
import { ObjectFlag, ObjectTable } from './objects.js';
import { ObjectType } from './records.js';
import { readEssentials } from './attributes.js';
import { layoutTable, type LayoutTable } from './write-attributes.js';
import type { FileTable } from './write-source.js';
import { isZapNumber, zapEntries, zapNumber, type ZapEntry } from './zap.js';

/** Numbers from here on are given to parts of extended attributes by the writer. */
export const firstOfAttributes = 2 ** 40;

const mostBlockBytes = 128 * 1024;

/** How an object is stored, which later increments have to keep. */
export interface KnownShape {
  readonly generation: bigint;
  readonly blockSize: number;
  /** Whether it has more than one block, and must keep the size of its blocks. */
  readonly several: boolean;
  readonly slots: number;
  /** Objects that its extended attributes take. */
  readonly parts: readonly number[];
}

/** Objects that every filesystem has. */
export interface FixedObjects {
  readonly attributes: number;
  readonly queue: number;
  readonly registry: number;
  readonly layouts: number;
  readonly root: number;
}

/** Object of the table that leads to all others. */
export const masterObject = 1;

export class KnownObjects {
  /** The files of the received snapshot. */
  readonly files: FileTable;
  readonly fixed: FixedObjects;
  readonly layouts: LayoutTable;
  /** The first number that no object of it has. */
  readonly firstNew: number;
  /** Whether an object takes more than one slot. */
  readonly hasLarge: boolean;
  readonly ledger: Ledger;
  readonly objects: ObjectTable;
  private readonly reader: FileReader;
  private readonly numbers: Float64Array;

  private constructor(files: FileTable, ledger: Ledger, objects: ObjectTable) {
    this.files = files;
    this.ledger = ledger;
    this.objects = objects;
    const find = (number: number) => {
      const row = objects.find(number);
      return row < 0 ? undefined : { table: objects, row };
    };
    const bonus = (_table: ObjectTable, row: number): Buffer => this.bonus(row);
    const essentialsOf = (_table: ObjectTable, row: number) =>
      readEssentials(objects.bonusType.get(row), this.bonus(row), littleEndian);
    this.reader = new FileReader(
      { find, bonus, essentialsOf, ledger, order: littleEndian, fresh: new ObjectTable() },
      () => undefined,
    );
    const root = this.reader.rootDirectory();
    this.reader.readLayouts();
    const master = this.table(masterObject);
    const attributes = master.get('SA_ATTRS') ?? 0;
    const tables = attributes === 0 ? new Map<string, number>() : this.table(attributes);
    const [registry, layouts] = [tables.get('REGISTRY') ?? 0, tables.get('LAYOUTS') ?? 0];
    if (registry === 0 || layouts === 0) throw unsendable('the stream it was received as has no tables of attributes');
    this.fixed = { attributes, queue: master.get('DELETE_QUEUE') ?? 0, registry, layouts, root };
    this.layouts = this.readLayoutTable(registry, layouts);
    [this.firstNew, this.hasLarge] = this.surveyed();
    this.numbers = this.matched();
  }

  /**
   * Reads `ledger`, which was written when the snapshot with `files` was received. Throws `StreamUnsupported` when nothing
   * can be built on it: old filesystems, large blocks, the other byte order.
   */
  static open(ledger: string, files: FileTable): KnownObjects {
    const opened = Ledger.open(ledger);
    try {
      if (opened.head.order.big) throw unsendable('the stream it was received as came from a machine of another kind');
      return new KnownObjects(files, opened.ledger, opened.objects);
    } catch (error) {
      opened.ledger.close();
      throw error;
    }
  }

  close(): void {
    this.ledger.close();
  }

  /** Number of the file at `row` of {@link files}. */
  number(row: number): number {
    return this.numbers[row] ?? 0;
  }

  bonus(row: number): Buffer {
    const size = this.objects.bonusLength.get(row);
    return size === 0 ? Buffer.alloc(0) : this.ledger.read(this.objects.bonusAt.get(row), size);
  }

  spill(row: number): Buffer | undefined {
    const at = this.objects.spillAt.get(row);
    return at === 0 ? undefined : this.ledger.readBlock(at);
  }

  content(row: number): Content {
    return new Content(this.ledger, this.objects.extent.get(row));
  }

  shape(number: number): KnownShape {
    const { objects } = this;
    const row = objects.find(number);
    if (row < 0) throw damaged();
    const { attributeDirectory } = this.reader.read({ table: objects, row });
    const blockSize = objects.blockSize.get(row);
    const directory = attributeDirectory === 0 ? -1 : objects.find(attributeDirectory);
    const values = directory < 0 ? [] : [...this.reader.entries(objects, directory)].map(({ object }) => object);
    return {
      generation: generationOf(this.bonus(row)),
      blockSize,
      several: objects.has(row, ObjectFlag.file) && objects.extent.get(row) > blockSize,
      slots: objects.slots.get(row),
      parts: directory < 0 ? [] : [attributeDirectory, ...values],
    };
  }

  /** Objects that are neither files nor parts of them, ascending. */
  *others(): Generator<number> {
    const { objects } = this;
    for (let row = objects.nextLive(0); row < objects.length; row = objects.nextLive(row + 1)) {
      const type = objects.type.get(row);
      if (type !== ObjectType.file && type !== ObjectType.directory) yield objects.number.get(row);
    }
  }

  private surveyed(): [firstNew: number, hasLarge: boolean] {
    const { objects } = this;
    let highest = 0;
    let hasLarge = false;
    for (let row = objects.nextLive(0); row < objects.length; row = objects.nextLive(row + 1)) {
      const number = objects.number.get(row);
      const bonusType = objects.bonusType.get(row);
      if (bonusType === ObjectType.znode) throw unsendable('it was received from an old filesystem');
      if (objects.blockSize.get(row) > mostBlockBytes) throw unsendable('it was received with large blocks');
      hasLarge ||= objects.slots.get(row) > 1;
      if (number < firstOfAttributes) highest = number + objects.slots.get(row);
      else if (readEssentials(bonusType, this.bonus(row), littleEndian)?.ofAttributes !== true) {
        throw unsendable('it was received with object numbers that are too high');
      }
    }
    return [roundUp(highest, 1024), hasLarge];
  }

  /** Which object each file of the received snapshot is: by the names that both have. */
  private matched(): Float64Array {
    const { files, objects } = this;
    const numbers = new Float64Array(files.count);
    numbers[0] = this.fixed.root;
    const names = new NameTable();
    for (let directory = 0; directory < files.count; directory += 1) {
      if (files.kind(directory) !== 4) continue;
      const row = objects.find(numbers[directory] ?? 0);
      if (row < 0) throw damaged();
      names.clear();
      for (const { name, object } of this.reader.entries(objects, row)) names.add(name, object);
      const [first, end] = files.entries(directory);
      for (let entry = first; entry < end; entry += 1) {
        const number = names.find(files.entryName(entry));
        if (number === undefined) throw damaged();
        numbers[files.entryRow(entry)] = number;
      }
    }
    return numbers;
  }

  private readLayoutTable(registry: number, layouts: number): LayoutTable {
    const numbers = new Map<string, number>();
    for (const entry of this.entries(registry)) {
      numbers.set(entry.name.toString('latin1'), Number(zapNumber(entry) & 0xffffn));
    }
    const known = [...this.entries(layouts)].map(({ name, bytes, at, size, order }): [string, number[]] => [
      name.toString('latin1'),
      Array.from({ length: size / 2 }, (_, index) => order.u16(bytes, at + index * 2)),
    ]);
    return layoutTable(numbers, known);
  }

  private table(number: number): ReadonlyMap<string, number> {
    const numbers = new Map<string, number>();
    for (const entry of this.entries(number)) {
      if (isZapNumber(entry)) {
        numbers.set(entry.name.toString('latin1'), Number(zapNumber(entry)));
      }
    }
    return numbers;
  }

  private entries(number: number): Generator<ZapEntry> {
    const row = this.objects.find(number);
    if (row < 0) throw damaged();
    return zapEntries(this.content(row), this.objects.blockSize.get(row), littleEndian);
  }
}

/** All of it: attributes are in the order of the machine that wrote them. */
function generationOf(bonus: Buffer): bigint {
  const order = littleEndian.u32(bonus, 0) === 0x2f505a ? littleEndian : bigEndian;
  return order.id(bonus, (order.u16(bonus, 4) >>> 10) * 8 + 16);
}

function damaged(): Error {
  return hostError('HostFailed', 'the record of a received snapshot does not fit to its files');
}
