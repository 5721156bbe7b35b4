/** Prints a list of images as `list` and `avail` do. */
import type { Cli, OptionValues } from '../command.js';
import { listedFields, listedOrder } from './options.js';
import { rowOf, sortRows, type Filter, type ListedImage } from './rows.js';
import { fieldList, renderTable } from './table.js';

export async function printImages(
  cli: Cli,
  images: readonly ListedImage[],
  filters: readonly Filter[],
  options: OptionValues,
): Promise<void> {
  const rows = images.map((image) => ({ image, row: rowOf(image) }));
  const chosen = rows.filter(({ row }) => filters.every((matches) => matches(row)));
  if (options['json'] === true) {
    // With filters the original hands out the fields it computed for them.
    const shown = chosen.map(({ image, row }) => (filters.length === 0 ? image : { ...image, manifest: row }));
    await cli.out(`${JSON.stringify(shown, null, 2)}\n`);
    return;
  }
  const columns = fieldList(text(options['fields'], listedFields));
  const order = fieldList(text(options['sort'], listedOrder));
  const sorted = sortRows(chosen.map(({ row }) => row), order); // prettier-ignore
  await cli.out(renderTable(sorted, { columns, header: options['noHeader'] !== true }));
}

function text(value: OptionValues[string], fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
