/** Tables and colon-separated lines, as `vmadm list` prints them. Pure. */

export interface TableColumn {
  readonly header: string;
  readonly width: number;
}

/** Colours what a terminal shows; widths are taken before. */
export interface TablePaint {
  readonly header: (line: string) => string;
  readonly cell: (column: TableColumn, text: string, padded: string) => string;
}

const plain: TablePaint = { header: (line) => line, cell: (_column, _text, padded) => padded };

/**
 * Columns padded to their widths, two blanks between them; what is longer shifts the rest of its line. Of the values that
 * are no text or number, only `true` shows: nothing, false and null are a dash.
 */
export function table(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  withHeader: boolean,
  paint: TablePaint = plain,
): string {
  const line = (cells: readonly string[], cell: TablePaint['cell']) => {
    const last = cells.findLastIndex((text) => text !== '');
    return columns
      .map((column, at) => {
        const text = cells[at] ?? '';
        return cell(column, text, at === last ? text.trimEnd() : text.padEnd(column.width));
      })
      .slice(0, last + 1)
      .join('  ');
  };
  const header = withHeader ? `${paint.header(line(columns.map((column) => column.header), plain.cell))}\n` : ''; // prettier-ignore
  return header + rows.map((row) => `${line(row.map((cell) => (cell === '' ? '-' : cell)), paint.cell)}\n`).join(''); // prettier-ignore
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
