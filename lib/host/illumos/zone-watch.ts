/** What happens to zones of an illumos host: their states by sysevents, their files by the kernel's own watches. */
import type { Log } from '../../log.js';
import type { HostWatch } from '../changes.js';
import { watchFolders } from '../folder-watch.js';
import { loadNative } from '../native.js';
import type { NativeHandle } from '../native-linux.js';

export interface ZoneWatchOptions {
  readonly at: (path: string) => string;
  readonly log: Log;
}

/** As the platform's vminfod does it, but for datasets. */
export function watchZones({ at, log }: ZoneWatchOptions, changed: () => void): HostWatch {
  const folders = watchFolders(changed);
  const states = subscribe(log, changed);
  const configurations = at('/etc/zones');
  folders.follow([configurations]);
  return {
    follow(zones) {
      const own = zones.flatMap(({ zonepath }) => [at(zonepath), at(`${zonepath}/config`)]);
      return folders.follow([configurations, ...own]) && states !== undefined;
    },
    close() {
      states?.close();
      folders.close();
    },
  };
}

/** Undefined where the system does not let us listen: in a zone, or without privileges. */
function subscribe(log: Log, changed: () => void): NativeHandle | undefined {
  try {
    return loadNative('sysevent').subscribe(changed);
  } catch (err) {
    log.warn({ err }, 'zones do not tell of their states: they are looked at');
    return undefined;
  }
}
