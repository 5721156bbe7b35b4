/** `vm-flow-*`: steps on a fresh host, or on one that holds a machine: exit, what is printed, zone configuration, files. */
import fs, { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { codeOf } from '../../lib/errors.js';
import type { Host } from '../../lib/host/host.js';
import { writeZoneXml } from '../../lib/host/zone-xml.js';
import type { ZoneConfig, ZoneRecord, Zones } from '../../lib/host/zones.js';
import { smartosCommand } from '../../lib/host/qemu/smartos-argv.js';
import { fakeHvm, type FakeHvm } from '../fakes/hvm.js';
import { fakeZones, type FakePrograms, type FakeZones } from '../fakes/zones.js';
import { runCaptured } from './captured-cli.js';
import { differenceOf, unequal } from './compare.js';
import { hostFacts, installImages, smartosHost, temporaryRoot, type HostFacts } from './host.js';
import type { VectorRecord, VectorFolder } from './records.js';
import { atTime, type Runner } from './runner.js';

interface Flow extends VectorRecord {
  readonly base?: string;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly args: readonly string[];
  readonly payload?: unknown;
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Programs that the original has started, in order; of signals, none. */
  readonly commands?: readonly {
    readonly cmd?: string;
    readonly args?: readonly (string | number)[];
    readonly exit?: number;
  }[];
  readonly after?: Traces;
}

/** What is left on the host. */
interface Traces {
  readonly zone_xml?: string;
  readonly index?: readonly string[];
  readonly zonepath_files?: Readonly<Record<string, FileTrace>>;
  readonly files_changed?: Readonly<Record<string, FileTrace>>;
}

/** Its text; of a start script, the arguments in it. */
type FileTrace = string | { readonly guest_argv: readonly string[] };

interface Base {
  readonly payload: { readonly uuid: string };
  readonly exit: number;
  readonly stderr: string;
}

const recordedAt = Date.parse('2030-01-02T03:04:05.678Z');

const recordedSysinfo = {
  uuid: '00000000-0000-4000-8000-0000000000aa',
  datacenter: 'dc-test',
  liveImage: '20260101T000000Z',
  headnodeId: 'hn1',
};

/** On hosts without a system. */
export function vmFlows(folder: VectorFolder): Runner {
  const facts = hostFacts(folder);
  return runFlows(folder, () => {
    const { root, remove } = temporaryRoot();
    const { host, zones } = flowHost(root, facts);
    return Promise.resolve({
      root, host, remove,
      surround: (work) => withSignals(zones, work),
      xml: async (name) => writeZoneXml(await host.zones.config(name)),
      guestArguments: (name) => guestArguments(host, name),
    }); // prettier-ignore
  });
}

/** A fresh host, and what has to be known of it to look at what a step leaves. */
export interface FlowSystem {
  readonly root: string;
  readonly host: Host;
  remove(): void;
  /** Runs a step. */
  surround<T>(work: () => Promise<T>): Promise<T>;
  /** What is printed without what is this system's own. */
  shown?(text: string): string;
  /** The file with the configuration of a zone. */
  xml(zone: string): Promise<string>;
  /** What the emulator of a zone is given. */
  guestArguments(zone: string): readonly string[];
  /** What differs in the order in which a step did what it did; undefined when nothing does, or nobody has looked. */
  orderDifference?(step: Step): string | undefined;
}

/** Runs flows, each on a host that `open` makes for what the flow names. */
export function runFlows(folder: VectorFolder, open: (text: string) => Promise<FlowSystem>): Runner {
  const bases = folder.json('vm-flow-bases.json') as Readonly<Record<string, Base>>;
  return {
    close: () => undefined,
    async run(record) {
      const { base, steps } = record as Flow;
      const system = await open(JSON.stringify([record, base === undefined ? undefined : bases[base]]));
      try {
        if (base !== undefined) {
          const { payload, ...wanted } = bases[base] as Base;
          const step = { ...wanted, args: ['create'], payload, stdout: '' };
          const difference = await take(step, system);
          if (difference !== undefined) return `base ${base}: ${difference}`;
        }
        for (const [at, step] of steps.entries()) {
          const difference = await take(step, system);
          if (difference !== undefined) return `step ${at + 1}, ${step.args[0] ?? ''}: ${difference}`;
        }
        return undefined;
      } finally {
        system.remove();
      }
    },
  };
}

async function take(step: Step, system: FlowSystem): Promise<string | undefined> {
  const stdin = step.payload === undefined ? '' : JSON.stringify(step.payload);
  const outcome = await withCounter(() =>
    system.surround(() =>
      atTime(recordedAt, () => runCaptured('vmadm', vmadm, step.args, { host: system.host, root: system.root, stdin })),
    ),
  );
  // From clock and kernel.
  const shown = (text: string) =>
    (system.shown?.(text) ?? text).replace(/("(?:last_modified|boot_timestamp|pid)": )[^,\n]+/g, '$1…');
  const [wantedErr, foundErr] = sameMac(step.stderr, outcome.stderr);
  return (
    differenceOf(
      { id: '', ...step, stdout: shown(step.stdout), stderr: wantedErr },
      { ...outcome, stdout: shown(outcome.stdout), stderr: foundErr },
    ) ??
    (step.after === undefined ? undefined : await traceDifference(step.after, system)) ??
    system.orderDifference?.(step)
  );
}

/** Identifiers come from a counter: chance is read from the kernel, and nothing else here reads as much as they take. */
async function withCounter<T>(work: () => Promise<T>): Promise<T> {
  const { readSync } = fs;
  let count = 0;
  const counting = (fd: number, bytes: Buffer, offset: number, length: number, position: number | null): number => {
    if (length !== 16) return readSync(fd, bytes, offset, length, position);
    return Buffer.from(`e0e0e0e0000040008000${(++count).toString(16).padStart(12, '0')}`, 'hex').copy(bytes, offset);
  };
  fs.readSync = counting as typeof readSync;
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    fs.readSync = readSync;
    syncBuiltinESMExports();
  }
}

/** A MAC made up by either side is the same as any other. */
function sameMac(wanted: string, found: string): readonly [string, string] {
  const at = wanted.indexOf('$RANDOM_MAC');
  if (at < 0) return [wanted, found];
  return [wanted, `${found.slice(0, at)}$RANDOM_MAC${found.slice(at + '00:00:00:00:00:00'.length)}`];
}

async function traceDifference(wanted: Traces, system: FlowSystem): Promise<string | undefined> {
  const { host, root } = system;
  const zones = await host.zones.list();
  if (wanted.index !== undefined) {
    const lines = zones.map(({ name, state, zonepath, uuid = '' }) => `${name}:${state === 'running' ? 'installed' : state}:${zonepath}:${uuid}`); // prettier-ignore
    if (lines.join('\n') !== wanted.index.join('\n'))
      return `index: ${unequal(wanted.index.join('\n'), lines.join('\n'))}`;
  }
  const [zone] = zones;
  if (zone === undefined) return undefined;
  if (wanted.zone_xml !== undefined) {
    // What is above the element is the simulation's own.
    const [a, b] = [wanted.zone_xml, await system.xml(zone.name)].map((xml) => xml.slice(xml.indexOf('<zone ')));
    if (a !== b) return `zone_xml: ${unequal(a, b)}`;
  }
  for (const [name, text] of Object.entries(wanted.zonepath_files ?? wanted.files_changed ?? {})) {
    if (typeof text !== 'string') {
      const found = system.guestArguments(zone.name);
      if (JSON.stringify(found) !== JSON.stringify(text.guest_argv))
        return `${name}: ${unequal(text.guest_argv.join('\n'), found.join('\n'))}`;
      continue;
    }
    if (!name.startsWith('config/') && name !== 'root/tmp/vm.metadata') continue;
    const found = readIfThere(join(root, zone.zonepath, name));
    if (found !== text) return `${name}: ${unequal(text, found)}`;
  }
  return undefined;
}

/** Of the emulator, were it that of SmartOS. */
function guestArguments(host: FlowHost['host'], zone: string): readonly string[] {
  const guest = host.hvm.guest(zone);
  return guest === undefined ? [] : smartosCommand(guest.vm, guest.boot).args;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

interface FlowHost {
  readonly host: Host & { readonly hvm: FakeHvm };
  readonly zones: FakeZones;
}

function flowHost(root: string, facts: HostFacts): FlowHost {
  const programs: FakePrograms = (zone, argv) => {
    if (argv[0]?.endsWith('/shutdown') !== true) return undefined;
    const isReboot = argv.includes('-r') || argv.includes('6');
    void zones.end(zone).then(() => (isReboot ? zones.boot(zone) : undefined));
    return { status: 0, stdout: '', stderr: '' };
  };
  const zones = fakeZones({ programs });
  const host = smartosHost(root, {
    zones: asRecorded(zones),
    pools: facts.zpools,
    datasets: installImages(root, facts),
    nicTags: facts.nictags,
    sysinfo: recordedSysinfo,
  });
  return { host: { ...host, hvm: fakeHvm({ zones }) }, zones };
}

/** Added to process ids, so that none is that of a process of this machine: the kernel gives no such ids. */
const firstPid = 2 ** 22;

/** Debug ids are not in the recorded files, and running zones have that of the kernel. */
export function asRecorded(zones: Zones): Zones {
  const shown = (record: ZoneRecord): ZoneRecord => ({ ...record, debugId: record.id ?? -1 });
  const recorded = ({ attributes, resources }: ZoneConfig): ZoneConfig => {
    const { debugid, ...others } = attributes;
    return { attributes: debugid === undefined ? attributes : others, resources };
  };
  return Object.assign(Object.create(zones) as Zones, {
    list: async () => (await zones.list()).map(shown),
    find: async (name: string) => {
      const found = await zones.find(name);
      return found === undefined ? undefined : shown(found);
    },
    config: async (name: string) => recorded(await zones.config(name)),
    runtime: async (name: string) => {
      const found = await zones.runtime(name);
      // The clock stands, but no two boots are at the same time.
      return found && { ...found, pid: firstPid + found.pid, bootedAt: found.bootedAt + found.pid };
    },
  });
}

/** Runs `work` while signals to processes of zones reach these zones: an init that is told to end takes its zone along. */
async function withSignals<T>(zones: FakeZones, work: () => Promise<T>): Promise<T> {
  const kill = process.kill.bind(process);
  process.kill = (pid, signal = 'SIGTERM') => {
    if (pid < firstPid) return kill(pid, signal);
    const isEnd = [signal].flatMap((each) => [each, Number(each)]).some((each) => ['SIGTERM', 'SIGKILL', 15, 9].includes(each)); // prettier-ignore
    if (isEnd) void endZoneOf(zones, pid - firstPid);
    return true;
  };
  try {
    return await work();
  } finally {
    process.kill = kill;
  }
}

async function endZoneOf(zones: FakeZones, pid: number): Promise<void> {
  for (const name of zones.running.keys()) {
    if ((await zones.runtime(name))?.pid === pid) await zones.end(name);
  }
}
