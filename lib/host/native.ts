/** Loads the addons, each on first use, and says in one place what they export. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeOf } from '../errors.js';
import { hostError } from './errors.js';
import type { NativeDladm, NativeKstat, NativeSysevent } from './native-dladm.js';
import type {
  NativeBtrfs,
  NativeCodec,
  NativeIsal,
  NativeLxc,
  NativeNetlink,
  NativePosix,
  NativeRootfs,
  NativeSnapshots,
  NativeTree,
} from './native-linux.js';
import type { NativeZfs } from './native-zfs.js';
import type { NativeZonecfg } from './native-zonecfg.js';

/** Every addon, with the package (of Debian or illumos) whose library it needs at run time. */
const packages = {
  posix: 'libc6',
  rootfs: 'libc6',
  tree: 'libc6',
  snapshot: 'libc6',
  codec: 'libzstd1',
  isal: 'libisal2',
  lxc: 'lxc',
  btrfs: 'libbtrfsutil1',
  netlink: 'libmnl0',
  zonecfg: 'system/zones',
  dladm: 'SUNWcs',
  kstat: 'SUNWcs',
  sysevent: 'SUNWcs',
  zfs: 'system/file-system/zfs',
} as const;

/** What each addon exports. */
export interface NativeModules {
  posix: NativePosix;
  tree: NativeTree;
  snapshot: NativeSnapshots;
  codec: NativeCodec;
  isal: NativeIsal;
  rootfs: NativeRootfs;
  btrfs: NativeBtrfs;
  netlink: NativeNetlink;
  lxc: NativeLxc;
  zonecfg: NativeZonecfg;
  dladm: NativeDladm;
  kstat: NativeKstat;
  sysevent: NativeSysevent;
  zfs: NativeZfs;
}

const loaded = new Map<string, unknown>();

/**
 * The exports of addon `name`. Throws `LibraryMissing`, naming the package to install or the build to run.
 */
export function loadNative<K extends keyof NativeModules & keyof typeof packages>(name: K): NativeModules[K] {
  const known = loaded.get(name);
  if (known !== undefined) return known as NativeModules[K];
  const file = addonFile(name);
  try {
    const exports = createRequire(import.meta.url)(file) as NativeModules[K];
    loaded.set(name, exports);
    return exports;
  } catch (cause) {
    const missing = codeOf(cause) === 'MODULE_NOT_FOUND';
    throw hostError('LibraryMissing', `cannot load addon ${name}`, {
      cause,
      hint: missing ? 'build it with: npm run build:addon' : `install the package ${packages[name]}`,
    });
  }
}

/** Where a file built below `addon/` lies, seen from the sources as from the bundle. */
export function addonFile(name: string, suffix = '.node'): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let up = dirname(folder); up !== folder; folder = up, up = dirname(up)) {
    const file = join(folder, 'addon', 'build', 'Release', name + suffix);
    if (existsSync(file)) return file;
  }
  return `addon/build/Release/${name}${suffix}`;
}
