/** Images as rows of a table: computed fields, filters, order (`imgadm(8)`, tables and filters). Pure. */
import { SmartadmError } from '../../errors.js';
import { withoutCode } from '../../img/errors.js';
import { primitiveOf, valueText } from '../../img/json-values.js';
import { usageError } from './errors.js';
import type { Row } from './table.js';

export interface ListedImage {
  readonly manifest: Row;
  readonly source?: string;
  readonly clones?: number;
  readonly zpool?: string;
}

/** The manifest with the fields that are computed from it and from where the image is. */
export function rowOf({ manifest, source, clones, zpool }: ListedImage): Row {
  const { published_at: publishedAt, files, tags } = manifest;
  const computed: Record<string, unknown> = {};
  if (typeof publishedAt === 'string') {
    computed['published_date'] = publishedAt.slice(0, 10);
    computed['pub'] = publishedAt.slice(0, 10);
    computed['published'] = publishedAt.replace(/\.\d+Z$/, 'Z');
  }
  if (source !== undefined) computed['source'] = source;
  if (clones !== undefined) computed['clones'] = clones;
  if (zpool !== undefined) computed['zpool'] = zpool;
  const file: unknown = Array.isArray(files) ? files[0] : undefined;
  if (isRow(file) && file['size'] !== undefined) computed['size'] = file['size'];
  if (manifest['type'] === 'docker' && isRow(tags)) {
    const id = tags['docker:id'];
    if (typeof id === 'string') {
      computed['docker_id'] = id;
      computed['docker_short_id'] = id.slice(0, 12);
    }
    computed['docker_repo'] = tags['docker:repo'];
    const prefix = 'docker:tag:';
    computed['docker_tags'] = Object.keys(tags).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length)); // prettier-ignore
  }
  return { ...manifest, ...computed };
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Filter = (row: Row) => boolean;

/** Throws `Usage` for an operand that is not `FIELD=VALUE`. */
export function parseFilter(operand: string): Filter {
  const at = operand.indexOf('=');
  if (at === -1) throw usageError(`invalid filter: "${operand}" (must be of the form "field=value")`);
  const path = operand.slice(0, at).split('.');
  const wanted = operand.slice(at + 1);
  return (row) => {
    const value = path.reduce<unknown>(
      (in_, key) => (isRow(in_) && Object.hasOwn(in_, key) ? in_[key] : undefined),
      row,
    );
    if (value === undefined || value === null) return false;
    if (wanted === 'true' || wanted === 'false') return value === (wanted === 'true');
    if (!wanted.startsWith('~')) return valueText(value) === wanted;
    const part = wanted.slice(1);
    return (typeof value === 'string' || Array.isArray(value)) && value.includes(part);
  };
}

/** Orders by fields in turn; `-` before one reverses it. Throws for an empty field. */
export function sortRows(rows: readonly Row[], fields: readonly string[]): readonly Row[] {
  const keys = fields.map((field) => {
    const reverse = field.startsWith('-');
    const key = reverse ? field.slice(1) : field;
    if (key === '') {
      throw new SmartadmError('Usage', `zero-length sort field: ${fields.join(',')}`, { info: withoutCode });
    }
    return { key, sign: reverse ? -1 : 1 };
  });
  return rows.toSorted((a, b) => {
    for (const { key, sign } of keys) {
      const order = compare(a[key], b[key]);
      if (order !== 0) return sign * order;
    }
    return 0;
  });
}

function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  const [p, q] = [primitiveOf(a) as string, primitiveOf(b) as string];
  const [x, y] = [Number(p), Number(q)];
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  return p < q ? -1 : p > q ? 1 : 0;
}
