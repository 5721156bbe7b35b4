/** The host on which the reading commands were recorded: zones of `fixtures/vectors/vm-set`, nothing installed or running. */
import { join } from 'node:path';
import type { Host } from '../../lib/host/host.js';
import { zoneStore } from '../../lib/host/linux/zone-store.js';
import type { ZoneIndexEntry } from '../../lib/host/linux/zone-index.js';
import type { ZoneRecord } from '../../lib/host/zones.js';
import { vectorsFolder } from '../vectors.js';

/** `counts` tells how often each home has been asked. */
export interface RecordedHost {
  readonly host: Host;
  readonly counts: Readonly<Record<'list' | 'find' | 'config' | 'datasets' | 'snapshots' | 'sysinfo', number>>;
}

export function recordedHost(folder = join(vectorsFolder, 'vm-set')): RecordedHost {
  const at = (path: string) => join(folder, path.replace(/^\/etc\/zones/, 'etc-zones'));
  const store = zoneStore({ id: 'recorded', at });
  const counts = { list: 0, find: 0, config: 0, datasets: 0, snapshots: 0, sysinfo: 0 };
  const host = {
    zones: {
      async list() {
        counts.list += 1;
        return (await store.entries()).map(recordOf);
      },
      async find(name: string) {
        counts.find += 1;
        const entry = await store.entry(name);
        return entry === undefined ? undefined : recordOf(entry);
      },
      config(name: string) {
        counts.config += 1;
        return store.config(name);
      },
    },
    datasets: {
      list({ types = [] }: { types?: readonly string[] } = {}) {
        counts.datasets += 1;
        if (types.includes('snapshot')) counts.snapshots += 1;
        return Promise.resolve([]);
      },
    },
    sysinfo: {
      read() {
        counts.sysinfo += 1;
        return Promise.resolve({ uuid: '', liveImage: '' });
      },
    },
    at,
  };
  return { host: host as unknown as Host, counts };
}

function recordOf(entry: ZoneIndexEntry): ZoneRecord {
  return { ...entry, brand: entry.brand ?? '', id: undefined };
}
