/** Examines an illumos host: libraries and their functions, daemons, programs and paths of the platform. Reads only. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../../errors.js';
import type { Finding } from '../finding.js';
import { loadNative } from '../native.js';
import type { NativeCodec } from '../native-linux.js';
import { platformPrograms } from './programs.js';
import { illumosSysinfo } from './sysinfo.js';

/** Sizes of structures are checked when an addon is built: one that loads was built for such a platform. */
const addons = ['zonecfg', 'zfs', 'dladm', 'kstat', 'sysevent'] as const;

/** Those that need nothing but libc to be loaded. */
const plainAddons = ['posix', 'rootfs', 'tree', 'codec'] as const;

/** What codec.node looks for once something comes that is packed so. */
const unpackers = [
  { subject: 'liblz4', packed: 'lz4', isFound: (codec: NativeCodec) => codec.decompressLz4(new Uint8Array(4), new Uint8Array(1)) },
  { subject: 'libzstd', packed: 'zstd', isFound: (codec: NativeCodec) => { codec.openZstd().close(); } },
] as const; // prettier-ignore

const programs = [
  '/usr/sbin/zoneadm', '/usr/lib/zones/zoneadmd', '/usr/sbin/zlogin', '/usr/bin/sysinfo', '/usr/sbin/dladm',
  '/usr/sbin/vndadm', '/smartdc/bin/qemu-exec', '/smartdc/bin/qemu-system-x86_64',
] as const; // prettier-ignore
const brands = ['joyent', 'joyent-minimal', 'lx', 'kvm', 'bhyve'] as const;

/** What a daemon of the platform leaves while it runs. */
const services = [
  { name: 'dlmgmtd', sign: '/etc/svc/volatile/dladm/dlmgmt_door', isNeeded: true },
  { name: 'vminfod', sign: '/var/run/vminfod.ready', isNeeded: false },
  { name: 'vmadmd', sign: '/tmp/.autoboot_vmadmd', isNeeded: false },
] as const;

const paths = ['/etc/zones/index', '/etc/zones/SUNWblank.xml', '/zones'] as const;

/** `load` is how addons are found; another one than the program's is for tests. */
export async function examineIllumos(
  root: string,
  prefix = '/',
  load: typeof loadNative = loadNative,
): Promise<readonly Finding[]> {
  const at = (path: string) => join(root, path);
  const platform = platformPrograms(prefix);
  return [
    await facts(at, platform),
    ...addons.map((name) => examineAddon(name, load)),
    ...plainAddons.map((name) => examinePlainAddon(name, load)),
    ...examineUnpackers(load),
    ...(await Promise.all(programs.map((path) => examinePath('program', platform.file(path), path, 'wrong')))),
    ...(await Promise.all(
      brands.map((brand) =>
        examinePath('program', at(`/usr/lib/brand/${brand}/config.xml`), `brand ${brand}`, 'absent'),
      ),
    )),
    ...(await Promise.all(
      services.map(({ name, sign, isNeeded }) => examinePath('service', at(sign), name, isNeeded ? 'wrong' : 'absent')),
    )),
    ...(await Promise.all(paths.map((path) => examinePath('path', at(path), path, 'wrong')))),
  ];
}

async function facts(at: (path: string) => string, platform: ReturnType<typeof platformPrograms>): Promise<Finding> {
  try {
    const { 'Live Image': image = 'unknown' } = await illumosSysinfo(at, platform).document();
    return { area: 'kernel', subject: 'platform', state: 'right', found: `image ${image}` };
  } catch (error) {
    return { area: 'kernel', subject: 'platform', state: 'wrong', found: describeError(error), remedy: 'sysinfo(8) must work' }; // prettier-ignore
  }
}

/** An addon loads only where its library is, and knows which of the functions it could call are missing. */
function examineAddon(name: (typeof addons)[number], load: typeof loadNative): Finding {
  const subject = `lib${name}`;
  try {
    const missing = load(name).missingFunctions();
    if (missing.length === 0) return { area: 'library', subject, state: 'right', found: 'all functions' };
    return { area: 'library', subject, state: 'wrong', found: `without ${missing.join(', ')}`, remedy: 'what needs these fails with ENOSYS: use a platform that has them' }; // prettier-ignore
  } catch (error) {
    return { area: 'library', subject, state: 'wrong', found: describeError(error), remedy: 'build the addon on this platform' }; // prettier-ignore
  }
}

function examinePlainAddon(name: (typeof plainAddons)[number], load: typeof loadNative): Finding {
  const subject = `${name}.node`;
  try {
    load(name);
    return { area: 'library', subject, state: 'right', found: 'loads' };
  } catch (error) {
    return { area: 'library', subject, state: 'wrong', found: describeError(error), remedy: 'build the addon on this platform' }; // prettier-ignore
  }
}

/** Asks for so little that only a library that is not there fails. Nothing when codec.node itself is not. */
function examineUnpackers(load: typeof loadNative): readonly Finding[] {
  let codec: NativeCodec;
  try {
    codec = load('codec');
  } catch {
    return [];
  }
  return unpackers.map(({ subject, packed, isFound }): Finding => {
    try {
      isFound(codec);
      return { area: 'library', subject, state: 'right', found: 'is found' };
    } catch (error) {
      return { area: 'library', subject, state: 'absent', found: describeError(error), remedy: `only what ${packed} has packed cannot be read without it` }; // prettier-ignore
    }
  });
}

async function examinePath(
  area: Finding['area'],
  file: string,
  subject: string,
  otherwise: 'wrong' | 'absent',
): Promise<Finding> {
  const isThere = (await stat(file).catch(() => undefined)) !== undefined;
  if (isThere) return { area, subject, state: 'right', found: file };
  const remedy = area === 'service' ? 'svcs(1) says why it does not run' : 'it comes with the platform';
  return { area, subject, state: otherwise, found: `no ${file}`, remedy };
}
