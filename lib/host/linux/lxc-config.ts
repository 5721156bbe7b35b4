/** The configuration of a zone as a file for liblxc. Pure: everything that depends on the host comes as facts. */
import { hostError } from '../errors.js';
import type { Addressing, VnicSpec } from '../links.js';
import type { ZoneConfig, ZoneResource } from '../zones.js';
import { versionOf, type CgroupLayout, type CgroupSetting } from './cgroups.js';
import { canonicalMac } from './guard.js';
import { formatAddress, parseNetwork, rangeOf } from './ip.js';
import { isUnlimited } from './zone-limits.js';

/** A vnic with all that its link needs. */
export interface LxcVnic {
  readonly spec: VnicSpec;
  readonly primary: boolean;
  /** Bridge that carries it. */
  readonly carrier: string;
  /** Name of its end on the host. */
  readonly hostName: string;
  readonly addressing: Addressing;
}

/** What the host contributes to a zone's container. */
export interface LxcFacts {
  /** Directory with the zone's root file system. */
  readonly root: string;
  /** First id of the zone's range, on the host. */
  readonly firstId: number;
  readonly layout: CgroupLayout;
  /** Control groups, relative to every hierarchy. */
  readonly groups: { readonly zone: string; readonly monitor: string; readonly pivot: string };
  readonly limits: readonly CgroupSetting[];
  /** Where each of {@link zoneSources} is mounted for the zone to take it from. */
  readonly sources: readonly { readonly place: string; readonly isDirectory: boolean }[];
  /** Limit of locked memory in bytes; undefined leaves the host's. */
  readonly lockedBytes: number | undefined;
  readonly vnics: readonly LxcVnic[];
  readonly seccompProfile: string;
  readonly appArmorProfile: string;
  /** Mount point of lxcfs where it runs. */
  readonly lxcfs: string | undefined;
}

/** How many ids a zone has. */
export const idCount = 65_536;

/** No zone has a use for these; what is left counts in the zone's own user namespace only. */
const droppedCapabilities = [
  'mac_admin', 'mac_override', 'sys_module', 'sys_rawio', 'sys_time', 'wake_alarm', 'block_suspend',
]; // prettier-ignore

/** Privileges of illumos (`privileges(7)`) that `limit_priv` takes away, and the capabilities that mean the same. */
const capabilitiesOfPrivilege: Readonly<Record<string, readonly string[]>> = {
  file_chown: ['chown'],
  file_dac_execute: ['dac_override'],
  file_dac_read: ['dac_override', 'dac_read_search'],
  file_dac_search: ['dac_override', 'dac_read_search'],
  file_dac_write: ['dac_override'],
  file_owner: ['fowner'],
  file_setid: ['fsetid', 'setfcap'],
  ipc_owner: ['ipc_owner'],
  net_icmpaccess: ['net_raw'],
  net_mac_aware: ['mac_admin'],
  net_privaddr: ['net_bind_service'],
  net_rawaccess: ['net_raw'],
  proc_audit: ['audit_write'],
  proc_chroot: ['sys_chroot'],
  proc_lock_memory: ['ipc_lock'],
  proc_owner: ['kill', 'sys_ptrace'],
  proc_priocntl: ['sys_nice'],
  proc_setid: ['setuid', 'setgid'],
  sys_acct: ['sys_pacct'],
  sys_admin: ['sys_admin'],
  sys_ip_config: ['net_admin'],
  sys_mount: ['sys_admin'],
  sys_nfs: [],
  sys_resource: ['sys_resource'],
};

/** Character devices that every zone has: null, zero, full, random, urandom, tty, console, ptmx, terminals. */
const devices = ['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:1', '5:2', '136:*'];

/** Value of an `attr` of the zone. */
export function zoneAttr(config: ZoneConfig, name: string): string | undefined {
  return config.resources.find((each) => each.kind === 'attr' && each.attributes['name'] === name)?.attributes['value'];
}

/** Whether the zone of this brand has an emulator for its init. */
export function isMachineBrand(brand: string | undefined): boolean {
  return brand === 'kvm' || brand === 'bhyve';
}

/** Whether the zone has an emulator for its init. */
export function isMachine(config: ZoneConfig): boolean {
  return isMachineBrand(config.attributes['brand']);
}

/** The host name a zone has: what is configured, else its own name. */
export function zoneHostname(config: ZoneConfig): string {
  return (zoneAttr(config, 'hostname') ?? config.attributes['name'] ?? '').slice(0, 64);
}

/** Size of the zone's `/tmp` in MiB; undefined when it is not to be a tmpfs. */
export function zoneTmpfsMiB(config: ZoneConfig): number | undefined {
  const text = zoneAttr(config, 'tmpfs');
  return text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}

/** Text of the file. Throws `ZoneInvalid` for what cannot stand in it. */
export function lxcConfig(config: ZoneConfig, facts: LxcFacts): string {
  return textOf([
    ...identity(config, facts),
    // Files keep their owners: the kernel maps ids on this mount, nothing is rewritten on disk.
    ['rootfs.options', 'idmap=container'],
    ['init.cmd', initCommand(config)],
    ['environment', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['mount.auto', 'proc:mixed sys:mixed cgroup:mixed'],
    ['autodev', '1'],
    ['pty.max', '1024'],
    // A failing hook keeps liblxc from rebooting with the configuration in its memory; zone-start does it.
    ['hook.version', '1'],
    ['hook.post-stop', '/bin/false'],
    ['cap.drop', [...new Set([...droppedCapabilities, ...deniedCapabilities(config)])].join(' ')],
    ...deviceRules(facts.layout, devices),
    ...mounts(config, facts),
    ...network(facts.vnics),
  ]);
}

/**
 * Text of the file for the zone of an emulator, which is its init, in a root that holds nothing else (`zone-start` makes
 * it): it has no right at all but to its own files, no network, and sees no process, no device and nothing of the kernel.
 */
export function lxcEmulatorConfig(config: ZoneConfig, facts: LxcFacts, emulator: LxcEmulator): string {
  return textOf([
    ...identity(config, facts),
    ['init.uid', String(emulator.user)],
    ['init.gid', String(emulator.user)],
    ['cap.keep', 'none'],
    ['no_new_privs', '1'],
    ['prlimit.core', '0'],
    ['autodev', '0'],
    ['pty.max', '0'],
    // It goes on with the standard streams that it is given.
    ['console.path', 'none'],
    ...deviceRules(facts.layout, ['1:3', ...emulator.devices]),
    ['mount.entry', `${escaped(emulator.temporary)} tmp none bind,idmap=container,nosuid,nodev,noexec 0 0`],
    ['net.0.type', 'empty'],
  ]);
}

/** What the zone of an emulator has of its own. */
export interface LxcEmulator {
  /** User that it runs under, in the zone. */
  readonly user: number;
  /** `MAJOR:MINOR` of the character devices that it may open. */
  readonly devices: readonly string[];
  /** Where the zone's /tmp is shown for it to take. */
  readonly temporary: string;
}

/** What every zone has. */
function identity(config: ZoneConfig, facts: LxcFacts): readonly [string, string][] {
  return [
    ['rootfs.path', `dir:${facts.root}`],
    ['idmap', `u 0 ${facts.firstId} ${idCount}`],
    ['idmap', `g 0 ${facts.firstId} ${idCount}`],
    ['uts.name', zoneHostname(config)],
    // No terminals beside the console: a zone has none on SmartOS either.
    ['tty.max', '0'],
    ['cgroup.dir.container', facts.groups.zone],
    ['cgroup.dir.monitor', facts.groups.monitor],
    ['cgroup.dir.monitor.pivot', facts.groups.pivot],
    ['seccomp.profile', facts.seccompProfile],
    ['apparmor.profile', facts.appArmorProfile],
    // A zone whose monitor was killed ends, rather than run where no command sees it.
    ['monitor.signal.pdeath', 'SIGKILL'],
    ...facts.limits.filter((limit) => !isUnlimited(limit)).map((limit) => cgroupLine(facts.layout, limit)),
    ...(facts.lockedBytes === undefined ? [] : [['prlimit.memlock', String(facts.lockedBytes)] as [string, string]]),
  ];
}

function textOf(lines: readonly (readonly [string, string])[]): string {
  return lines.map(([key, value]) => `lxc.${key} = ${checked(key, value)}\n`).join('');
}

function checked(key: string, value: string): string {
  if (!/[\0\r\n]/.test(value)) return value;
  throw hostError('ZoneInvalid', `cannot set lxc.${key} of a container to ${JSON.stringify(value)}: it spans lines`);
}

function initCommand(config: ZoneConfig): string {
  const init = zoneAttr(config, 'init-name') ?? '/sbin/init';
  // liblxc splits the line at blanks, and has no way to quote one.
  if (!/^\/[^\s"'\\]+$/.test(init)) throw hostError('ZoneInvalid', `init-name "${init}" is not an absolute path`);
  const options = config.attributes['bootargs'] ?? '';
  return options === '' ? init : `${init} ${options}`;
}

function deniedCapabilities(config: ZoneConfig): readonly string[] {
  const privileges = (config.attributes['limitpriv'] ?? '').split(',');
  return privileges
    .filter((each) => each.startsWith('-') || each.startsWith('!'))
    .flatMap((each) => capabilitiesOfPrivilege[each.slice(1).toLowerCase()] ?? []);
}

/** An image may hold device nodes; a zone may open only those of the list. */
function deviceRules(layout: CgroupLayout, numbers: readonly string[]): readonly [string, string][] {
  const version = versionOf(layout, 'devices');
  if (version === undefined) return [];
  const key = version === 1 ? 'cgroup.devices' : 'cgroup2.devices';
  return [[`${key}.deny`, 'a'], ...numbers.map((each): [string, string] => [`${key}.allow`, `c ${each} rwm`])];
}

function cgroupLine(layout: CgroupLayout, { controller, file, value }: CgroupSetting): [string, string] {
  return [`${versionOf(layout, controller) === 2 ? 'cgroup2' : 'cgroup'}.${file}`, value];
}

function mounts(config: ZoneConfig, facts: LxcFacts): readonly [string, string][] {
  const entries: string[] = [];
  const tmpfs = zoneTmpfsMiB(config);
  if (tmpfs !== undefined) entries.push(`tmpfs tmp tmpfs nosuid,nodev,mode=1777,size=${tmpfs}m,create=dir 0 0`);
  entries.push('tmpfs dev/shm tmpfs nosuid,nodev,mode=1777,create=dir 0 0');
  if (facts.lxcfs !== undefined) {
    for (const file of ['cpuinfo', 'diskstats', 'loadavg', 'meminfo', 'stat', 'swaps', 'uptime']) {
      entries.push(`${escaped(facts.lxcfs)}/proc/${file} proc/${file} none bind,optional 0 0`);
    }
  }
  const places = facts.sources.values();
  for (const resource of config.resources) {
    if (isSource(resource)) {
      const { place = '', isDirectory = true } = places.next().value ?? {};
      const target = resource.attributes[resource.kind === 'dataset' ? 'name' : 'directory'] ?? '';
      // Owners in it are shown as they are on the host, and root of the zone may write to it, as on SmartOS.
      const options = `bind,idmap=container,create=${isDirectory ? 'dir' : 'file'}`;
      entries.push(`${escaped(place)} ${insideZone(target)} none ${options} 0 0`);
    } else if (resource.kind === 'filesystem') entries.push(filesystemEntry(resource));
  }
  return entries.map((entry): [string, string] => ['mount.entry', entry]);
}

/** A directory or file of the host that a zone has mounted. */
export interface ZoneSource {
  /** `ro`, `nosuid`, `nodev`, `noexec`, `noatime`. */
  readonly flags: readonly string[];
  /** Below which no symbolic link is followed in `path`; empty where the operator's own links may be. */
  readonly base: string;
  readonly path: string;
}

/**
 * Delegated datasets, mounted inside where they would be on SmartOS, at their own names, and `lofs` file systems, in the
 * order of the configuration. `at` says where a path of the state lies on this host. Throws `ZoneInvalid`.
 */
export function zoneSources(config: ZoneConfig, at: (path: string) => string): readonly ZoneSource[] {
  const zonepath = config.attributes['zonepath'] ?? '';
  const pool = zonepath.slice(0, zonepath.lastIndexOf('/') + 1);
  return config.resources.filter(isSource).map((resource) => {
    const { name = '', special = '' } = resource.attributes;
    if (resource.kind === 'dataset') return { flags: [], base: at('/'), path: insideHost(`/${name}`) };
    const flags = resource.children.flatMap((child) => mountFlags[child.attributes['name'] ?? ''] ?? []);
    if (!special.startsWith('/')) throw hostError('ZoneInvalid', `source "${special}" of a file system is not a path`);
    // What lies in the pool moves with the root of the state, and guests may have put links there.
    if (pool.length > 1 && special.startsWith(pool)) {
      return { flags, base: at(pool), path: insideHost(special.slice(pool.length)) };
    }
    return { flags, base: '', path: `/${insideHost(special)}` };
  });
}

function isSource({ kind, attributes }: ZoneResource): boolean {
  return kind === 'dataset' || (kind === 'filesystem' && attributes['type'] === 'lofs');
}

/** Options of zone file systems that mean something to Linux; the others are for other kernels. */
const mountFlags: Readonly<Record<string, readonly string[]>> = {
  ro: ['ro'], nodevices: ['nodev'], nodev: ['nodev'], nosetuid: ['nosuid'], nosuid: ['nosuid', 'nodev'],
  noexec: ['noexec'], noatime: ['noatime'],
}; // prettier-ignore

/** A file system that the kernel makes for the zone itself. */
function filesystemEntry(resource: ZoneResource): string {
  const { special = '', directory = '', type = '' } = resource.attributes;
  if (!/^[\w.]+$/.test(type)) throw hostError('ZoneInvalid', `"${type}" is not the type of a file system`);
  const given = resource.children
    .filter((child) => child.kind === 'fsoption')
    .map((child) => option(child.attributes['name'] ?? ''));
  return `${escaped(special)} ${insideZone(directory)} ${type} ${[...given, 'create=dir'].join(',')} 0 0`;
}

/** A path of the host without a leading slash. */
function insideHost(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..') || /[\0\t\n]/.test(path))
    throw hostError('ZoneInvalid', `${JSON.stringify(path)} is not the source of a file system`);
  return parts.join('/');
}

/** A path of the zone as liblxc wants it: relative to its root. */
function insideZone(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..'))
    throw hostError('ZoneInvalid', `"${path}" is not a directory of a zone`);
  return escaped(parts.join('/'));
}

function option(text: string): string {
  if (!/^[\w.:/=@%+-]+$/.test(text)) throw hostError('ZoneInvalid', `"${text}" is not an option of a file system`);
  return text;
}

/** As in fstab(5). */
function escaped(path: string): string {
  return path.replace(/[\\ \t\n#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

function network(vnics: readonly LxcVnic[]): readonly [string, string][] {
  if (vnics.length === 0) return [['net.0.type', 'empty']];
  const lines: [string, string][] = [];
  const routed = defaultRoutes(vnics);
  vnics.forEach((vnic, index) => {
    const add = (key: string, value: string) => lines.push([`net.${index}.${key}`, value]);
    const { spec } = vnic;
    add('type', 'veth');
    add('link', vnic.carrier);
    add('veth.pair', vnic.hostName);
    add('name', spec.physical);
    add('hwaddr', canonicalMac(spec.mac));
    if (spec.mtu !== undefined) add('mtu', String(spec.mtu));
    add('flags', 'up');
    for (const address of vnic.addressing.addresses) {
      // `dhcp` and `addrconf` are not for liblxc: a client and the kernel see to them.
      if (!address.includes('/')) continue;
      if (address.includes(':')) add('ipv6.address', address);
      else add('ipv4.address', `${address} ${broadcast(address)}`);
    }
    for (const family of [4, 6] as const) {
      const gateway = routed[family]?.vnic === vnic ? routed[family].gateway : undefined;
      if (gateway !== undefined) add(`ipv${family}.gateway`, gateway);
    }
  });
  return lines;
}

/** The address for all on its network: liblxc computes another by itself. */
function broadcast(cidr: string): string {
  const value = rangeOf(parseNetwork(cidr))[1];
  return formatAddress({ family: 4, value });
}

/** Whether somebody else's server gives the vnic its IPv4 address, and the client that asks for it the route. */
export function isLeased(vnic: LxcVnic): boolean {
  return vnic.addressing.addresses.includes('dhcp');
}

interface DefaultRoute {
  readonly vnic: LxcVnic;
  readonly gateway: string;
}

/** One default route for each family: the primary vnic's, else that of the first vnic that has a gateway. */
function defaultRoutes(vnics: readonly LxcVnic[]): {
  readonly 4: DefaultRoute | undefined;
  readonly 6: DefaultRoute | undefined;
} {
  const ranked = [...vnics].sort((a, b) => Number(b.primary) - Number(a.primary));
  const first = (isOfFamily: (gateway: string) => boolean, isLeft: (vnic: LxcVnic) => boolean = () => false) => {
    for (const vnic of ranked) {
      if (isLeft(vnic)) {
        if (vnic.primary) return undefined;
        continue;
      }
      const gateway = vnic.addressing.gateways.find(isOfFamily);
      if (gateway !== undefined) return { vnic, gateway };
    }
    return undefined;
  };
  return { 4: first((gateway) => !gateway.includes(':'), isLeased), 6: first((gateway) => gateway.includes(':')) };
}
