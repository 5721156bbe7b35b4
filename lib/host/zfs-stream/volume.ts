/** Finishes a volume, once its stream has been read. */
import { volumeObject, type ObjectSet } from './apply.js';
import { invalid, unsupported } from './bytes.js';
import { Content } from './content.js';
import { ObjectType } from './records.js';
import { zapEntries, zapNumber } from './zap.js';

const propertiesObject = 2;

/** Gives the file its size, which only the properties of the volume tell, and returns it in bytes. */
export async function finishVolume(set: ObjectSet): Promise<number> {
  const data = set.find(volumeObject);
  const properties = set.find(propertiesObject);
  if (data?.table.type.get(data.row) !== ObjectType.volume) throw invalid('a volume without data');
  if (properties?.table.type.get(properties.row) !== ObjectType.volumeProperties)
    throw invalid('a volume without a size');
  const { table, row } = properties;
  for (const entry of zapEntries(new Content(set.ledger, table.extent.get(row)), table.blockSize.get(row), set.order)) {
    if (entry.name.toString('latin1') !== 'size') continue;
    const size = zapNumber(entry);
    if (size === 0n) throw invalid('a volume without a size');
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw unsupported('a volume is larger than 8 PiB');
    set.commands.resize(Number(size));
    await set.commands.finish();
    return Number(size);
  }
  throw invalid('a volume without a size');
}
