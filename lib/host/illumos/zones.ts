/** Zones of an illumos host: libzonecfg for what is written down, zoneadmd for what runs, brands for what is on disk. */
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../errors.js';
import { withLock } from '../../lock.js';
import type { Log } from '../../log.js';
import { hostError } from '../errors.js';
import type { IllumosLinks } from './links.js';
import { parseIndex, type ZoneIndexEntry } from '../zone-index.js';
import { parseZoneXml } from '../zone-xml.js';
import { loadNative } from '../native.js';
import type { NativeZoneEntry } from '../native-zonecfg.js';
import { checkZoneName, checkZonepath } from '../zone-name.js';
import type { ZoneConfig, ZoneRecord, Zones, ZoneState } from '../zones.js';
import { attachSerialLine } from './hvm-console.js';
import { connectConsole } from './zone-console.js';
import { installZone, uninstallZone } from './zone-install.js';
import type { Programs } from './programs.js';
import { refreshVnics } from './zone-refresh.js';
import type { Vminfod, ZoneNow } from './vminfod.js';
import { zoneFailure } from './zone-failures.js';
import { hideSnapshot, showSnapshot } from './zone-snapshots.js';
import { blankConfig, zoneSteps } from './zone-steps.js';
import { moveZone } from './zoneadmd.js';

export interface IllumosZonesOptions {
  readonly at: (path: string) => string;
  readonly programs: Programs;
  readonly links: IllumosLinks;
  readonly vminfod: Vminfod;
  readonly log: Log;
}

/** Template of a zone without anything in it (`zonecfg create -b`). */
const blankTemplate = 'SUNWblank';

export function createIllumosZones({ at, programs, links, log, vminfod }: IllumosZonesOptions): Zones {
  const native = () => loadNative('zonecfg');
  const xmlFile = (name: string) => at(`/etc/zones/${name}.xml`);

  async function entryOf(name: string): Promise<ZoneIndexEntry> {
    const entry = await findEntry(name);
    if (entry === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
    return entry;
  }

  /** By its line in the index: what the library offers reads the lines of all others as well, several times. */
  async function findEntry(name: string): Promise<ZoneIndexEntry | undefined> {
    checkZoneName(name);
    const text = (await readIfThere(at('/etc/zones/index'))) ?? '';
    const lines = text.split('\n').filter((line, index, all) => line.startsWith(`${name}:`) && index < all.length - 1);
    return parseIndex(lines.map((line) => `${line}\n`).join('')).at(-1);
  }

  async function stateOf(name: string): Promise<ZoneState> {
    const state = await native().state(name);
    if (state === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
    return state as ZoneState;
  }

  /** One move of a zone at a time: to zoneadmd, a second one would be none. */
  async function moving(name: string, work: () => Promise<void>): Promise<void> {
    checkZoneName(name);
    await withLock(at(`/var/run/zones/${name}.smartadm.lock`), () => changing(name, work));
  }

  async function requireState(name: string, ...states: readonly ZoneState[]): Promise<ZoneIndexEntry> {
    const entry = await entryOf(name);
    const state = await stateOf(name);
    if (states.includes(state)) return entry;
    throw hostError('ZoneBadState', `zone ${name} is ${state}, not ${states.join(' or ')}`);
  }

  async function readConfig(name: string): Promise<ZoneConfig> {
    checkZoneName(name);
    const text = await readIfThere(xmlFile(name));
    if (text === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
    try {
      return parseZoneXml(text);
    } catch (cause) {
      throw hostError('ZoneInvalid', `${xmlFile(name)} is damaged`, { cause });
    }
  }

  async function configure(config: ZoneConfig, uuid: string | undefined): Promise<void> {
    const { name = '', zonepath = '' } = config.attributes;
    checkZoneName(name);
    checkZonepath(name, zonepath);
    const old = await findEntry(name);
    const before = old === undefined ? blankConfig : await readConfig(name);
    const steps = zoneSteps(before, config);
    try {
      const source = old === undefined ? { template: blankTemplate, name } : { zone: name };
      const document = await native().open(source);
      try {
        await document.change(steps);
        await document.assignDebugId();
        await document.save();
        if (old === undefined) await document.notifyCreate();
      } finally {
        document.close();
      }
      if (uuid !== undefined && uuid !== old?.uuid) await native().setUuid(name, zonepath, uuid);
    } catch (error) {
      throw zoneFailure(error, `cannot write the configuration of zone ${name}`);
    }
  }

  /** The zone's id in the kernel. */
  async function runningId(name: string): Promise<number> {
    await requireState(name, 'running');
    const id = await native().idOf(name);
    if (id === undefined) throw hostError('ZoneBadState', `zone ${name} has just ended`);
    return id;
  }

  /** As the others on this platform have to see it. */
  async function look(name: string): Promise<ZoneNow | undefined> {
    const state = await native().state(name);
    if (state === undefined) return undefined;
    return { state, configured: (await stat(xmlFile(name))).mtimeMs };
  }

  /** A change of a zone, which has happened when those who ask vminfod see it, too. */
  async function changing(name: string, work: () => Promise<void>): Promise<void> {
    await work();
    await vminfod.settled(name, () => look(name));
  }

  return {
    async list() {
      const [entries, ids] = await Promise.all([native().list(), native().runningIds()]);
      const names = await Promise.all(ids.map(async (id) => [await native().nameOf(id), id] as const));
      const idByName = new Map(names);
      return entries
        .filter((entry) => entry.name !== 'global')
        .map((entry) => toRecord(entry, idByName.get(entry.name)));
    },
    async find(name) {
      const entry = await findEntry(name);
      if (entry === undefined || name === 'global') return undefined;
      const [state, id] = await Promise.all([native().state(name), native().idOf(name)]);
      return state === undefined ? undefined : toRecord({ ...entry, brand: entry.brand ?? '', state }, id);
    },
    config: readConfig,
    configure: (config, uuid) => changing(config.attributes['name'] ?? '', () => configure(config, uuid)),
    async mark(name, state) {
      if ((await entryOf(name)).state === state) return;
      await changing(name, async () => {
        await native()
          .setState(name, state)
          .catch((error: unknown) => {
            throw zoneFailure(error, `cannot mark zone ${name} ${state}`);
          });
      });
    },
    async unconfigure(name) {
      if ((await findEntry(name)) === undefined) {
        // What a killed command left. The library would answer anything for a configuration that is not in the index.
        await rm(xmlFile(name), { force: true });
        return;
      }
      const state = await stateOf(name);
      if (!['configured', 'incomplete', 'installed'].includes(state)) {
        throw hostError('ZoneBadState', `zone ${name} is ${state}: halt it first`);
      }
      await changing(name, async () => {
        await native()
          .destroy(name, true)
          .catch((error: unknown) => {
            throw zoneFailure(error, `cannot remove the configuration of zone ${name}`);
          });
      });
    },
    install: (name, what) =>
      changing(name, async () => {
        await requireState(name, 'configured');
        await installZone(programs, name, what);
      }),
    uninstall: (name) =>
      changing(name, async () => {
        await requireState(name, 'incomplete', 'installed');
        await uninstallZone(programs, name);
      }),
    boot: (name) =>
      moving(name, async () => {
        const entry = await requireState(name, 'installed');
        await moveZone({ at, programs, log }, entry, 'boot');
      }),
    halt: (name) =>
      moving(name, async () => {
        const entry = await entryOf(name);
        const state = await stateOf(name);
        if (['configured', 'incomplete', 'installed'].includes(state)) {
          throw hostError('ZoneBadState', `zone ${name} is already halted`);
        }
        await moveZone({ at, programs, log }, entry, 'halt');
      }),
    async showSnapshot(name, snapshot) {
      const { zonepath } = await requireState(name, 'running');
      await showSnapshot(programs, at(zonepath), snapshot);
    },
    async hideSnapshot(name, snapshot) {
      const { zonepath } = await entryOf(name);
      await hideSnapshot({ programs, log }, at(zonepath), snapshot);
    },
    async refresh(name, before) {
      await entryOf(name);
      if ((await stateOf(name)) !== 'running') return;
      await native()
        .applyRctls(name)
        .catch((error: unknown) => {
          throw zoneFailure(error, `cannot apply the limits of zone ${name}`);
        });
      await refreshVnics(links, name, before, await readConfig(name));
    },
    async runtime(name) {
      checkZoneName(name);
      const id = await native().idOf(name);
      const running = id === undefined ? undefined : await native().running(id);
      if (id === undefined || running?.initPid === undefined) return undefined;
      const [misc] = await loadNative('kstat').read({ module: 'zones', instance: id, class: 'zone_misc' });
      const bootTime = Number(misc?.data['boot_time'] ?? 0);
      return {
        pid: running.initPid,
        bootedAt: bootTime * 1000,
        initRestarts: Number(misc?.data['init_restarts'] ?? 0),
      };
    },
    async exec(name, argv, options = {}) {
      await requireState(name, 'running');
      return programs.run('/usr/sbin/zlogin', ['-Q', name, ...argv.map(shellWord)], options);
    },
    async console(name) {
      await runningId(name);
      const { brand, zonepath } = await entryOf(name);
      if (brand === 'kvm')
        return attachSerialLine(join(at(zonepath), 'root'), async () => (await stateOf(name)) === 'running');
      return connectConsole(at(`/var/run/zones/${name}.console_sock`), name);
    },
  };
}

/** zlogin(8) hands what it is to run to the guest's shell, blanks between its words. */
function shellWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function toRecord(
  entry: Omit<NativeZoneEntry, 'state'> & { readonly state: string },
  id: number | undefined,
): ZoneRecord {
  const { name, zonepath, uuid, brand, ipType, debugId } = entry;
  return { name, id, state: entry.state as ZoneState, zonepath, uuid, brand, ipType, debugId };
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
}
