/** The resource controls of a zone in the terms of a Linux kernel. Pure. */
import type { ZoneConfig } from '../zones.js';
import { versionOf, type CgroupLayout, type CgroupSetting } from './cgroups.js';

/** The kernel's period for CPU quotas, in µs; the shortest quota it takes is 1000. */
const cpuPeriod = 100_000;
const leastQuota = 1000;

/** What an illumos kernel shows where nothing is limited. */
const unlimited = 2n ** 64n - 1n;

/** Value of a resource control (`zone.cpu-cap`); undefined where the configuration has none, or no limit. */
export function rctl(config: ZoneConfig, name: string): bigint | undefined {
  const resource = config.resources.find((each) => each.kind === 'rctl' && each.attributes['name'] === name);
  const text = resource?.children.find((child) => child.kind === 'rctl-value')?.attributes['limit'];
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= unlimited ? undefined : value;
}

/** Names of the files that weigh the I/O of a group, best first; which exist depends on the kernel. */
export const ioWeightFiles = ['io.weight', 'io.bfq.weight', 'blkio.bfq.weight', 'blkio.weight'] as const;

/**
 * What to write into a zone's control groups, in an order that a new group takes. Limits that the configuration lacks
 * are in it with the kernel's word for none, so that writing all of it to a running zone lifts old ones. `ioWeightFile`
 * is the one of {@link ioWeightFiles} that the host has.
 */
export function cgroupLimits(
  config: ZoneConfig,
  layout: CgroupLayout,
  ioWeightFile: string | undefined,
): readonly CgroupSetting[] {
  return [...cpu(config, layout), ...memory(config, layout), ...processes(config, layout), ...io(config, ioWeightFile)];
}

function cpu(config: ZoneConfig, layout: CgroupLayout): readonly CgroupSetting[] {
  const version = versionOf(layout, 'cpu');
  if (version === undefined) return [];
  const cap = rctl(config, 'zone.cpu-cap');
  const quota = cap === undefined || cap === 0n ? undefined : atLeast(cap * BigInt(cpuPeriod / 100), leastQuota);
  // 100 shares are what anything else on the host has by default, on both scales.
  const shares = rctl(config, 'zone.cpu-shares') ?? 100n;
  if (version === 2) {
    return [
      { controller: 'cpu', file: 'cpu.max', value: `${quota ?? 'max'} ${cpuPeriod}` },
      { controller: 'cpu', file: 'cpu.weight', value: String(between(shares, 1, 10_000)) },
    ];
  }
  return [
    { controller: 'cpu', file: 'cpu.cfs_period_us', value: String(cpuPeriod) },
    { controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(quota ?? -1) },
    { controller: 'cpu', file: 'cpu.shares', value: String(between((shares * 1024n) / 100n, 2, 262_144)) },
  ];
}

function memory(config: ZoneConfig, layout: CgroupLayout): readonly CgroupSetting[] {
  const version = versionOf(layout, 'memory');
  if (version === undefined) return [];
  const physical = rctl(config, 'zone.max-physical-memory');
  // `max_swap` counts memory and swap together, as version 1 does. Without it, what exceeds memory is not swapped out.
  const total = rctl(config, 'zone.max-swap') ?? physical;
  if (version === 2) {
    const swap = total === undefined ? undefined : atLeast(total - (physical ?? 0n), 0);
    return [
      { controller: 'memory', file: 'memory.max', value: String(physical ?? 'max') },
      { controller: 'memory', file: 'memory.swap.max', value: String(swap ?? 'max') },
    ];
  }
  const both = total === undefined ? undefined : atLeast(total, Number(physical ?? 0n));
  return [
    { controller: 'memory', file: 'memory.limit_in_bytes', value: String(physical ?? -1) },
    { controller: 'memory', file: 'memory.memsw.limit_in_bytes', value: String(both ?? -1) },
  ];
}

function processes(config: ZoneConfig, layout: CgroupLayout): readonly CgroupSetting[] {
  if (versionOf(layout, 'pids') === undefined) return [];
  return [{ controller: 'pids', file: 'pids.max', value: String(rctl(config, 'zone.max-lwps') ?? 'max') }];
}

function io(config: ZoneConfig, file: string | undefined): readonly CgroupSetting[] {
  if (file === undefined) return [];
  const priority = rctl(config, 'zone.zfs-io-priority') ?? 100n;
  const [least, most] = file === 'blkio.weight' ? [10, 1000] : [1, file === 'blkio.bfq.weight' ? 1000 : 10_000];
  return [{ controller: 'blkio', file, value: String(between(priority, least, most)) }];
}

/** Whether a setting only says that there is no limit, which a new group says by itself. */
export function isUnlimited(setting: CgroupSetting): boolean {
  return setting.value === '-1' || setting.value.startsWith('max');
}

const pageSize = 4096n;

/**
 * Limits of System V IPC as files below `/proc/sys`, which every IPC namespace has of its own. `semaphores` is what
 * `kernel/sem` holds on this host: its first three numbers are kept.
 */
export function ipcSettings(config: ZoneConfig, semaphores: string): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  const identifiers = (name: string) => {
    const value = rctl(config, name);
    // 32768 identifiers are the most that the kernel manages of each kind.
    return value === undefined ? undefined : String(between(value, 0, 32_768));
  };
  const messages = identifiers('zone.max-msg-ids');
  if (messages !== undefined) settings['kernel/msgmni'] = messages;
  const segments = identifiers('zone.max-shm-ids');
  if (segments !== undefined) settings['kernel/shmmni'] = segments;
  const sets = identifiers('zone.max-sem-ids');
  const [perSet, all, operations] = semaphores.trim().split(/\s+/);
  if (sets !== undefined && operations !== undefined) settings['kernel/sem'] = `${perSet} ${all} ${operations} ${sets}`;
  const shared = rctl(config, 'zone.max-shm-memory');
  if (shared !== undefined) {
    settings['kernel/shmall'] = String((shared + pageSize - 1n) / pageSize);
    settings['kernel/shmmax'] = String(shared);
  }
  return settings;
}

function between(value: bigint, least: number, most: number): bigint {
  return value < BigInt(least) ? BigInt(least) : value > BigInt(most) ? BigInt(most) : value;
}

function atLeast(value: bigint, least: number): bigint {
  return value < BigInt(least) ? BigInt(least) : value;
}
