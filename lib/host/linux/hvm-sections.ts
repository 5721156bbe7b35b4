/** What a running emulator says of itself, in the shapes that `vmadm info` has always had. */
import type { HvmInfoType } from '../hvm.js';
import type { Qmp } from '../qemu/qmp.js';
import type { HvmPlan } from './hvm-plan.js';

/** One section but those of displays, which are the host's. */
export async function emulatorSection(
  qmp: Qmp,
  type: Exclude<HvmInfoType, 'vnc' | 'spice'>,
  plan: HvmPlan,
): Promise<unknown> {
  if (type === 'cpus') return processors(await qmp.execute('query-cpus-fast'), await qmp.human('info registers -a'));
  const said = await qmp.execute(`query-${type}`);
  return type === 'block' || type === 'blockstats' ? withPaths(disksOf(said), plan) : said;
}

/** Firmware is a block device to a current qemu, which nobody asks for. */
function disksOf(said: unknown): unknown {
  if (!Array.isArray(said)) return said;
  return said
    .filter((entry: Readonly<Record<string, unknown>>) => !String(entry['qdev']).includes('.flash'))
    .map((entry: Readonly<Record<string, unknown>>) => {
      // Where there is no drive, its name is left empty: it is that of `-device`.
      const id = /(?:^|\/)(disk\d+)(?:\/|$)/.exec(String(entry['qdev']))?.[1];
      return entry['device'] === '' && id !== undefined ? { ...entry, device: id } : entry;
    });
}

/** The emulator has been given its disks under names of our own. */
function withPaths(said: unknown, plan: HvmPlan): unknown {
  const paths = new Map(plan.disks.map(({ file, path }) => [file, path]));
  const rename = (value: unknown): unknown => {
    if (typeof value === 'string') return paths.get(value) ?? value;
    if (Array.isArray(value)) return value.map(rename);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rename(each)]));
  };
  return rename(said);
}

/** As `query-cpus` had it, which a current qemu has no more: what it left out is in the registers. */
function processors(said: unknown, registers: string): unknown {
  if (!Array.isArray(said)) return said;
  const states = registers.split(/^CPU#/m).slice(1);
  return said.map((cpu: Readonly<Record<string, unknown>>) => {
    const index = Number(cpu['cpu-index']);
    const state = states.find((text) => Number.parseInt(text, 10) === index) ?? '';
    const pc = /\b[RE]IP=([0-9a-f]+)/.exec(state)?.[1];
    return {
      CPU: index,
      current: index === 0,
      halted: /\bHLT=1\b/.test(state),
      ...(pc === undefined ? {} : { pc: Number.parseInt(pc, 16) }),
      thread_id: cpu['thread-id'],
      arch: cpu['target'],
      qom_path: cpu['qom-path'],
    };
  });
}
