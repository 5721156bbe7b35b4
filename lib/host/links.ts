/** The link interface of a host: nic tags, vnics, and what they are attached to. Types only. */

export interface NicTag {
  readonly name: string;
  /** `normal` tags have an uplink or bridge of the host, `etherstub` ones exist on this host only. */
  readonly kind: 'normal' | 'etherstub';
  /** Name of the bridge or link that carries it. */
  readonly link: string;
  /** Bytes. */
  readonly mtu: number;
}

/** What a zone's network resource asks for, already checked. */
export interface VnicSpec {
  /** Interface name inside the zone, e.g. `net0`. */
  readonly physical: string;
  readonly nicTag: string;
  readonly mac: string;
  readonly vlanId: number;
  /** Addresses in CIDR form; the word `dhcp` asks for a lease. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly mtu: number | undefined;
  readonly allowIpSpoofing: boolean;
  readonly allowMacSpoofing: boolean;
  readonly allowDhcpSpoofing: boolean;
  /** Further addresses the guest may use; `0.0.0.0/0` allows all. */
  readonly allowedIps: readonly string[];
  /** Lets frames through that are neither IPv4, IPv6 nor ARP. Default false. */
  readonly allowRestrictedTraffic?: boolean;
}

/** What a vnic comes up with. */
export interface Addressing {
  /**
   * Addresses in CIDR form. `dhcp` is left standing only where another server than this host's answers on the carrier,
   * `addrconf` always (the kernel does it).
   */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** Name servers that the carrier's network offers. */
  readonly resolvers: readonly string[];
}

export interface Link {
  readonly name: string;
  readonly kind: 'vnic' | 'bridge' | 'etherstub' | 'physical';
  readonly up: boolean;
  readonly mac: string | undefined;
  readonly mtu: number;
  /** Zone that the link belongs to. */
  readonly zone: string | undefined;
}

/** What every host offers of its links; where the platform makes the vnics of its zones, this is all. */
export interface HostLinks {
  nicTags(): Promise<readonly NicTag[]>;
  list(): Promise<readonly Link[]>;
  /** Removes whatever is left of a zone's vnics and guards. Fine when there is nothing. */
  forget(zone: string): Promise<void>;
}

/**
 * Links of a host on which zones get their vnics from us. The way of a vnic at boot: `ensureCarrier`, `addressing` and
 * `guard` before the zone starts, its link made under `hostName`; `acquire` once its init runs, when `addressing` left
 * the word `dhcp` standing; `forget` when the zone has stopped.
 *
 * The platform configures a guest's addresses, `dhcp` included, as the `lx` brand of SmartOS does: an image need not run
 * a DHCP client. On a network served by this host, `dhcp` means an address kept for the vnic's MAC; it is handed out by
 * the host's DHCP server as well, so a guest with a client of its own gets the same one. On a network with a foreign
 * server, `acquire` runs a client in the zone's network namespace, from outside the zone, until the zone stops.
 *
 * Codes: `NicTagNotFound`, `LinkExists`, `LinkNotFound`, `AddressInvalid`, `Unsupported`.
 */
export interface Links extends HostLinks {
  /** Makes sure that the tag's bridge (for this VLAN) exists and is up, and returns its name. */
  ensureCarrier(nicTag: string, vlanId: number): Promise<string>;
  /** Name, on the host, of the host's end of a zone's vnic: stable, unique per root, at most 15 bytes. */
  hostName(zone: string, physical: string): string;
  /** The addresses, gateways and resolvers a vnic is to have; reserves an address where `dhcp` is ours to answer. Idempotent. */
  addressing(zone: string, spec: VnicSpec): Promise<Addressing>;
  /**
   * Sets up what guards a vnic (anti-spoofing) before or after its link exists, replacing what it had. Idempotent. Takes
   * the configured spec: reserved addresses are found again by itself.
   */
  guard(zone: string, spec: VnicSpec): Promise<void>;
  /**
   * Gets and keeps a lease for a vnic of the running zone whose init is `pid`. Nothing to do unless `dhcp` is foreign.
   * Returns when there is one, or after some seconds without: the client goes on asking, and the zone runs. Throws
   * `LibraryMissing` when the host has no client.
   */
  acquire(zone: string, spec: VnicSpec, pid: number): Promise<void>;
  /** Adds a vnic to the running zone whose init is `pid`, addresses included. */
  plug(zone: string, spec: VnicSpec, pid: number): Promise<void>;
  /** Removes a vnic and its guard. Fine when already gone. */
  unplug(zone: string, physical: string): Promise<void>;
}
