/** Memory for pieces of files, used again when it is given back. Left to the garbage collector it would pile up. */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { RecyclingStream } from '../host/zfs-stream/source.js';

const chunkBytes = 2 ** 18;

/** Rooms of `bytes` bytes each. */
export class Rooms {
  readonly #free: Buffer[] = [];
  readonly #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#bytes);
  }

  giveBack({ buffer }: Uint8Array): void {
    // What others have put together is none of ours.
    if (buffer.byteLength === this.#bytes) this.#free.push(Buffer.from(buffer));
  }

  /** What `make` makes, chunk by chunk, in rooms of these. */
  stream(chunks: AsyncIterable<Buffer>): RecyclingStream {
    // As objects, or chunks that wait together would be copied into one.
    const stream = Readable.from(chunks, { objectMode: true, highWaterMark: 1 });
    return Object.assign(stream, { recycle: (piece: Uint8Array) => this.giveBack(piece) });
  }
}

/** The file at `path`; `seen` is told of each chunk. It is opened when somebody reads. */
export function readInRooms(path: string, seen: (bytes: number) => void = () => undefined): RecyclingStream {
  const rooms = new Rooms(chunkBytes);
  return rooms.stream(chunksOf(path, rooms, seen));
}

async function* chunksOf(path: string, rooms: Rooms, seen: (bytes: number) => void): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    for (;;) {
      const { buffer, bytesRead } = await file.read(rooms.take(), 0, chunkBytes);
      if (bytesRead === 0) return;
      seen(bytesRead);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
