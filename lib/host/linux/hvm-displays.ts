/** How people reach the displays of zones by TCP: a program beside each zone that passes connections on to its socket. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sleep } from '../../sleep.js';
import { hostError } from '../errors.js';
import { runProgram } from '../exec.js';
import { addonFile } from '../native.js';
import { places } from '../qemu/options.js';
import { containersFolder, emulatorUser, type PlannedDisplay } from './hvm-plan.js';
import { kill } from './kill.js';
import type { LinuxLinks } from './links.js';

export interface HvmDisplaysOptions {
  readonly at: (path: string) => string;
  readonly links: LinuxLinks;
}

/** Where a display is to be had. */
export interface Listener {
  readonly host: string;
  readonly port: number;
}

export interface HvmDisplays {
  /** Listens for a display of the zone whose init is `init`, with the root `root`. Throws `HostFailed` where it cannot. */
  listen(zone: string, init: number, root: string, display: PlannedDisplay): Promise<void>;
  find(zone: string, kind: PlannedDisplay['kind']): Promise<Listener | undefined>;
  /** Stops to listen, and ends the connections. Fine when nobody does. */
  close(zone: string, kind: PlannedDisplay['kind']): Promise<void>;
}

const stopLimitMs = 5000;

export function hvmDisplays({ at, links }: HvmDisplaysOptions): HvmDisplays {
  // In the folder that describes the zone's container, which goes when nothing of that runs.
  const fileOf = (zone: string, kind: string) => join(at(containersFolder), zone, `display-${kind}`);

  /** The program that keeps this file, and no other process. */
  async function find(file: string): Promise<(Listener & { readonly pid: number }) | undefined> {
    const text = await readFile(file, 'utf8').catch(() => '');
    const [, pid = '', host = '', port = ''] = /^(\d+) (\S+) (\d+)\n$/.exec(text) ?? [];
    if (Number(pid) < 2) return undefined;
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const isIt = words[0]?.endsWith('/zone-display') === true && words.includes(file);
    return isIt ? { pid: Number(pid), host, port: Number(port) } : undefined;
  }

  async function close(zone: string, kind: PlannedDisplay['kind']): Promise<void> {
    const file = fileOf(zone, kind);
    const deadline = Date.now() + stopLimitMs;
    for (let found = await find(file); found !== undefined; found = await find(file)) {
      kill(found.pid, Date.now() < deadline ? 'SIGTERM' : 'SIGKILL');
      await sleep(5);
    }
  }

  return {
    async listen(zone, init, root, { kind, port, password }) {
      if (port < 0) return;
      const place = places[kind === 'vnc' && password !== undefined ? 'vncLocked' : kind];
      const args = [
        init,
        join(root, 'tmp'),
        basename(place),
        await links.adminAddress(),
        port,
        emulatorUser,
        fileOf(zone, kind),
      ].map(String);
      const { status, stdout } = await runProgram(addonFile('zone-display', ''), args);
      if (status === 0) return;
      const cause = new Error(stdout.trim());
      throw hostError('HostFailed', `cannot listen for the display of zone ${zone}`, { cause });
    },
    async find(zone, kind) {
      const found = await find(fileOf(zone, kind));
      return found === undefined ? undefined : { host: found.host, port: found.port };
    },
    close,
  };
}
