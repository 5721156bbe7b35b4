/** Waits for vminfod, the platform's daemon that others ask about VMs. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import { askDaemon } from './daemon.js';

const sign = '/var/run/vminfod.ready';
const usualPort = 9090;
const limitMs = 60_000;
const pauseMs = 20;

export interface VminfodOptions {
  readonly at: (path: string) => string;
  /** Where it listens on this machine; its own port when absent. */
  readonly port?: number | undefined;
  /** How long it may take to see a change. */
  readonly timeoutMs?: number;
}

/** How a zone is now. */
export interface ZoneNow {
  readonly state: string;
  /** When its configuration was written: milliseconds since the epoch. */
  readonly configured: number;
}

export interface Vminfod {
  /**
   * Returns once the daemon knows zone `name` as it is, which `look` says, undefined when it is no more; at once where the
   * daemon does not run. So whoever asks it after a command sees what the command did. Throws `TimedOut`.
   */
  settled(name: string, look: () => Promise<ZoneNow | undefined>): Promise<void>;
}

export function vminfod({ at, port = usualPort, timeoutMs = limitMs }: VminfodOptions): Vminfod {
  /** What it has of a zone; undefined where it has none. Null where it does not run. */
  async function known(name: string): Promise<{ state: unknown; modified: number } | undefined | null> {
    try {
      const { status, text } = await askDaemon('vminfod', port, 'GET', `/vms/${encodeURIComponent(name)}`);
      if (status === 404) return undefined;
      const vm = JSON.parse(text) as { zone_state?: unknown; last_modified?: unknown };
      return { state: vm.zone_state, modified: Date.parse(String(vm.last_modified)) };
    } catch (error) {
      if (codeOf(error) === 'ECONNREFUSED') return null;
      throw hostError('HostFailed', 'cannot talk to vminfod', { cause: error });
    }
  }

  return {
    async settled(name, look) {
      if (!existsSync(at(sign))) return;
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const seen = await known(name);
        if (seen === null || isSame(seen, await look())) return;
        if (Date.now() > deadline) {
          throw hostError('TimedOut', `vminfod has not seen zone ${name} change within ${timeoutMs / 1000} seconds`);
        }
        await sleep(pauseMs);
      }
    },
  };
}

function isSame(seen: { state: unknown; modified: number } | undefined, now: ZoneNow | undefined): boolean {
  if (seen === undefined || now === undefined) return seen === now;
  // The daemon has whole milliseconds.
  return seen.state === now.state && seen.modified >= Math.floor(now.configured);
}
