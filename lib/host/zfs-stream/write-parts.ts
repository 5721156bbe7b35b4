/** Writes extended attributes: a hidden directory for each file that has any, and a hidden file for each of them. */
import { FileType } from './attributes.js';
import { roundUp } from './bytes.js';
import { ObjectType } from './records.js';
import { packAttributes } from './write-attributes.js';
import type { FileAt } from './write-file.js';
import type { Numbering } from './write-numbering.js';
import { toTheEnd, type RecordWriter } from './write-records.js';
import { buildZap, namesOf } from './write-zap.js';

const smallBlock = 512;

/** Writes object `number`, which is one of `owner.shape.parts`. `isNew`: nothing was there before. */
export function writePart(
  out: RecordWriter,
  numbering: Numbering,
  number: number,
  owner: FileAt,
  isNew: boolean,
): void {
  const { described, shape } = owner;
  const [directory = 0, ...values] = shape.parts;
  const index = values.indexOf(number);
  const common = {
    ...described, generation: shape.generation, device: undefined, target: undefined, ofAttributes: true,
  }; // prettier-ignore
  if (index < 0) {
    const zap = buildZap(
      namesOf(described.attributes.map(({ key }, at) => [key, (8n << 60n) | BigInt(values[at] ?? 0)] as const)),
    );
    const { bonus } = packAttributes(
      {
        ...common, mode: FileType.directory | 0o777, size: values.length + 2, links: 2,
        parent: numbering.number(owner.files, owner.row),
      },
      numbering.layouts,
    ); // prettier-ignore
    out.object(number, { type: ObjectType.directory, blockSize: zap.blockSize, bonus });
    out.free(number, isNew ? zap.blockSize * zap.blockCount : 0, toTheEnd);
    let offset = 0;
    for (const block of zap.blocks) {
      out.write(number, ObjectType.directory, offset, zap.blockSize, block);
      offset += zap.blockSize;
    }
    return;
  }
  const value = described.attributes[index]?.value ?? Buffer.alloc(0);
  const blockSize = Math.max(smallBlock, roundUp(value.length, 512));
  const { bonus } = packAttributes(
    { ...common, mode: FileType.file | 0o644, size: value.length, links: 1, parent: directory },
    numbering.layouts,
  );
  out.object(number, { type: ObjectType.file, blockSize, bonus });
  out.free(number, isNew ? roundUp(value.length, blockSize) : 0, toTheEnd);
  if (value.length > 0) out.write(number, ObjectType.file, 0, blockSize, value);
}
