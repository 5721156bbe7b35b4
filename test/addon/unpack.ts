/** Decompresses with the streams of the addons. */
import assert from 'node:assert/strict';
import type { NativeUnpacker } from '../../lib/host/native-linux.js';

/** What comes of `packed`, given in pieces of `piece` bytes and taken in pieces of `room`; it must end there. */
export async function unpack(stream: NativeUnpacker, packed: Buffer, piece: number, room: number): Promise<Buffer> {
  const found: Buffer[] = [];
  let used = 0;
  try {
    for (let at = 0; at < packed.length; at += piece) stream.give(packed.subarray(at, at + piece));
    stream.give(undefined);
    for (;;) {
      const output = Buffer.alloc(room);
      const filled = await stream.fill(output);
      used += filled.used;
      found.push(output.subarray(0, filled.given));
      if (filled.ended) {
        assert.ok(filled.complete);
        assert.equal(used, Math.ceil(packed.length / piece));
        return Buffer.concat(found);
      }
    }
  } finally {
    stream.close();
  }
}

/** What comes of `packed`, at most `most` bytes, and whether it may end there. */
export async function unpackAll(
  stream: NativeUnpacker,
  packed: Buffer,
  most: number,
): Promise<{ readonly bytes: Buffer; readonly complete: boolean }> {
  try {
    const output = Buffer.alloc(most + 1);
    stream.give(packed);
    stream.give(undefined);
    const { given, ended, complete } = await stream.fill(output);
    assert.ok(ended);
    return { bytes: output.subarray(0, given), complete };
  } finally {
    stream.close();
  }
}

/** Has `open` made streams that wait for input, and closes them or has them fed in the way of a reader ahead of it. */
export async function waitsForInput(open: () => NativeUnpacker, packed: Buffer, whole: Buffer): Promise<void> {
  const stream = open();
  for (const wrong of ['text', 7, {}, null, new Uint16Array(4)]) {
    assert.throws(() => { stream.give(wrong as unknown as Buffer); }, TypeError); // prettier-ignore
    assert.throws(() => stream.fill(wrong as unknown as Buffer), TypeError);
  }
  assert.throws(() => stream.fill(undefined as unknown as Buffer), TypeError);
  // Output is asked for before there is input, and is filled in that order, as far as there is some.
  const rooms = Array.from({ length: packed.length }, () => Buffer.alloc(Math.ceil(whole.length / 3)));
  const filling = rooms.map((room) => stream.fill(room));
  for (let at = 0; at < packed.length; at += 10) {
    stream.give(packed.subarray(at, at + 10));
    stream.give(Buffer.of());
    if (at === 50) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stream.give(undefined);
  const filled = await Promise.all(filling);
  const bytes = filled.map(({ given }, index) => rooms[index]?.subarray(0, given) ?? Buffer.of());
  assert.ok(Buffer.concat(bytes).equals(whole));
  assert.equal(filled.reduce((sum, { used }) => sum + used, 0), Math.ceil(packed.length / 10)); // prettier-ignore
  assert.deepEqual(await stream.fill(Buffer.alloc(5)), { given: 0, used: 0, ended: true, complete: true });
  stream.close();
  stream.close();
  assert.throws(() => { stream.give(packed); }, { code: 'ERR_CLOSED' }); // prettier-ignore
  assert.throws(() => stream.fill(Buffer.alloc(1)), { code: 'ERR_CLOSED' });
  const starved = open();
  starved.give(packed.subarray(0, packed.length - 1));
  assert.deepEqual((await starved.fill(Buffer.alloc(whole.length + 1))).ended, false);
  const waiting = [starved.fill(Buffer.alloc(1)), starved.fill(Buffer.alloc(1))];
  const ends = Promise.all(waiting.map((each) => assert.rejects(each, { code: 'ECANCELED', library: 'codec' })));
  setTimeout(() => { starved.close(); }, 5); // prettier-ignore
  await ends;
}
