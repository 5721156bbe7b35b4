/** The console of a running zone as a stream. */
import { ReadStream } from 'node:tty';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import type { ZoneConsole } from '../zones.js';

/** Attaches to the console of zone `name` below `lxcPath`. Throws `ZoneConsoleBusy`, or `ZoneBadState` unless it runs. */
export async function attachConsole(lxcPath: string, name: string): Promise<ZoneConsole> {
  const native = await loadNative('lxc').openConsole(lxcPath, name).catch(fail(name)); // prettier-ignore
  let stream: ReadStream;
  try {
    // A terminal's stream both reads and writes; the descriptor is closed with it.
    stream = new ReadStream(native.fd);
  } catch (error) {
    native.close();
    throw error;
  }
  stream.once('close', () => native.close());
  return {
    stream,
    resize(columns, rows) {
      native.resize(columns, rows);
    },
    close() {
      native.close();
      stream.destroy();
    },
  };
}

function fail(name: string): (cause: unknown) => never {
  return (cause) => {
    if (codeOf(cause) === 'EBUSY') {
      throw hostError('ZoneConsoleBusy', `somebody else is attached to the console of zone ${name}`, {
        cause,
        quietCause: true,
      });
    }
    throw hostError('ZoneBadState', `cannot attach to the console of zone ${name}`, { cause });
  };
}
