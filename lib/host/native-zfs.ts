/** What zfs.node exports. Types only. */
import type { NativeHandle } from './native-linux.js';

export type NativeDatasetType = 'filesystem' | 'volume' | 'snapshot' | 'bookmark';

export interface NativeProperty {
  /** Exact: sizes in bytes, times in seconds. */
  readonly value: string;
  readonly source: 'none' | 'default' | 'temporary' | 'local' | 'inherited' | 'received';
  /** The dataset that an inherited one is from. */
  readonly from?: string;
}

export interface NativeDataset {
  readonly name: string;
  readonly type: NativeDatasetType;
  /** Those asked for that this system has and that apply to it, and all user properties if asked. */
  readonly properties: Readonly<Record<string, NativeProperty>>;
}

/** What is told of a dataset or a pool. */
export interface NativePropertyQuery {
  readonly properties?: readonly string[];
  /** Of datasets only. */
  readonly userProperties?: boolean;
}

export interface NativeDatasetQuery extends NativePropertyQuery {
  /** All pools when absent. Throws `EZFS_NOENT` when there is none of that name. */
  readonly root?: string;
  /** All but bookmarks when absent. */
  readonly types?: readonly NativeDatasetType[];
  /** Levels below `root` (1 = its children and snapshots); unlimited when absent. */
  readonly depth?: number;
}

/** For a dataset that is being made: makes the missing ones above it, and mounts it unless told otherwise. */
export interface NativeMaking {
  readonly parents?: boolean;
  readonly mount?: boolean;
}

export interface NativePool {
  readonly name: string;
  /** `ONLINE`, `DEGRADED`, … as the library words the pool's state. */
  readonly state: string;
  readonly properties: Readonly<Record<string, NativeProperty>>;
}

export interface NativeSend {
  readonly snapshot: string;
  /** Snapshot or bookmark (`fs@a`, `fs#a`, also of the origin) that the stream builds on. */
  readonly from?: string;
  readonly embedded?: boolean;
  readonly largeBlocks?: boolean;
  readonly compressed?: boolean;
  readonly raw?: boolean;
  /** Where a stream that was cut off goes on; see `resumption`. */
  readonly resume?: { readonly object: bigint; readonly offset: bigint };
}

/**
 * An open libzfs. Errors carry libzfs's codes (`EZFS_NOENT`, `EZFS_BUSY`, …) where it was asked, an errno's name where
 * libzfs_core or the system was (`snapshot`, `destroySnapshots`, `bookmark`, `destroyBookmarks`, `hold`, `release`, `holds`,
 * `send`, `sendSize`: `EEXIST`, `EBUSY`, `EXDEV`, …), and say what the library says. A name that cannot be one is refused by
 * `EZFS_INVALIDNAME` or `EZFS_NAMETOOLONG`, whoever would be asked. One call at a time runs, the others wait; sending and
 * receiving run beside them.
 */
export interface NativeZfsLibrary extends NativeHandle {
  exists(name: string, types?: readonly NativeDatasetType[]): Promise<boolean>;
  /** Throws `EZFS_NOENT`. */
  get(name: string, query?: NativePropertyQuery): Promise<NativeDataset>;
  /** Each dataset, then its snapshots in the order they were made, then what is below it. Throws `EZFS_NOENT`. */
  list(query?: NativeDatasetQuery): Promise<readonly NativeDataset[]>;
  /**
   * All at once or none, as far as the library can. Throws `EZFS_NOENT`, `EZFS_BADPROP`, `EZFS_PROPSPACE`, `EZFS_PROPREADONLY`,
   * `EZFS_PROPTYPE`.
   */
  set(name: string, properties: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Takes a property back to what is above, or to what was `received`. Throws `EZFS_NOENT`, `EZFS_BADPROP`, `EZFS_PROPREADONLY`,
   * `EZFS_PROPNONINHERIT`.
   */
  inherit(name: string, property: string, received?: boolean): Promise<void>;
  /**
   * A volume needs `volsize`; `refreservation` may be `auto`. When it cannot be mounted (`EZFS_MOUNTFAILED`) it is taken away
   * again. Throws `EZFS_EXISTS`, `EZFS_NOENT` without a parent, `EZFS_WRONG_PARENT` below a volume, `EZFS_BADPROP`,
   * `EZFS_NOSPC` of a reservation that there is no room for.
   */
  create(
    name: string,
    type: 'filesystem' | 'volume',
    properties?: Readonly<Record<string, string>>,
    making?: NativeMaking,
  ): Promise<void>;
  /** As `create`, of a snapshot (`EZFS_BADTYPE`) of the same pool (`EZFS_CROSSTARGET`). Throws `EZFS_EXISTS`, `EZFS_NOENT`. */
  clone(
    snapshot: string,
    target: string,
    properties?: Readonly<Record<string, string>>,
    making?: NativeMaking,
  ): Promise<void>;
  /**
   * All at once, of one pool, or none: `fs@name`. Properties are user properties (`EINVAL`). Throws `EEXIST`, `ENOENT`, `EXDEV` of
   * two pools or two of one dataset.
   */
  snapshot(names: readonly string[], properties?: Readonly<Record<string, string>>): Promise<void>;
  /**
   * All that would have to go before `name` can: what is below it, snapshots, and clones of these wherever they are; in the
   * order in which they could be destroyed. Throws `EZFS_NOENT`.
   */
  dependents(name: string): Promise<readonly string[]>;
  /**
   * Unmounts and destroys, with `recursive` what is below it, too, but never a clone that lies elsewhere: `EZFS_EXISTS`
   * names it, before anything is touched. Throws `EZFS_NOENT`, `EZFS_BUSY` when a snapshot is held.
   */
  destroy(name: string, options?: { readonly recursive?: boolean; readonly force?: boolean }): Promise<void>;
  /** All or none; missing ones are not missed. `EEXIST` with clones (unless `defer`), `EBUSY` when held. */
  destroySnapshots(names: readonly string[], defer?: boolean): Promise<void>;
  /** Snapshots by the bookmarks to be made of them (`fs#name`): all or none. Throws `EEXIST`, `ENOENT`, `EXDEV` of another dataset. */
  bookmark(snapshots: Readonly<Record<string, string>>): Promise<void>;
  /** Missing ones are not missed. */
  destroyBookmarks(names: readonly string[]): Promise<void>;
  /**
   * Takes a dataset back. Throws `EEXIST` when there are newer snapshots, unless `destroyNewer` is set and none of them has
   * a clone (`EEXIST`) or hold (`EBUSY`); `EZFS_NOENT`, `EZFS_BADTYPE`.
   */
  rollback(snapshot: string, options?: { readonly destroyNewer?: boolean }): Promise<void>;
  /**
   * Mounts what was mounted at its new place. A snapshot (`recursive`: with those of the same name below) stays in its dataset.
   * Throws `EZFS_NOENT`, `EZFS_EXISTS`, `EZFS_CROSSTARGET` (another pool, or another dataset for a snapshot), `EZFS_BADTYPE` of a
   * dataset with `recursive`, `EZFS_ZONED` of one that a zone may administer.
   */
  rename(from: string, to: string, options?: { readonly recursive?: boolean; readonly force?: boolean }): Promise<void>;
  /** Makes a clone (`EZFS_BADTYPE`) the owner of its origin. Throws `EZFS_NOENT`, `EZFS_EXISTS` when both have a snapshot of one name. */
  promote(name: string): Promise<void>;
  /** Whether it is mounted now: some are not by their properties. Throws `EZFS_NOENT`, `EZFS_BADTYPE`, `EZFS_MOUNTFAILED`. */
  mount(name: string, options?: { readonly options?: string; readonly overlay?: boolean }): Promise<boolean>;
  /** Fine when it is not. Throws `EZFS_NOENT`, `EZFS_BADTYPE`, `EZFS_UMOUNTFAILED`. */
  unmount(name: string, options?: { readonly force?: boolean }): Promise<void>;
  /** Where a filesystem is mounted now. Throws `EZFS_NOENT`, `EZFS_BADTYPE`. */
  mountedAt(name: string): Promise<string | undefined>;
  /** Tags by snapshot: all or none. Throws `EEXIST`, `E2BIG`, `ENOENT`. */
  hold(tags: Readonly<Record<string, string>>): Promise<void>;
  /** Throws `ESRCH` when there is no such tag, `ENOENT`. */
  release(tags: Readonly<Record<string, string>>): Promise<void>;
  /** Seconds since the epoch at which each tag was put on. Throws `ENOENT`. */
  holds(snapshot: string): Promise<Readonly<Record<string, number>>>;
  /**
   * Writes a stream to a descriptor, which stays the caller's: a copy is used. Throws `EBADF`; `EPIPE`; `EXDEV` when `from` is not
   * from before `snapshot`; `ENOENT`.
   */
  send(what: NativeSend, fd: number): Promise<void>;
  /** Bytes that the stream would have, roughly. Throws `EXDEV`, `ENOENT`. */
  sendSize(what: NativeSend): Promise<number>;
  /**
   * What is to be sent so that a stream goes on from where it was cut off, by the property `receive_resume_token` of its
   * target. Throws `EZFS_FAULT` when the token is damaged, `EZFS_BADPATH` when what was sent is no longer there.
   */
  resumption(token: string): Promise<NativeSend>;
  /**
   * Makes `target` (`fs`, or `fs@snapshot` for another name of the snapshot) from what is read from a descriptor, which
   * stays the caller's. `force` rolls an existing one back first; mounts unless told otherwise. Throws `EBADF`,
   * `EZFS_BADSTREAM`, `EZFS_EXISTS`, `EZFS_NOENT`, `EZFS_BADPROP`, `EZFS_BADRESTORE` when it does not build on what is
   * there, and leaves nothing that a full stream would have made, unless it may be `resumable`: then what came of a
   * stream that is cut off (`EZFS_BADSTREAM`) waits for the rest, or for `abandon`.
   */
  receive(
    target: string,
    fd: number,
    options?: {
      readonly origin?: string;
      readonly properties?: Readonly<Record<string, string>>;
      readonly force?: boolean;
      readonly mount?: boolean;
      readonly resumable?: boolean;
    },
  ): Promise<void>;
  /** Drops what waits in `target` for the rest of its stream. Throws `EZFS_NOENT`, `EZFS_BADRESTORE` when nothing does. */
  abandon(target: string): Promise<void>;
  pools(query?: Pick<NativePropertyQuery, 'properties'>): Promise<readonly NativePool[]>;
  /** Throws `EZFS_NOENT`. */
  pool(name: string, query?: Pick<NativePropertyQuery, 'properties'>): Promise<NativePool>;
  /** As the library judges it. */
  isName(name: string, type: NativeDatasetType): Promise<boolean>;
}

/** libzfs, libzfs_core and libnvpair. */
export interface NativeZfs {
  /** Throws the errno's name when the system has no ZFS (`ENOENT`) or does not let us (`EACCES`). */
  open(): Promise<NativeZfsLibrary>;
  /** A pipe for `send` and `receive`; programs that are started do not get it. Throws `EMFILE`. */
  pipe(): { readonly read: number; readonly write: number };
  /** Functions that the library of this system lacks. */
  missingFunctions(): readonly string[];
}
