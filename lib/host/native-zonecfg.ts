/** What zonecfg.node exports. Types only. */
import type { NativeHandle } from './native-linux.js';

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
  /**
   * Undefined when it is not set. `brand` is the system's default one then. Throws `Z_INVALID_PROPERTY` for a stored hostid
   * or list of filesystems that is none, `Z_INVAL` for such an ip-type.
   */
  get(property: NativeZoneText): Promise<string | undefined>;
  get(property: 'autoboot'): Promise<boolean>;
  get(property: 'ip-type'): Promise<'exclusive' | 'shared'>;
  get(property: 'debugid'): Promise<number | undefined>;
  /**
   * Does the steps in order, up to the first that fails. Throws `Z_TOO_BIG` for what its structures do not hold,
   * `Z_BAD_PROPERTY` and `Z_INVALID_PROPERTY` for values, `Z_CLEAR_DISALLOW` for what every zone has; of a new name
   * `Z_BOGUS_ZONE_NAME`, `Z_NAME_IN_USE` and, unless the zone is halted, `Z_BAD_ZONE_STATE`; of limits `Z_ALIAS_DISALLOW`
   * when there is no such alias or it stands for more than one plain value; of resources `Z_NO_RESOURCE_TYPE`,
   * `Z_NO_RESOURCE_ID` and, when they are not whole enough, `Z_INVAL`.
   */
  change(steps: readonly NativeZoneChange[]): Promise<void>;
  /** All of a kind, in the order of the document. Throws `Z_TOO_BIG` when the library's structures do not hold one. */
  list<K extends NativeZoneResourceKind>(kind: K): Promise<readonly NativeZoneResources[K][]>;
  /**
   * The one with the fields given, undefined when there is none. Throws `Z_INSUFFICIENT_SPEC` when several fit, or nothing
   * is said of a network; `Z_INVAL` when nothing is said of an rctl, `Z_TOO_BIG` for fields that cannot be.
   */
  find<K extends NativeZoneResourceKind>(
    kind: K,
    fields: NativeZoneResources[K],
  ): Promise<NativeZoneResources[K] | undefined>;
  /** How many there are of what zonecfg(8) calls `resource`: none of what it does not know. */
  count(resource: string): Promise<number>;
  /**
   * Undefined when it is not set. Throws `Z_NO_PROPERTY_ID` when there is no such alias, `Z_ALIAS_DISALLOW` when it is more
   * than one plain value.
   */
  limit(alias: string): Promise<bigint | undefined>;
  /** Gives the zone the next debug id of the machine, unless it has one. Throws the errno's name when it gets none. */
  assignDebugId(): Promise<number>;
  /** Turns what older systems wrote into what this one does. Whether anything changed. */
  fixObsolete(): Promise<boolean>;
  /**
   * Writes file and index line; a new zone is `configured`, another one keeps its state. Throws `Z_INVAL` of a snapshot,
   * `Z_BOGUS_ZONE_NAME` and `Z_NAME_IN_USE` of a new zone's name, `Z_INVALID_PROPERTY` for what the index cannot carry,
   * `Z_MISC_FS` when the name inside is not the file's, `Z_TEMP_FILE`, `Z_SAVING_FILE` and `Z_UPDATING_INDEX` when it
   * cannot write.
   */
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
 * the errno's name where the system failed; `ENOSYS` where this system's library lacks a function. A name that could lead
 * out of the folder of zones is `Z_BOGUS_ZONE_NAME`. One call at a time runs, the others wait. Text that XML cannot carry is
 * a TypeError.
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
  /**
   * Throws `Z_NO_ZONE`; `Z_BAD_ZONE_STATE` unless configured, with `force` also incomplete or installed;
   * `Z_UPDATING_INDEX` when it cannot write.
   */
  destroy(name: string, force: boolean): Promise<void>;
  /** Undefined when it has none. Throws `Z_NO_ZONE`. */
  uuid(name: string): Promise<string | undefined>;
  /**
   * Writes `zonepath` into the index as well, unless empty. Throws `Z_INVALID_PROPERTY` for what is no UUID,
   * `Z_BAD_PROPERTY` and `Z_TOO_BIG` for what is no path, `Z_UPDATING_INDEX` when there is no such zone.
   */
  setUuid(name: string, zonepath: string, uuid: string): Promise<void>;
  /** Undefined when no zone has it. Throws `Z_INVALID_PROPERTY` for what is no UUID. */
  nameOfUuid(uuid: string): Promise<string | undefined>;
  /** Throws `Z_NO_ZONE`. */
  zonepath(name: string): Promise<string>;
  /** By its configuration. Throws `Z_NO_ZONE`, `Z_INVALID_DOCUMENT` when that is damaged. */
  brand(name: string): Promise<string>;
  /** The brand of zones whose configuration names none. Throws `Z_NO_ZONE` on a system without the template that says so. */
  defaultBrand(): Promise<string>;
  isZoneName(name: string): Promise<boolean>;
  /** Makes a running zone hold to its configured limits. Throws `Z_NO_ZONE`, `ESRCH` when it has no process to do it by. */
  applyRctls(name: string): Promise<void>;
  /** How many mounts lie at and below `path`. Throws the errno's name when nobody can tell. */
  mountsUnder(path: string): Promise<number>;
  /** The global zone's first. */
  runningIds(): Promise<readonly number[]>;
  /** Undefined unless the kernel has the zone. */
  idOf(name: string): Promise<number | undefined>;
  nameOf(id: number): Promise<string | undefined>;
  running(id: number): Promise<NativeRunningZone | undefined>;
  /** Ids of the datalinks that a zone holds. Throws `EINVAL` when there is no such zone. */
  datalinks(id: number): Promise<readonly number[]>;
  /** Undefined when there is no such brand. Throws `Z_TOO_BIG` for a zonepath that none can be. */
  brandInfo(brand: string, zone: string, zonepath: string): Promise<NativeBrand | undefined>;
  pingZoneadmd(name: string): Promise<boolean>;
  /**
   * Has zoneadmd move a zone and waits until it has: `result` 0 when done, `messages` what it said either way. Undefined
   * when no daemon answers: start it and call again. Throws `Z_TOO_BIG` for `bootargs` of more than 255 bytes, and the
   * errno's name (`EACCES`, …) when it may not be called.
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
