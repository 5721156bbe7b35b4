/**
 * What is kept on a subvolume about the dataset it is: one extended attribute at its root. It moves with the subvolume,
 * changes in one step, and `trusted.` keeps it from the eyes and hands of zones.
 */
import { randomBytes } from '../../random.js';
import type { DatasetType } from '../datasets.js';
import { hostError } from '../errors.js';

export const recordAttribute = 'trusted.smartadm.dataset';

export interface DatasetRecord {
  /** The subvolume it was written for. A snapshot carries a copy of the attribute, which says nothing about the snapshot. */
  readonly self: bigint;
  /**
   * Names the dataset for good, whatever it is called and whichever subvolume it lives in: id of its first subvolume, of
   * its qgroup on level 1, and name of the folder of its snapshots. Of a snapshot: that of its dataset.
   */
  readonly id: bigint;
  readonly type: DatasetType;
  readonly guid: bigint;
  /** Seconds since the epoch. */
  readonly creation: number;
  /** Subvolume of the snapshot that this is a clone of. */
  readonly origin?: bigint | undefined;
  /** Of a dataset that was received: guid of the snapshot that came with it. */
  readonly received?: bigint | undefined;
  /**
   * Bytes it referred to before anything was charged to its subvolume: those of the snapshot it began as. Of a snapshot:
   * all that it refers to.
   */
  readonly baseBytes: number;
  /** Of volumes and their snapshots. */
  readonly volume?: { readonly sizeBytes: number; readonly blockBytes: number } | undefined;
  /** How its files are compressed when written: a method of btrfs, or empty. */
  readonly method: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** An attribute must fit into a node, together with its name. */
const longestRecord = 7800;

/** Text of the attribute. Throws `InvalidProperty` when the properties of `dataset` take too much room. */
export function formatRecord(record: DatasetRecord, dataset: string): string {
  const text = JSON.stringify(record, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  if (Buffer.byteLength(text) <= longestRecord) return text;
  throw hostError('InvalidProperty', `the properties of ${dataset} take more than ${longestRecord} bytes together`);
}

/** The record on subvolume `id`; undefined when it has none of its own. */
export function parseRecord(text: string | undefined, id: bigint): DatasetRecord | undefined {
  if (text === undefined) return undefined;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Only the kernel and we write such attributes: a record for this very subvolume is whole.
  const fields = raw as Record<'self' | 'id' | 'guid', string> & { origin?: string; received?: string } & Omit<
      DatasetRecord,
      'self' | 'id' | 'guid' | 'origin' | 'received'
    >;
  if (fields.self !== String(id)) return undefined;
  return {
    ...fields,
    self: id,
    id: BigInt(fields.id),
    guid: BigInt(fields.guid),
    origin: fields.origin === undefined ? undefined : BigInt(fields.origin),
    received: fields.received === undefined ? undefined : BigInt(fields.received),
  };
}

/** A guid that nothing else has. */
export function newGuid(): bigint {
  return randomBytes(8).readBigUInt64BE() | 1n;
}

/** Now, as a creation time. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
