/** The first serial line of a machine of brand kvm, which is its zone's console. */
import { places } from '../qemu/options.js';
import type { ZoneConsole } from '../zones.js';
import { connectInZone } from './hvm-socket.js';

/**
 * Attaches to the line of a zone whose root is `root`, while it `runs`. The emulator serves one at a time; whoever else
 * attaches waits for the line. Throws `ZoneBadState` when nobody answers.
 */
export async function attachSerialLine(root: string, runs: () => Promise<boolean>): Promise<ZoneConsole> {
  const stream = await connectInZone(root, places.console, runs);
  return {
    stream,
    // A serial line does not know how large a terminal is.
    resize: () => undefined,
    close: () => void stream.destroy(),
  };
}
