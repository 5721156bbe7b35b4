/** A Linux host: liblxc, btrfs, rtnetlink, as the configuration says. */
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import type { Log } from '../../log.js';
import { hostError } from '../errors.js';
import { watchFolders } from '../folder-watch.js';
import type { Host } from '../host.js';
import { readConfig } from './config.js';
import { createBtrfsDatasets } from './datasets-btrfs.js';
import { lazyHvm } from './hvm-lazy.js';
import { createLinuxLinks } from './links.js';
import { createLinuxSysinfo } from './sysinfo.js';
import { zoneSnapshots } from './zone-snapshots.js';
import { createLinuxZones } from './zones.js';

/** A host, and how to take away all that a root has running: its zones, links, servers and mounts. */
export interface LinuxHost extends Host {
  /** Ends every zone, removes every link and unmounts the pools of this root. Files stay. */
  tearDown(): Promise<void>;
}

/** Reads the configuration of the host below `root` and mounts the pools that exist; makes none. Throws `ConfigInvalid`. */
export async function openLinuxHost({ root, log }: { readonly root: string; readonly log: Log }): Promise<LinuxHost> {
  await makeRoot(root);
  const at = (path: string) => join(root, path);
  const config = await readConfig(root);
  const links = createLinuxLinks({ root, at, tags: config.nicTags });
  const datasets = createBtrfsDatasets({ pools: config.pools, at, log });
  const snapshots = (zonepath: string) => zoneSnapshots(datasets, zonepath);
  const zones = createLinuxZones({ root, at, links, log, snapshots });
  // What lies in a pool is read by its path as well: after the machine has booted, that comes to nothing until somebody
  // mounts the pool. A pool that cannot be mounted is told of by what needs it.
  await datasets.pools().catch((error: unknown) => {
    log.warn({ err: error }, 'cannot mount the pools');
  });
  return {
    zones, links, datasets, at,
    hvm: lazyHvm({ at, zones, datasets, links, log }),
    layers: {
      async apply(folder, archive, signal) {
        const { applyLayer } = await import('../layer-apply.js');
        return applyLayer(folder, archive, signal);
      },
    },
    sysinfo: createLinuxSysinfo({ at, zpool: config.defaultPool }),
    features: { guestOs: 'linux' },
    watch(changed) {
      const folders = watchFolders(changed);
      // What ends or boots by itself tells nobody: zones have to be looked at.
      const follow = () => {
        folders.follow([at('/etc/zones')]);
        return false;
      };
      follow();
      return { follow, close: folders.close };
    },
    close: () => Promise.resolve(),
    async tearDown() {
      await zones.removeAll();
      await links.removeAll();
      await datasets.unmountPools();
    },
  }; // prettier-ignore
}

/** Makes the folder for the state. Only the last one: a root whose parent is missing is more likely a slip. Throws `ConfigInvalid`. */
export async function makeRoot(root: string): Promise<void> {
  try {
    await mkdir(root).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    // With a slash at the end only a folder, or a link to one, is there.
    await access(`${root}/`);
  } catch (cause) {
    throw hostError('ConfigInvalid', `cannot keep the state of this host below ${root}`, {
      cause,
      hint: 'SMARTADM_ROOT names the folder for it',
    });
  }
}
