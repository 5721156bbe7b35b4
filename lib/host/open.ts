/** Finds the host this program runs on. The only place that asks for the platform. */
import type { Log } from '../log.js';
import type { Finding } from './finding.js';
import type { Host } from './host.js';
import type { SetupReport, SetupWish } from './setup.js';

export interface OpenHostOptions {
  /** Where all absolute paths of the state hang; `/` on a machine of its own. */
  readonly root: string;
  readonly log: Log;
}

/** Which kind of host this is; builds for tests take `SMARTADM_HOST`, to try the illumos host on stand-ins. */
function kindOfHost(): 'linux' | 'illumos' | undefined {
  const wanted = process.env['SMARTADM_HOST'];
  if (wanted === 'illumos') return wanted;
  if (process.platform === 'sunos') return 'illumos';
  return process.platform === 'linux' ? 'linux' : undefined;
}

/** What the paths of illumos's programs hang below: of stand-ins, they lie with the state. */
function programsOf(root: string): string {
  return process.platform === 'sunos' ? '/' : root;
}

/** Why the programs cannot work on this machine; undefined where they can. */
export function hostProblem(): string | undefined {
  return kindOfHost() === undefined ? 'this is not SmartOS or Linux.' : undefined;
}

/** The host. Nothing is made before something is asked of it; pools that exist are mounted. Throws `ConfigInvalid`, `LibraryMissing`. */
export async function openHost(options: OpenHostOptions): Promise<Host> {
  if (kindOfHost() === 'illumos') {
    const { openIllumosHost } = await import('./illumos/host.js');
    return openIllumosHost({ ...options, programs: programsOf(options.root) });
  }
  const { openLinuxHost } = await import('./linux/host.js');
  return openLinuxHost(options);
}

/** What of this machine is as the programs need it, and what is not; found out without changing anything. */
export async function examineHost(root: string): Promise<readonly Finding[]> {
  if (kindOfHost() === 'illumos') {
    const { examineIllumos } = await import('./illumos/doctor.js');
    return examineIllumos(root, programsOf(root));
  }
  const { examineLinux } = await import('./linux/doctor.js');
  return examineLinux(root);
}

/** Makes the pool and the network of this host as `wish` says; what is there stays. Throws `Unsupported`, `ConfigInvalid`. */
export async function setUpHost(options: OpenHostOptions, wish: SetupWish): Promise<SetupReport> {
  if (kindOfHost() === 'illumos') {
    const { hostError } = await import('./errors.js');
    throw hostError('Unsupported', 'the platform sets up the pools and networks of this host');
  }
  const { setUpLinux } = await import('./linux/setup.js');
  return setUpLinux(options, wish);
}
