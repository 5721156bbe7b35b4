/** Clients of DHCP servers that are not this host's: one `zone-lease` for a vnic, outside its zone, as long as that runs. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../../sleep.js';
import { withLock } from '../../lock.js';
import { hostError } from '../errors.js';
import { addonFile } from '../native.js';
import { parseAddress, parseNetwork } from './ip.js';
import { kill } from './kill.js';
import { runProgram } from './run-program.js';

/** The vnic a client works for; its names have been checked. */
export interface LeasingVnic {
  readonly zone: string;
  readonly physical: string;
  /** Host end. */
  readonly link: string;
  readonly mac: string;
}

/**
 * Where the zone's default route leads: by the server's router, by another, or never through this vnic. Where a guest asks
 * for itself, what it is told is but watched.
 */
export type LeaseRoute = 'lease' | 'none' | 'watch' | { readonly gateway: string };

export interface Lease {
  /** In CIDR form. */
  readonly address: string;
  readonly resolvers: readonly string[];
}

export interface LeaseClients {
  /** Arguments of `zone-lease` but the first, the process id of the zone's init. */
  arguments(vnic: LeasingVnic, route: LeaseRoute): readonly string[];
  /**
   * Makes sure that a client runs for the vnic of the zone whose init is `init`, and waits a little for a lease. Without
   * one it goes on asking. Throws `LibraryMissing` when the host has no client, `HostFailed` when it does not start.
   */
  acquire(vnic: LeasingVnic, route: LeaseRoute, init: number): Promise<void>;
  /** What is leased, the latest first. */
  leases(zone: string, physical: string): Promise<readonly Lease[]>;
  /** Ends the client of a vnic. Fine when there is none. */
  stop(zone: string, physical: string): Promise<void>;
}

export interface LeaseClientsOptions {
  /** Holds a folder for each zone, where the records of its vnics are. */
  readonly folder: string;
  /** Table of the guards, and the lock of who changes them. */
  readonly table: string;
  readonly lock: string;
  /** File with the further routes of a zone. */
  readonly routes: (zone: string) => string;
}

/** Servers may look for who has an address for three seconds before they offer it. */
const patienceMs = 8000;
const stopLimitMs = 2000;

export function leaseClients({ folder, table, lock, routes }: LeaseClientsOptions): LeaseClients {
  const filesOf = (zone: string, physical: string) => join(folder, zone, physical);

  function leaseArguments(vnic: LeasingVnic, route: LeaseRoute): readonly string[] {
    const { zone, physical, link, mac } = vnic;
    const by = typeof route === 'string' ? route : route.gateway;
    return [physical, link, mac, filesOf(zone, physical), table, lock, by, routes(zone)];
  }

  /** The client that keeps these files, and no other process. With `init`, only that zone's present run's. */
  async function pidOf(files: string, init?: number): Promise<number | undefined> {
    const text = await readFile(`${files}.client`, 'utf8').catch(() => '');
    const pid = /^\d+\n$/.test(text) ? Number(text) : 0;
    if (pid < 2) return undefined;
    const [program = '', of, ...rest] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const isClient = program.endsWith('/zone-lease') && rest.includes(files);
    return isClient && (init === undefined || of === String(init)) ? pid : undefined;
  }

  async function start(vnic: LeasingVnic, route: LeaseRoute, init: number): Promise<void> {
    const file = addonFile('zone-lease', '');
    const { status, stdout } = await runProgram(file, [String(init), ...leaseArguments(vnic, route)]);
    if (status === 0) return;
    const what = `cannot start the DHCP client of ${vnic.physical} of zone ${vnic.zone}`;
    const cause = new Error(stdout.trim());
    if (status === 3) throw hostError('LibraryMissing', what, { cause, hint: 'install the package udhcpc' });
    throw hostError('HostFailed', what, { cause });
  }

  async function leases(zone: string, physical: string): Promise<readonly Lease[]> {
    return parseLeases(await readFile(`${filesOf(zone, physical)}.lease`, 'utf8').catch(() => ''));
  }

  return {
    arguments: leaseArguments,
    leases,
    async acquire(vnic, route, init) {
      const files = filesOf(vnic.zone, vnic.physical);
      if ((await pidOf(files, init)) === undefined) await start(vnic, route, init);
      const deadline = Date.now() + patienceMs;
      // A client that has ended had a zone that has.
      while (Date.now() < deadline && (await pidOf(files, init)) !== undefined) {
        // Under the lock, so that the zone has what the file tells of.
        if ((await withLock(lock, () => leases(vnic.zone, vnic.physical))).length > 0) return;
        await sleep(20);
      }
    },
    async stop(zone, physical) {
      const files = filesOf(zone, physical);
      const deadline = Date.now() + stopLimitMs;
      for (let pid = await pidOf(files); pid !== undefined; pid = await pidOf(files)) {
        kill(pid, Date.now() < deadline ? 'SIGTERM' : 'SIGKILL');
        await sleep(5);
      }
    },
  };
}

/** The lines of a lease file; what is damaged counts for nothing. */
export function parseLeases(text: string): readonly Lease[] {
  return text.split('\n').flatMap((line) => {
    const [address = '', , servers = ''] = line.split(' ');
    try {
      parseNetwork(address);
      const resolvers = servers === '-' ? [] : servers.split(',');
      resolvers.forEach(parseAddress);
      return [{ address, resolvers }];
    } catch {
      return [];
    }
  });
}
