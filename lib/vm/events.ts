/**
 * What happens to the VMs of a host, as events. Where the original asks a daemon, the host is looked at: at once when it
 * tells that something has changed, by a clock for what it does not tell of.
 */
import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import type { Host } from '../host/host.js';
import type { ZoneRecord, ZoneRuntime } from '../host/zones.js';
import type { Log } from '../log.js';
import type { VmObject } from '../schema/generated/vm.js';
import { diff, type Change } from './diff.js';
import { findVm, loadVm, loadVms } from './load.js';
import { uuidOf } from './zone-config-read.js';

interface Happened {
  /** When it was seen. */
  readonly date: Date;
  readonly zonename: string;
  readonly uuid: string;
}

/** The first event: from here on nothing is missed. */
export interface ReadyEvent {
  readonly type: 'ready';
  readonly date: Date;
  /** Of this watch. */
  readonly uuid: string;
  /** The VMs that are watched, by zonename. */
  readonly vms: Readonly<Record<string, VmObject>>;
}

/** Members in the order in which `vmadm events -j` prints them. */
export type VmEvent =
  | ReadyEvent
  | ({ readonly type: 'create' } & Happened & { readonly vm: VmObject })
  | ({ readonly type: 'modify' } & Happened & { readonly vm: VmObject; readonly changes: readonly Change[] })
  | ({ readonly type: 'delete' } & Happened);

export interface WatchOptions {
  /** The only VM to watch. It has to exist; when it comes back after its end, it is watched on. */
  readonly uuid?: string;
  /** Ends the watch, as the context's own does. */
  readonly signal?: AbortSignal;
}

/** Milliseconds between looks at states, processes and files, and between those at everything, datasets included. */
const pauses = { quick: 500, whole: 2000 } as const;
/** Looks take no more than this part of the time, however many VMs there are. */
const shares = { quick: 1 / 50, whole: 1 / 100 } as const;
/** A change is seldom alone. */
const settleMs = 20;
/** From so many changed VMs on, all are loaded in one pass. */
const manyVms = 8;

/** What identifies elements of lists that have a name of their own. */
const identities = { disks: 'path', nics: 'mac' } as const;

/**
 * First a ready event, then all that happens until the signal says that it is enough. Changes that undo each other between
 * two looks are not seen. A VM that cannot be read stays as it was, which the log says. Throws `VmNotFound`.
 */
export async function* watchVms(ctx: Context, options: WatchOptions = {}): AsyncGenerator<VmEvent, void, undefined> {
  const host = await ctx.host();
  const ends = [ctx.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const bell = createBell(ends);
  const watch = host.watch(() => {
    bell.ring();
  });
  try {
    const view = createView(host, ctx.log, options.uuid);
    let took = await timed(() => view.begin());
    let pauseMs: number = pauses.quick;
    let wholeAt = nextWhole(took.ms);
    yield { type: 'ready', date: new Date(), uuid: randomUUID(), vms: view.vms() };
    for (;;) {
      const isToldOf = watch.follow(view.zones()) && !view.isUnsettled();
      if (!(await bell.rung(isToldOf ? wholeAt - performance.now() : pauseMs))) break;
      const isWhole = performance.now() >= wholeAt;
      took = await timed(() => view.look(isWhole));
      if (isWhole) wholeAt = nextWhole(took.ms);
      else pauseMs = Math.max(pauses.quick, took.ms / shares.quick);
      yield* took.events;
    }
  } finally {
    watch.close();
    bell.close();
  }
}

function nextWhole(tookMs: number): number {
  return performance.now() + Math.max(pauses.whole, tookMs / shares.whole);
}

async function timed(
  work: () => Promise<readonly VmEvent[]>,
): Promise<{ readonly events: readonly VmEvent[]; readonly ms: number }> {
  const start = performance.now();
  const events = await work();
  return { events, ms: performance.now() - start };
}

/** A zone as it was when it was last loaded. */
interface Seen {
  readonly mark: string;
  /** None for zones that are no VMs, and for those that could not be read yet. */
  readonly vm: VmObject | undefined;
}

interface View {
  /** Loads what is there. Throws `VmNotFound`. */
  begin(): Promise<readonly VmEvent[]>;
  /** What has happened since. Loads VMs whose marks have changed, or all. */
  look(isWhole: boolean): Promise<readonly VmEvent[]>;
  vms(): Readonly<Record<string, VmObject>>;
  /** The zones that were there at the last look. */
  zones(): readonly ZoneRecord[];
  /** Whether there has to be another look soon: at a zone on its way from one state to another, or after one that failed. */
  isUnsettled(): boolean;
}

function createView(host: Host, log: Log, only: string | undefined): View {
  const seen = new Map<string, Seen>();
  const complaints = new Map<string, string>();
  let zones: readonly ZoneRecord[] = [];
  let isUnsettled = true;

  /** The one VM's zone, or all. */
  async function records(): Promise<readonly ZoneRecord[]> {
    const all = await host.zones.list();
    return only === undefined ? all : all.filter((record) => record.name === only || uuidOf(record) === only);
  }

  /** What tells cheaply that a VM may have changed, by zone. */
  async function marks(): Promise<ReadonlyMap<string, string>> {
    zones = await records();
    const marked = await Promise.all(zones.map(async (record) => ({ record, runtime: await runtimeOf(host, record) })));
    isUnsettled = marked.some(({ record, runtime }) => isMoving(record, runtime));
    return new Map(marked.map(({ record, runtime }) => [record.name, markOf(host, record, runtime)]));
  }

  /** One that cannot be read is in the log, once as long as it does not change. */
  function complain(name: string, mark: string, err: unknown): void {
    if (complaints.get(name) === mark) return;
    complaints.set(name, mark);
    log.warn({ zone: name, err }, 'cannot read a VM that is watched');
  }

  /** Those that can be read; null for zones that are no VMs, or have gone. */
  async function load(
    names: readonly string[],
    marked: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, VmObject | null>> {
    if (only === undefined && names.length > manyVms) {
      try {
        const byName = new Map((await loadVms(host)).map((vm) => [vm.zonename ?? '', vm]));
        return new Map(names.map((name) => [name, byName.get(name) ?? null]));
      } catch (error) {
        log.debug({ err: error }, 'not all VMs can be read: they are read one by one');
      }
    }
    const loaded = new Map<string, VmObject | null>();
    for (const name of names) {
      try {
        loaded.set(name, (await findVm(host, name)) ?? null);
      } catch (error) {
        complain(name, marked.get(name) ?? '', error);
      }
    }
    return loaded;
  }

  async function look(isWhole: boolean): Promise<readonly VmEvent[]> {
    // Taken first: what changes while VMs are loaded is seen by the next look.
    const marked = await marks();
    const names = [...marked.keys()].filter((name) => isWhole || seen.get(name)?.mark !== marked.get(name));
    const loaded = await load(names, marked);
    const events: VmEvent[] = [];
    for (const name of names) {
      const before = seen.get(name)?.vm;
      const now = loaded.get(name);
      const vm = now === null ? undefined : (now ?? before);
      // One that has gone since its mark was taken is still known, so that the next look can tell its end.
      seen.set(name, { mark: marked.get(name) ?? '', vm: vm ?? before });
      if (vm !== undefined) events.push(...eventsBetween(name, before, vm));
    }
    for (const [name, { vm }] of seen) {
      if (marked.has(name)) continue;
      seen.delete(name);
      complaints.delete(name);
      if (vm !== undefined) events.push({ type: 'delete', ...happened(name, vm) });
    }
    return events;
  }

  return {
    async begin() {
      // The one that was asked for has to be there, and whole.
      if (only !== undefined) await loadVm(host, only);
      return look(true);
    },
    async look(isWhole) {
      try {
        return await look(isWhole);
      } catch (err) {
        log.warn({ err }, 'cannot look at the host: it is tried again');
        isUnsettled = true;
        return [];
      }
    },
    vms: () => Object.fromEntries([...seen].flatMap(([name, { vm }]) => (vm === undefined ? [] : [[name, vm]]))),
    zones: () => zones,
    isUnsettled: () => isUnsettled,
  };
}

function happened(zonename: string, vm: VmObject): Happened {
  return { date: new Date(), zonename, uuid: vm.uuid ?? zonename };
}

function eventsBetween(name: string, before: VmObject | undefined, vm: VmObject): readonly VmEvent[] {
  if (before === undefined) return [{ type: 'create', ...happened(name, vm), vm }];
  const changes = diff(before, vm, { map: identities });
  return changes.length === 0 ? [] : [{ type: 'modify', ...happened(name, vm), vm, changes }];
}

/** Without a kernel's zone there is none. */
async function runtimeOf(host: Host, { id, name }: ZoneRecord): Promise<ZoneRuntime | undefined> {
  return id === undefined ? undefined : host.zones.runtime(name);
}

/** On its way from one state to another: of its arrival there is not always word. */
function isMoving({ state }: ZoneRecord, runtime: ZoneRuntime | undefined): boolean {
  if (state === 'running') return runtime === undefined;
  return state !== 'configured' && state !== 'incomplete' && state !== 'installed';
}

/** Its record, its init, and the times of the files that belong to it. */
function markOf(host: Host, record: ZoneRecord, runtime: ZoneRuntime | undefined): string {
  const place = host.at(record.zonepath);
  const files = [
    host.at(`/etc/zones/${record.name}.xml`),
    ...['config/metadata.json', 'config/routes.json', 'config/tags.json', 'lastexited'].map((file) =>
      join(place, file),
    ),
  ];
  const times = files.map((file) => {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat === undefined ? null : [stat.ino, stat.size, stat.mtimeMs];
  });
  return JSON.stringify([record, runtime?.pid, runtime?.initRestarts, times]);
}

interface Bell {
  ring(): void;
  /** True as soon as it is rung, or has been, or after `pauseMs`; false when it is enough. */
  rung(pauseMs: number): Promise<boolean>;
  close(): void;
}

function createBell(ends: readonly AbortSignal[]): Bell {
  let hasRung = false;
  let wake = (): void => undefined;
  const hasEnded = () => ends.some((signal) => signal.aborted);
  const end = () => {
    wake();
  };
  for (const signal of ends) signal.addEventListener('abort', end);
  return {
    ring() {
      hasRung = true;
      wake();
    },
    async rung(pauseMs) {
      if (!hasRung && !hasEnded()) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.ceil(pauseMs));
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      if (hasRung && !hasEnded()) await sleep(settleMs);
      hasRung = false;
      return !hasEnded();
    },
    close() {
      for (const signal of ends) signal.removeEventListener('abort', end);
    },
  };
}
