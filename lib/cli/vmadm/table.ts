/** Tables and colon-separated lines, as `vmadm list` prints them. Pure. */

export interface TableColumn {
  readonly header: string;
  readonly width: number;
}

/**
 * Columns padded to their widths, two blanks between them; what is longer shifts the rest of its line. Of the values that
 * are no text or number, only `true` shows: nothing, false and null are a dash.
 */
export function table(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  withHeader: boolean,
): string {
  const line = (cells: readonly string[]) =>
    `${columns.map(({ width }, at) => (cells[at] ?? '').padEnd(width)).join('  ').trimEnd()}\n`; // prettier-ignore
  const header = withHeader ? line(columns.map((column) => column.header)) : '';
  return header + rows.map((row) => line(row.map((cell) => (cell === '' ? '-' : cell)))).join('');
}

/** The same for programs: values between colons, which stay as they are inside of values. */
export function colonLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  withHeader: boolean,
): string {
  const lines = withHeader ? [columns.map((column) => column.header), ...rows] : rows;
  return lines.map((cells) => `${cells.join(':').trimEnd()}\n`).join('');
}
