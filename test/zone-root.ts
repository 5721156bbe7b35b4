/** Zones for tests: a root file system of busybox, and a configuration as `vmadm` would write it. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NicTagConfig } from '../lib/host/linux/config.js';
import { createLinuxLinks } from '../lib/host/linux/links.js';
import { createLinuxZones } from '../lib/host/linux/zones.js';
import type { ZoneAttributes, ZoneConfig, ZoneResource } from '../lib/host/zones.js';
import { silentLog, type Log } from '../lib/log.js';

const applets = [
  'cat', 'chmod', 'cut', 'date', 'dd', 'df', 'echo', 'env', 'false', 'grep', 'halt', 'head', 'hostname', 'id', 'ifconfig',
  'ip', 'kill', 'ln', 'ls', 'mkdir', 'mknod', 'mount', 'mv', 'nc', 'nslookup', 'ping', 'poweroff', 'ps', 'pwd', 'readlink',
  'reboot', 'rm', 'route', 'sed', 'seq', 'sh', 'sleep', 'sort', 'stat', 'stty', 'sync', 'tail', 'test', 'touch', 'tr',
  'true', 'umount', 'uname', 'wc', 'wget', 'yes',
]; // prettier-ignore

/** An init that starts a shell on the console, reaps, and obeys `poweroff` and `reboot` (at once with `-f`). */
const inittab = `::sysinit:/bin/touch /booted
console::respawn:-/bin/sh
`;

/**
 * Makes `ZONEPATH/root`, the root of a small Linux userland with busybox as its init, with folders of the mode that an
 * installed zone has. Returns the path of the root.
 */
export function makeZoneRoot(zonepath: string): string {
  const root = join(zonepath, 'root');
  mkdirSync(zonepath, { recursive: true, mode: 0o700 });
  for (const folder of ['bin', 'sbin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'var/run', 'root', 'usr/bin']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of applets) symlinkSync('busybox', join(root, 'bin', applet));
  symlinkSync('../bin/busybox', join(root, 'sbin/init'));
  writeFileSync(join(root, 'etc/inittab'), inittab);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  return root;
}

/** Makes what stands for a snapshot of a zone whose root it holds, with one file more. */
export function makeZoneSnapshot(zonepath: string, snapshot: string): void {
  mkdirSync(join(zonepath, 'snapshots', snapshot, 'root'), { recursive: true });
  writeFileSync(join(zonepath, 'snapshots', snapshot, 'root/file'), snapshot);
}

function snapshotsBeside(zonepath: string) {
  const folder = join(zonepath, 'snapshots');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.map((name) => ({ name, folder: join(folder, name, 'root') }));
}

/**
 * Zones and links of a new root below the folder for temporary files; `close` ends and removes all of it. It has the nic
 * tags `admin`, `stub0` and `more`.
 */
export function openTestZones(log: Log = silentLog, more: Readonly<Record<string, NicTagConfig>> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'smartadm-zones-'));
  // The root of a zone, which is nobody on this host, has to get to its own.
  chmodSync(root, 0o755);
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  const at = (path: string) => join(root, path);
  const links = createLinuxLinks({ root, at, tags: { admin: {}, stub0: { etherstub: true }, ...more } });
  const snapshots = (zonepath: string) => Promise.resolve(snapshotsBeside(at(zonepath)));
  const zones = createLinuxZones({ root, at, links, log, snapshots });
  return {
    root, at, links, zones,
    close: async () => {
      await zones.removeAll();
      await links.removeAll();
      rmSync(root, { recursive: true, force: true });
    },
  }; // prettier-ignore
}

export interface TestZone {
  /** Resource controls by name (`zone.max-lwps`). */
  readonly rctls?: Readonly<Record<string, number>>;
  readonly attrs?: Readonly<Record<string, string>>;
  readonly vnics?: readonly TestVnic[];
  /** Over those of the zone element. */
  readonly attributes?: ZoneAttributes;
  readonly resources?: readonly ZoneResource[];
}

interface TestVnic {
  readonly physical: string;
  readonly nicTag: string;
  readonly mac: string;
  /** `net-attr` children: `ips`, `gateways`, `allow_ip_spoofing`, … */
  readonly properties?: Readonly<Record<string, string>>;
}

/** The configuration of zone `name`, brand `lx`, at `/zones/NAME`. */
export function zoneConfig(name: string, zone: TestZone = {}): ZoneConfig {
  const rctls = Object.entries(zone.rctls ?? {}).map(([control, limit]) => ({
    kind: 'rctl',
    attributes: { name: control },
    children: [{ kind: 'rctl-value', attributes: { priv: 'privileged', limit: String(limit), action: 'deny' } }],
  }));
  const attrs = Object.entries(zone.attrs ?? {}).map(([key, value]) => ({
    kind: 'attr',
    attributes: { name: key, type: 'string', value },
    children: [],
  }));
  const vnics = (zone.vnics ?? []).map(({ physical, nicTag, mac, properties = {} }) => ({
    kind: 'network',
    attributes: { physical, 'mac-addr': mac, 'global-nic': nicTag },
    children: Object.entries(properties).map(([key, value]) => ({
      kind: 'net-attr',
      attributes: { name: key, value },
    })),
  }));
  return {
    attributes: {
      name, zonepath: `/zones/${name}`, autoboot: 'false', brand: 'lx', 'ip-type': 'exclusive', ...zone.attributes,
    }, // prettier-ignore
    resources: [...rctls, ...attrs, ...vnics, ...(zone.resources ?? [])],
  };
}
