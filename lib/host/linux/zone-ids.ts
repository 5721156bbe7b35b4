/** The range of ids that the user namespace of a zone has on the host: one per zone of this machine, without overlap. */
import { readFile } from 'node:fs/promises';
import { codeOf } from '../../errors.js';
import { idCount } from './lxc-config.js';

/** Ids from here on belong to nobody by convention (systemd, shadow and container engines stay below). */
const firstRange = 0x8000_0000;
/** The last range ends before the ids that stand for "none". */
const ranges = 0x7ffe;

/**
 * First id of the zone with debug id `debugId` in the root of identity `id` (`root-id.ts`). A debug id is kept by one
 * zone of its root, so ranges need no record of their own; roots begin at different places. Throws RangeError for a
 * debug id below 0.
 */
export function firstZoneId(id: string, debugId: number): number {
  if (!Number.isSafeInteger(debugId) || debugId < 0) throw new RangeError(`${debugId} is not a debug id`);
  return firstRange + ((Number.parseInt(id, 16) + debugId) % ranges) * idCount;
}

/**
 * The next debug id after `last` whose range nobody has: not a zone with a debug id of `taken`, not an entry of
 * `/etc/subuid` or `/etc/subgid` (`subordinate`: their text).
 */
export function nextDebugId(id: string, last: number, taken: readonly number[], subordinate: string): number {
  const used = new Set(taken.filter((debugId) => debugId >= 0).map((debugId) => firstZoneId(id, debugId)));
  const foreign = subordinate.split('\n').flatMap((line) => {
    const [, start, count] = line.split(':').map(Number);
    return start !== undefined && count !== undefined && start + count > firstRange
      ? [{ start, end: start + count }]
      : [];
  });
  for (let debugId = last + 1; debugId <= last + ranges; debugId++) {
    const first = firstZoneId(id, debugId);
    const isForeign = foreign.some(({ start, end }) => first < end && first + idCount > start);
    if (!used.has(first) && !isForeign) return debugId;
  }
  return last + 1;
}

/** What `/etc/subuid` and `/etc/subgid` say; empty where they are missing. */
export async function readSubordinateIds(): Promise<string> {
  const texts = ['/etc/subuid', '/etc/subgid'].map((file) =>
    readFile(file, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return '';
      throw error;
    }),
  );
  return (await Promise.all(texts)).join('\n');
}
