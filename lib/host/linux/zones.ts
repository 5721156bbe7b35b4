/** Zones of a Linux host: containers of liblxc, described by the files that SmartOS describes its zones with. */
import { version } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../sleep.js';
import type { Log } from '../../log.js';
import { withUndo } from '../../undo.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import type { NativeMonitor } from '../native-linux.js';
import { zoneRoot } from '../zone-root.js';
import type { ZoneConfig, ZoneRecord, Zones, ZoneState } from '../zones.js';
import { readCgroupLayout, zoneCgroups, type ZoneCgroups } from './cgroups.js';
import { hvmPlans } from './hvm-plan.js';
import { kill } from './kill.js';
import type { LinuxLinks } from './links.js';
import { isLeased, isMachine, isMachineBrand, type LxcVnic } from './lxc-config.js';
import { rootId } from './root-id.js';
import { zoneContainers } from './zone-container.js';
import { identityFiles, writeIdentity } from './zone-identity.js';
import type { ZoneIndexEntry } from '../zone-index.js';
import type { ZoneSnapshot } from './zone-snapshots.js';
import { startContainer } from './zone-starter.js';
import { checkZoneName, snapshotPlace } from '../zone-name.js';
import { withZoneLock, zoneStore } from './zone-store.js';

export interface LinuxZonesOptions {
  /** The root prefix of the state. */
  readonly root: string;
  readonly at: (path: string) => string;
  readonly links: LinuxLinks;
  readonly log: Log;
  /** Those of the zone at a zonepath. */
  readonly snapshots: (zonepath: string) => Promise<readonly ZoneSnapshot[]>;
}

/** Zones, and how to take all that runs of a root's away again. */
export interface LinuxZones extends Zones {
  /** Ends every zone of this root and removes the control groups they share. Configurations stay. */
  removeAll(): Promise<void>;
}

/** Time that a monitor has to tidy up after its zone has been killed. */
const monitorLimitMs = 10_000;

export function createLinuxZones({ root, at, links, log, snapshots }: LinuxZonesOptions): LinuxZones {
  const id = rootId(root);
  const store = zoneStore({ id, at });
  let known: Promise<ZoneCgroups> | undefined;
  const cgroups = () => (known ??= readCgroupLayout().then((layout) => zoneCgroups(id, layout)));
  const plans = hvmPlans(at);
  const containers = zoneContainers({ id, at, links, cgroups, plans });
  const native = () => loadNative('lxc');

  /** One change of a zone at a time; the file is the one that zoneadm(8) locks. */
  async function changing<T>(name: string, work: () => Promise<T>): Promise<T> {
    checkZoneName(name);
    return withZoneLock(at, `${name}.zoneadm.lock`, work);
  }

  async function entryOf(name: string): Promise<ZoneIndexEntry> {
    const entry = await store.entry(name);
    if (entry === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
    return entry;
  }

  /** The monitor of a zone whose init runs. Throws `ZoneNotFound` or `ZoneBadState`. */
  async function runningInit(name: string): Promise<number> {
    const entry = await entryOf(name);
    const monitor = await native().findMonitor(containers.path, name);
    if (monitor?.init !== undefined) return monitor.init;
    throw hostError('ZoneBadState', `zone ${name} is ${stateOf(entry, monitor)}, not running`);
  }

  /**
   * Ends whatever of a zone runs, and takes away what booting it made: its container, control groups, vnics and guards.
   * Fine when there is nothing. False when it had no monitor.
   */
  async function end(name: string): Promise<boolean> {
    const groups = await cgroups();
    const monitor = await native().findMonitor(containers.path, name);
    if (monitor !== undefined) {
      await containers.forbidStart(name);
      await native().stop(containers.path, name);
      if (!(await hasGone(name))) {
        log.warn({ zone: name, pid: monitor.monitor }, 'the monitor of a halted zone does not end: it is killed');
        kill(monitor.monitor, 'SIGKILL');
      }
    }
    await groups.clear(name);
    await links.forget(name);
    await containers.remove(name);
    return monitor !== undefined;
  }

  async function hasGone(name: string): Promise<boolean> {
    const deadline = Date.now() + monitorLimitMs;
    for (let pauseMs = 1; Date.now() < deadline; pauseMs = Math.min(pauseMs * 2, 50)) {
      if ((await native().findMonitor(containers.path, name)) === undefined) return true;
      await sleep(pauseMs);
    }
    return false;
  }

  /** Files that the platform keeps in the zone itself. */
  async function identify(config: ZoneConfig, vnics: readonly LxcVnic[]): Promise<void> {
    const inner = zoneRoot(join(at(config.attributes['zonepath'] ?? ''), 'root'));
    const offered = vnics.flatMap((vnic) => vnic.addressing.resolvers);
    await writeIdentity(inner, identityFiles(config, offered), (path, err) => {
      log.warn({ zone: config.attributes['name'], path, err }, 'cannot write a file of a zone');
    });
  }

  async function boot(name: string): Promise<void> {
    const entry = await entryOf(name);
    const monitor = await native().findMonitor(containers.path, name);
    if (entry.state !== 'installed' || monitor !== undefined) {
      throw hostError('ZoneBadState', `zone ${name} is ${stateOf(entry, monitor)}, not installed`);
    }
    const config = await completeConfig(name);
    const zonepath = at(entry.zonepath);
    const outer = zoneRoot(zonepath);
    // An image could lead anywhere by a link of that name.
    const [kind, seen] = await Promise.all([outer.kindOf('/root'), isMachine(config) ? [] : snapshotsOf(entry)]);
    if (kind !== 'directory') {
      throw hostError('ZoneInvalid', `${zonepath}/root is not a directory`);
    }
    await withUndo(reportUndo(name), async (undo) => {
      undo.push('end what has been started', () => end(name).then(() => undefined));
      // Whatever a run that nobody ended by a command has left.
      if (containers.exists(name)) await end(name);
      const vnics = await containers.prepare(config, { guard: true, snapshots: seen });
      if (!isMachine(config)) await identify(config, vnics);
      await outer.write('/lastbooted', `${version()}\n`);
      await startContainer(containers.path, name, zonepath);
      // Its guest sees to its own addresses.
      if (isMachine(config)) return awaitMachine(name, zonepath);
      if (vnics.some(isLeased)) await acquireLeases(name, config, vnics);
    });
  }

  /** What a zone sees of its snapshots; none, which is told, where they cannot be read. */
  async function snapshotsOf({ name, zonepath }: ZoneIndexEntry): Promise<readonly ZoneSnapshot[]> {
    return snapshots(zonepath).catch((error: unknown) => {
      log.warn({ zone: name, err: error }, 'a zone does not see its snapshots');
      return [];
    });
  }

  /** Waits until the emulator that a zone has for its init answers. */
  async function awaitMachine(name: string, zonepath: string): Promise<void> {
    const plan = await plans.read(name);
    if (plan === undefined) return;
    const init = async () => (await native().findMonitor(containers.path, name))?.init;
    const { awaitEmulator } = await import('./hvm-awake.js');
    await awaitEmulator({ zone: name, root: join(zonepath, 'root'), plan, init, at, links, log });
  }

  /** Waits for what other servers give the zone, and passes their name servers on. */
  async function acquireLeases(name: string, config: ZoneConfig, vnics: readonly LxcVnic[]): Promise<void> {
    const init = (await native().findMonitor(containers.path, name))?.init;
    // Without init it has ended again: there is nothing to get an address for.
    if (init === undefined) return;
    await Promise.all(vnics.filter(isLeased).map(({ spec }) => links.acquire(name, spec, init)));
    const known = vnics.map(async (vnic) => ({ ...vnic, addressing: await links.addressing(name, vnic.spec) }));
    await identify(config, await Promise.all(known));
  }

  /** The configuration, with a debug id, which configurations made elsewhere may lack. */
  async function completeConfig(name: string): Promise<ZoneConfig> {
    const config = await store.config(name);
    if (Number(config.attributes['debugid'] ?? -1) >= 0) return config;
    await store.configure(config);
    return store.config(name);
  }

  function reportUndo(name: string): (what: string, err: unknown) => void {
    return (what, err) => {
      log.warn({ zone: name, what, err }, 'cannot undo a step');
    };
  }

  return {
    async list(damaged) {
      const [entries, monitors] = await Promise.all([store.entries(damaged), native().monitors(containers.path)]);
      const byName = new Map(monitors.map((monitor) => [monitor.name, monitor]));
      return entries.map((entry) => toRecord(entry, byName.get(entry.name)));
    },
    async find(name) {
      const entry = await store.entry(name);
      if (entry === undefined) return undefined;
      return toRecord(entry, await native().findMonitor(containers.path, name));
    },
    config: (name) => store.config(name),
    configure: (config, uuid) => store.configure(config, uuid),
    mark: (name, state) => store.mark(name, state),
    unconfigure: (name) =>
      changing(name, async () => {
        if ((await native().findMonitor(containers.path, name)) !== undefined) {
          throw hostError('ZoneBadState', `zone ${name} runs`);
        }
        await end(name);
        await plans.remove(name);
        await store.remove(name);
      }),
    boot: (name) => changing(name, () => boot(name)),
    halt: (name) =>
      changing(name, async () => {
        await entryOf(name);
        if (!(await end(name))) throw hostError('ZoneBadState', `zone ${name} is already halted`);
      }),
    showSnapshot: (name, snapshot) =>
      changing(name, async () => {
        snapshotPlace(snapshot);
        const init = await runningInit(name);
        const { zonepath } = await entryOf(name);
        const found = (await snapshots(zonepath)).find((each) => each.name === snapshot);
        if (found === undefined) throw hostError('DatasetNotFound', `zone ${name} has no snapshot ${snapshot}`);
        await containers.listSnapshot(name, found);
        await native().showSnapshot(init, join(at(zonepath), 'root'), snapshot, found.folder);
      }),
    hideSnapshot: (name, snapshot) =>
      changing(name, async () => {
        const place = snapshotPlace(snapshot);
        const { zonepath } = await entryOf(name);
        await containers.unlistSnapshot(name, snapshot);
        const inner = zoneRoot(join(at(zonepath), 'root'));
        await inner.removeDirectory(place).catch((error: unknown) => {
          // Whatever the guest has made of it: a snapshot that is mounted can be removed all the same.
          log.warn({ zone: name, place, err: error }, 'cannot remove the place of a snapshot');
        });
      }),
    refresh: (name, before) =>
      changing(name, async () => {
        const config = await completeConfig(name);
        const monitor = await native().findMonitor(containers.path, name);
        if (monitor?.init === undefined) return;
        const { refreshMachine, refreshZone } = await import('./zone-refresh.js');
        if (isMachine(config)) return refreshMachine(name, before, config, links);
        await refreshZone({
          name, init: monitor.init, from: before, to: config, at, containers, links, cgroups: await cgroups(), identify,
          report: reportUndo(name),
        }); // prettier-ignore
      }),
    async runtime(name) {
      checkZoneName(name);
      const monitor = await native().findMonitor(containers.path, name);
      if (monitor?.init === undefined) return undefined;
      return { pid: monitor.init, bootedAt: monitor.bootedAt, initRestarts: monitor.restarts };
    },
    async exec(name, argv, options = {}) {
      await runningInit(name);
      const { attachToContainer, execInContainer } = await import('./zone-programs.js');
      if (options.attach === undefined) return execInContainer(containers.path, name, argv, options.timeoutMs);
      const status = await attachToContainer(containers.path, name, argv, options.attach);
      return { status, stdout: '', stderr: '' };
    },
    async console(name) {
      await runningInit(name);
      const { zonepath, brand } = await entryOf(name);
      if (isMachineBrand(brand)) {
        const { attachSerialLine } = await import('./hvm-console.js');
        return attachSerialLine(name, join(at(zonepath), 'root'), join(containers.path, name));
      }
      const { attachConsole } = await import('./zone-console.js');
      return attachConsole(containers.path, name);
    },
    async removeAll() {
      const names = [
        ...(await store.entries()).map((entry) => entry.name),
        ...(await native().monitors(containers.path)).map((monitor) => monitor.name),
      ];
      for (const name of new Set(names)) await changing(name, () => end(name));
      await (await cgroups()).removeShared();
    },
  };
}

/** A monitor without init has not started it yet, or has still to tidy up after it. */
function stateOf(entry: ZoneIndexEntry, monitor: NativeMonitor | undefined): ZoneState {
  if (monitor === undefined) return entry.state;
  if (monitor.init !== undefined) return 'running';
  return monitor.bootedAt > 0 ? 'down' : 'ready';
}

/** Linux has no kernel id for a zone; its monitor's pid is as unique, and stays as long as the zone runs. */
function toRecord(entry: ZoneIndexEntry, monitor: NativeMonitor | undefined): ZoneRecord {
  const { name, zonepath, uuid, brand = '', ipType, debugId } = entry;
  return { name, id: monitor?.monitor, state: stateOf(entry, monitor), zonepath, uuid, brand, ipType, debugId };
}
