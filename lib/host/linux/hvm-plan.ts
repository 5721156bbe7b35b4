/** What the next boot of a zone with an emulator starts, kept between the two commands that take part in it. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../atomic-file.js';
import { codeOf } from '../../errors.js';

/** Where each zone that runs has a folder. */
export const containersFolder = '/var/run/smartadm/zones';

/** The user, in the zone as in its files, that an emulator runs under. */
export const emulatorUser = 65_533;

/** A file or folder of the host that the zone sees, read-only. */
export interface PlannedBind {
  readonly source: string;
  readonly target: string;
}

/** A file that the emulator inherits. */
export interface PlannedFile {
  readonly fd: number;
  readonly writable: boolean;
  /** Below which no link is followed in `path`; empty where none but the last part may be one. */
  readonly base: string;
  readonly path: string;
}

/** A display: the password that opens it, and the TCP port it is to be reached by, 0 for any. */
export interface PlannedDisplay {
  readonly kind: 'vnc' | 'spice';
  /** -1: by its socket in the zone only. */
  readonly port: number;
  readonly password: string | undefined;
  readonly options?: string | undefined;
}

export interface HvmPlan {
  /** The command line, the program first. */
  readonly argv: readonly string[];
  readonly binds: readonly PlannedBind[];
  /** Files of the zone's own root that it sees where they are, read-only. */
  readonly own: readonly string[];
  readonly files: readonly PlannedFile[];
  /** By interface. */
  readonly taps: readonly { readonly fd: number; readonly physical: string }[];
  /** The device by which the processor runs the guest itself. */
  readonly kvm: string | undefined;
  /** Paths of disks as the VM has them, and what the emulator knows each as. */
  readonly disks: readonly { readonly path: string; readonly file: string }[];
  readonly displays: readonly PlannedDisplay[];
}

export interface HvmPlans {
  write(zone: string, plan: HvmPlan): Promise<void>;
  /** Undefined when nothing has been planned. */
  read(zone: string): Promise<HvmPlan | undefined>;
  remove(zone: string): Promise<void>;
}

/** Plans below `at('/var/run')`: they hold for this run of the machine. Names have been checked. */
export function hvmPlans(at: (path: string) => string): HvmPlans {
  const folder = at('/var/run/smartadm/hvm');
  const file = (zone: string) => join(folder, `${zone}.json`);
  return {
    async write(zone, plan) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // It may hold passwords.
      await writeAtomically(file(zone), `${JSON.stringify(plan)}\n`, { mode: 0o600 });
    },
    async read(zone) {
      try {
        return JSON.parse(await readFile(file(zone), 'utf8')) as HvmPlan;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
    async remove(zone) {
      await rm(file(zone), { force: true });
    },
  };
}
