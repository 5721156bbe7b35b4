/** Finds the host this program runs on. The only place that asks for the platform. */
import type { Log } from '../log.js';
import type { Finding } from './finding.js';
import type { Host } from './host.js';

export interface OpenHostOptions {
  /** Where all absolute paths of the state hang; `/` on a machine of its own. */
  readonly root: string;
  readonly log: Log;
}

/** Why the programs cannot work on this machine; undefined where they can. */
export function hostProblem(): string | undefined {
  return process.platform === 'linux' ? undefined : 'this is not SmartOS or Linux.';
}

/** The host. Nothing is made before something is asked of it; pools that exist are mounted. Throws `ConfigInvalid`, `LibraryMissing`. */
export async function openHost(options: OpenHostOptions): Promise<Host> {
  const { openLinuxHost } = await import('./linux/host.js');
  return openLinuxHost(options);
}

/** What of this machine is as the programs need it, and what is not; found out without changing anything. */
export async function examineHost(root: string): Promise<readonly Finding[]> {
  const { examineLinux } = await import('./linux/doctor.js');
  return examineLinux(root);
}
