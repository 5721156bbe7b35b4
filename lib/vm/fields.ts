/** The fields by which VMs are listed, sorted and looked up; derived from the property rows. */
import { memberRows } from '../schema/json-schema.js';
import { vmRows } from '../schema/vm.js';

/** A column of `vmadm list`. */
export interface ListField {
  readonly key: string;
  readonly header: string;
  readonly width: number;
}

const listed: ReadonlyMap<string, ListField> = new Map(
  vmRows.flatMap(({ name, list }) =>
    list === undefined ? [] : [[name, { key: name, header: list[0], width: list[1] }] as const],
  ),
);

/** Width of columns that are made up from their keys. */
const computedWidth = 20;
const arrays: ReadonlySet<string> = new Set(['disks', 'nics', 'pci_devices']);
const objects: ReadonlySet<string> = new Set(['tags', 'customer_metadata', 'internal_metadata', 'routes']);

/** The column for `key`: a field of its own, `nics.0.ip` or `tags.role`. Undefined when there is none. */
export function listField(key: string): ListField | undefined {
  const field = listed.get(key);
  if (field !== undefined) return field;
  const parts = key.split('.');
  const [first = ''] = parts;
  const isComputed = (parts.length === 3 && arrays.has(first)) || (parts.length === 2 && objects.has(first));
  return isComputed ? { key, header: key.toUpperCase(), width: computedWidth } : undefined;
}

/** Keys that name all elements of an array: no column, and nothing to sort by. */
export function isWildcard(key: string): boolean {
  return /^(?:disks|filesystems|nics)\.\*/.test(key);
}

const membersOf = (noun: 'disks' | 'nics') =>
  memberRows[noun].filter((row) => row.filter === true).map((row) => row.name).join('|'); // prettier-ignore
// That the NICs' has no beginning, and that any row of digits and stars is an index, is as inherited (`vmadm(8)`).
const filterable = [
  new RegExp(`^disks\\.[\\d*]+\\.(?:${membersOf('disks')})$`),
  new RegExp(`nics\\.[\\d*]+\\.(?:${membersOf('nics')})$`),
  /^(?:tags|customer_metadata|internal_metadata)\./,
];

/** Whether VMs can be selected by `key`. */
export function isFilterKey(key: string): boolean {
  return listed.has(key) || filterable.some((pattern) => pattern.test(key));
}
