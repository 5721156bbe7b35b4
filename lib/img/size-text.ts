/** Sizes as imgadm prints them. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `44.1 MiB`: powers of 1024, one decimal, cut off and not rounded; zero is `0 B`. */
export function sizeText(bytes: number): string {
  if (bytes === 0) return '0 B';
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${(Math.floor((bytes / 1024 ** power) * 10) / 10).toFixed(1)} ${units[power] ?? ''}`;
}
