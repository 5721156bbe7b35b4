/** Records of libzonecfg and libbrand, and how the files that calls leave are compared with them. */
import { isDeepStrictEqual } from 'node:util';
import { IllumosRoot, type Content, type ZoneFiles } from '../stand-ins/root.js';
import { unequal } from './compare.js';
import type { VectorRecord } from './records.js';

export interface ZonecfgCall {
  readonly fn: string;
  readonly args?: readonly unknown[];
  readonly h?: string;
  /** Of calls on brands: buffer, and the element at which an iteration stops. */
  readonly size?: number;
  readonly stop?: number;
}

export type ZonecfgResult = Readonly<Record<string, unknown>>;

export interface ZonecfgRecord extends VectorRecord {
  readonly initial_index?: string | null;
  readonly files?: Readonly<Record<string, Content>>;
  readonly calls: readonly ZonecfgCall[];
  readonly results: readonly ZonecfgResult[];
  readonly events?: readonly (readonly string[])[];
  readonly xml?: Readonly<Record<string, Content>>;
  readonly index?: Content | null;
  readonly did_txt?: Content;
  readonly leftover?: readonly string[];
  /** What depends on memory that the real library never wrote to. */
  readonly undefined?: readonly string[];
}

export interface BrandRecord extends VectorRecord {
  readonly brand: string;
  readonly files?: Readonly<Record<string, Content>>;
  readonly zpool?: string;
  readonly open: boolean;
  readonly calls: readonly ZonecfgCall[];
  readonly results: readonly ZonecfgResult[];
}

export function rootOf(record: ZonecfgRecord | BrandRecord): IllumosRoot {
  return new IllumosRoot('initial_index' in record ? record.initial_index : undefined, record.files);
}

/** Whether call number `at` was recorded with a result that means something. */
export function isDefined(record: ZonecfgRecord, at: number): boolean {
  const open = record.undefined ?? [];
  return !open.includes('results') && !open.some((path) => path.startsWith(`results[${at}]`));
}

/** What differs between the files that were recorded and those that are there; undefined when nothing does. */
export function fileDifference(record: ZonecfgRecord, files: ZoneFiles): string | undefined {
  const open = new Set(record.undefined ?? []);
  for (const name of new Set([...Object.keys(record.xml ?? {}), ...Object.keys(files.xml)])) {
    if (open.has('xml') || open.has(`xml.${name}`)) continue;
    const [wanted, found] = [record.xml?.[name], files.xml[name]];
    if (!isDeepStrictEqual(wanted, found)) return `${name}.xml: ${unequal(wanted, found)}`;
  }
  const rest: readonly (readonly [what: string, wanted: unknown, found: unknown])[] = [
    ['index', record.index ?? undefined, files.index],
    ['did_txt', record.did_txt, files.did],
    ['leftover', record.leftover ?? [], files.leftover],
    ['events', record.events ?? [], files.events],
  ];
  for (const [what, wanted, found] of rest) {
    if (!open.has(what) && !isDeepStrictEqual(wanted, found)) return `${what}: ${unequal(wanted, found)}`;
  }
  return undefined;
}
