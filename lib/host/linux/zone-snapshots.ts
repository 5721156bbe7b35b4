/** The snapshots that a zone sees, as `zone-start` reads them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import type { BtrfsDatasets } from './datasets-btrfs.js';

/** A snapshot of a zone, without the prefix of its name, and the folder on the host with what was the zone's root. */
export interface ZoneSnapshot {
  readonly name: string;
  readonly folder: string;
}

const prefix = 'vmsnap-';

/** Those of the zone at a path, oldest first. */
export async function zoneSnapshots(datasets: BtrfsDatasets, zonepath: string): Promise<readonly ZoneSnapshot[]> {
  return (await datasets.snapshotsOf(zonepath.slice(1))).flatMap(({ name, path }) => {
    const snapshot = name.slice(name.indexOf('@') + 1);
    if (!snapshot.startsWith(prefix)) return [];
    return { name: snapshot.slice(prefix.length), folder: join(path, 'root') };
  });
}

/** As `zone-start` reads them. */
export function snapshotLines(snapshots: readonly ZoneSnapshot[]): string {
  return snapshots.map(({ name, folder }) => `${name}\t${folder}\n`).join('');
}

/** None where there is no such file. */
export async function readSnapshotLines(file: string): Promise<readonly ZoneSnapshot[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => {
    const [name = '', folder = ''] = line.split('\t');
    return { name, folder };
  });
}
