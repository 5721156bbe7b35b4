/** Sets up a Linux host: writes down where its pool and its network are to be, and makes them. */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { writeAtomically } from '../../atomic-file.js';
import { withLock } from '../../lock.js';
import type { Log } from '../../log.js';
import { withUndo } from '../../undo.js';
import { hostError } from '../errors.js';
import type { SetupReport, SetupWish } from '../setup.js';
import { completeConfig, configFile, parseConfig, readSettings, type HostConfig, type HostSettings } from './config.js';
import { createBtrfsDatasets } from './datasets-btrfs.js';
import { makeRoot } from './host.js';
import { createLinuxLinks, type LinuxLinks } from './links.js';
import { chosenNetworksFile, readChosen } from './networks.js';
import { storageOf } from './pool.js';

const nicTag = 'admin';

/**
 * Brings the default pool and the nic tag `admin` in line with `wish` and makes them; may be repeated. What exists is never
 * moved, formatted over or taken from under a machine. The configuration stands before anything is made: what is killed
 * is finished by the next command; when a step fails, it is as it was. Throws `ConfigInvalid`, `NoSpace`, `LinkNotFound`.
 */
export async function setUpLinux(
  { root, log }: { readonly root: string; readonly log: Log },
  wish: SetupWish,
): Promise<SetupReport> {
  await makeRoot(root);
  const at = (path: string) => join(root, path);
  const file = configFile(root);
  return withLock(at('/var/run/smartadm/setup.lock'), async () => {
    const old = await readSettings(root);
    const before = completeConfig(old, file);
    const settings = parseConfig(JSON.stringify(changed(old, before, wish)), file);
    const after = completeConfig(settings, file);
    const name = after.defaultPool;
    const storage = storageIn(after, at);
    if (!isDeepStrictEqual(before.pools, after.pools)) {
      const pools = await createBtrfsDatasets({ pools: before.pools, at, log }).pools();
      if (pools.some((pool) => pool.name === name)) refuse(name, storageIn(before, at), storage);
    }
    const hasNewNetwork = !isDeepStrictEqual(before.nicTags, after.nicTags);
    const links = createLinuxLinks({ root, at, tags: after.nicTags });
    if (hasNewNetwork) await refuseUsed(links);
    const report = (what: string, err: unknown) => {
      log.error({ err, what }, 'cannot take back a step');
    };
    return withUndo(report, async (undo) => {
      if (!isDeepStrictEqual(old, settings)) {
        await writeSettings(file, settings);
        undo.push('restore the configuration', () => writeSettings(file, old));
      }
      if (hasNewNetwork) {
        // A bridge, server or rule that stayed would be of the old one; and nobody uses it.
        await createLinuxLinks({ root, at, tags: before.nicTags }).removeAll();
        undo.push('remove the new network', () => links.removeAll());
      }
      const bridge = await links.ensureCarrier(nicTag, 0);
      const { subnet, ...tag } = after.nicTags[nicTag] ?? {};
      const isServed = tag.bridge === undefined && tag.uplink === undefined && tag.etherstub !== true;
      const served = subnet ?? (await readChosen(chosenNetworksFile(at)))[nicTag];
      // Last, since it cannot be taken back.
      const pool = await createBtrfsDatasets({ pools: after.pools, at, log }).ensurePool(name);
      return { pool, storage, nicTag, bridge, subnet: isServed ? served : undefined };
    });
  });
}

/** `settings` with what is wished; what nobody has wished for stays out of the file. */
function changed(settings: HostSettings, { pools, nicTags, defaultPool }: HostConfig, wish: SetupWish): HostSettings {
  const { device, file, sizeGiB, subnet, bridge } = wish;
  const { device: oldDevice, file: oldFile, ...pool } = pools[defaultPool] ?? { driver: 'btrfs' };
  const kept = device === undefined && file === undefined ? { device: oldDevice, file: oldFile } : { device, file };
  const wishedPool = defined({
    ...pool,
    ...kept,
    sizeGiB: sizeGiB ?? (device === undefined ? pool.sizeGiB : undefined),
  });
  const tag = nicTags[nicTag] ?? {};
  // The wished network takes the place of any other kind.
  const network = { subnet, bridge, uplink: undefined, etherstub: undefined };
  const wishedTag = subnet === undefined && bridge === undefined ? tag : defined({ ...tag, ...network });
  return {
    ...settings,
    ...(isDeepStrictEqual(wishedPool, pools[defaultPool]) ? {} : { pools: { ...pools, [defaultPool]: wishedPool } }),
    ...(isDeepStrictEqual(wishedTag, nicTags[nicTag]) ? {} : { nicTags: { ...nicTags, [nicTag]: wishedTag } }),
  };
}

function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function storageIn({ pools, defaultPool }: HostConfig, at: (path: string) => string): string {
  return storageOf({ name: defaultPool, config: pools[defaultPool] ?? { driver: 'btrfs' }, at }).path;
}

function refuse(pool: string, from: string, to: string): never {
  const why = from === to ? 'its size stays as it is' : `it is not moved to ${to}`;
  throw hostError('ConfigInvalid', `pool ${pool} is kept on ${from} already: ${why}`);
}

/** Machines that run are on the old network. */
async function refuseUsed(links: LinuxLinks): Promise<void> {
  const zones = [...new Set((await links.list()).flatMap(({ zone }) => zone ?? []))];
  if (zones.length === 0) return;
  throw hostError('ConfigInvalid', `cannot change the network of nic tag "${nicTag}" while machines use the host's`, {
    hint: `stop ${zones.join(', ')}`,
  });
}

async function writeSettings(file: string, settings: HostSettings): Promise<void> {
  if (Object.keys(settings).length === 0) return rm(file, { force: true });
  await mkdir(dirname(file), { recursive: true });
  await writeAtomically(file, `${JSON.stringify(settings, null, 2)}\n`);
}
