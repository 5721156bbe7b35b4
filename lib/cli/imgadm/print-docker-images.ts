/** `imgadm list --docker`: images that no other builds on, a line for each of their tags. */
import type { Cli } from '../command.js';
import { rowOf, sortRows, type Filter, type ListedImage } from './rows.js';
import { renderTable } from './table.js';

export async function printDockerImages(
  cli: Cli,
  images: readonly ListedImage[],
  filters: readonly Filter[],
  header: boolean,
): Promise<void> {
  const rows = images.map(rowOf).filter((row) => filters.every((matches) => matches(row)));
  const origins = new Set(rows.map(({ origin }) => origin));
  const heads = rows.filter(({ uuid }) => !origins.has(uuid));
  const lines = sortRows(heads, ['published_at']).flatMap((row) => {
    const tags = row['docker_tags'];
    const names: readonly unknown[] = Array.isArray(tags) && tags.length > 0 ? tags : [undefined];
    return names.map((tag) => ({ ...row, tag }));
  });
  const columns = ['uuid', 'docker_repo', 'tag', 'docker_short_id', 'published'];
  const titles = ['UUID', 'REPOSITORY', 'TAG', 'IMAGE_ID', 'CREATED'];
  await cli.out(renderTable(lines, { columns, titles, header }));
}
