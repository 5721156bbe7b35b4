/**
 * What the host hands to the emulator of one VM, for `argv.ts` to put into words. Types only.
 *
 * The emulator opens no file of the host by itself: disks are inherited descriptors, under names that it takes for paths
 * (`/dev/fdset/N`); whoever starts it puts the `-add-fd` arguments that belong to them in front of the others. Sockets are
 * below `/tmp` of its zone (`vm.qmp`, `vm.console`, `vm.ttyb`, `vm.vnc`, `vm.spice`), and nobody is to daemonize, change
 * user or write a pid file.
 */

/** A disk or cdrom, opened. */
export interface QemuDisk {
  /** What stands for its file. */
  readonly file: string;
  readonly readOnly: boolean;
}

/** A tap, opened, on its bridge and up. */
export interface QemuNic {
  readonly fd: number;
}

export interface QemuResources {
  readonly accelerator: 'kvm' | 'tcg';
  /** For each of the VM's disks, then for each extra one. */
  readonly disks: readonly QemuDisk[];
  /** For each of the VM's NICs. */
  readonly nics: readonly QemuNic[];
  /** UEFI firmware and the VM's own variables, where the VM boots by it; undefined for the BIOS. */
  readonly firmware: { readonly code: string; readonly variables: string } | undefined;
  /** Whether this emulator has been built with SPICE. */
  readonly spice: boolean;
}
