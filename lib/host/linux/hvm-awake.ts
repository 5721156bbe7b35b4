/** From the start of an emulator to a guest that runs and can be reached. */
import { join } from 'node:path';
import type { Log } from '../../log.js';
import { sleep } from '../../sleep.js';
import { hostError } from '../errors.js';
import { lockedVnc, places } from '../qemu/options.js';
import { openQmp, type Qmp } from '../qemu/qmp.js';
import { connectSocket } from '../qemu/socket.js';
import { zoneRoot } from '../zone-root.js';
import { hvmDisplays } from './hvm-displays.js';
import type { HvmPlan, PlannedDisplay } from './hvm-plan.js';
import type { LinuxLinks } from './links.js';

/** Until an emulator listens: a busy host takes some seconds for what is done in 50 ms. */
const startLimitMs = 60_000;

export interface AwakeOptions {
  readonly zone: string;
  /** Its root on this host. */
  readonly root: string;
  readonly plan: HvmPlan;
  /** Process id of the zone's init; undefined when it has ended. */
  readonly init: () => Promise<number | undefined>;
  readonly at: (path: string) => string;
  readonly links: LinuxLinks;
  readonly log: Log;
}

/**
 * Waits until the emulator of a zone that has been started answers, sets the passwords of its displays and listens for
 * them. Throws `ZoneBootFailed`, with what it said, when it ends or does not answer.
 */
export async function awaitEmulator({ zone, root, plan, init, at, links, log }: AwakeOptions): Promise<void> {
  const qmp = await firstAnswer(zone, root, init);
  try {
    await setPasswords(qmp, plan.displays, []);
  } finally {
    qmp.close();
  }
  const displays = hvmDisplays({ at, links });
  for (const display of plan.displays) {
    const pid = await init();
    if (pid === undefined) return;
    // The guest runs all the same.
    await displays.listen(zone, pid, root, display).catch((err: unknown) => {
      log.warn({ zone, err }, 'a display cannot be reached');
    });
  }
}

async function firstAnswer(zone: string, root: string, init: AwakeOptions['init']): Promise<Qmp> {
  const deadline = Date.now() + startLimitMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    // First of all, so that what has ended after it is not waited for.
    const pid = await init();
    try {
      return await openQmp(await connectSocket(join(root, places.qmp)));
    } catch (cause) {
      if (pid === undefined || Date.now() > deadline) {
        const said = pid === undefined ? await lastWords(root) : undefined;
        const reason = said === undefined ? cause : new Error(said);
        throw hostError('ZoneBootFailed', `cannot boot zone ${zone}`, { cause: reason });
      }
    }
    await sleep(pauseMs);
  }
}

/** What the emulator said last in its log. */
async function lastWords(root: string): Promise<string | undefined> {
  const text = await zoneRoot(root)
    .read('/tmp/vm.log')
    .catch(() => undefined);
  const [, output = ''] = text?.split(/^=== OUTPUT .*$/m) ?? [];
  return output.trim().split('\n').at(-1) || undefined;
}

/**
 * Gives each display the password it is to have. SPICE with a password that is to have none is closed to everybody until
 * the next boot. Throws the monitor's error for SPICE that has been started without one, and is to have one.
 */
export async function setPasswords(
  qmp: Qmp,
  wanted: readonly PlannedDisplay[],
  before: readonly PlannedDisplay[],
): Promise<void> {
  for (const { kind, password } of wanted) {
    const had = before.find((display) => display.kind === kind)?.password;
    if (password !== undefined) {
      const display = kind === 'vnc' ? { display: lockedVnc } : {};
      await qmp.execute('set_password', { protocol: kind, password, ...display });
      // As it may have been closed before.
      if (kind === 'spice') await qmp.execute('expire_password', { protocol: kind, time: 'never' });
    } else if (kind === 'spice' && had !== undefined) {
      await qmp.execute('expire_password', { protocol: kind, time: 'now' });
    }
  }
}
