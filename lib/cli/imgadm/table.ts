/** Tables of imgadm: two spaces between columns, no padding behind the last, nothing at all without rows. */

export type Row = Readonly<Record<string, unknown>>;

export interface TableOptions {
  readonly columns: readonly string[];
  /** Titles where they are not the column's name in upper case. */
  readonly titles?: readonly string[];
  readonly header: boolean;
}

export function renderTable(rows: readonly Row[], { columns, titles, header }: TableOptions): string {
  if (rows.length === 0) return '';
  const heads = columns.map((column, at) => titles?.[at] ?? column.toUpperCase());
  const cells = rows.map((row) => columns.map((column) => cellText(own(row, column))));
  const widths = heads.map((head, at) =>
    Math.max(header ? head.length : 0, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const lines = [...(header ? [heads] : []), ...cells];
  return lines.map((line) => `${line.map((cell, at) => pad(cell, at)).join('  ')}\n`).join('');

  function pad(cell: string, at: number): string {
    return at === columns.length - 1 ? cell : cell.padEnd(widths[at] ?? 0);
  }
}

function own(row: Row, column: string): unknown {
  return Object.hasOwn(row, column) ? row[column] : undefined;
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return '-';
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** The fields of `-o` and `-s`. */
export function fieldList(text: string): readonly string[] {
  return text.split(',').map((field) => field.trim());
}
