/** Rebuilds what a ZFS send stream holds: a tree of files, or a volume as a sparse file. */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { endOnAbort } from '../end-on-abort.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { ObjectSet } from './apply.js';
import { invalid, unsupported } from './bytes.js';
import { Commands, explain } from './commands.js';
import type { Loss } from './files.js';
import { Ledger } from './ledger.js';
import { allObjects, ObjectTable } from './objects.js';
import { readPackage } from './package.js';
import { readRecords } from './read-records.js';
import { headerSize } from './record-header.js';
import { readBegin, RecordType, type Begin } from './records.js';
import { Source } from './source.js';
import { TreeBuilder } from './tree.js';
import { finishVolume } from './volume.js';

/** What the stream says of itself before anything of it is written. */
export interface StreamHeader {
  readonly type: 'filesystem' | 'volume';
  /** Name after the `@` of the snapshot the stream makes. */
  readonly snapshot: string;
  /** Of that snapshot; of a package of several, of the first of them until all has been read. */
  readonly guid: bigint;
  /** Snapshot that an incremental stream builds on; undefined for a full one. */
  readonly fromGuid: bigint | undefined;
  /** Seconds since the epoch. */
  readonly creation: number;
  /** Bytes; undefined for filesystems and where the stream tells it only later. */
  readonly volsizeBytes: number | undefined;
}

/** Where a stream is written to. */
export interface StreamTarget {
  /**
   * Folder of a filesystem: new and empty for a full stream, a writable copy of the origin's tree for an incremental one.
   * For a volume: file, new or a writable copy of the origin's. Nobody else writes there.
   */
  readonly path: string;
  /** What an earlier {@link receiveStream} wrote as its `ledger` for the origin; undefined for a full stream. */
  readonly originLedger: string | undefined;
  /** File to write for later increments: which object of the stream became which entry of the tree. Not inside `path`. */
  readonly ledger: string;
}

export interface StreamResult {
  readonly header: StreamHeader;
  /** Length of the stream in bytes. */
  readonly bytes: number;
  /** Size of a volume in bytes; undefined for filesystems. */
  readonly volsizeBytes: number | undefined;
  /** What the stream itself lacks, or the target cannot hold: a path and what is missing there. At most 1000. */
  readonly losses: readonly { readonly path: string; readonly what: string }[];
}

const mostLosses = 1000;

/**
 * Reads `stream` to its end into the target that `open` chooses when the header is known and checked. Throws
 * `StreamInvalid` (damaged, truncated, hostile), `StreamUnsupported` (encrypted, replication packages, …), `NoSpace`,
 * what the stream itself fails with, or the reason of `signal`. On failure the target is in no particular state: the
 * caller removes it.
 *
 * Memory does not grow with the length of the stream, only with the number of objects: 24 bytes for each (once more for
 * those that an increment repeats), over some 65 MiB of Node and buffers; and 16 MB of names while a directory changes in
 * an increment. With the decompressor beside it, a million files take 111 MiB resident, an increment that repeats them all
 * 145 MiB. Limits, past which `StreamUnsupported` is thrown: 8 million objects, 4 GiB of directories and attributes, 8 PiB
 * in a file, 4095 bytes in a path, 255 in a name.
 */
export async function receiveStream(
  stream: Readable,
  open: (header: StreamHeader) => Promise<StreamTarget>,
  signal?: AbortSignal,
): Promise<StreamResult> {
  const letGo = endOnAbort(stream, signal);
  const source = new Source(stream);
  try {
    signal?.throwIfAborted();
    return await receive(source, open, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    letGo();
    await source.close();
  }
}

async function receive(
  source: Source,
  open: (header: StreamHeader) => Promise<StreamTarget>,
  signal: AbortSignal | undefined,
): Promise<StreamResult> {
  let begin = await takeBegin(source);
  let snapshot = begin.snapshot;
  const inPackage = begin.compound;
  if (inPackage) {
    snapshot = await readPackage(source, begin);
    begin = await takeBegin(source);
    if (begin.compound) throw invalid('a package in a package');
  }
  await skipPayload(source, begin);
  const first = begin;
  const header = (): StreamHeader => ({
    type: begin.type,
    snapshot,
    guid: begin.guid,
    fromGuid: first.fromGuid === 0n ? undefined : first.fromGuid,
    creation: begin.creation,
    volsizeBytes: undefined,
  });
  const receiver = new Receiver(begin, await open(header()));
  try {
    for (;;) {
      await readRecords(source, begin, receiver.set);
      receiver.set.settle();
      signal?.throwIfAborted();
      await receiver.build();
      const next = inPackage ? await takeNext(source, begin) : undefined;
      if (next === undefined) break;
      begin = next;
      await skipPayload(source, begin);
      receiver.set.startSubstream(begin);
    }
    if (await source.more()) throw invalid('something follows its end');
    receiver.finish(begin);
    return { header: header(), bytes: source.taken, volsizeBytes: receiver.volsizeBytes, losses: receiver.losses };
  } finally {
    await receiver.close();
  }
}

/** The target with all that is open of it. */
class Receiver {
  readonly set: ObjectSet;
  readonly losses: Loss[] = [];
  volsizeBytes: number | undefined;
  private readonly ledger: Ledger;
  private readonly commands: Commands;
  private readonly stage = `.receiving-${randomBytes(12).toString('hex')}`;
  private builder: TreeBuilder | undefined;

  constructor(begin: Begin, target: StreamTarget) {
    const { ledger, objects } = openLedger(begin, target);
    this.ledger = ledger;
    try {
      const tree = loadNative('tree');
      const runner = begin.type === 'volume' ? tree.openFile(target.path) : tree.openTree(target.path, this.stage);
      this.commands = new Commands(runner, (number, key) => this.builder?.refuse(number, key));
    } catch (cause) {
      ledger.close();
      throw explain(cause);
    }
    this.set = new ObjectSet(begin, objects, ledger, this.commands);
  }

  /** Makes the target what the objects say. */
  async build(): Promise<void> {
    if (this.set.type === 'volume') {
      this.volsizeBytes = await finishVolume(this.set);
      return;
    }
    this.builder = new TreeBuilder(this.set, this.stage, (loss) => {
      if (this.losses.length < mostLosses) this.losses.push(loss);
    });
    await this.builder.build();
  }

  finish(begin: Begin): void {
    this.ledger.finish(
      { type: begin.type, guid: begin.guid, order: begin.order },
      allObjects(this.set.base, this.set.fresh),
    );
  }

  async close(): Promise<void> {
    await this.commands.close();
    this.ledger.close();
  }
}

function openLedger(begin: Begin, target: StreamTarget): { ledger: Ledger; objects: ObjectTable } {
  const { originLedger } = target;
  if (begin.fromGuid === 0n) return { ledger: Ledger.create(target.ledger), objects: new ObjectTable() };
  if (originLedger === undefined) throw hostError('StreamInvalid', 'the stream is incremental, but there is no origin');
  const { ledger, head, objects } = Ledger.continue(originLedger, target.ledger);
  try {
    if (head.guid !== begin.fromGuid || head.type !== begin.type) {
      throw hostError('StreamInvalid', 'the stream builds on another snapshot than that of the origin');
    }
    if (head.order.big !== begin.order.big) throw unsupported('its byte order is not that of the origin');
    return { ledger, objects };
  } catch (error) {
    ledger.close();
    throw error;
  }
}

async function takeBegin(source: Source): Promise<Begin> {
  if (!source.take(headerSize)) await source.takeAcross(headerSize);
  const { bytes, at } = source;
  const begin = readBegin(bytes, at);
  source.restartChecksum(bytes.subarray(at, at + headerSize), begin.order.big);
  return begin;
}

/** What a BEGIN of a substream carries matters only to those who resume. */
async function skipPayload(source: Source, begin: Begin): Promise<void> {
  await source.takeAcross(begin.payloadSize);
}

/** The BEGIN of the next part of a package; undefined when it ends. */
async function takeNext(source: Source, last: Begin): Promise<Begin | undefined> {
  if (!source.take(headerSize)) await source.takeAcross(headerSize);
  const { bytes, at } = source;
  const header = bytes.subarray(at, at + headerSize);
  if (last.order.u32(header, 0) === RecordType.end) {
    if (header.subarray(4).some((byte) => byte !== 0)) throw invalid('the end of a package is not empty');
    return undefined;
  }
  const next = readBegin(header, 0);
  source.restartChecksum(header, next.order.big);
  if (next.compound) throw invalid('a package in a package');
  if (next.fromGuid !== last.guid || next.type !== last.type) throw unsupported('it holds more than one dataset');
  return next;
}
