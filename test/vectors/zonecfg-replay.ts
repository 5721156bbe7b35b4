/** Makes recorded calls directly on the stand-in, by the program `replay`. */
import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { addonFile } from '../../lib/host/native.js';
import { unequal } from './compare.js';
import { fileDifference, isDefined, rootOf, type BrandRecord, type ZonecfgRecord } from './zonecfg-records.js';

const endings = new Map<string | null, unknown>([
  ['SIGABRT', { aborts: true }],
  ['SIGSEGV', { crashes: 'SIGSEGV' }],
]);

function replay(record: ZonecfgRecord | BrandRecord): readonly unknown[] {
  const zpool = 'zpool' in record ? { _ZONEADMD_ZPOOL: record.zpool } : {};
  const done = spawnSync(addonFile('replay', ''), {
    input: JSON.stringify(record),
    encoding: 'utf8',
    env: { ...process.env, ...zpool },
  });
  const results = done.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as unknown); // prettier-ignore
  if (done.signal !== null) results.push(endings.get(done.signal) ?? { signal: done.signal });
  else if (done.status !== 0) results.push({ status: done.status, stderr: done.stderr });
  return results;
}

/** What differs, undefined when all is as recorded. */
export function replayCalls(record: ZonecfgRecord): string | undefined {
  const root = rootOf(record);
  try {
    const results = replay(record);
    for (const [at, wanted] of record.results.entries()) {
      if (isDefined(record, at) && !isDeepStrictEqual(wanted, results[at])) {
        return `call ${at} ${record.calls[at]?.fn ?? ''}: ${unequal(wanted, results[at])}`;
      }
    }
    if (results.length !== record.results.length) return `${results.length} calls came back`;
    return fileDifference(record, root.files());
  } finally {
    root.remove();
  }
}

/** The same for a brand. */
export function replayBrand(record: BrandRecord): string | undefined {
  const root = rootOf(record);
  try {
    const [isOpen, ...results] = replay(record);
    if (isOpen !== record.open) return `open: ${unequal(record.open, isOpen)}`;
    return isDeepStrictEqual(results, record.results) ? undefined : unequal(record.results, results);
  } finally {
    root.remove();
  }
}
