/** Whether this machine's processor runs guests by itself. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from '../../atomic-file.js';
import type { Log } from '../../log.js';
import { runProgram } from '../exec.js';
import { addonFile } from '../native.js';

const device = '/dev/kvm';
const probeLimitMs = 10_000;

export interface AccelerationOptions {
  readonly at: (path: string) => string;
  readonly log: Log;
}

/**
 * The device to run guests with; undefined where they have to be emulated. Finding out takes running a guest, so the
 * answer is kept until the machine boots again. Where there is none, a warning says why, once.
 */
export async function findAcceleration({ at, log }: AccelerationOptions): Promise<string | undefined> {
  const file = at('/var/run/smartadm/kvm');
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const known = await readFile(file, 'utf8').catch(() => '');
  const [of, answer] = known.trim().split(' ');
  if (of === boot && (answer === 'yes' || answer === 'no')) return answer === 'yes' ? device : undefined;
  const reason = await probe();
  await mkdir(dirname(file), { recursive: true });
  await writeAtomically(file, `${boot} ${reason === undefined ? 'yes' : 'no'}\n`);
  if (reason === undefined) return device;
  log.warn({ device, reason }, 'KVM is of no use here: guests are emulated, and slow');
  return undefined;
}

/** Why the device is of no use; undefined where it is. */
async function probe(): Promise<string | undefined> {
  try {
    const { status, stdout } = await runProgram(addonFile('kvm-probe', ''), [device], { timeoutMs: probeLimitMs });
    if (status === 0) return undefined;
    return stdout.trim() === '' ? `a guest hangs, or ends its emulator (${status})` : stdout.trim();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
