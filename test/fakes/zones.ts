/** Zones with real state and no kernel: configurations, states, processes and consoles in memory. */
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostError } from '../../lib/host/errors.js';
import type { Links } from '../../lib/host/links.js';
import { checkZoneName, checkZonepath, snapshotPlace } from '../../lib/host/zone-name.js';
import { zoneVnics } from '../../lib/host/zone-vnics.js';
import { parseZoneXml, writeZoneXml } from '../../lib/host/zone-xml.js';
import type { ZoneConfig, ZoneExecResult, ZoneRecord, ZoneRuntime, Zones, ZoneState } from '../../lib/host/zones.js';
import { fakeLinks } from './links.js';

/** Runs a program in a zone; undefined for one that the zone does not have. */
export type FakePrograms = (zone: string, argv: readonly string[]) => ZoneExecResult | undefined;

export interface FakeZones extends Zones {
  /** Makes the next call of `method` throw `error`. */
  failNext(method: keyof Zones, error: Error): void;
  /** Zones that have been booted and not ended since, with what `refresh` last made of each. */
  readonly running: ReadonlyMap<string, ZoneConfig>;
  /** Snapshots that a running zone sees. */
  seenSnapshots(name: string): readonly string[];
  /** Ends a running zone from inside. */
  end(name: string): Promise<void>;
}

export interface FakeZonesOptions {
  /** Where vnics go. */
  readonly links?: Links;
  /** Snapshots that there are of the zone at a zonepath; none when absent. */
  readonly snapshots?: (zonepath: string) => readonly string[];
  /** Programs beside `true`, `false`, `echo`, `sleep`, `hostname`, `poweroff` and `reboot`. */
  readonly programs?: FakePrograms;
}

interface FakeZone {
  config: ZoneConfig;
  uuid: string | undefined;
  stored: 'configured' | 'incomplete' | 'installed';
  run: FakeRun | undefined;
  attached: boolean;
}

interface FakeRun {
  readonly id: number;
  runtime: ZoneRuntime;
  /** As booted or last refreshed. */
  config: ZoneConfig;
  readonly snapshots: Set<string>;
}

export function fakeZones({ links = fakeLinks(), programs, snapshots = () => [] }: FakeZonesOptions = {}): FakeZones {
  const zones = new Map<string, FakeZone>();
  const faults = new Map<string, Error>();
  const queues = new Map<string, Promise<unknown>>();
  let lastId = 0;
  let lastPid = 1000;
  let lastDebugId = 0;

  function zoneOf(name: string): FakeZone {
    const zone = zones.get(checked(name));
    if (zone === undefined) throw hostError('ZoneNotFound', `there is no zone ${name}`);
    return zone;
  }

  function runOf(name: string): FakeRun {
    const { run, stored } = zoneOf(name);
    if (run === undefined) throw hostError('ZoneBadState', `zone ${name} is ${stored}, not running`);
    return run;
  }

  const newRuntime = (): ZoneRuntime => ({ pid: ++lastPid, bootedAt: Date.now(), initRestarts: 0 });

  /** Never at once, as the real ones never answer. */
  async function begin(method: keyof Zones): Promise<void> {
    await Promise.resolve();
    const fault = faults.get(method);
    faults.delete(method);
    if (fault !== undefined) throw fault;
  }

  /** One change of a zone at a time. */
  async function changing<T>(method: keyof Zones, name: string, work: () => Promise<T>): Promise<T> {
    await begin(method);
    const turn = (queues.get(name) ?? Promise.resolve()).catch(() => undefined).then(work);
    queues.set(name, turn);
    return turn;
  }

  async function end(name: string): Promise<void> {
    const zone = zoneOf(name);
    zone.run = undefined;
    zone.attached = false;
    await links.forget(name);
  }

  async function boot(name: string): Promise<void> {
    const zone = zoneOf(name);
    if (zone.stored !== 'installed' || zone.run !== undefined) {
      throw hostError('ZoneBadState', `zone ${name} is ${stateOf(zone)}, not installed`);
    }
    const existing = snapshots(zone.config.attributes['zonepath'] ?? '');
    const run = { id: ++lastId, runtime: newRuntime(), config: zone.config, snapshots: new Set(existing) };
    try {
      for (const { spec } of zoneVnics(zone.config)) {
        await links.ensureCarrier(spec.nicTag, spec.vlanId);
        await links.plug(name, spec, run.runtime.pid);
      }
    } catch (error) {
      await links.forget(name);
      throw error;
    }
    zone.run = run;
  }

  async function refresh(name: string): Promise<void> {
    const { run, config } = zoneOf(name);
    if (run === undefined) return;
    const [before, wanted] = [run.config, config].map((each) => JSON.stringify(zoneVnics(each)));
    if (before !== wanted) {
      for (const { spec } of zoneVnics(config)) await links.ensureCarrier(spec.nicTag, spec.vlanId);
      await links.forget(name);
      for (const { spec } of zoneVnics(config)) await links.plug(name, spec, run.runtime.pid);
    }
    run.config = config;
  }

  async function exec(name: string, argv: readonly string[], timeoutMs: number): Promise<ZoneExecResult> {
    const run = runOf(name);
    const [program = '', ...args] = argv;
    const said = (stdout: string, status = 0) => ({ status, stdout, stderr: '' });
    const own = programs?.(name, argv);
    if (own !== undefined) return own;
    switch (program) {
      case 'true':
      case 'false':
        return said('', program === 'true' ? 0 : 1);
      case 'echo':
        return said(`${args.join(' ')}\n`);
      case 'hostname':
        return said(`${hostnameOf(run.config)}\n`);
      case 'sleep': {
        const forMs = Number(args[0]) * 1000;
        await sleep(Math.min(forMs, timeoutMs));
        if (forMs <= timeoutMs) return said('');
        throw hostError('TimedOut', `${program} did not end within ${timeoutMs / 1000} seconds in zone ${name}`);
      }
      case 'poweroff':
        await end(name);
        return said('', 137);
      case 'reboot':
        // Clocks of tests are fast: a boot is never at the time of another.
        await sleep(2);
        run.runtime = newRuntime();
        return said('', 137);
      default:
        return { status: 127, stdout: '', stderr: `${program}: not found\n` };
    }
  }

  return {
    failNext: (method, error) => void faults.set(method, error),
    get running() {
      return new Map([...zones].flatMap(([name, { run }]) => (run === undefined ? [] : [[name, run.config] as const])));
    },
    end,
    async list() {
      await begin('list');
      return [...zones.values()].map(toRecord);
    },
    async find(name) {
      await begin('find');
      const zone = zones.get(checked(name));
      return zone === undefined ? undefined : toRecord(zone);
    },
    async config(name) {
      await begin('config');
      return zoneOf(name).config;
    },
    async configure(config, uuid) {
      await begin('configure');
      const { name = '', zonepath = '' } = config.attributes;
      checked(name);
      checkZonepath(name, zonepath);
      const old = zones.get(name);
      const debugid = config.attributes['debugid'] ?? old?.config.attributes['debugid'] ?? String(++lastDebugId);
      // Through its file format: what cannot be written cannot be kept.
      const kept = parseZoneXml(writeZoneXml({ ...config, attributes: { ...config.attributes, debugid } }));
      if (old === undefined)
        zones.set(name, { config: kept, uuid, stored: 'configured', run: undefined, attached: false });
      else Object.assign(old, { config: kept, uuid: uuid ?? old.uuid });
    },
    async mark(name, state) {
      await begin('mark');
      zoneOf(name).stored = state;
    },
    unconfigure: (name) =>
      changing('unconfigure', checked(name), async () => {
        if (zones.get(name)?.run !== undefined) throw hostError('ZoneBadState', `zone ${name} runs`);
        await links.forget(name);
        zones.delete(name);
      }),
    boot: (name) => changing('boot', name, () => boot(name)),
    halt: (name) =>
      changing('halt', name, async () => {
        if (zoneOf(name).run === undefined) throw hostError('ZoneBadState', `zone ${name} is already halted`);
        await end(name);
      }),
    seenSnapshots: (name) => [...runOf(name).snapshots],
    showSnapshot: (name, snapshot) =>
      changing('showSnapshot', name, async () => {
        snapshotPlace(snapshot);
        runOf(name).snapshots.add(snapshot);
        return Promise.resolve();
      }),
    hideSnapshot: (name, snapshot) =>
      changing('hideSnapshot', name, async () => {
        snapshotPlace(snapshot);
        zoneOf(name).run?.snapshots.delete(snapshot);
        return Promise.resolve();
      }),
    refresh: (name) => changing('refresh', name, () => refresh(name)),
    async runtime(name) {
      await begin('runtime');
      return zones.get(checked(name))?.run?.runtime;
    },
    async exec(name, argv, options = {}) {
      await begin('exec');
      return exec(name, argv, options.timeoutMs ?? 60_000);
    },
    async console(name) {
      await begin('console');
      runOf(name);
      const zone = zoneOf(name);
      if (zone.attached) {
        throw hostError('ZoneConsoleBusy', `somebody else is attached to the console of zone ${name}`);
      }
      zone.attached = true;
      const stream = new Duplex({
        read: () => undefined,
        // Echoes, as a terminal does.
        write(chunk: Buffer, _encoding, done) {
          this.push(chunk.toString().replaceAll('\n', '\r\n'));
          done();
        },
        destroy(error, done) {
          zone.attached = false;
          done(error);
        },
      });
      return { stream, resize: () => undefined, close: () => void stream.destroy() };
    },
  };
}

function checked(name: string): string {
  checkZoneName(name);
  return name;
}

function stateOf(zone: FakeZone): ZoneState {
  return zone.run === undefined ? zone.stored : 'running';
}

function toRecord(zone: FakeZone): ZoneRecord {
  const { name = '', zonepath = '', brand = '', debugid } = zone.config.attributes;
  const ipType = zone.config.attributes['ip-type'] === 'exclusive' ? 'exclusive' : 'shared';
  return {
    name, id: zone.run?.id, state: stateOf(zone), zonepath, uuid: zone.uuid, brand, ipType, debugId: Number(debugid),
  }; // prettier-ignore
}

function hostnameOf(config: ZoneConfig): string {
  const attr = config.resources.find((each) => each.kind === 'attr' && each.attributes['name'] === 'hostname');
  return attr?.attributes['value'] ?? config.attributes['name'] ?? '';
}
