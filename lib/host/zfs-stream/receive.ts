/** Rebuilds what a ZFS send stream holds: a tree of files, or a volume as a sparse file. */
import type { Readable } from 'node:stream';

/** What the stream says of itself before anything of it is written. */
export interface StreamHeader {
  readonly type: 'filesystem' | 'volume';
  /** Name after the `@` of the snapshot the stream makes. */
  readonly snapshot: string;
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
  /** What the stream itself lacks: a path and what is missing. */
  readonly losses: readonly { readonly path: string; readonly what: string }[];
}

/**
 * Reads `stream` to its end into the target that `open` chooses when the header is known and checked. Throws
 * `StreamInvalid` (damaged, truncated, hostile), `StreamUnsupported` (encrypted, replication packages, …), `NoSpace`, or
 * the reason of `signal`. On failure the target is in no particular state: the caller removes it.
 */
export async function receiveStream(
  stream: Readable,
  open: (header: StreamHeader) => Promise<StreamTarget>,
  signal?: AbortSignal,
): Promise<StreamResult> {
  await Promise.resolve();
  void stream;
  void open;
  void signal;
  throw new Error('not there yet');
}
