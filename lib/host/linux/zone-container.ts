/** The folder from which `zone-start` runs a zone: made from its configuration, removed when nothing of it runs. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import type { ZoneConfig } from '../zones.js';
import type { CgroupSetting, ZoneCgroups } from './cgroups.js';
import {
  isLeased, isMachine, lxcConfig, zoneAttr, zoneSources, type LxcFacts, type LxcVnic, type ZoneSource,
} from './lxc-config.js'; // prettier-ignore
import { seccompProfile } from './zone-seccomp.js';
import { containersFolder, type HvmPlans } from './hvm-plan.js';
import type { LinuxLinks } from './links.js';
import { zoneCommand } from './zone-command.js';
import { firstZoneId } from './zone-ids.js';
import { cgroupLimits, ioWeightFiles, ipcSettings, rctl } from './zone-limits.js';
import { readSnapshotLines, snapshotLines, type ZoneSnapshot } from './zone-snapshots.js';
import { parseRouteLines, readZoneRoutes, routeLines, zoneRoutes, type ZoneRoute } from './zone-routes.js';
import { zoneVnics } from '../zone-vnics.js';

export interface ZoneContainers {
  /** Folder that holds one folder for each zone; what liblxc calls its path. */
  readonly path: string;
  /**
   * Writes all that the next start of the zone reads. Its vnics get carriers, addresses and, where `guard` says so, guards;
   * its routes are `routes`, by default those of its file. It sees `snapshots`, by default those it has seen. Returns the
   * vnics.
   */
  prepare(
    config: ZoneConfig,
    options: {
      readonly guard: boolean;
      readonly routes?: readonly ZoneRoute[];
      readonly snapshots?: readonly ZoneSnapshot[];
    },
  ): Promise<readonly LxcVnic[]>;
  /** Has the next starts show one snapshot more, or those without it. */
  listSnapshot(name: string, snapshot: ZoneSnapshot): Promise<void>;
  unlistSnapshot(name: string, snapshot: string): Promise<void>;
  /** The routes that have been prepared. */
  routes(name: string): Promise<readonly ZoneRoute[]>;
  /** What to write into the control groups of a running zone. */
  limits(config: ZoneConfig): Promise<readonly CgroupSetting[]>;
  /** Whether the zone has a folder: made before anything else of a boot, and removed after everything else. */
  exists(name: string): boolean;
  /** Keeps the zone's monitor from starting it again. Fine when there is no monitor. */
  forbidStart(name: string): Promise<void>;
  remove(name: string): Promise<void>;
}

export interface ZoneContainersOptions {
  /** Identity of the root (`root-id.ts`). */
  readonly id: string;
  readonly at: (path: string) => string;
  readonly links: LinuxLinks;
  readonly cgroups: () => Promise<ZoneCgroups>;
  /** What zones of hardware virtual machines boot with. */
  readonly plans: HvmPlans;
}

export function zoneContainers({ id, at, links, cgroups, plans }: ZoneContainersOptions): ZoneContainers {
  const path = at(containersFolder);
  const snapshotFile = (name: string) => join(path, name, 'snapshots');
  let machine: Promise<Machine> | undefined;

  async function limits(config: ZoneConfig): Promise<readonly CgroupSetting[]> {
    const groups = await cgroups();
    await groups.favour();
    const [ioWeight] = await groups.files('blkio', ioWeightFiles);
    const wanted = cgroupLimits(config, groups.layout, ioWeight);
    // A kernel may count memory, but not swap.
    const swapFiles = wanted.filter((limit) => /memsw|swap/.test(limit.file)).map((limit) => limit.file);
    const present = await groups.files('memory', swapFiles);
    return wanted.filter((limit) => !swapFiles.includes(limit.file) || present.includes(limit.file));
  }

  async function vnicsOf(name: string, config: ZoneConfig, guard: boolean): Promise<readonly LxcVnic[]> {
    const vnics: LxcVnic[] = [];
    for (const { spec, primary } of zoneVnics(config)) {
      const carrier = await links.ensureCarrier(spec.nicTag, spec.vlanId);
      if (guard) await links.guard(name, spec, { offer: isMachine(config) });
      const addressing = await links.addressing(name, spec);
      vnics.push({ spec, primary, carrier, hostName: links.hostName(name, spec.physical), addressing });
    }
    return vnics;
  }

  /** What `zone-start` runs `zone-lease` with. A primary vnic that waits for a lease has the default route to itself. */
  function leasesOf(name: string, vnics: readonly LxcVnic[]): readonly (readonly string[])[] {
    const leased = vnics.filter(isLeased);
    const claimed = leased.some((vnic) => vnic.primary);
    return leased.map(({ spec, primary }) => links.leaseArguments(name, spec, primary || !claimed ? 'any' : 'none'));
  }

  /** The part of a zone's folder that describes an emulator and what it may do. */
  async function describeMachine(config: ZoneConfig, known: LxcFacts, folder: string): Promise<void> {
    const { name = '' } = config.attributes;
    const plan = await plans.read(name);
    if (plan === undefined) throw hostError('ZoneBadState', `the boot of zone ${name} has not been prepared`);
    const { emulatorContainer } = await import('./hvm-container.js');
    const leased = known.vnics.filter(isLeased);
    const watched = leased.map(({ spec }) => links.leaseArguments(name, spec, 'watch'));
    const { container, emulator, seccomp } = await emulatorContainer(config, plan, known, folder);
    await Promise.all([
      replace(join(folder, 'config'), container),
      replace(join(folder, 'seccomp'), seccomp),
      replace(join(folder, 'emulator'), emulator),
      replace(join(folder, 'leases'), leaseLines(watched)),
      // An emulator that has ended is a machine that is off.
      replace(join(folder, 'no-restart'), ''),
    ]);
  }

  return {
    path,
    limits,
    async prepare(config, { guard, routes, snapshots = [] }) {
      const { name = '', zonepath = '', debugid } = config.attributes;
      const groups = await cgroups();
      const { lxcfs, appArmorProfile, lockable, semaphores } = await (machine ??= readMachine());
      const folder = join(path, name);
      // The zone's root has to get to what is mounted for it there.
      await mkdir(path, { recursive: true });
      await mkdir(folder, { recursive: true, mode: 0o711 });
      const sources = zoneSources(config, at);
      const vnics = await vnicsOf(name, config, guard);
      const facts: LxcFacts = {
        root: join(at(zonepath), 'root'),
        firstId: firstZoneId(id, Number(debugid ?? -1)),
        layout: groups.layout,
        groups: { zone: groups.zone(name), monitor: groups.monitor(name), pivot: groups.pivot },
        limits: await limits(config),
        lockedBytes: lockable(rctl(config, 'zone.max-locked-memory')),
        vnics,
        sources: await sourcesOf(sources, join(folder, 'sources.d')),
        seccompProfile: join(folder, 'seccomp'),
        appArmorProfile,
        lxcfs,
      };
      if (isMachine(config)) {
        await describeMachine(config, facts, folder);
        return vnics;
      }
      const ipc = Object.entries(ipcSettings(config, semaphores)).map(([file, value]) => `${file} ${value}\n`);
      const routed = routes ?? zoneRoutes(config, await readZoneRoutes(at(zonepath)));
      if (snapshots.length > 0) await replace(snapshotFile(name), snapshotLines(snapshots));
      const isKept = zoneAttr(config, 'restart-init') === 'false';
      await Promise.all([
        replace(join(folder, 'config'), lxcConfig(config, facts)),
        replace(join(folder, 'seccomp'), seccompProfile),
        replace(join(folder, 'ipc'), ipc.join('')),
        replace(join(folder, 'leases'), leaseLines(leasesOf(name, vnics))),
        replace(join(folder, 'routes'), routeLines(routed)),
        replace(join(folder, 'sources'), sources.map(sourceLine).join('')),
        writeCommand(join(folder, 'command'), await zoneCommand(config, at(zonepath))),
        isKept ? replace(join(folder, 'no-restart'), '') : rm(join(folder, 'no-restart'), { force: true }),
      ]);
      return vnics;
    },
    async listSnapshot(name, snapshot) {
      const others = (await readSnapshotLines(snapshotFile(name))).filter((each) => each.name !== snapshot.name);
      await replace(snapshotFile(name), snapshotLines([...others, snapshot]));
    },
    async unlistSnapshot(name, snapshot) {
      const all = await readSnapshotLines(snapshotFile(name));
      const others = all.filter((each) => each.name !== snapshot);
      if (others.length < all.length) await replace(snapshotFile(name), snapshotLines(others));
    },
    async routes(name) {
      return parseRouteLines(await readFile(join(path, name, 'routes'), 'utf8').catch(() => ''));
    },
    exists: (name) => existsSync(join(path, name)),
    async forbidStart(name) {
      await writeFile(join(path, name, 'halting'), '').catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    },
    async remove(name) {
      await rm(join(path, name), { recursive: true, force: true });
    },
  };
}

async function writeCommand(file: string, records: readonly string[] | undefined): Promise<void> {
  if (records === undefined) await rm(file, { force: true });
  else await replace(file, records.map((record) => `${record}\0`).join(''));
}

/** As `zone-start` reads them. */
function leaseLines(lines: readonly (readonly string[])[]): string {
  return lines.map((line) => `${line.join('\t')}\n`).join('');
}

/** As `zone-start` reads it. */
function sourceLine({ flags, base, path }: ZoneSource): string {
  return `${flags.join(',')}\t${base}\t${path}\n`;
}

async function sourcesOf(sources: readonly ZoneSource[], folder: string): Promise<LxcFacts['sources']> {
  return Promise.all(
    sources.map(async ({ base, path }, index) => {
      const found = await stat(join(base, path)).catch((cause: unknown) => {
        throw hostError('ZoneInvalid', `source ${join(base, path)} of a file system is missing`, { cause });
      });
      return { place: join(folder, String(index)), isDirectory: found.isDirectory() };
    }),
  );
}

/** Whole for a monitor that reads it at the same time. No need to wait for the disk: it describes running processes. */
async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** What does not change while the machine runs. */
interface Machine {
  readonly lxcfs: string | undefined;
  readonly appArmorProfile: string;
  /** The part of a limit of locked memory that this process can set; undefined where the host's own is as low. */
  readonly lockable: (bytes: bigint | undefined) => number | undefined;
  readonly semaphores: string;
}

const capSysResource = 24n;

async function readMachine(): Promise<Machine> {
  const [mounts, profiles, limits, status, semaphores] = await Promise.all([
    readFile('/proc/mounts', 'utf8'),
    readFile('/sys/kernel/security/apparmor/profiles', 'utf8').catch(() => ''),
    readFile('/proc/self/limits', 'utf8'),
    readFile('/proc/self/status', 'utf8'),
    readFile('/proc/sys/kernel/sem', 'utf8'),
  ]);
  const profile = 'lxc-container-default-cgns';
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  const mayRaise = ((BigInt(`0x${capabilities}`) >> capSysResource) & 1n) === 1n;
  const hard = /^Max locked memory\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  const most = hard === undefined || hard === 'unlimited' || mayRaise ? undefined : BigInt(hard);
  return {
    lxcfs: /^lxcfs (\S+) fuse\.lxcfs /m.exec(mounts)?.[1],
    appArmorProfile: profiles.split('\n').some((line) => line.startsWith(`${profile} `)) ? profile : 'unconfined',
    lockable: (bytes) => (bytes === undefined || (most !== undefined && bytes > most) ? undefined : Number(bytes)),
    semaphores,
  };
}
