/** Control groups of a Linux host: which controllers hang where, and the folders of one zone in them. */
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../../errors.js';
import { sleep } from '../../sleep.js';
import { hostError } from '../errors.js';
import { kill } from './kill.js';

export type CgroupController = 'cpu' | 'memory' | 'pids' | 'blkio' | 'devices';

export interface CgroupLayout {
  /** Mount point of each version 1 hierarchy, by controller; one mount may carry several. Named ones (`name=systemd`) too. */
  readonly v1: Readonly<Record<string, string>>;
  /** Mount point of the version 2 hierarchy. */
  readonly v2: string | undefined;
  /** Controllers of the version 2 hierarchy. */
  readonly v2Controllers: readonly string[];
}

/** One file of a control group and what to write into it. */
export interface CgroupSetting {
  readonly controller: CgroupController;
  readonly file: string;
  readonly value: string;
}

/** Reads `/proc/mounts`-like text; `controllers` is what stands in the file `cgroup.controllers` of version 2. */
export function parseCgroupMounts(mounts: string, controllers: string): CgroupLayout {
  const v1: Record<string, string> = {};
  let v2: string | undefined;
  for (const line of mounts.split('\n')) {
    const [, target = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup2') v2 ??= target;
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) {
      if (
        !['rw', 'ro', 'nosuid', 'nodev', 'noexec', 'relatime', 'noprefix', 'xattr', 'clone_children'].includes(option)
      ) {
        v1[option] ??= target;
      }
    }
  }
  return { v1, v2, v2Controllers: controllers.split(/\s+/).filter((name) => name !== '') };
}

/** The layout of this host. */
export async function readCgroupLayout(): Promise<CgroupLayout> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const { v2 } = parseCgroupMounts(mounts, '');
  const controllers = v2 === undefined ? '' : await readFile(join(v2, 'cgroup.controllers'), 'utf8').catch(() => '');
  return parseCgroupMounts(mounts, controllers);
}

/** Which version of the interface serves `controller`; undefined where the host has none. */
export function versionOf(layout: CgroupLayout, controller: CgroupController): 1 | 2 | undefined {
  if (layout.v1[controller] !== undefined) return 1;
  if (layout.v2 === undefined) return undefined;
  // Version 2 has no files for devices, a program in the kernel stands in; its I/O controller has another name.
  if (controller === 'devices') return 2;
  return layout.v2Controllers.includes(controller === 'blkio' ? 'io' : controller) ? 2 : undefined;
}

/** The control groups of the zones of one root. */
export interface ZoneCgroups {
  readonly layout: CgroupLayout;
  /** Relative to every hierarchy: where a zone's processes are. */
  zone(name: string): string;
  /** Where its monitor is. */
  monitor(name: string): string;
  /** Where a monitor goes while it takes away its own. */
  readonly pivot: string;
  /** Makes what all zones share, and says which of `files` of `controller` exist in it. */
  files(controller: CgroupController, files: readonly string[]): Promise<readonly string[]>;
  /** Weighs all zones together against what else runs on the host; where there are no CPU controllers, nothing is done. */
  favour(): Promise<void>;
  /** Changes a running zone. Throws `HostFailed` when the kernel refuses (a limit below what is in use). */
  write(name: string, settings: readonly CgroupSetting[]): Promise<void>;
  /** Processes of a zone. */
  processes(name: string): Promise<readonly number[]>;
  /** Whether anything of a zone is left. */
  exists(name: string): Promise<boolean>;
  /** Kills what runs in a zone's groups, its monitor included, and removes them. */
  clear(name: string): Promise<void>;
  /** Removes what zones share; where one still runs, it keeps it. */
  removeShared(): Promise<void>;
}

/** All zones count as much as this many processes or services of the host: they are what the host is for. */
const zonesWeight = 10;

/** The groups of the root of identity `id` (`root-id.ts`). */
export function zoneCgroups(id: string, layout: CgroupLayout): ZoneCgroups {
  const base = `smartadm-${id}`;
  const mounts = [...new Set([...Object.values(layout.v1), ...(layout.v2 === undefined ? [] : [layout.v2])])];
  const zone = (name: string) => `${base}/zones/${name}`;
  const monitor = (name: string) => `${base}/monitors/${name}`;
  const mountOf = (controller: CgroupController) => layout.v1[controller] ?? layout.v2 ?? '/sys/fs/cgroup';

  async function write(name: string, settings: readonly CgroupSetting[]): Promise<void> {
    let left = settings;
    // Memory alone is never to exceed memory with swap: which goes first depends on the direction of the change.
    for (;;) {
      const refused: { setting: CgroupSetting; cause: unknown }[] = [];
      for (const setting of left) {
        try {
          await writeFile(join(mountOf(setting.controller), zone(name), setting.file), setting.value);
        } catch (cause) {
          if (codeOf(cause) !== 'ENOENT') refused.push({ setting, cause });
        }
      }
      const first = refused[0];
      if (first === undefined) return;
      if (refused.length === left.length) {
        const { file, value } = first.setting;
        throw hostError('HostFailed', `cannot set ${file} of zone ${name} to ${value}`, { cause: first.cause });
      }
      left = refused.map(({ setting }) => setting);
    }
  }

  async function processes(name: string): Promise<readonly number[]> {
    const found = new Set<number>();
    const mount = layout.v1['pids'] ?? layout.v2;
    if (mount === undefined) return [];
    for (const folder of await tree(join(mount, zone(name)))) {
      for (const pid of await members(folder)) found.add(pid);
    }
    return [...found];
  }

  async function clear(name: string): Promise<void> {
    for (const mount of mounts) {
      for (const group of [zone(name), monitor(name)]) await clearTree(join(mount, group));
    }
  }

  async function files(controller: CgroupController, wanted: readonly string[]): Promise<readonly string[]> {
    const mount = mountOf(controller);
    if (layout.v1[controller] === undefined && layout.v2 !== undefined) {
      const name = controller === 'blkio' ? 'io' : controller;
      for (const folder of ['', base]) {
        await mkdir(join(mount, folder), { recursive: true });
        await writeFile(join(mount, folder, 'cgroup.subtree_control'), `+${name}`).catch(() => undefined);
      }
    }
    const shared = join(mount, base, 'zones');
    await mkdir(shared, { recursive: true });
    const present = new Set(await readdir(shared));
    return wanted.filter((file) => present.has(file));
  }

  return {
    layout, zone, monitor, files, write, processes, clear,
    pivot: `${base}/pivot`,
    async favour() {
      const version = versionOf(layout, 'cpu');
      const file = version === 2 ? 'cpu.weight' : 'cpu.shares';
      if (version === undefined || (await files('cpu', [file])).length === 0) return;
      await writeFile(join(mountOf('cpu'), base, file), String((version === 2 ? 100 : 1024) * zonesWeight));
    },
    async exists(name) {
      for (const mount of mounts) {
        for (const group of [zone(name), monitor(name)]) if (await isFolder(join(mount, group))) return true;
      }
      return false;
    },
    async removeShared() {
      for (const mount of mounts) await removeIdle(join(mount, base));
    },
  }; // prettier-ignore
}

/** `folder` and what is below it, the deepest first. */
async function tree(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries.filter((entry) => entry.isDirectory()).map((entry) => tree(join(folder, entry.name))),
  );
  return (await isFolder(folder)) ? [...below.flat(), folder] : [];
}

async function members(folder: string): Promise<readonly number[]> {
  const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
  // 0 stands for a process of a pid namespace that we do not see.
  return text.split('\n').map(Number).filter((pid) => pid > 0); // prettier-ignore
}

/** Time for killed processes to go away. */
const clearLimitMs = 10_000;

async function clearTree(folder: string): Promise<void> {
  const deadline = Date.now() + clearLimitMs;
  for (;;) {
    const folders = await tree(folder);
    if (folders.length === 0) return;
    let occupied = false;
    for (const each of folders) {
      for (const pid of await members(each)) {
        occupied = true;
        kill(pid, 'SIGKILL');
      }
      await thaw(each);
      const refused = await rmdir(each).then(() => undefined, codeOf); // prettier-ignore
      occupied ||= refused === 'EBUSY';
    }
    if (!occupied) return;
    if (Date.now() > deadline) throw hostError('TimedOut', `processes in ${folder} cannot be killed`);
    await sleep(5);
  }
}

/** Removes groups without processes; one of a process that is just ending is empty soon. */
async function removeIdle(folder: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const refused = [];
    for (const each of await tree(folder)) refused.push(await rmdir(each).then(() => undefined, codeOf)); // prettier-ignore
    if (!refused.includes('EBUSY')) return;
    await sleep(5);
  }
}

/** A frozen process does not die on version 1. */
async function thaw(folder: string): Promise<void> {
  if (dirname(folder) === folder) return;
  await writeFile(join(folder, 'freezer.state'), 'THAWED', { flag: 'r+' }).catch(() => undefined);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false); // prettier-ignore
}
