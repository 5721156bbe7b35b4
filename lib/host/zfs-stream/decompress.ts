/** Compressed blocks of ZFS. */
import { inflateSync } from 'node:zlib';
import { loadNative } from '../native.js';
import { invalid, unsupported } from './bytes.js';

/** Fills `output` with what `input` was compressed from by `method`. Throws `StreamInvalid`, `StreamUnsupported`. */
export function decompress(method: number, input: Buffer, output: Buffer): void {
  if (!run(method, input, output)) throw invalid('a compressed block does not decompress');
}

function run(method: number, input: Buffer, output: Buffer): boolean {
  const codec = loadNative('codec');
  if (method >= 5 && method <= 13) return inflate(input, output);
  switch (method) {
    case 3:
      return codec.decompressLzjb(input, output);
    case 14:
      return codec.decompressZle(input, output);
    case 15:
      return codec.decompressLz4(input, output);
    case 16:
      return codec.decompressZstd(input, output);
    case 0:
    case 2:
      return input.length >= output.length && input.copy(output, 0, 0, output.length) === output.length;
    default:
      throw unsupported(`compression ${method} is unknown`);
  }
}

function inflate(input: Buffer, output: Buffer): boolean {
  try {
    // Padding after the end of the data is ignored.
    const data = inflateSync(input, { maxOutputLength: output.length });
    return data.copy(output) === output.length;
  } catch {
    return false;
  }
}
