/** The first serial line of a machine, which is its zone's console. */
import { join } from 'node:path';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { places } from '../qemu/options.js';
import { connectSocket } from '../qemu/socket.js';
import type { ZoneConsole } from '../zones.js';

/**
 * Attaches to the line of zone `name`, whose root is `root`. An emulator lets one speak at a time, and others wait without
 * a word: a lock in `folder` tells them. Throws `ZoneConsoleBusy`, or `ZoneBadState` when nobody answers.
 */
export async function attachSerialLine(name: string, root: string, folder: string): Promise<ZoneConsole> {
  const lock = await loadNative('posix').lockFile(join(folder, 'console'), 0o600, false);
  if (lock === undefined) {
    throw hostError('ZoneConsoleBusy', `somebody else is attached to the console of zone ${name}`);
  }
  const stream = await connectSocket(join(root, places.console)).catch((error: unknown) => {
    lock.close();
    throw error;
  });
  stream.once('close', () => {
    lock.close();
  });
  return {
    stream,
    // A serial line does not know how large a terminal is.
    resize: () => undefined,
    close: () => void stream.destroy(),
  };
}
