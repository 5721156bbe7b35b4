/** Writes the objects of a volume between BEGIN and END: all of a snapshot, or what has changed since another. */
import type { NativeSnapshotReader } from '../native-linux.js';
import { roundUp } from './bytes.js';
import { ObjectType } from './records.js';
import { Blocks } from './write-blocks.js';
import { writeBlocks, writeDifference } from './write-file.js';
import { toTheEnd, type RecordWriter } from './write-records.js';
import { writeZap } from './write-tables.js';
import { buildZap, namesOf } from './write-zap.js';

const dataObject = 1;
const propertiesObject = 2;
const objectsPerBlock = 32;
const wholeFile = Buffer.alloc(0);

/** Yields where the writer may be emptied. */
export async function* writeVolume(
  out: RecordWriter,
  to: NativeSnapshotReader,
  { sizeBytes, blockBytes }: { readonly sizeBytes: number; readonly blockBytes: number },
  from?: NativeSnapshotReader,
): AsyncGenerator<void> {
  out.object(dataObject, { type: ObjectType.volume, blockSize: blockBytes });
  const end = roundUp(sizeBytes, blockBytes);
  out.free(dataObject, end, toTheEnd);
  const blocks = new Blocks(to, wholeFile, blockBytes);
  if (from === undefined) {
    yield* writeBlocks(out, dataObject, blocks, end, ObjectType.volume);
  } else {
    const old = new Blocks(from, wholeFile, blockBytes);
    yield* writeDifference(out, dataObject, old, blocks, end, blockBytes, ObjectType.volume);
  }
  const zap = buildZap(namesOf([['size', BigInt(sizeBytes)]]));
  out.object(propertiesObject, { type: ObjectType.volumeProperties, blockSize: zap.blockSize });
  out.free(propertiesObject, zap.blockSize * zap.blockCount, toTheEnd);
  yield* writeZap(out, propertiesObject, ObjectType.volumeProperties, zap);
  if (from === undefined) out.freeUpTo(objectsPerBlock);
}
