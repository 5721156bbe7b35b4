/** The zone interface of a host and the neutral description of a zone. Types only. */
import type { Duplex } from 'node:stream';

/** States as `zoneadm list` names them; the first three are kept in `/etc/zones/index`, the rest is the kernel's. */
export type ZoneState =
  | 'configured' | 'incomplete' | 'installed'
  | 'ready' | 'mounted' | 'running' | 'shutting_down' | 'down'; // prettier-ignore

/** Attributes in the order in which they stand in the file. */
export type ZoneAttributes = Readonly<Record<string, string>>;

/** A child of a resource: `rctl-value`, `net-attr` or `fsoption`. */
export interface ZoneResourceChild {
  readonly kind: string;
  readonly attributes: ZoneAttributes;
}

/** One resource of a zone: `attr`, `rctl`, `network`, `device`, `filesystem`, `dataset`, … as zonecfg(8) calls them in its files. */
export interface ZoneResource {
  readonly kind: string;
  readonly attributes: ZoneAttributes;
  readonly children: readonly ZoneResourceChild[];
}

/**
 * A zone's configuration: what `/etc/zones/NAME.xml` holds, attribute and element order included, since both are part
 * of the file format (`zonecfg(8)`).
 */
export interface ZoneConfig {
  /** `name`, `zonepath`, `autoboot`, `brand`, `ip-type`, `limitpriv`, `bootargs`, `fs-allowed`, `debugid`, … */
  readonly attributes: ZoneAttributes;
  readonly resources: readonly ZoneResource[];
}

/** A zone as `zoneadm list -pc` shows it. */
export interface ZoneRecord {
  readonly name: string;
  /** Kernel id; undefined unless running. */
  readonly id: number | undefined;
  readonly state: ZoneState;
  readonly zonepath: string;
  readonly uuid: string | undefined;
  readonly brand: string;
  readonly ipType: 'exclusive' | 'shared';
  /** Debug id; -1 when the configuration has none. */
  readonly debugId: number;
}

/** Facts about a running zone from the kernel (`zone_misc` kstat on illumos, cgroups and /proc on Linux). */
export interface ZoneRuntime {
  /** Process id, on the host, of the zone's init. */
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly bootedAt: number;
  readonly initRestarts: number;
}

export interface ZoneExecResult {
  /** Exit status, or 128 + signal. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a zone is installed from. */
export interface ZoneInstall {
  /** Name of the image in the zone's pool; an empty root without one. */
  readonly image: string | undefined;
  /** 0: none. */
  readonly quotaGiB: number;
  /** The root dataset is there already. */
  readonly hasDataset: boolean;
}

/** How a program in a zone is joined to the standard streams of this process. */
export interface ZoneAttachment {
  /** A terminal of the zone's own, of this kind (`TERM`); three streams when absent. Ours has to be in raw mode. */
  readonly terminal?: { readonly kind: string | undefined } | undefined;
  /** Called with how signals are passed on to the program, `SIGWINCH` for a new size; returns how to stop that. */
  readonly signals: (pass: (signal: NodeJS.Signals) => void) => () => void;
}

/** The zone's console as a terminal: raw bytes both ways. Closing it detaches; the zone runs on. */
export interface ZoneConsole {
  readonly stream: Duplex;
  resize(columns: number, rows: number): void;
  close(): void;
}

/**
 * Zones of one host. `configure` replaces or creates; other verbs fail when the zone is not in a fitting state, with
 * codes `ZoneNotFound`, `ZoneBadState`, `ZoneExists`, `ZoneInvalid`.
 */
export interface Zones {
  /**
   * All configured zones (the global zone left out), in the order of the index; one pass over the host. Damaged lines of the
   * index are passed over, which `damaged` is told by `ZoneInvalid` where the index is not read by the platform's library.
   */
  list(damaged?: (error: Error) => void): Promise<readonly ZoneRecord[]>;
  /** One zone; undefined when not configured. Its cost does not depend on the number of zones. */
  find(name: string): Promise<ZoneRecord | undefined>;
  /** Reads the configuration, also one that the index does not name. Throws `ZoneNotFound`, or `ZoneInvalid` when the file is damaged. */
  config(name: string): Promise<ZoneConfig>;
  /** Writes configuration and index line, atomically each; a new zone is in state `configured`, an old one keeps its state. */
  configure(config: ZoneConfig, uuid?: string): Promise<void>;
  /** Sets the state kept in the index. */
  mark(name: string, state: 'configured' | 'incomplete' | 'installed'): Promise<void>;
  /**
   * Where zones are brought onto disk by brands of the platform: makes the datasets of a configured zone by its brand and
   * marks it installed. Absent where that is up to the caller.
   */
  install?(name: string, what: ZoneInstall): Promise<void>;
  /** Has the brand remove what {@link install} made, and marks the zone configured. */
  uninstall?(name: string): Promise<void>;
  /** Removes configuration and index line, or what there is of them. The zone must not run. Fine when already gone. */
  unconfigure(name: string): Promise<void>;
  /**
   * Boots an installed zone from its stored configuration and waits until its init runs. Undoes links and cgroups on failure.
   * An OS zone sees the snapshots that there are of it, as by {@link showSnapshot}, also when it boots again by itself.
   */
  boot(name: string): Promise<void>;
  /** Ends the zone at once and waits until nothing of it is left. */
  halt(name: string): Promise<void>;
  /**
   * Has a running OS zone see its snapshot `vmsnap-SNAPSHOT`, read-only, at `/checkpoints/SNAPSHOT`. Throws, having
   * mounted nothing, where the guest has something else there.
   */
  showSnapshot(name: string, snapshot: string): Promise<void>;
  /** Takes the place of a snapshot away with what is mounted there, so that it can be removed. Fine when there is none. */
  hideSnapshot(name: string, snapshot: string): Promise<void>;
  /** Brings what can change on a running zone (limits, vnics, hostname) in line with the stored configuration. */
  refresh(name: string, before: ZoneConfig): Promise<void>;
  /** Facts of a running zone; undefined when it does not run. */
  runtime(name: string): Promise<ZoneRuntime | undefined>;
  /**
   * Runs a program inside the running zone as root, without a shell. Attached, it has all the time it wants and prints to
   * our own streams: the result has but its status.
   */
  exec(
    name: string,
    argv: readonly string[],
    options?: { readonly timeoutMs?: number; readonly attach?: ZoneAttachment },
  ): Promise<ZoneExecResult>;
  /** Attaches to the console of a running zone. Throws `ZoneBadState`, or `ZoneConsoleBusy` when somebody else is attached. */
  console(name: string): Promise<ZoneConsole>;
}
