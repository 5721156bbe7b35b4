/** Examines a Linux host: what zones, datasets, links and guests need of it. Reads only. */
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { describeError } from '../../errors.js';
import type { Finding } from '../finding.js';
import { loadNative, type NativeModules } from '../native.js';
import { readCgroupLayout, versionOf, type CgroupController } from './cgroups.js';
import { readConfig } from './config.js';

/** Simple quotas of btrfs, by which a clone pays for its own writes only. */
const simpleQuotasSince = [6, 7] as const;

const addons = [
  'posix',
  'rootfs',
  'tree',
  'codec',
  'isal',
  'lxc',
  'btrfs',
  'netlink',
] as const satisfies readonly (keyof NativeModules)[];
const controllers: readonly CgroupController[] = ['cpu', 'memory', 'pids', 'blkio', 'devices'];

/** Programs that are run, the package of each, and whether every host misses it. */
const programs = [
  { name: 'nft', package: 'nftables', isNeeded: true },
  { name: 'dnsmasq', package: 'dnsmasq-base', isNeeded: true },
  { name: 'mkfs.btrfs', package: 'btrfs-progs', isNeeded: true },
  { name: 'udhcpc', package: 'udhcpc', isNeeded: false },
  { name: 'qemu-system-x86_64', package: 'qemu-system-x86', isNeeded: false },
  { name: 'lxcfs', package: 'lxcfs', isNeeded: false },
] as const;

const firmware = '/usr/share/OVMF/OVMF_CODE.fd';
const folders = ['/sbin', '/usr/sbin', '/bin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'];

/** In the order in which they matter. */
export async function examineLinux(root: string): Promise<readonly Finding[]> {
  const groups = [kernel(), examinePrograms(), storage(root), network(), paths(root)] as const;
  const [system, runnable, pools, net, places] = await Promise.all(groups);
  return [...system, ...libraries(), ...runnable, ...pools, ...net, ...places];
}

async function kernel(): Promise<Finding[]> {
  const layout = await readCgroupLayout();
  const kinds = controllers.map((name) => [name, versionOf(layout, name)] as const);
  const missing = kinds.filter(([, version]) => version === undefined).map(([name]) => name);
  const spaces = Number((await readText('/proc/sys/user/max_user_namespaces')) ?? 0);
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const [needMajor, needMinor] = simpleQuotasSince;
  const hasSimpleQuotas = major > needMajor || (major === needMajor && minor >= needMinor);
  return [
    finding('kernel', 'user', process.getuid?.() === 0, 'root', 'not root', 'run it as root'),
    finding(
      'kernel', 'user namespaces', spaces > 0, `up to ${spaces}`, 'switched off',
      'set sysctl user.max_user_namespaces above 0',
    ),
    finding(
      'kernel', 'control groups', missing.length === 0,
      kinds.map(([name, version]) => `${name} v${version ?? '?'}`).join(', '),
      `without ${missing.join(', ')}`, 'mount these controllers, or start the kernel with them: limits of zones need them',
    ),
    {
      area: 'kernel', subject: 'simple quotas', state: hasSimpleQuotas ? 'right' : 'absent', found: `Linux ${release()}`,
      ...(hasSimpleQuotas ? {} : { remedy: `from Linux ${needMajor}.${needMinor} on, clones of images pay for their own writes only` }),
    },
  ]; // prettier-ignore
}

function libraries(): readonly Finding[] {
  return addons.map((name): Finding => {
    try {
      loadNative(name);
      return { area: 'library', subject: `${name}.node`, state: 'right', found: 'loads' };
    } catch (error) {
      return {
        area: 'library',
        subject: `${name}.node`,
        state: 'wrong',
        found: describeError(error),
        remedy: hintOf(error),
      };
    }
  });
}

async function examinePrograms(): Promise<Finding[]> {
  const found = await Promise.all(
    programs.map(async ({ name, package: from, isNeeded }): Promise<Finding> => {
      const file = await firstFile(folders.map((folder) => join(folder, name)));
      if (file !== undefined) return { area: 'program', subject: name, state: 'right', found: file };
      const state = isNeeded ? 'wrong' : 'absent';
      return { area: 'program', subject: name, state, found: 'not installed', remedy: `install the package ${from}` };
    }),
  );
  const rom = await firstFile([firmware]);
  return [
    ...found,
    rom === undefined
      ? { area: 'program', subject: 'OVMF', state: 'absent', found: 'not installed', remedy: 'install the package ovmf for VMs with bootrom uefi' }
      : { area: 'program', subject: 'OVMF', state: 'right', found: rom },
  ]; // prettier-ignore
}

async function storage(root: string): Promise<Finding[]> {
  const filesystems = (await readText('/proc/filesystems')) ?? '';
  const hasBtrfs = /\bbtrfs\b/.test(filesystems);
  const isModule = !hasBtrfs && (await firstFile([`/lib/modules/${release()}/kernel/fs/btrfs/btrfs.ko`])) !== undefined;
  const first = finding(
    'storage', 'btrfs', hasBtrfs || isModule, hasBtrfs ? 'in the kernel' : 'a module, not loaded yet', 'not in this kernel',
    'use a kernel with btrfs',
  ); // prettier-ignore
  try {
    const { pools } = await readConfig(root);
    const mounts = (await readText('/proc/mounts')) ?? '';
    const each = Object.entries(pools).map(([name, { mountpoint = `/${name}` }]): Finding => {
      const place = join(root, mountpoint);
      const line = mounts.split('\n').find((mount) => mount.split(' ')[1] === place);
      return line === undefined
        ? { area: 'storage', subject: `pool ${name}`, state: 'absent', found: `not mounted at ${place}`, remedy: 'the first command that needs it makes or mounts it' }
        : { area: 'storage', subject: `pool ${name}`, state: 'right', found: `${line.split(' ')[2] ?? ''} at ${place}` };
    }); // prettier-ignore
    return [first, ...each];
  } catch (error) {
    const found = describeError(error);
    return [first, { area: 'path', subject: 'config.json', state: 'wrong', found, remedy: 'vmadm(8) tells what it may hold' }]; // prettier-ignore
  }
}

async function network(): Promise<Finding[]> {
  const tun = await firstFile(['/dev/net/tun']);
  const kvm = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(() => true, () => false); // prettier-ignore
  const forwards = (await readText('/proc/sys/net/ipv4/ip_forward'))?.trim() === '1';
  return [
    tun === undefined
      ? { area: 'network', subject: 'tun/tap', state: 'absent', found: 'no /dev/net/tun', remedy: 'load the module tun for nics of kvm and bhyve VMs' }
      : { area: 'network', subject: 'tun/tap', state: 'right', found: tun },
    {
      area: 'network', subject: 'forwarding', state: forwards ? 'right' : 'absent', found: forwards ? 'on' : 'off',
      ...(forwards ? {} : { remedy: 'is switched on with the first vnic on a network with NAT' }),
    },
    {
      area: 'kernel', subject: 'KVM', state: kvm ? 'right' : 'absent', found: kvm ? '/dev/kvm' : 'no /dev/kvm',
      ...(kvm ? {} : { remedy: 'without it, kvm and bhyve VMs run on an emulated processor, some ten times as slow' }),
    },
  ]; // prettier-ignore
}

async function paths(root: string): Promise<Finding[]> {
  const wanted = ['/etc/zones', '/var/imgadm', '/var/run'].map((path) => join(root, path));
  return Promise.all(
    wanted.map(async (path): Promise<Finding> => {
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) return { area: 'path', subject: path, state: 'absent', found: 'not made yet', remedy: 'the first command that needs it makes it' }; // prettier-ignore
      const isWritable = await access(path, constants.W_OK).then(() => true, () => false); // prettier-ignore
      return finding('path', path, found.isDirectory() && isWritable, 'can be written to', 'is read-only, or no folder', 'make it a folder that root may write to'); // prettier-ignore
    }),
  );
}

function finding(
  area: Finding['area'],
  subject: string,
  isRight: boolean,
  good: string,
  bad: string,
  remedy: string,
): Finding {
  return isRight
    ? { area, subject, state: 'right', found: good }
    : { area, subject, state: 'wrong', found: bad, remedy };
}

function hintOf(error: unknown): string {
  return error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : 'build it again';
}

async function firstFile(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    if ((await stat(file).catch(() => undefined)) !== undefined) return file;
  }
  return undefined;
}

async function readText(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
