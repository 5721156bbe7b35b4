/** Decompresses with the streams of the addons. */
import assert from 'node:assert/strict';
import type { NativeUnpacker } from '../../lib/host/native-linux.js';

/** What comes of `packed`, given in pieces of `piece` bytes and taken in pieces of `room`; it must end there. */
export async function unpack(stream: NativeUnpacker, packed: Buffer, piece: number, room: number): Promise<Buffer> {
  const found: Buffer[] = [];
  let isComplete = true;
  try {
    for (let at = 0; at < packed.length; at += piece) {
      const input = packed.subarray(at, at + piece);
      for (let done = 0, isFull = false; done < input.length || isFull;) {
        const output = Buffer.alloc(room);
        const { taken, given, complete } = await stream.run(input.subarray(done), output);
        found.push(output.subarray(0, given));
        done += taken;
        isFull = given === room;
        isComplete = complete;
      }
    }
  } finally {
    stream.close();
  }
  assert.ok(isComplete);
  return Buffer.concat(found);
}
