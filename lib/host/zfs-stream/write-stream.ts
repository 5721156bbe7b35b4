/** Makes ZFS send streams of snapshots that lie in folders and files: whole ones, and increments on an earlier snapshot. */
import { Readable } from 'node:stream';
import { codeOf } from '../../errors.js';
import { endOnAbort } from '../end-on-abort.js';
import { hostError } from '../errors.js';
import type { NativeSnapshotReader } from '../native-linux.js';
import { loadNative } from '../native.js';
import { unsendable } from './bytes.js';
import { Ledger } from './ledger.js';
import { writeFilesystem } from './write-filesystem.js';
import { KnownObjects } from './write-known.js';
import { Numbering } from './write-numbering.js';
import { RecordWriter } from './write-records.js';
import { FileTable } from './write-source.js';
import { writeVolume } from './write-volume.js';

/** A snapshot and where it lies. Nothing may change there. */
export interface SentSnapshot {
  readonly guid: bigint;
  /** Folder of a filesystem, file of a volume. */
  readonly path: string;
}

export interface StreamRequest extends SentSnapshot {
  /** `zones/U@final`. */
  readonly name: string;
  /** Seconds since the epoch. */
  readonly creation: number;
  /** Of a volume. */
  readonly volume?: { readonly sizeBytes: number; readonly blockBytes: number } | undefined;
  /** Snapshot to build on: an earlier state of the very same files. `ofClone`: it belongs to another dataset. */
  readonly from?: (SentSnapshot & { readonly ofClone: boolean }) | undefined;
  /**
   * The snapshot that the dataset, or what it was cloned from, was received as, and what was kept of the stream. The
   * numbers of its objects are kept.
   */
  readonly received?: { readonly path: string; readonly ledger: string } | undefined;
}

const mostVolumeBlock = 128 * 1024;

/**
 * The stream of a snapshot. It fails with `StreamUnsupported` (what no stream of ours can hold), `DatasetNotFound` (the
 * snapshot went away), `PermissionDenied` or `HostFailed`; aborting `signal` ends it with the reason.
 *
 * It is made as it is read. Memory does not grow with what files hold: some 5 MB of buffers, and for each file about 45
 * bytes and its name, twice that for an increment, thrice where also `received` is another snapshot.
 */
export function writeStream(request: StreamRequest, signal?: AbortSignal): Readable {
  const stream = Readable.from(chunks(request, signal), { objectMode: false });
  // The option of streams would hide the reason in an AbortError.
  return stream.once('close', endOnAbort(stream, signal));
}

async function* chunks(request: StreamRequest, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const open: { close(): void }[] = [];
  const reading = (path: string): NativeSnapshotReader => {
    const reader = loadNative('snapshot').openSnapshot(path);
    open.push(reader);
    return reader;
  };
  try {
    const records =
      request.volume === undefined ? filesystem(request, reading, open, signal) : volume(request, reading);
    for await (const chunk of records) {
      signal?.throwIfAborted();
      yield chunk;
    }
  } catch (error) {
    throw explain(request.name, error);
  } finally {
    for (const each of open) each.close();
  }
}

async function* filesystem(
  request: StreamRequest,
  reading: (path: string) => NativeSnapshotReader,
  open: { close(): void }[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const { from, received } = request;
  const tables = new Map<string, Promise<FileTable>>();
  const read = (path: string): Promise<FileTable> => {
    const found = tables.get(path) ?? FileTable.read(reading(path), signal);
    tables.set(path, found);
    return found;
  };
  const to = await read(request.path);
  const base = from === undefined ? undefined : await read(from.path);
  const known = received === undefined ? undefined : await knownOf(received, await read(received.path), from);
  if (known !== undefined) open.push(known);
  const out = writerOf(request, known?.hasLarge ?? false);
  yield* emptied(out, writeFilesystem(out, new Numbering(known), to, base));
}

/** A full stream can do without what was received; an increment cannot. */
function knownOf(
  { ledger }: { readonly ledger: string },
  files: FileTable,
  from: SentSnapshot | undefined,
): Promise<KnownObjects | undefined> {
  try {
    return Promise.resolve(KnownObjects.open(ledger, files));
  } catch (error) {
    if (from === undefined && codeOf(error) === 'StreamUnsupported') return Promise.resolve(undefined);
    throw error;
  }
}

async function* volume(
  request: StreamRequest,
  reading: (path: string) => NativeSnapshotReader,
): AsyncGenerator<Buffer> {
  const { from, received } = request;
  const sizes = { sizeBytes: 0, ...request.volume };
  const blockBytes = received === undefined ? (sizes.blockBytes ?? 8192) : receivedBlockBytes(received.ledger);
  const out = writerOf(request, false);
  const base = from === undefined ? undefined : reading(from.path);
  yield* emptied(out, writeVolume(out, reading(request.path), { ...sizes, blockBytes }, base));
}

/** Hands on what `steps` write, and the END. */
async function* emptied(out: RecordWriter, steps: AsyncGenerator<void>): AsyncGenerator<Buffer> {
  while ((await steps.next()).done !== true) if (out.full) yield out.take();
  out.end();
  yield out.take();
}

function receivedBlockBytes(path: string): number {
  const { ledger, objects } = Ledger.open(path);
  ledger.close();
  const size = objects.blockSize.get(Math.max(objects.find(1), 0));
  if (size > mostVolumeBlock) throw unsendable('it was received with large blocks');
  return size;
}

function writerOf({ name, guid, creation, from, volume: sizes }: StreamRequest, largeObjects: boolean): RecordWriter {
  return new RecordWriter({
    type: sizes === undefined ? 'filesystem' : 'volume', snapshot: name, guid, fromGuid: from?.guid ?? 0n, creation,
    ofClone: from?.ofClone ?? false, largeObjects,
  }); // prettier-ignore
}

function explain(name: string, cause: unknown): unknown {
  switch (codeOf(cause)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return hostError('DatasetNotFound', `cannot send ${name}: the snapshot is gone`, { cause });
    case 'EPERM':
    case 'EACCES':
      return hostError('PermissionDenied', `cannot send ${name}`, { cause });
    case 'EIO':
    case 'ELOOP':
    case 'EMFILE':
    case 'ENFILE':
    case 'EXDEV':
      return hostError('HostFailed', `cannot send ${name}`, { cause });
    default:
      return cause;
  }
}
