/** The head of a package of streams (`zfs send -p`, `-I`, `-R`). */
import { invalid, unsupported } from './bytes.js';
import { readNvList, type NvList } from './nvlist.js';
import { Verdict } from './record-header.js';
import { RecordType, type Begin } from './records.js';
import type { Source } from './source.js';

/**
 * Reads what precedes the first substream, and says which snapshot the package leads to. Throws `StreamUnsupported` for
 * packages of several datasets.
 */
export async function readPackage(source: Source, begin: Begin): Promise<string> {
  await source.takeAcross(begin.payloadSize);
  const list: NvList =
    begin.payloadSize === 0
      ? new Map()
      : readNvList(Buffer.from(source.bytes.subarray(source.at, source.at + begin.payloadSize)));
  if (!source.takeHeader()) await source.takeHeaderAcross();
  if (source.header.u32(0) !== RecordType.end || source.header.endVerdict !== Verdict.right) {
    throw invalid('the head of the package is broken');
  }
  const datasets = list.get('fss');
  if (datasets instanceof Map && datasets.size > 1) throw unsupported('it holds more than one dataset');
  const snapshot = list.get('tosnap');
  return typeof snapshot === 'string' ? snapshot : begin.snapshot;
}
