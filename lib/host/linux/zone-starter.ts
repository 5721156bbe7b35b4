/** Has `zone-start` start a zone and stay as its monitor: liblxc's own would be a fork of this process. */
import { hasCode } from '../../errors.js';
import { hostError } from '../errors.js';
import { addonFile } from '../native.js';
import { runProgram } from './run-program.js';

/** Lets init run: longer than any disk or network needs. */
const startLimitMs = 120_000;

/**
 * Starts the container `name` below `lxcPath` and its monitor, which keeps `ZONEPATH/lastexited`, and waits until init
 * runs. Throws `ZoneBootFailed` with liblxc's reason.
 */
export async function startContainer(lxcPath: string, name: string, zonepath: string): Promise<void> {
  const reason = await reasonAgainst([lxcPath, name, zonepath]);
  if (reason !== undefined) throw hostError('ZoneBootFailed', `cannot boot zone ${name}`, { cause: new Error(reason) });
}

async function reasonAgainst(args: readonly string[]): Promise<string | undefined> {
  const tooLate = `init did not start within ${startLimitMs / 1000} seconds`;
  try {
    const { status, stdout } = await runProgram(addonFile('zone-start', ''), args, { timeoutMs: startLimitMs });
    if (status === 0) return undefined;
    return stdout.trim() === '' ? tooLate : stdout.trim();
  } catch (error) {
    if (hasCode(error, 'TimedOut')) return tooLate;
    if (!hasCode(error, 'LibraryMissing')) throw error;
    throw hostError('LibraryMissing', 'cannot run zone-start', {
      cause: error,
      hint: 'build it with: npm run build:addon',
    });
  }
}
