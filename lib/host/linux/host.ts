/** A Linux host: liblxc, btrfs, rtnetlink, as the configuration says. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../log.js';
import type { Host } from '../host.js';
import { readConfig } from './config.js';
import { createBtrfsDatasets } from './datasets-btrfs.js';
import { createLinuxLinks } from './links.js';
import { createLinuxSysinfo } from './sysinfo.js';
import { createLinuxZones } from './zones.js';

/** A host, and how to take away all that a root has running: its zones, links, servers and mounts. */
export interface LinuxHost extends Host {
  /** Ends every zone, removes every link and unmounts the pools of this root. Files stay. */
  tearDown(): Promise<void>;
}

/** Reads the configuration of the host below `root` and mounts the pools that exist; makes none. Throws `ConfigInvalid`. */
export async function openLinuxHost({ root, log }: { readonly root: string; readonly log: Log }): Promise<LinuxHost> {
  await mkdir(root, { recursive: true });
  const at = (path: string) => join(root, path);
  const config = await readConfig(root);
  const links = createLinuxLinks({ root, at, tags: config.nicTags });
  const zones = createLinuxZones({ root, at, links, log });
  const datasets = createBtrfsDatasets({ pools: config.pools, at, log });
  // What lies in a pool is read by its path as well: after the machine has booted, that comes to nothing until somebody
  // mounts the pool. A pool that cannot be mounted is told of by what needs it.
  await datasets.pools().catch((error: unknown) => {
    log.warn({ err: error }, 'cannot mount the pools');
  });
  return {
    zones, links, datasets, at,
    sysinfo: createLinuxSysinfo({ at, zpool: config.defaultPool }),
    features: { guestOs: 'linux', vminfod: false },
    close: () => Promise.resolve(),
    async tearDown() {
      await zones.removeAll();
      await links.removeAll();
      await datasets.unmountPools();
    },
  }; // prettier-ignore
}
