/** Writes tables of names, those that every filesystem has, and objects that are passed on as they were received. */
import { roundUp, unsendable } from './bytes.js';
import { ObjectType } from './records.js';
import { newRegistry } from './write-attributes.js';
import { masterObject, type KnownObjects } from './write-known.js';
import type { Numbering } from './write-numbering.js';
import { toTheEnd, type RecordWriter } from './write-records.js';
import { buildZap, namesOf, type Names, type Zap } from './write-zap.js';

const Table = { queue: 22, attributes: 45, registry: 46, layouts: 47 } as const;

/** The blocks of a table whose OBJECT has been written. Yields where the writer may be emptied. */
export function* writeZap(out: RecordWriter, number: number, type: number, zap: Zap): Generator<void> {
  let offset = 0;
  for (const block of zap.blocks) {
    out.write(number, type, offset, zap.blockSize, block);
    offset += zap.blockSize;
    if (out.full) yield;
  }
}

function* writeTable(out: RecordWriter, number: number, type: number, names: Names, isNew: boolean): Generator<void> {
  const zap = buildZap(names);
  out.object(number, { type, blockSize: zap.blockSize });
  out.free(number, isNew ? zap.blockSize * zap.blockCount : 0, toTheEnd);
  yield* writeZap(out, number, type, zap);
}

/** The tables that a new filesystem begins with. */
export function* writeTables(out: RecordWriter, numbering: Numbering): Generator<void> {
  const { attributes, queue, registry, layouts, root } = numbering.fixed;
  const master = namesOf([
    ['normalization', 0n], ['utf8only', 0n], ['casesensitivity', 0n], ['VERSION', 5n], ['SA_ATTRS', BigInt(attributes)],
    ['DELETE_QUEUE', BigInt(queue)], ['ROOT', BigInt(root)],
  ]); // prettier-ignore
  yield* writeTable(out, masterObject, ObjectType.masterNode, master, true);
  const tables = namesOf([['REGISTRY', BigInt(registry)], ['LAYOUTS', BigInt(layouts)]]); // prettier-ignore
  yield* writeTable(out, attributes, Table.attributes, tables, true);
  yield* writeTable(out, queue, Table.queue, namesOf([]), true);
  yield* writeTable(out, registry, Table.registry, namesOf(newRegistry), true);
  yield* writeLayouts(out, numbering, true);
}

/** The orders in which attributes are stored. */
export function* writeLayouts(out: RecordWriter, { fixed, layouts }: Numbering, isNew: boolean): Generator<void> {
  yield* writeTable(out, fixed.layouts, Table.layouts, namesOf(layouts.entries), isNew);
}

/** Attributes of an object as they were received. */
export function knownBonus(known: KnownObjects, number: number): { readonly bonus: Buffer; readonly spill?: Buffer } {
  const row = rowOf(known, number);
  const spill = known.spill(row);
  return { bonus: known.bonus(row), ...(spill === undefined ? {} : { spill }) };
}

/** An object that is not in the files: a table, or a part of extended attributes. */
export function* writeKnown(out: RecordWriter, known: KnownObjects, number: number): Generator<void> {
  const { objects } = known;
  const row = rowOf(known, number);
  const type = objects.type.get(row);
  if (type === Table.queue) {
    // What waited there to be removed is in no directory, and is not sent.
    yield* writeTable(out, number, type, namesOf([]), true);
    return;
  }
  const { bonus, spill } = knownBonus(known, number);
  out.object(number, {
    type, blockSize: objects.blockSize.get(row), slots: objects.slots.get(row), bonus,
    bonusType: objects.bonusType.get(row), hasSpill: spill !== undefined,
  }); // prettier-ignore
  yield* writeKnownContent(out, known, number);
  if (spill !== undefined) out.spill(number, spill);
}

/** Content of such an object, or of a directory that is what it was. */
export function* writeKnownContent(out: RecordWriter, known: KnownObjects, number: number): Generator<void> {
  const row = rowOf(known, number);
  const blockSize = known.objects.blockSize.get(row);
  const content = known.content(row);
  const end = roundUp(content.end, blockSize);
  out.free(number, end, toTheEnd);
  for (let offset = 0; offset < end; offset += blockSize) {
    out.write(number, known.objects.type.get(row), offset, blockSize, content.read(offset, blockSize));
    if (out.full) yield;
  }
}

function rowOf(known: KnownObjects, number: number): number {
  const row = known.objects.find(number);
  if (row < 0) throw unsendable(`object ${number}, which was received, is gone`);
  return row;
}
