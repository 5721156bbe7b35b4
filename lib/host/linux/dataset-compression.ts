/** The property `compression` as btrfs has it. */
import { loadNative } from '../native.js';
import type { DatasetRecord } from './dataset-records.js';

/** The method of btrfs that comes closest to a value of zfsprops(7): as fast, or as tight. */
function methodOf(compression: string): string {
  if (compression.startsWith('zstd')) return 'zstd';
  if (compression.startsWith('gzip')) return 'zlib';
  return compression === 'off' || compression === 'zle' ? '' : 'lzo';
}

/** The method that holds for a dataset with `properties` below `ancestors`, the pool first. */
export function effectiveMethod(
  properties: Readonly<Record<string, string>>,
  ancestors: readonly { readonly record: DatasetRecord }[],
): string {
  const nearest =
    properties['compression'] ??
    ancestors.findLast(({ record }) => record.properties['compression'] !== undefined)?.record.properties[
      'compression'
    ];
  return nearest === undefined ? '' : methodOf(nearest);
}

/** Has everything in the subvolume at `path` written by `method` from now on, unless it is so. */
export async function compressBy(path: string, method: string, before: string): Promise<void> {
  if (method !== before) await loadNative('btrfs').setCompression(path, method);
}
