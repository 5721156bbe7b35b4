/**
 * The hardware-virtual-machine interface of a host: guests that an emulator runs inside a zone of brand `kvm` or `bhyve`.
 * The zone is a zone like any other: `zones.boot`, `halt`, `find`, `runtime` and `console` (its first serial
 * line) work on it. This is what only such a zone has.
 */
import type { VmObject } from '../schema/generated/vm.js';

/** A disk or cdrom for one boot. */
export interface ExtraDisk {
  /** Of a disk of the VM, or of a file as the zone sees it. */
  readonly path: string;
  readonly model: string;
  readonly media: 'disk' | 'cdrom';
}

/** What one boot has beside what the VM is configured with. */
export interface HvmBoot {
  readonly disks?: readonly ExtraDisk[];
  /** As the operator gives it: `cd`, `cdn,once=d`. */
  readonly order?: string;
}

/** Sections of {@link Hvm.info}. */
export type HvmInfoType = 'status' | 'version' | 'chardev' | 'block' | 'blockstats' | 'cpus' | 'pci' | 'kvm' | 'vnc' | 'spice'; // prettier-ignore

/**
 * Guests of one host. Codes: `ZoneNotFound`, `ZoneBadState` where the zone does not run, `TimedOut` where its emulator
 * does not answer, `LibraryMissing` and `Unsupported`, naming the package, where the host lacks what a VM asks for.
 */
export interface Hvm {
  /**
   * Lays out what the zone's next boot starts, replacing what an earlier call did: to be called under the VM's lock, before
   * each `zones.boot`. `vm` is whole. Beside the codes above throws `ZoneInvalid` for disks that are
   * not there, and for values that no emulator could be given.
   */
  prepare(vm: VmObject, boot?: HvmBoot): Promise<void>;
  /** Presses the power button. Returns once that is done; how long the guest takes, or whether it heeds it, is up to it. */
  powerDown(zone: string): Promise<void>;
  /** Presses the reset button. */
  reset(zone: string): Promise<void>;
  /** Sends a non-maskable interrupt. */
  interrupt(zone: string): Promise<void>;
  /** Puts a picture of the screen into the zone's `/tmp/vm.ppm`, after waking the screen. */
  screenshot(zone: string): Promise<void>;
  /**
   * What the emulator says, by section, as QMP words it; `vnc` and `spice` as `{}` or `{host, port, display?, password?,
   * spice_opts?}`.
   */
  info(zone: string, types: readonly HvmInfoType[]): Promise<Readonly<Record<string, unknown>>>;
  /**
   * Brings listeners and passwords of a running guest's displays in line with `vm` (`vnc_port`, `vnc_password`, `spice_port`,
   * `spice_password`). Fine when it does not run.
   */
  reloadDisplays(vm: VmObject): Promise<void>;
}
