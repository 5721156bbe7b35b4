/** What dladm.node, kstat.node and sysevent.node export. Types only. */
import type { NativeHandle } from './native-linux.js';

/** A datalink of any zone. */
export interface NativeDatalink {
  /** As long as the machine runs; names are unique only within a zone. */
  readonly id: number;
  readonly name: string;
  readonly class: 'phys' | 'vlan' | 'aggr' | 'vnic' | 'etherstub' | 'simnet' | 'bridge' | 'iptun' | 'part' | 'overlay';
  /** 4: Ethernet. */
  readonly media: number;
  readonly active: boolean;
  readonly persistent: boolean;
  /** Gone when the zone that holds it halts. */
  readonly transient: boolean;
  /** Undefined: the global zone's. */
  readonly zone: string | undefined;
  /** Of vnics and VLANs: the link below; 0 of etherstubs. */
  readonly over: number | undefined;
  readonly mac: string | undefined;
  readonly vlanId: number | undefined;
  /** Bytes. */
  readonly mtu: number | undefined;
}

export interface NativeNewVnic {
  /** Chosen by the library when absent. */
  readonly name?: string;
  readonly over: number;
  readonly macType: 'fixed' | 'random' | 'factory' | 'auto' | 'vrrp';
  /** Six bytes, of `fixed`, and of no other. */
  readonly mac?: Uint8Array;
  /** 0 or absent: untagged. */
  readonly vlanId?: number;
  /** Of `vrrp`: 1 to 255. */
  readonly vrid?: number;
  readonly inet6?: boolean;
  /** Set in this order; `zone` comes last, since after it nothing can be set or undone. */
  readonly properties?: readonly (readonly [name: string, values: readonly string[]])[];
  /** Not kept over a restart of the machine; with `zone` among the properties, not over a halt of that zone. */
  readonly temporary?: boolean;
}

/**
 * libdladm. Errors carry the constant's name (`DLADM_STATUS_LINKBUSY`), `ENOSYS` where this system's library lacks a
 * function. One call at a time runs, the others wait.
 */
export interface NativeDladm {
  /**
   * Active ones, of all zones unless `zone` is named (empty: the global zone), in the library's order. Throws
   * `DLADM_STATUS_BADARG` for a class that there is not.
   */
  links(query?: {
    readonly zone?: string;
    readonly classes?: readonly NativeDatalink['class'][];
  }): Promise<readonly NativeDatalink[]>;
  /** Among the global zone's links, or those of a running zone. Throws `DLADM_STATUS_NOTFOUND`, `DLADM_STATUS_LINKINVAL`. */
  resolve(name: string, zone?: string): Promise<number>;
  /**
   * All of it or nothing. Throws `DLADM_STATUS_EXIST`, `DLADM_STATUS_LINKINVAL` of a name; `DLADM_STATUS_BADARG` where no vnic can
   * be, without a `vrid`, or with properties behind `zone`; `DLADM_STATUS_LINKBUSY` of a VLAN that the link below has for itself;
   * `DLADM_STATUS_PERSIST_ON_TEMP` on a link that is not kept; `DLADM_STATUS_INVALIDMACADDRTYPE` of a type without its MAC or a
   * MAC without its type; `DLADM_STATUS_INVALIDMACADDR`, `DLADM_STATUS_INVALIDMACADDRINUSE`, `DLADM_STATUS_MACFACTORYNOTSUP`; and what
   * `setProperty` throws, `DLADM_STATUS_TOOMANYELEMENTS` of more than 32 properties.
   */
  createVnic(vnic: NativeNewVnic): Promise<number>;
  /** Throws `DLADM_STATUS_EXIST`, `DLADM_STATUS_LINKINVAL`. */
  createEtherstub(name: string, persistent: boolean): Promise<number>;
  /**
   * A vnic or an etherstub, else `DLADM_STATUS_BADARG`. Throws `DLADM_STATUS_LINKBUSY` while a running zone, or another vnic, uses
   * it, `DLADM_STATUS_NOTFOUND`.
   */
  deleteVnic(id: number, persistent: boolean): Promise<void>;
  /** Throws `DLADM_STATUS_NOTFOUND` (also of a zone that does not run), `DLADM_STATUS_EXIST`, `DLADM_STATUS_LINKINVAL`. */
  rename(zone: string | undefined, from: string, to: string): Promise<void>;
  /**
   * Throws `DLADM_STATUS_NOTFOUND` of a link or a property that there is not, `DLADM_STATUS_BADARG` of one that links of this class do
   * not have, `DLADM_STATUS_TEMPONLY` for what is `persistent` of one that is never kept.
   */
  property(
    id: number,
    name: string,
    which: 'current' | 'default' | 'permitted' | 'modifiable' | 'persistent',
  ): Promise<readonly string[]>;
  /**
   * Replaces the whole list; no values: back to the default. Throws as `property` does, and `DLADM_STATUS_PROPRDONLY`,
   * `DLADM_STATUS_BADVAL`, `DLADM_STATUS_BADVALCNT`, `DLADM_STATUS_INVALID_MTU`, `DLADM_STATUS_MINMAXBW` (`maxbw` below 1200K),
   * `DLADM_STATUS_POOLCPU` (one of both), `DLADM_STATUS_TEMPONLY` to keep it of a link that is not kept.
   */
  setProperty(id: number, name: string, values: readonly string[], persistent: boolean): Promise<void>;
  /** Throws `DLADM_STATUS_EXIST`, `DLADM_STATUS_LINKINVAL`. */
  createSimnet(name: string, persistent: boolean): Promise<number>;
  /** Throws `DLADM_STATUS_LINKBUSY` while a vnic is on it, `DLADM_STATUS_NOTFOUND`, `DLADM_STATUS_BADARG` of another link. */
  deleteSimnet(id: number, persistent: boolean): Promise<void>;
  /**
   * `other` 0 takes the connection away. Throws `DLADM_STATUS_NOTFOUND`, and `DLADM_STATUS_PERSIST_ON_TEMP` when only one of both is
   * kept.
   */
  connectSimnet(id: number, other: number): Promise<void>;
  /** Throws `DLADM_STATUS_NOTFOUND`, `DLADM_STATUS_BADARG` of a link that is none. */
  aggregation(id: number): Promise<{
    readonly ports: readonly number[];
    readonly policy: readonly ('L2' | 'L3' | 'L4')[];
    readonly mac: string;
    readonly lacpMode: 'off' | 'active' | 'passive';
    readonly lacpTimer: 'long' | 'short';
  }>;
  missingFunctions(): readonly string[];
}

export interface NativeStatistic {
  readonly module: string;
  /** Of a zone's: its id. */
  readonly instance: number;
  readonly name: string;
  readonly class: string;
  /** Nanoseconds since the machine was started. */
  readonly snaptime: bigint;
  /** Empty unless it is a list of named values. */
  readonly data: Readonly<Record<string, string | bigint>>;
}

/** libkstat. Errors carry the errno's name. */
export interface NativeKstat {
  /** All that fit, in the kernel's order, without what goes away meanwhile. Throws `EACCES`, `EIO`, … */
  read(query: {
    readonly module?: string;
    readonly instance?: number;
    readonly name?: string;
    readonly class?: string;
  }): Promise<readonly NativeStatistic[]>;
  missingFunctions(): readonly string[];
}

/** A zone has changed its state, or (`restart`) its init has been started again. */
export interface NativeZoneEvent {
  readonly what: 'change' | 'restart';
  readonly zone: string;
  /** As zoneadm(8) names them, or the kernel's; empty: there was, or is, no such zone. */
  readonly before: string;
  readonly after: string;
  /** -1 where libzonecfg tells of it. */
  readonly zoneId: number;
  /** Nanoseconds since the epoch. */
  readonly when: bigint;
}

/** libsysevent. Errors carry the errno's name. */
export interface NativeSysevent {
  /**
   * Has `listener` told of each event, in order, until the handle is closed. Keeps no program running; what the listener
   * throws is an uncaught exception. Throws `EPERM`, `EAGAIN`, … when the system does not let us, `ENOSYS` when it lacks a
   * function that events need.
   */
  subscribe(listener: (event: NativeZoneEvent) => void): NativeHandle;
  missingFunctions(): readonly string[];
}
