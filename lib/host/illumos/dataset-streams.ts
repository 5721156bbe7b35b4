/** Sends and receives ZFS streams through pipes to and from libzfs, which runs on threads of its own. */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { codeOf } from '../../errors.js';
import { parseDataset, parseSnapshot } from '../dataset-names.js';
import type { ReceiveOptions, ReceiveResult, SendOptions } from '../datasets.js';
import { endOnAbort } from '../end-on-abort.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import type { NativeZfsLibrary } from '../native-zfs.js';
import { bigEndian, littleEndian } from '../zfs-stream/bytes.js';
import { whileDoing } from './dataset-failures.js';
import { requireDataset, requirePlace } from './dataset-place.js';

/** Bytes of the record that a stream begins with. */
const headerSize = 312;
const magic = 0x2f5bacbacn;

/** Makes `given` and a snapshot of it from a stream. On any failure nothing is left behind. */
export async function receiveDataset(
  zfs: NativeZfsLibrary,
  given: string,
  stream: Readable,
  { origin, signal }: ReceiveOptions,
): Promise<ReceiveResult> {
  const name = parseDataset(given);
  await requirePlace(zfs, name);
  const guid = origin === undefined ? undefined : await guidOf(zfs, origin);
  signal?.throwIfAborted();
  const source = new Source(stream);
  const letGo = endOnAbort(stream, signal);
  try {
    const header = await source.header();
    checkOrigin(given, header, origin, guid);
    await feed(zfs, given, source, origin, signal);
    const { snapshot, type } = await whileDoing(`cannot receive ${given}`, () => made(zfs, given));
    return { snapshot, type, losses: [] };
  } catch (error) {
    await takeAway(zfs, given, error);
    signal?.throwIfAborted();
    throw error;
  } finally {
    letGo();
    stream.destroy();
  }
}

/** What a stream has made of `given`. */
async function made(zfs: NativeZfsLibrary, given: string): Promise<Pick<ReceiveResult, 'snapshot' | 'type'>> {
  const { type } = await zfs.get(given);
  const snapshots = await zfs.list({ root: given, depth: 1, types: ['snapshot'] });
  return { snapshot: snapshots.at(-1)?.name ?? given, type: type === 'volume' ? 'volume' : 'filesystem' };
}

/** A stream with its first record looked at before it is handed on. */
class Source {
  private readonly chunks: AsyncIterator<unknown>;
  private first = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.chunks = stream[Symbol.asyncIterator]() as AsyncIterator<unknown>;
  }

  async header(): Promise<Buffer> {
    while (this.first.length < headerSize) {
      const next = await this.chunks.next();
      if (next.done === true) break;
      this.first = Buffer.concat([this.first, asBuffer(next.value)]);
    }
    return this.first.subarray(0, headerSize);
  }

  async *rest(): AsyncGenerator<Buffer> {
    if (this.first.length > 0) yield this.first;
    for (;;) {
      const next = await this.chunks.next();
      if (next.done === true) return;
      yield asBuffer(next.value);
    }
  }
}

function asBuffer(chunk: unknown): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as Uint8Array);
}

async function guidOf(zfs: NativeZfsLibrary, snapshot: string): Promise<bigint> {
  parseSnapshot(snapshot);
  await requireDataset(zfs, snapshot);
  const { properties } = await whileDoing(`cannot receive what builds on ${snapshot}`, () =>
    zfs.get(snapshot, { properties: ['guid'] }),
  );
  return BigInt(properties['guid']?.value ?? 0);
}

/** Throws `StreamInvalid` unless the stream builds on `origin`, or on nothing where there is none. */
function checkOrigin(given: string, header: Buffer, origin: string | undefined, guid: bigint | undefined): void {
  const refuse = (why: string) => hostError('StreamInvalid', `cannot receive ${given}: ${why}`);
  const order = [littleEndian, bigEndian].find(
    (each) => header.length === headerSize && each.id(header, 8) === magic && header.readUInt32LE(0) === 0,
  );
  if (order === undefined) throw refuse('this is no ZFS send stream');
  // A package tells what it builds on in the streams inside.
  if ((order.id(header, 16) & 3n) === 2n) return;
  const from = order.id(header, 48);
  if (origin === undefined) {
    if (from === 0n) return;
    throw refuse(`the stream builds on a snapshot with guid ${from}, and no origin is given`);
  }
  if (from === 0n) throw refuse(`the stream is a full one, which does not build on ${origin}`);
  if (from === guid) return;
  throw refuse(`the stream builds on a snapshot with guid ${from}, ${origin} has guid ${guid ?? 0n}`);
}

/** Has libzfs read from one end of a pipe what goes into the other. */
async function feed(
  zfs: NativeZfsLibrary,
  given: string,
  source: Source,
  origin: string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { read, write } = loadNative('zfs').pipe();
  const sink = new Socket({ fd: write, readable: false, writable: true });
  const receiving = starting(read, () => zfs.receive(given, read, origin === undefined ? {} : { origin }));
  const feeding = pipeline(source.rest(), sink, signal === undefined ? {} : { signal });
  const [received, fed] = await Promise.allSettled([receiving, feeding]);
  signal?.throwIfAborted();
  const gaveUp = fed.status === 'rejected' && ['EPIPE', 'ECONNRESET'].includes(codeOf(fed.reason) ?? '');
  if (fed.status === 'rejected' && !gaveUp) throw fed.reason;
  await whileDoing(`cannot receive ${given}`, () =>
    received.status === 'rejected' ? Promise.reject(received.reason as Error) : Promise.resolve(),
    // The place was looked at: what is missing is what the stream builds on.
    { EZFS_NOENT: 'StreamInvalid', EZFS_MOUNTFAILED: 'DatasetExists' },
  ); // prettier-ignore
  if (gaveUp) throw hostError('StreamInvalid', `cannot receive ${given}: something follows the end of the stream`);
}

/** Starts work on a descriptor, of which the addon takes a copy at once, and closes it. */
async function starting<T>(fd: number, work: () => Promise<T>): Promise<T> {
  let started: Promise<T>;
  try {
    started = work();
  } finally {
    closeSync(fd);
  }
  return started;
}

/** What a failed receive may have left. What somebody else has made meanwhile stays. */
async function takeAway(zfs: NativeZfsLibrary, given: string, error: unknown): Promise<void> {
  if (codeOf(error) === 'DatasetExists') return;
  try {
    if (await zfs.exists(given)) await zfs.destroy(given, { recursive: true });
  } catch {
    // The first error says more.
  }
}

/** A snapshot as a stream, which is made while it is read. */
export async function sendDataset(
  zfs: NativeZfsLibrary,
  snapshot: string,
  { from, signal }: SendOptions,
): Promise<Readable> {
  const { components } = parseSnapshot(snapshot);
  if (components.length === 0) throw hostError('InvalidName', `cannot send ${snapshot}: it is a pool`);
  if (from !== undefined) parseSnapshot(from);
  signal?.throwIfAborted();
  for (const name of from === undefined ? [snapshot] : [snapshot, from]) await requireDataset(zfs, name);
  const doing = `cannot send ${snapshot}`;
  const what = from === undefined ? { snapshot } : { snapshot, from };
  // It fails like sending itself, before there is a stream.
  await whileDoing(from === undefined ? doing : `${doing} as a change of ${from}`, () => zfs.sendSize(what));
  const { read, write } = loadNative('zfs').pipe();
  const pipe = new Socket({ fd: read, readable: true, writable: false });
  const sending = whileDoing(doing, () => starting(write, () => zfs.send(what, write)));
  sending.catch(() => undefined);
  const stream = Readable.from(chunksOf(pipe, sending), { objectMode: false });
  return stream.once('close', endOnAbort(stream, signal));
}

/** The end of a pipe comes also where sending failed: only what was sent to its end may end. */
async function* chunksOf(pipe: Socket, sending: Promise<void>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of pipe) yield chunk as Buffer;
    await sending;
  } finally {
    pipe.destroy();
  }
}
