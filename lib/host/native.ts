/** Loads the addons, each on first use, and says in one place what they export. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf } from '../errors.js';
import { hostError } from './errors.js';

/** Every addon, with the package (of Debian or illumos) whose library it needs at run time. */
const packages = {
  posix: 'libc6',
  rootfs: 'libc6',
  tree: 'libc6',
  codec: 'libzstd1',
  lxc: 'lxc',
  btrfs: 'libbtrfsutil1',
  netlink: 'libmnl0',
  zonecfg: 'system/zones',
} as const;

/** What each addon exports. */
export interface NativeModules {
  // One line per addon: name → interface declared below.
  posix: NativePosix;
  tree: NativeTree;
  codec: NativeCodec;
  rootfs: NativeRootfs;
  btrfs: NativeBtrfs;
  netlink: NativeNetlink;
  lxc: NativeLxc;
  zonecfg: NativeZonecfg;
}

const loaded = new Map<string, unknown>();

/**
 * The exports of addon `name`. Throws `LibraryMissing`, naming the package to install or the build to run.
 */
export function loadNative<K extends keyof NativeModules & keyof typeof packages>(name: K): NativeModules[K] {
  const known = loaded.get(name);
  if (known !== undefined) return known as NativeModules[K];
  const file = addonFile(name);
  try {
    const exports = createRequire(import.meta.url)(file) as NativeModules[K];
    loaded.set(name, exports);
    return exports;
  } catch (cause) {
    const missing = codeOf(cause) === 'MODULE_NOT_FOUND';
    throw hostError('LibraryMissing', `cannot load addon ${name}`, {
      cause,
      hint: missing ? 'build it with: npm run build:addon' : `install the package ${packages[name]}`,
    });
  }
}

/** Where a file built below `addon/` lies, seen from the sources as from the bundle. */
export function addonFile(name: string, suffix = '.node'): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let up = dirname(folder); up !== folder; folder = up, up = dirname(up)) {
    const file = join(folder, 'addon', 'build', 'Release', name + suffix);
    if (existsSync(file)) return file;
  }
  return `addon/build/Release/${name}${suffix}`;
}

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
  deleteAddress(link: string, cidr: string, namespace?: NetworkNamespace): Promise<void>;
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
  detachLoop(device: string): Promise<void>;
  /** Throws `EEXIST` when `to` exists. */
  renameNoReplace(from: string, to: string): Promise<void>;
  /** Swaps two existing paths in one step. */
  renameExchange(first: string, second: string): Promise<void>;
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
  /** Fine when missing. */
  removeFile(root: string, path: string): Promise<void>;
}

/**
 * Checksum and compressions of ZFS: pure functions over buffers. The `decompress…` ones fill `output` exactly; false
 * means that the input is damaged, or holds less or more.
 */
export interface NativeCodec {
  /**
   * Adds `data` from `start` to `end` to a running Fletcher-4. `state` has 40 bytes, at first zeros: four sums of 64 bits
   * in the machine's order, then what is left of a word that a later call completes.
   */
  fletcher4(state: Uint8Array, data: Uint8Array, start: number, end: number, bigEndian: boolean): void;
  decompressLz4(input: Uint8Array, output: Uint8Array): boolean;
  decompressZstd(input: Uint8Array, output: Uint8Array): boolean;
  decompressLzjb(input: Uint8Array, output: Uint8Array): boolean;
  decompressZle(input: Uint8Array, output: Uint8Array): boolean;
}

/** Runs lists of commands (`zfs-stream/commands.ts`) off the main thread, one list at a time. */
export interface NativeCommandRunner extends NativeHandle {
  /**
   * Neither list nor buffers may change before this settles. Rejects at the first command that fails, with the errno's
   * name as code; extended attributes that the filesystem cannot hold are returned instead, by position in the list.
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
  /** A file, made when missing, that takes the commands on content. */
  openFile(path: string): NativeCommandRunner;
}

export interface NativeSubvolume {
  /** Below the top of the filesystem, without a leading slash; empty from `inspect`. */
  readonly path: string;
  readonly id: bigint;
  readonly readOnly: boolean;
  /** Seconds since the epoch. */
  readonly created: number;
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
  /** Bytes that one process may lock; a limit that we may not raise stays. */
  limitLockedMemory(pid: number, bytes: number): Promise<void>;
}

/** Resources as libzonecfg keeps them. Members that are empty may be left out, and are when they come back. */
export interface NativeZoneResources {
  attr: {
    readonly name?: string;
    readonly type?: 'boolean' | 'int' | 'string' | 'uint';
    readonly value?: string;
  };
  network: {
    readonly physical?: string;
    /** Only of zones that share the host's addresses. */
    readonly address?: string;
    readonly allowedAddress?: string;
    /** To find one: lower case, two digits for each byte. */
    readonly mac?: string;
    readonly vlanId?: string;
    readonly globalNic?: string;
    readonly defrouter?: string;
    readonly properties?: readonly (readonly [name: string, value: string])[];
  };
  device: { readonly match?: string; readonly properties?: readonly (readonly [name: string, value: string])[] };
  rctl: {
    readonly name?: string;
    readonly values?: readonly { readonly privilege: string; readonly limit: string; readonly action: string }[];
  };
  dataset: { readonly name?: string };
  filesystem: {
    readonly special?: string;
    readonly dir?: string;
    readonly type?: string;
    readonly raw?: string;
    readonly options?: readonly string[];
  };
  pset: { readonly min?: string; readonly max?: string; readonly importance?: string };
  admin: { readonly user?: string; readonly auths?: string };
  'security-flags': { readonly default?: string; readonly lower?: string; readonly upper?: string };
}

export type NativeZoneResourceKind = keyof NativeZoneResources;

/** Properties of the zone itself that are text. */
export type NativeZoneText =
  | 'name' | 'zonepath' | 'brand' | 'pool' | 'bootargs' | 'scheduling-class' | 'limitpriv' | 'hostid' | 'fs-allowed'; // prettier-ignore

/** A step of a change; null takes a property or a limit away. */
export type NativeZoneChange =
  | { readonly set: NativeZoneText; readonly value: string | null }
  | { readonly set: 'autoboot'; readonly value: boolean }
  | { readonly set: 'ip-type'; readonly value: 'exclusive' | 'shared' }
  /** A resource control by its alias: `swap`, `cpu-cap`, … */
  | { readonly limit: string; readonly value: bigint | null }
  /** All resources that zonecfg(8) calls so: `attr`, `net`, `device`, `fs`, `dataset`, `rctl`, `admin`. */
  | { readonly clear: string }
  | {
      [K in NativeZoneResourceKind]:
        | { readonly add: K; readonly value: NativeZoneResources[K] }
        /** The first whose fields are those (libzonecfg says which of them count). */
        | { readonly remove: K; readonly value: NativeZoneResources[K] }
        /** The new one goes to the end. */
        | { readonly replace: K; readonly value: NativeZoneResources[K]; readonly with: NativeZoneResources[K] };
    }[NativeZoneResourceKind];

/** One configuration in memory. Nothing is written before `save`. */
export interface NativeZoneDocument extends NativeHandle {
  /** Undefined when it is not set. `brand` is the system's default one then. */
  get(property: NativeZoneText): Promise<string | undefined>;
  get(property: 'autoboot'): Promise<boolean>;
  get(property: 'ip-type'): Promise<'exclusive' | 'shared'>;
  get(property: 'debugid'): Promise<number | undefined>;
  /** Does the steps in order, up to the first that fails. */
  change(steps: readonly NativeZoneChange[]): Promise<void>;
  /** All of a kind, in the order of the document. */
  list<K extends NativeZoneResourceKind>(kind: K): Promise<readonly NativeZoneResources[K][]>;
  /** The one with the fields given, undefined when there is none. Throws `Z_INSUFFICIENT_SPEC` when several fit. */
  find<K extends NativeZoneResourceKind>(
    kind: K,
    fields: NativeZoneResources[K],
  ): Promise<NativeZoneResources[K] | undefined>;
  /** How many there are of what zonecfg(8) calls `resource`. */
  count(resource: string): Promise<number>;
  /** Undefined when it is not set. Throws `Z_ALIAS_DISALLOW` when it is more than one plain value. */
  limit(alias: string): Promise<bigint | undefined>;
  /** Gives the zone the next debug id of the machine, unless it has one. */
  assignDebugId(): Promise<number>;
  /** Turns what older systems wrote into what this one does. Whether anything changed. */
  fixObsolete(): Promise<boolean>;
  /** Writes file and index line; a new zone is `configured`, another one keeps its state. */
  save(): Promise<void>;
  /** Tells those who watch zones that this one is new. */
  notifyCreate(): Promise<void>;
}

/** A zone as its line in the index has it, in the state that it is in now. */
export interface NativeZoneEntry {
  readonly name: string;
  readonly state: string;
  readonly zonepath: string;
  readonly uuid: string | undefined;
  /** Empty in lines of old systems. */
  readonly brand: string;
  readonly ipType: 'exclusive' | 'shared';
  /** -1 without one. */
  readonly debugId: number;
}

/** A zone in the kernel. */
export interface NativeRunningZone {
  readonly name: string;
  readonly root: string;
  /** `ready`, `running`, `shutting_down`, … as the kernel has it. */
  readonly status: string;
  readonly brand: string;
  readonly initName: string;
  readonly bootargs: string;
  readonly schedulingClass: string;
  readonly fsAllowed: string;
  /** Another one after each boot. */
  readonly uniqueId: bigint;
  readonly ipType: 'exclusive' | 'shared';
  readonly initPid: number | undefined;
  readonly hostid: number | undefined;
  readonly debugId: number;
}

/** What a brand runs for a zone; command lines are for `/bin/sh -c`. */
export interface NativeBrand {
  readonly initName: string;
  readonly kernelModule: string;
  readonly installOptions: string;
  readonly verifyConfiguration: string;
  readonly restartInit: boolean;
  readonly allowExclusiveIp: boolean;
  /** Only those that the brand has: `install`, `boot`, `poststatechange`, … */
  readonly hooks: Readonly<Record<string, string>>;
}

export type NativeZoneadmdCommand =
  | 'ready' | 'boot' | 'forceboot' | 'reboot' | 'halt' | 'shutdown' | 'note-uninstalling'; // prettier-ignore

/**
 * libzonecfg, libbrand and the zone calls of illumos. Errors carry the library's codes (`Z_NO_ZONE`, `Z_TOO_BIG`, …), or
 * the errno's name where the system failed; `ENOSYS` where this system's library lacks a function. One call at a time
 * runs, the others wait. Text that XML cannot carry is a TypeError.
 */
export interface NativeZonecfg {
  /**
   * Loads a configuration: of a zone, of the snapshot of a running one, of a file, or of a template for a new zone, whose
   * name must be good (`Z_BOGUS_ZONE_NAME`) and free (`Z_NAME_IN_USE`). Throws `Z_NO_ZONE` (a file: `Z_MISC_FS`) when
   * missing, `Z_INVALID_DOCUMENT` when damaged.
   */
  open(
    source:
      | { readonly zone: string }
      | { readonly template: string; readonly name: string }
      | { readonly snapshot: string }
      | { readonly file: string },
  ): Promise<NativeZoneDocument>;
  /** In the order of the index, the global zone included. */
  list(): Promise<readonly NativeZoneEntry[]>;
  /** Undefined when there is no such zone. */
  state(name: string): Promise<string | undefined>;
  /** Throws `Z_UPDATING_INDEX` when there is no such zone, `Z_INVAL` for states that the index cannot keep. */
  setState(name: string, state: 'configured' | 'incomplete' | 'installed'): Promise<void>;
  /** Throws `Z_NO_ZONE`; `Z_BAD_ZONE_STATE` unless configured, with `force` also incomplete or installed. */
  destroy(name: string, force: boolean): Promise<void>;
  /** Undefined when it has none. Throws `Z_NO_ZONE`. */
  uuid(name: string): Promise<string | undefined>;
  /** Writes `zonepath` into the index as well, unless empty. Throws `Z_INVALID_PROPERTY`, `Z_UPDATING_INDEX`. */
  setUuid(name: string, zonepath: string, uuid: string): Promise<void>;
  nameOfUuid(uuid: string): Promise<string | undefined>;
  zonepath(name: string): Promise<string>;
  brand(name: string): Promise<string>;
  /** The brand of zones whose configuration names none. */
  defaultBrand(): Promise<string>;
  isZoneName(name: string): Promise<boolean>;
  /** Makes a running zone hold to its configured limits. Throws the errno's name when it has no process to do it by. */
  applyRctls(name: string): Promise<void>;
  /** How many mounts lie at and below `path`. */
  mountsUnder(path: string): Promise<number>;
  runningIds(): Promise<readonly number[]>;
  /** Undefined unless the kernel has the zone. */
  idOf(name: string): Promise<number | undefined>;
  nameOf(id: number): Promise<string | undefined>;
  running(id: number): Promise<NativeRunningZone | undefined>;
  /** Ids of the datalinks that a zone holds. */
  datalinks(id: number): Promise<readonly number[]>;
  /** Undefined when there is no such brand. */
  brandInfo(brand: string, zone: string, zonepath: string): Promise<NativeBrand | undefined>;
  pingZoneadmd(name: string): Promise<boolean>;
  /**
   * Has zoneadmd move a zone and waits until it has: `result` 0 when done, `messages` what it said either way. Undefined
   * when no daemon answers: start it and call again.
   */
  callZoneadmd(
    name: string,
    command: NativeZoneadmdCommand,
    bootargs: string,
    debug: boolean,
  ): Promise<{ readonly result: number; readonly messages: string } | undefined>;
  /** Functions that the library of this system lacks. */
  missingFunctions(): readonly string[];
}
