/** Changes a running zone: what of two configurations differs and can be changed without a boot. */
import { isDeepStrictEqual } from 'node:util';
import { codeOf } from '../../errors.js';
import { withUndo } from '../../undo.js';
import type { Links, VnicSpec } from '../links.js';
import { loadNative } from '../native.js';
import type { ZoneConfig } from '../zones.js';
import type { ZoneCgroups } from './cgroups.js';
import type { LinuxLinks } from './links.js';
import { zoneHostname, zoneTmpfsMiB, type LxcVnic } from './lxc-config.js';
import type { ZoneContainers } from './zone-container.js';
import { ipcSettings, rctl } from './zone-limits.js';
import { execInContainer } from './zone-programs.js';
import { changeZoneRoutes, readZoneRoutes, zoneRoutes, type ZoneRoute } from './zone-routes.js';
import { zoneVnics } from '../zone-vnics.js';

export interface RefreshOptions {
  readonly name: string;
  /** Process id of its init. */
  readonly init: number;
  readonly from: ZoneConfig;
  readonly to: ZoneConfig;
  readonly at: (path: string) => string;
  readonly containers: ZoneContainers;
  readonly links: Links;
  readonly cgroups: ZoneCgroups;
  /** Writes the files that the platform keeps in the zone. */
  readonly identify: (config: ZoneConfig, vnics: readonly LxcVnic[]) => Promise<void>;
  /** Told of steps that could not be taken back. */
  readonly report: (what: string, error: unknown) => void;
}

/** One difference. Applied the other way round it takes itself back, also after it has failed half way. */
interface Step {
  readonly what: string;
  readonly apply: (from: ZoneConfig, to: ZoneConfig) => Promise<void>;
}

/**
 * Applies every difference between `from` and `to`; where one fails, the others are taken back and its error is thrown.
 * At the end the zone's container is described anew, for its next reboot from inside.
 */
export async function refreshZone(options: RefreshOptions): Promise<void> {
  const { name, from, to, containers, report } = options;
  const routes: Routes = {
    before: await containers.routes(name),
    wanted: zoneRoutes(to, await readZoneRoutes(options.at(to.attributes['zonepath'] ?? ''))),
  };
  await withUndo(report, async (undo) => {
    for (const { what, apply } of steps(options, routes)) {
      undo.push(what, () => apply(to, from));
      await apply(from, to);
    }
  });
}

/** Their file has been changed before: what the zone was given is remembered by its container. */
interface Routes {
  readonly before: readonly ZoneRoute[];
  readonly wanted: readonly ZoneRoute[];
}

function steps(options: RefreshOptions, routes: Routes): readonly Step[] {
  const { name, init, from, to, containers, links, cgroups, identify, report } = options;
  const routesOf = (config: ZoneConfig) => (config === to ? routes.wanted : routes.before);
  const physicals = new Set([...zoneVnics(from), ...zoneVnics(to)].map((vnic) => vnic.spec.physical));
  return [
    { what: 'limits', apply: (old, fresh) => limit(old, fresh, containers, cgroups, name) },
    { what: 'limits of System V IPC', apply: (old, fresh) => limitIpc(old, fresh, init) },
    { what: 'locked memory', apply: (old, fresh) => limitLocked(old, fresh, cgroups, name) },
    { what: 'host name', apply: (old, fresh) => rename(old, fresh, init) },
    { what: 'size of /tmp', apply: (old, fresh) => resizeTmpfs(old, fresh, containers.path, name, report) },
    ...[...physicals].map((physical) => ({
      what: `vnic ${physical}`,
      apply: (old: ZoneConfig, fresh: ZoneConfig) => changeVnic(old, fresh, physical, links, name, init),
    })),
    // After the vnics: routes go with the link they lead over.
    { what: 'routes', apply: (old, fresh) => changeZoneRoutes(init, routesOf(old), routesOf(fresh), report) },
    {
      what: 'description of the container',
      apply: async (_, fresh) =>
        identify(fresh, await containers.prepare(fresh, { guard: false, routes: routesOf(fresh) })),
    },
  ];
}

async function limit(
  from: ZoneConfig,
  to: ZoneConfig,
  containers: ZoneContainers,
  cgroups: ZoneCgroups,
  name: string,
): Promise<void> {
  const before = new Map((await containers.limits(from)).map((setting) => [setting.file, setting.value]));
  const changed = (await containers.limits(to)).filter((setting) => before.get(setting.file) !== setting.value);
  if (changed.length > 0) await cgroups.write(name, changed);
}

/** Limits that are no longer configured stay until the next boot: the kernel has no word for its defaults. */
async function limitIpc(from: ZoneConfig, to: ZoneConfig, init: number): Promise<void> {
  // The numbers of semaphores that are not configured play no part in what differs.
  const before = ipcSettings(from, semaphoreDefaults);
  const changed = Object.entries(ipcSettings(to, semaphoreDefaults)).filter(([file, value]) => before[file] !== value);
  if (changed.length > 0) await loadNative('lxc').limitIpc(init, Object.fromEntries(changed));
}

/** What a kernel gives a new IPC namespace: SEMMSL, SEMMNS, SEMOPM, SEMMNI. */
const semaphoreDefaults = '32000 1024000000 500 32000';

async function limitLocked(from: ZoneConfig, to: ZoneConfig, cgroups: ZoneCgroups, name: string): Promise<void> {
  const wanted = rctl(to, 'zone.max-locked-memory');
  if (wanted === undefined || wanted === rctl(from, 'zone.max-locked-memory')) return;
  for (const pid of await cgroups.processes(name)) {
    await loadNative('lxc')
      .limitLockedMemory(pid, Number(wanted))
      .catch((error: unknown) => {
        if (codeOf(error) !== 'ESRCH') throw error;
      });
  }
}

async function rename(from: ZoneConfig, to: ZoneConfig, init: number): Promise<void> {
  const hostname = zoneHostname(to);
  if (hostname !== zoneHostname(from)) await loadNative('lxc').setHostname(init, hostname);
}

/** As on SmartOS, done by the zone's own mount(8); a zone without one keeps its size, and that is no failure. */
async function resizeTmpfs(
  from: ZoneConfig,
  to: ZoneConfig,
  lxcPath: string,
  name: string,
  report: (what: string, error: unknown) => void,
): Promise<void> {
  const [before, size] = [zoneTmpfsMiB(from), zoneTmpfsMiB(to)];
  if (before === undefined || size === undefined || before === size) return;
  // Source and type are named, so that no table of file systems is needed to find them.
  const argv = ['mount', '-t', 'tmpfs', '-o', `remount,size=${size}m`, 'tmpfs', '/tmp'];
  try {
    const { status, stderr } = await execInContainer(lxcPath, name, argv, remountLimitMs);
    if (status !== 0) report(argv.join(' '), new Error(stderr.trim()));
  } catch (error) {
    report(argv.join(' '), error);
  }
}

const remountLimitMs = 10_000;

async function changeVnic(
  from: ZoneConfig,
  to: ZoneConfig,
  physical: string,
  links: Links,
  name: string,
  init: number,
): Promise<void> {
  const [before, wanted] = [from, to].map((config) =>
    zoneVnics(config).find((vnic) => vnic.spec.physical === physical),
  );
  if (isDeepStrictEqual(before?.spec, wanted?.spec)) return;
  if (before !== undefined && wanted !== undefined && sameLink(before.spec, wanted.spec)) {
    await links.guard(name, wanted.spec);
    return;
  }
  if (before !== undefined) await links.unplug(name, physical);
  if (wanted !== undefined) await links.plug(name, wanted.spec, init);
}

/**
 * Applies what of two configurations of a running machine may differ before its next boot: what its vnics let through. Its
 * limits are those that its emulator was started with.
 */
export async function refreshMachine(name: string, from: ZoneConfig, to: ZoneConfig, links: LinuxLinks): Promise<void> {
  for (const { spec } of zoneVnics(to)) {
    const before = zoneVnics(from).find((vnic) => vnic.spec.physical === spec.physical)?.spec;
    const isPlugged = before?.nicTag === spec.nicTag && before.vlanId === spec.vlanId && before.mac === spec.mac;
    if (isPlugged && !isDeepStrictEqual(before, spec)) await links.guard(name, spec, { offer: true });
  }
}

/** Whether only what the guard lets through differs. */
function sameLink(one: VnicSpec, other: VnicSpec): boolean {
  const shape = ({ nicTag, mac, vlanId, addresses, gateways, mtu }: VnicSpec) => ({
    nicTag, mac, vlanId, addresses, gateways, mtu,
  }); // prettier-ignore
  return isDeepStrictEqual(shape(one), shape(other));
}
