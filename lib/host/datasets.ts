/** The dataset interface of a host, in the words of ZFS. Types only. Sizes are bytes. */
import type { Readable } from 'node:stream';

export type DatasetType = 'filesystem' | 'volume' | 'snapshot';

export interface Pool {
  readonly name: string;
  /** `btrfs` or `zfs`. */
  readonly driver: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  readonly mountpoint: string;
}

export interface Dataset {
  /** ZFS name: `zones/U`, `zones/U/data`, `zones/U@final`. */
  readonly name: string;
  readonly type: DatasetType;
  /** Absolute path where a filesystem is mounted; undefined for volumes and snapshots. */
  readonly mountpoint: string | undefined;
  /** Block device or raw file of a volume. */
  readonly device: string | undefined;
  /** Snapshot this is a clone of. */
  readonly origin: string | undefined;
  /** Seconds since the epoch. */
  readonly creation: number;
  readonly guid: bigint;
  readonly usedBytes: number;
  readonly availableBytes: number;
  readonly referencedBytes: number;
  readonly quotaBytes: number | undefined;
  readonly reservationBytes: number | undefined;
  readonly volsizeBytes: number | undefined;
  /** Every property set locally, user properties (`smartdc:…`, `imgadm:…`) included, as text. */
  readonly properties: Readonly<Record<string, string>>;
  /** Of a snapshot, on hosts where only root can reach it: folder with what it holds (of a volume: with its file). */
  readonly content?: string;
  /** Of a snapshot: bytes written since the snapshot before it. */
  readonly writtenBytes?: number;
}

export interface DatasetQuery {
  /** Dataset at which to begin; all pools when absent. Nothing is listed when there is none of that name. */
  readonly root?: string;
  readonly types?: readonly DatasetType[];
  /** Levels below `root` (1 = its children); unlimited when absent. */
  readonly depth?: number;
}

export interface ReceiveOptions {
  /** Snapshot that an incremental stream builds on; the new dataset becomes its clone. */
  readonly origin?: string;
  /** Aborting it removes everything received. */
  readonly signal?: AbortSignal;
}

export interface ReceiveResult {
  /** The snapshot made, e.g. `zones/U-partial@final`. */
  readonly snapshot: string;
  readonly type: 'filesystem' | 'volume';
  /** Things the stream itself lacks: a path and what is missing. */
  readonly losses: readonly { readonly path: string; readonly what: string }[];
}

export interface SendOptions {
  /**
   * Earlier snapshot to build on, which whoever receives the stream has: of the same dataset, or of one that it was cloned
   * from.
   */
  readonly from?: string;
  /** Aborting it ends the stream with the reason. */
  readonly signal?: AbortSignal;
}

/**
 * Datasets of one host. Codes thrown: `DatasetNotFound`, `DatasetExists`, `DatasetBusy`, `DatasetHasChildren`,
 * `PoolNotFound`, `NoSpace`, `InvalidName`, `InvalidProperty`, `StreamInvalid`, `StreamUnsupported`, `PermissionDenied`.
 */
export interface Datasets {
  /** Those that are there; one that the configuration has may still have to be made. */
  pools(): Promise<readonly Pool[]>;
  /** The pool of that name, made and mounted if need be. Throws `PoolNotFound` for one the host is not configured with. */
  ensurePool(name: string): Promise<Pool>;
  list(query?: DatasetQuery): Promise<readonly Dataset[]>;
  /** Undefined when there is none of that name. */
  find(name: string): Promise<Dataset | undefined>;
  /** Makes a filesystem, or a volume when `volsizeBytes` is given. Parents must exist. */
  create(name: string, properties?: Readonly<Record<string, string>>, volsizeBytes?: number): Promise<void>;
  /** `NAME@SNAPSHOT`. */
  snapshot(name: string, properties?: Readonly<Record<string, string>>): Promise<void>;
  clone(snapshot: string, name: string, properties?: Readonly<Record<string, string>>): Promise<void>;
  /** Removes a dataset or snapshot; with `recursive` its children and snapshots too. Refused with `DatasetBusy` while clones depend on it. */
  destroy(name: string, options?: { readonly recursive?: boolean }): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Sets properties (`quota`, `compression`, `imgadm:…`); `null` returns one to its default. */
  set(name: string, properties: Readonly<Record<string, string | null>>): Promise<void>;
  /** Takes a dataset back to a snapshot, removing later snapshots. */
  rollback(snapshot: string): Promise<void>;
  /** Makes `name` from a ZFS send stream and the snapshot it carries. On any failure nothing is left behind. */
  receive(name: string, stream: Readable, options?: ReceiveOptions): Promise<ReceiveResult>;
  /**
   * A snapshot as a ZFS send stream, made while it is read. `InvalidName` when `from` is no earlier snapshot of it;
   * `StreamUnsupported`, here or from the stream, for what no stream can hold.
   */
  send(snapshot: string, options?: SendOptions): Promise<Readable>;
}
