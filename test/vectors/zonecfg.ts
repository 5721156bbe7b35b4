/** Files of libzonecfg's and libbrand's records: on the stand-in itself, and through zonecfg.node. */
import type { Runner } from './runner.js';
import { playBrand, playCalls } from './zonecfg-native.js';
import type { BrandRecord, ZonecfgRecord } from './zonecfg-records.js';
import { replayBrand, replayCalls } from './zonecfg-replay.js';

/** Both ways must come to what was recorded. */
async function both(direct: string | undefined, addon: () => Promise<string | undefined>): Promise<string | undefined> {
  if (direct !== undefined) return `stand-in: ${direct}`;
  const what = await addon();
  return what === undefined ? undefined : `zonecfg.node: ${what}`;
}

export function zonecfgRecords(): Runner {
  return {
    close: () => undefined,
    run(record) {
      if ('brand' in record) return both(replayBrand(record as BrandRecord), () => playBrand(record as BrandRecord));
      return both(replayCalls(record as ZonecfgRecord), () => playCalls(record as ZonecfgRecord));
    },
  };
}
