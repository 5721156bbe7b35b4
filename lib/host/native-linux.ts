/** What the addons of a Linux host export; posix, rootfs, tree and codec are there on illumos, too. Types only. */

/** A network namespace other than the caller's: that of a process, or an open one. */
export type NetworkNamespace = { readonly pid: number } | { readonly fd: number };

export interface NativeLink {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, …; empty for hardware and `lo`. */
  readonly kind: string;
  readonly up: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  /** Empty where the link has none. */
  readonly mac: string;
  /** Bridge it is a port of; empty without one. */
  readonly master: string;
  readonly alias: string;
}

export interface NativeRoute {
  /** `default`, or CIDR form. */
  readonly destination: string;
  readonly family: 'inet' | 'inet6';
  /** Empty where the network is on the link itself. */
  readonly gateway: string;
  readonly link: string;
}

/**
 * Links, addresses and routes, in the caller's network namespace or in `namespace`. Errors carry the errno's name as
 * code: `ENODEV`, `EEXIST`, `EPERM`, `EOPNOTSUPP`, `EINVAL`, …
 */
export interface NativeNetlink {
  links(namespace?: NetworkNamespace): Promise<readonly NativeLink[]>;
  findLink(name: string, namespace?: NetworkNamespace): Promise<NativeLink | undefined>;
  createBridge(
    name: string,
    options?: { readonly mtu?: number; readonly mac?: string },
    namespace?: NetworkNamespace,
  ): Promise<void>;
  /** `mtu` holds for both ends, `mac` for the near one. */
  createVeth(
    name: string,
    peer: { readonly name: string; readonly mac?: string; readonly namespace?: NetworkNamespace },
    options?: { readonly mtu?: number; readonly mac?: string },
    namespace?: NetworkNamespace,
  ): Promise<void>;
  createVlan(name: string, parent: string, id: number, namespace?: NetworkNamespace): Promise<void>;
  deleteLink(name: string, namespace?: NetworkNamespace): Promise<void>;
  /** `master: ''` takes a link out of its bridge; `namespace` in `change` moves it. */
  changeLink(
    name: string,
    change: {
      readonly up?: boolean;
      readonly mtu?: number;
      readonly mac?: string;
      readonly master?: string;
      readonly name?: string;
      readonly alias?: string;
      readonly namespace?: NetworkNamespace;
    },
    namespace?: NetworkNamespace,
  ): Promise<void>;
  /** Those of one link, or of all. */
  addresses(
    link?: string,
    namespace?: NetworkNamespace,
  ): Promise<readonly { readonly link: string; readonly cidr: string; readonly linkLocal: boolean }[]>;
  addAddress(link: string, cidr: string, namespace?: NetworkNamespace): Promise<void>;
  /** Those of the main table. */
  routes(namespace?: NetworkNamespace): Promise<readonly NativeRoute[]>;
  addRoute(
    route: { readonly destination: string; readonly gateway?: string; readonly link?: string },
    namespace?: NetworkNamespace,
  ): Promise<void>;
  deleteRoute(
    route: { readonly destination: string; readonly gateway?: string; readonly link?: string },
    namespace?: NetworkNamespace,
  ): Promise<void>;
}

/** Something native that JavaScript owns. Ends with `close()`, or with the process. */
export interface NativeHandle {
  /** May be called more than once. */
  close(): void;
}

export interface NativeProcess extends NativeHandle {
  /** Sends a signal by number. Throws `ESRCH` when the process has ended. */
  kill(signal: number): void;
  /** Whether it ended within `timeoutMs` (no limit when absent). False as well when the handle is closed meanwhile. */
  waitForExit(timeoutMs?: number): Promise<boolean>;
}

export type MountFlag =
  | 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'noatime' | 'remount' | 'bind' | 'rec' | 'private' | 'slave' | 'move'; // prettier-ignore

/** System calls that Node does not offer. Errors carry the errno's name as code. */
export interface NativePosix {
  /**
   * Locks a whole file (open-file-description lock, which excludes fcntl locks of other programs too), made with `mode`
   * when missing. Undefined when somebody else holds it and `wait` is false. Waiting alone does not keep Node running.
   */
  lockFile(path: string, mode: number, wait: boolean): Promise<NativeHandle | undefined>;
  mount(source: string, target: string, type: string, flags: readonly MountFlag[], data: string): Promise<void>;
  /** Never follows a symbolic link at `target`. */
  unmount(target: string, detach: boolean): Promise<void>;
  /** A loop device on `file` that goes away with its last user: this handle, or a mount. */
  attachLoop(file: string, readOnly: boolean): Promise<NativeHandle & { readonly path: string }>;
  /**
   * Runs a program (a path, or a name that is looked for where the system has its programs) in `/`, with KEY=VALUE pairs
   * for its whole environment, until it has ended and its output is closed. `status` is 128 + signal where one ended it.
   * Throws `ENOENT` when there is none, and, having killed it, `ETIMEDOUT`, or `EFBIG` past 16 MiB of output.
   */
  runProgram(
    file: string,
    args: readonly string[],
    environment: readonly string[],
    input: string,
    timeoutMs: number,
  ): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }>;
  /** Throws `ESRCH` when there is no such process. */
  openProcess(pid: number): NativeProcess;
}

/**
 * Files in a tree that somebody hostile made or is changing: no path and no link leads out of `root`. A `path` is as seen
 * from there (`/etc/hosts`). Errors carry the errno's name as code: `ELOOP` where a symbolic link is in the way,
 * `ENOTDIR` where something else is that is no directory, `ENOENT` where a directory is missing.
 */
export interface NativeRootfs {
  /** Undefined when it is missing, or a directory on the way is. */
  kindOf(root: string, path: string): Promise<'file' | 'directory' | 'symlink' | 'other' | undefined>;
  /** Undefined when missing. Throws `EFBIG` past `limit` bytes, `EISDIR` or `EINVAL` for what is no regular file. */
  readFile(root: string, path: string, limit: number): Promise<Buffer | undefined>;
  /** Replaces in one step; a symbolic link of that name is replaced too. The file belongs to root. */
  writeFile(root: string, path: string, data: Uint8Array, mode: number): Promise<void>;
  /** With its parents. Fine when it exists. */
  makeDirectory(root: string, path: string, mode: number): Promise<void>;
  /**
   * Removes an empty directory; fine when it is missing. On Linux, what other mount namespaces have mounted there goes too.
   * Throws `ENOTEMPTY` (on illumos `EEXIST`) when something is in it.
   */
  removeDirectory(root: string, path: string): Promise<void>;
}

/** A file that is decompressed as it comes, on a thread of its own. */
export interface NativeUnpacker extends NativeHandle {
  /** Hands over a piece of the file; undefined at its end. Nobody may change it before it has been used up. */
  give(input: Uint8Array | undefined): void;
  /**
   * Goes on as far as there is input, which it waits for if there is none, or room in `output`, which nobody may touch
   * before this settles; several calls one after another. `used` pieces of input have been used up; at the end, `complete`
   * says whether the file may end there. Rejects with `EBADMSG` for damage, and for windows of zstd of more than 128 MiB;
   * with `ECANCELED` after that, and when it is closed while it waits.
   */
  fill(
    output: Uint8Array,
  ): Promise<{ readonly given: number; readonly used: number; readonly ended: boolean; readonly complete: boolean }>;
}

/**
 * Checksum and compressions of ZFS: pure functions over buffers; and zstd. The `decompress…` ones fill `output` exactly; false
 * means that the input is damaged, or holds less or more.
 */
export interface NativeCodec {
  /**
   * Adds `data` from `start` to `end` to a running Fletcher-4. `state` has 40 bytes, at first zeros: four sums of 64 bits
   * in the machine's order, then what is left of a word that a later call completes.
   */
  fletcher4(state: Uint8Array, data: Uint8Array, start: number, end: number, bigEndian: boolean): void;
  /**
   * Reads the 312 bytes at `at` into `header`, 432 bytes laid out as `addon/src/codec/record_header.h` says, of which the
   * first are such a state; adds them to it, and what is between `start` and them before.
   */
  readHeader(header: Uint8Array, data: Uint8Array, start: number, at: number, bigEndian: boolean): void;
  /**
   * Reads the attributes in a bonus or spill block into `table`, 528 bytes laid out as `addon/src/codec/attributes.h` says.
   * `layout` has slot and length of each. The result is one of `Reading` there.
   */
  readAttributes(table: Uint8Array, block: Uint8Array, layout: Uint16Array, isSpill: boolean): number;
  decompressLz4(input: Uint8Array, output: Uint8Array): boolean;
  decompressZstd(input: Uint8Array, output: Uint8Array): boolean;
  decompressLzjb(input: Uint8Array, output: Uint8Array): boolean;
  decompressZle(input: Uint8Array, output: Uint8Array): boolean;
  openZstd(): NativeUnpacker;
}

/** gzip at twice to four times the speed of zlib (ISA-L). */
export interface NativeIsal {
  /** What follows the last member and is none is ignored, as by `gzip(1)`. */
  openGzip(): NativeUnpacker;
}

/** Runs lists of commands (`zfs-stream/command-list.ts`) on a thread of its own, one after another. */
export interface NativeCommandRunner extends NativeHandle {
  /**
   * Neither list nor buffers may change before this settles; several are run one after another. Rejects at the first
   * command that fails, with the errno's name as code, and whatever comes after it with `ECANCELED`; extended attributes that
   * the filesystem cannot hold are returned instead, by position in the list.
   */
  run(
    commands: Uint8Array,
    buffers: readonly Uint8Array[],
  ): Promise<readonly { readonly command: number; readonly code: string }[]>;
}

/** Writes below one folder and nowhere else, whatever names and links are there (openat2 beneath it). */
export interface NativeTree {
  /** `stage` is the name of a new folder inside, for objects that have no name yet. */
  openTree(path: string, stage: string): NativeCommandRunner;
  /** For layers over what is there: without a stage, and links inside the folder are followed as from inside it. */
  openLayer(path: string): NativeCommandRunner;
  /** A file, made when missing, that takes the commands on content. */
  openFile(path: string): NativeCommandRunner;
}

/**
 * Reads below one folder and nowhere else, off the main thread, one call at a time. Paths are bytes, relative to what was
 * opened; the empty one is that itself. `zfs-stream/write-source.ts` knows the layouts.
 */
export interface NativeSnapshotReader extends NativeHandle {
  /** Entries of a folder; not what is mounted there, nor subvolumes. */
  list(folder: Uint8Array): Promise<Buffer>;
  /**
   * All about the entries at `paths` (each behind its length), files up to `contentBytes` with what they hold. Ends early
   * once the result has `enoughBytes`.
   */
  describe(paths: Uint8Array, contentBytes: number, enoughBytes: number): Promise<Buffer>;
  /**
   * Fills `buffer` from the first data at or after `offset`, beginning at a multiple of `block`; `size` 0 where none
   * follows. Nobody may touch the buffer before this settles.
   */
  read(
    path: Uint8Array,
    offset: number,
    block: number,
    buffer: Uint8Array,
  ): Promise<{ readonly at: number; readonly size: number }>;
}

/** What lies in a snapshot, for those who send it. */
export interface NativeSnapshots {
  /** A folder, or the file of a volume. Throws with the errno's name as code. */
  openSnapshot(path: string): NativeSnapshotReader;
}

export interface NativeSubvolume {
  /** Below the top of the filesystem, without a leading slash; empty from `inspect`. */
  readonly path: string;
  readonly id: bigint;
  readonly readOnly: boolean;
  /** The extended attribute asked for, where it is set. */
  readonly attribute: string | undefined;
}

/**
 * Subvolumes and qgroups of btrfs. `top` is where a filesystem is mounted. No path is followed through a symbolic link
 * (`ELOOP`). Errors carry the errno's name as code, or `NOT_BTRFS`, `NOT_SUBVOLUME`. Qgroup ids have their level in the
 * upper 16 bits.
 */
export interface NativeBtrfs {
  createSubvolume(path: string): Promise<void>;
  /** A writable snapshot. */
  snapshotSubvolume(source: string, path: string): Promise<void>;
  /** Removes a subvolume and those inside it, without waiting until their space is free. */
  deleteSubvolume(path: string): Promise<void>;
  setReadOnly(path: string, readOnly: boolean): Promise<void>;
  /** Undefined when there is nothing at `path`, or something else than the root of a subvolume. */
  inspect(path: string, attribute: string): Promise<NativeSubvolume | undefined>;
  /**
   * In one pass, all subvolumes inside the one whose root is at `path`, by path. Only with the top of the filesystem all
   * of it is read.
   */
  list(path: string, attribute: string): Promise<readonly NativeSubvolume[]>;
  /** The subvolumes that are entries of a folder, by name, which is their `path`; none when there is no such folder. */
  listFolder(path: string, attribute: string): Promise<readonly NativeSubvolume[]>;
  /**
   * Among others, the subvolumes that began as snapshots of one of `ids`, or have replaced one that did: what was made
   * from something that is gone, or from a copy of such, comes along. By path.
   */
  listCopies(top: string, ids: readonly bigint[], attribute: string): Promise<readonly NativeSubvolume[]>;
  /** Where subvolume `id` lies below the top; undefined when there is none. */
  findPath(top: string, id: bigint): Promise<string | undefined>;
  /** Throws `EEXIST` when `to` exists. */
  rename(from: string, to: string): Promise<void>;
  /** Removes an empty folder; fine when there is none. Throws `EEXIST` when it is a subvolume. */
  removeFolder(path: string): Promise<void>;
  /** Swaps two existing paths in one step. */
  exchange(first: string, second: string): Promise<void>;
  /**
   * How all files and folders inside a subvolume are compressed when written from now on: `zstd`, `lzo`, `zlib`, or
   * empty. Leaves out the subvolumes inside it.
   */
  setCompression(path: string, method: string): Promise<void>;
  /** Sets an extended attribute in one step; the empty text removes it. */
  setAttribute(path: string, name: string, value: string): Promise<void>;
  /** Undefined while quotas are off. */
  quotaMode(top: string): Promise<'simple' | 'full' | undefined>;
  /** Turns quotas on, simple ones where the kernel has them (6.7). Fine when they are on. */
  enableQuotas(top: string): Promise<'simple' | 'full'>;
  /** Fine when it exists. */
  createQgroup(top: string, id: bigint): Promise<void>;
  /** None when it does not exist. */
  qgroupMembers(top: string, id: bigint): Promise<readonly bigint[]>;
  /** Fine when it does not exist; members are freed. */
  removeQgroup(top: string, id: bigint): Promise<void>;
  assignQgroup(top: string, member: bigint, group: bigint, assign: boolean): Promise<void>;
  /**
   * No limit when `bytes` is undefined. Counted are all bytes the qgroup refers to, which with simple quotas are those it
   * is charged with, or only those that it shares with nobody.
   */
  limitQgroup(top: string, id: bigint, bytes: number | undefined, exclusive: boolean): Promise<void>;
  /** Bytes of each qgroup, counted as by `limitQgroup`; undefined where there is no such group. */
  usage(top: string, ids: readonly bigint[], exclusive: boolean): Promise<readonly (number | undefined)[]>;
  sync(top: string): Promise<void>;
}

/** A zone whose monitor (`zone-start`) lives. */
export interface NativeMonitor {
  readonly name: string;
  /** Process id of the monitor. */
  readonly monitor: number;
  /** That of the zone's init; undefined before it has been started and once it has ended. */
  readonly init: number | undefined;
  /** Milliseconds since the epoch; 0 before init has been started. */
  readonly bootedAt: number;
  /** How often init was started again since the zone booted. */
  readonly restarts: number;
}

/** Running containers. `lxcPath` is the folder that holds one folder for each. */
export interface NativeLxc {
  monitors(lxcPath: string): Promise<readonly NativeMonitor[]>;
  findMonitor(lxcPath: string, name: string): Promise<NativeMonitor | undefined>;
  /** Kills all of a zone's processes. False when it does not run. */
  stop(lxcPath: string, name: string): Promise<boolean>;
  /**
   * Attaches to the console. `fd`, a terminal in raw mode, is the caller's to close; closing the handle detaches. Throws
   * `EBUSY` when somebody else is attached, `ESRCH` when the zone does not run.
   */
  openConsole(
    lxcPath: string,
    name: string,
  ): Promise<NativeHandle & { readonly fd: number; resize(columns: number, rows: number): void }>;
  /** Sets the host name that process `pid` and its like see. */
  setHostname(pid: number, hostname: string): Promise<void>;
  /** Writes files below `/proc/sys` (`kernel/msgmni`) as they are for the IPC namespace of process `pid`. */
  limitIpc(pid: number, settings: Readonly<Record<string, string>>): Promise<void>;
  /**
   * Mounts the folder `source`, read-only and with owners as the zone has them, at `/checkpoints/NAME` of the zone with its
   * root at `root` and `pid` for its init, and makes that place. Throws `ESRCH` without such a process or where it is of no
   * zone, `ELOOP` or `ENOTDIR` where the guest has something else there, `EXDEV` where something is mounted in the way.
   */
  showSnapshot(pid: number, root: string, name: string, source: string): Promise<void>;
  /** Bytes that one process may lock; a limit that we may not raise stays. */
  limitLockedMemory(pid: number, bytes: number): Promise<void>;
}
