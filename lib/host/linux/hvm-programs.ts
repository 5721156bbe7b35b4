/** The emulator of this host, and the files it needs to run: no others are in the zones of hardware virtual machines. */
import { mkdir, open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../../atomic-file.js';
import { hostError } from '../errors.js';
import { runProgram } from '../exec.js';
import type { PlannedBind } from './hvm-plan.js';

export interface EmulatorProgram {
  readonly path: string;
  readonly binds: readonly PlannedBind[];
  readonly spice: boolean;
}

/** UEFI firmware, and what a machine's variables are at first. */
export interface Firmware {
  readonly code: string;
  readonly variables: string;
}

const programs = ['/usr/bin/qemu-system-x86_64', '/usr/libexec/qemu-kvm', '/usr/local/bin/qemu-system-x86_64'];

/** Folders with what emulated machines have in their ROMs: nothing in there is anybody's secret. */
const dataFolders = ['/usr/share/qemu', '/usr/share/seabios', '/usr/lib/ipxe/qemu', '/usr/share/vgabios'];

/** Parts of qemu that are loaded when a machine has them; those that reach for devices and screens of the host stay out. */
const moduleNames = /^(?:accel-.+|hw-display-[\w-]+|ui-spice-core|ui-opengl|chardev-spice|audio-spice)\.so$/;
const reachesOut = /(?:-gl|s390x.*)\.so$/;
const moduleFolders = ['/usr/lib/x86_64-linux-gnu/qemu', '/usr/lib/aarch64-linux-gnu/qemu', '/usr/lib64/qemu-kvm', '/usr/lib/qemu']; // prettier-ignore

const firmwares: readonly Firmware[] = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
];

interface Known {
  /** What the answer depends on. */
  readonly stamp: string;
  readonly program: EmulatorProgram;
}

/**
 * The emulator. Which libraries it needs is asked of the system's linker, and kept until one of the packages changes.
 * Throws `LibraryMissing`.
 */
export async function findEmulator(at: (path: string) => string): Promise<EmulatorProgram> {
  const path = await first(programs);
  if (path === undefined) {
    throw hostError('LibraryMissing', 'there is no emulator on this host', {
      hint: 'install the package qemu-system-x86',
    });
  }
  const modules = await modulesOf();
  const stamp = await stampOf([path, '/etc/ld.so.cache', ...dataFolders, ...modules]);
  const file = at('/var/run/smartadm/emulator.json');
  const known = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Known,
    () => undefined,
  );
  if (known?.stamp === stamp) return known.program;
  const folders = (await Promise.all(dataFolders.map(exists))).flatMap((found) => found ?? []);
  const program: EmulatorProgram = {
    path,
    binds: await bindsOf([path, ...modules, ...(await librariesOf(path, modules)), ...folders]),
    spice: modules.some((module) => module.endsWith('/ui-spice-core.so')),
  };
  await mkdir(dirname(file), { recursive: true });
  await writeAtomically(file, `${JSON.stringify({ stamp, program } satisfies Known)}\n`);
  return program;
}

/** UEFI firmware; undefined where none is installed. */
export async function findFirmware(): Promise<Firmware | undefined> {
  for (const firmware of firmwares) {
    if ((await exists(firmware.code)) !== undefined && (await exists(firmware.variables)) !== undefined)
      return firmware;
  }
  return undefined;
}

/** What the zone sees at each of `paths`: the file itself, where one is a link. */
export async function bindsOf(paths: readonly string[]): Promise<readonly PlannedBind[]> {
  return Promise.all([...new Set(paths)].map(async (target) => ({ source: await realpath(target), target })));
}

async function modulesOf(): Promise<readonly string[]> {
  const folder = await first(moduleFolders);
  if (folder === undefined) return [];
  const names = (await readdir(folder)).filter((name) => moduleNames.test(name) && !reachesOut.test(name));
  return names.sort().map((name) => join(folder, name));
}

/** Paths under which the linker finds what `program` needs, with parts that it loads later, and the linker's own. */
async function librariesOf(program: string, parts: readonly string[]): Promise<readonly string[]> {
  const linker = await linkerOf(program);
  const preload = parts.length === 0 ? [] : ['--preload', parts.join(':')];
  const { status, stdout, stderr } = await runProgram(linker, [...preload, '--list', program]);
  if (status !== 0) throw hostError('HostFailed', `cannot tell the libraries of ${program}`, { cause: new Error(stderr.trim()) }); // prettier-ignore
  const found = stdout.split('\n').map((line) => /^\s+(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line)?.[1]);
  return [...new Set([linker, ...found.filter((path) => path !== undefined)])];
}

/** The program that the kernel loads a program with: what its segment of type PT_INTERP names (elf(5), 64 bits). */
async function linkerOf(program: string): Promise<string> {
  const file = await open(program);
  try {
    const { buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    const [headers, size, count] = [
      Number(buffer.readBigUInt64LE(32)),
      buffer.readUInt16LE(54),
      buffer.readUInt16LE(56),
    ];
    for (let index = 0; index < count && headers + (index + 1) * size <= buffer.length; index++) {
      const header = buffer.subarray(headers + index * size);
      if (header.readUInt32LE(0) !== 3) continue;
      const length = Math.min(Number(header.readBigUInt64LE(32)), 255);
      const name = await file.read(Buffer.alloc(length), 0, length, Number(header.readBigUInt64LE(8)));
      return name.buffer.toString('latin1').replace(/\0.*$/s, '');
    }
  } finally {
    await file.close();
  }
  throw hostError('HostFailed', `${program} is no program of this system`);
}

async function stampOf(paths: readonly string[]): Promise<string> {
  const parts = paths.map(async (path) => {
    const found = await stat(path).catch(() => undefined);
    return found === undefined ? '-' : `${found.ino}:${found.size}:${found.mtimeMs}`;
  });
  return (await Promise.all(parts)).join(' ');
}

async function exists(path: string): Promise<string | undefined> {
  return stat(path).then(
    () => path,
    () => undefined,
  );
}

async function first(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await exists(path)) !== undefined) return path;
  return undefined;
}
