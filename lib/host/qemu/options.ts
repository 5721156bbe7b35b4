/** Values of qemu's options: what of a VM may stand in them, and how, so that it stays one value. Pure. */
import type { VmObject } from '../../schema/generated/vm.js';
import { hostError } from '../errors.js';
import type { HvmBoot } from '../hvm.js';

/** A fault of a VM's property: `ZoneInvalid`. */
export function invalid(property: string, value: string, what: string) {
  return hostError('ZoneInvalid', `${property} "${value}" is not ${what}`);
}

/**
 * A value inside a comma separated list of a qemu option: its commas are doubled, which qemu takes for one. Throws
 * `ZoneInvalid` for control characters.
 */
export function listed(value: string | number): string {
  const text = String(value);
  if (/\p{Cc}/u.test(text)) throw hostError('ZoneInvalid', `${JSON.stringify(text)} has control characters`);
  return text.replaceAll(',', ',,');
}

/** The VM's uuid. Throws `ZoneInvalid` for what is none. */
export function identityOf(vm: VmObject): string {
  const uuid = String(vm.uuid);
  if (/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) return uuid;
  throw invalid('uuid', uuid, 'a UUID');
}

/**
 * The processor model: a name, and features that are switched on or off (`host,-vmx`). It is all that qemu cannot be told
 * in another way than by commas. Throws `ZoneInvalid`.
 */
export function cpuModel(vm: VmObject): string {
  const text = vm.cpu_type === undefined || vm.cpu_type === '' ? 'qemu64' : vm.cpu_type;
  if (/^[A-Za-z0-9][\w.-]*(?:,[+-][A-Za-z0-9][\w.-]*)*$/.test(text)) return text;
  throw invalid('cpu_type', text, 'the name of a processor model');
}

const adapters = ['std', 'cirrus', 'vmware', 'qxl', 'xenfb'] as const;

/** The graphics adapter of a kvm guest. Throws `ZoneInvalid`. */
export function adapterOf(vm: VmObject): (typeof adapters)[number] {
  const name = vm.vga === undefined || vm.vga === '' ? 'std' : vm.vga;
  const known = adapters.find((adapter) => adapter === name);
  if (known === undefined) throw invalid('vga', name, `one of ${adapters.join(', ')}`);
  return known;
}

/** What of a boot order may be said, and how. */
const bootKeys: Readonly<Record<string, RegExp>> = {
  order: /^[a-dnop]+$/,
  once: /^[a-dnop]+$/,
  menu: /^(?:on|off)$/,
  strict: /^(?:on|off)$/,
  'reboot-timeout': /^-?\d{1,7}$/,
};

/**
 * The boot order: that of this start, else the VM's, else disks before cdroms. Members as given, in their order. Throws
 * `ZoneInvalid` for anything but a boot order.
 */
export function bootOrder(vm: VmObject, { order }: HvmBoot): ReadonlyMap<string, string> {
  const own = vm.boot === undefined || vm.boot === '' ? 'order=cd' : vm.boot;
  const text = order === undefined ? own : `order=${order}`;
  const members = text.split(',').map((member) => {
    const [key = '', value = ''] = member.includes('=') ? member.split('=', 2) : ['order', member];
    if (bootKeys[key]?.test(value) !== true) throw invalid('boot', text, 'a boot order');
    return [key, value] as const;
  });
  return new Map(members);
}

/** Where the emulator and the guest keep their files: paths as the zone sees them. */
export const places = {
  qmp: '/tmp/vm.qmp',
  console: '/tmp/vm.console',
  metadataPort: '/tmp/vm.ttyb',
  vnc: '/tmp/vm.vnc',
  /** The same display for those who know its password. */
  vncLocked: '/tmp/vm.vnc-locked',
  spice: '/tmp/vm.spice',
  screenshot: '/tmp/vm.ppm',
  metadata: '/tmp/vm.metadata',
  pid: '/tmp/vm.pid',
} as const;

/** What the emulator calls the VNC display that asks for a password. */
export const lockedVnc = 'locked';

/** The file with the metadata that the guest is not shown, as of this boot. */
export function metadataFile(vm: VmObject): string {
  return `${JSON.stringify({ internal_metadata: vm.internal_metadata ?? {} }, null, 2)}\n`;
}

/** Facts of the machine's maker and version, for type 1 of SMBIOS; guests recognise the platform by them. */
export function systemFacts(vm: VmObject): readonly (readonly [string, string])[] {
  const uuid = identityOf(vm);
  return [
    ['type', '1'],
    ['manufacturer', 'Joyent'],
    ['product', 'SmartDC HVM'],
    ['version', `7.${vm.platform_buildstamp ?? '7.x'}`],
    ['serial', uuid],
    ['uuid', uuid],
    ['sku', '001'],
    ['family', 'Virtual Machine'],
  ];
}

/** Whether a password is set: an empty one is none. */
export function hasPassword(password: string | undefined): password is string {
  return password !== undefined && password !== '';
}

/** Whether the VM has a SPICE display rather than VNC alone. */
export function hasSpice(vm: VmObject): boolean {
  return vm.spice_port !== undefined && vm.spice_port !== -1;
}
