/**
 * The command line of a current qemu for a VM. Pure. What comes from a VM's properties stands in JSON, or with its commas
 * doubled, so that no value is ever more than a value; text that is options by nature (`qemu_opts`, `spice_opts`) is the
 * operator's own.
 */
import type { Nic, VmObject } from '../../schema/generated/vm.js';
import { hostError } from '../errors.js';
import type { HvmBoot } from '../hvm.js';
import { diskDevices, networkRank, type JsonOption } from './disk-devices.js';
import {
  adapterOf, bootOrder, cpuModel, hasPassword, hasSpice, identityOf, invalid, listed, lockedVnc, places, systemFacts,
} from './options.js'; // prettier-ignore
import { pciLayout, type PciLayout } from './pci-layout.js';
import type { QemuResources } from './resources.js';
import { splitWords } from './words.js';

/** Everything a guest must not make its emulator do. */
const sandbox = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** Whether the VM starts with UEFI, so that {@link QemuResources.firmware} is needed. */
export function needsUefi(vm: VmObject): boolean {
  return vm.brand === 'bhyve' && vm.bootrom === 'uefi';
}

/**
 * Arguments for qemu, its name left out. Throws `ZoneInvalid` for values that cannot be what they stand for, and
 * `Unsupported` for devices of another kind of host.
 */
export function qemuArguments(vm: VmObject, options: HvmBoot, resources: QemuResources): readonly string[] {
  if ((vm.pci_devices ?? []).length > 0) {
    throw hostError('Unsupported', 'PCI devices of the host are passed through on illumos only');
  }
  const layout = pciLayout(vm);
  const replacing = vm.qemu_opts ?? '';
  const further = vm.brand === 'bhyve' ? 'bhyve_extra_opts' : 'qemu_extra_opts';
  const devices = [
    ...layout.bridges().map((bridge): JsonOption => ['-device', { driver: 'pcie-pci-bridge', ...bridge }]),
    ...diskDevices(vm, options, resources.disks, layout),
    ...nicDevices(vm, options, resources, layout),
    ...displayDevices(vm, layout),
    ...(replacing === '' ? pointerDevices(vm, layout) : []),
  ];
  return [
    ...['-nodefaults', '-no-user-config'],
    ...['-name', `guest=${identityOf(vm)}`],
    ...['-uuid', identityOf(vm)],
    ...['-machine', `q35,vmport=off,dump-guest-core=off${resources.firmware === undefined ? '' : ',pflash0=uefi-code,pflash1=uefi-variables'}`], // prettier-ignore
    ...['-accel', resources.accelerator],
    ...['-cpu', processor(vm, resources.accelerator)],
    ...['-smp', String(vm.vcpus ?? 1)],
    ...['-m', `${vm.ram ?? 256}M`],
    ...['-rtc', 'base=utc'],
    ...['-smbios', systemFacts(vm).map(([key, value]) => `${key}=${listed(value)}`).join(',')],
    ...['-sandbox', sandbox],
    ...firmwareArguments(vm, resources),
    ...['-boot', [...bootOrder(vm, options)].map(([key, value]) => `${key}=${value}`).join(',')],
    ...socket('qmp', places.qmp),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...serialPort('serial0', vm.com1, places.console),
    ...serialPort('serial1', vm.com2, places.metadataPort),
    ...['-display', 'none'],
    ...devices.flatMap(([option, value]) => [option, JSON.stringify(value)]),
    ...(replacing === '' ? displays(vm, resources) : splitWords('qemu_opts', replacing)),
    ...splitWords(further, vm[further] ?? ''),
  ]; // prettier-ignore
}

/** bhyve shows its guests the host's processor; what comes nearest without one is all that the emulator can do. */
function processor(vm: VmObject, accel: 'kvm' | 'tcg'): string {
  const model = vm.brand === 'bhyve' ? 'host' : cpuModel(vm);
  return accel === 'tcg' ? model.replace(/^host(?=,|$)/, 'max') : model;
}

function firmwareArguments(vm: VmObject, { firmware }: QemuResources): readonly string[] {
  if (firmware !== undefined) {
    const node = (name: string, filename: string, readOnly: boolean) => {
      const state = { 'read-only': readOnly };
      return ['-blockdev', JSON.stringify({ driver: 'raw', 'node-name': name, ...state, file: { driver: 'file', filename, ...state } })]; // prettier-ignore
    };
    return [...node('uefi-code', firmware.code, true), ...node('uefi-variables', firmware.variables, false)];
  }
  if (needsUefi(vm)) throw hostError('Unsupported', 'this host has no UEFI firmware (Debian: ovmf)');
  const { brand, bootrom = '' } = vm;
  if (brand !== 'bhyve' || bootrom === '' || bootrom === 'bios') return [];
  // A firmware of the operator's, in the zone.
  if (/^\/[^\p{Cc}]*$/u.test(bootrom)) return ['-bios', bootrom];
  throw invalid('bootrom', bootrom, 'bios, uefi or a path');
}

function socket(id: string, path: string): readonly string[] {
  return ['-chardev', `socket,id=${id},path=${listed(path)},server=on,wait=off`];
}

/** A port: on its usual socket, on one of another name in the zone, or on nothing. */
function serialPort(id: string, configured: string | undefined, usual: string): readonly string[] {
  const own = /^socket,(\/tmp\/[\w.-]+)$/.exec(configured ?? '')?.[1];
  const isUsual = configured === undefined || configured === '' || configured === '/dev/zconsole';
  const chardev = isUsual ? socket(id, usual) : own === undefined ? ['-chardev', `null,id=${id}`] : socket(id, own);
  return [...chardev, '-serial', `chardev:${id}`];
}

/** Models of NICs, and what qemu calls them. */
const nicDrivers: Readonly<Record<string, string>> = {
  virtio: 'virtio-net-pci',
  e1000: 'e1000',
  e1000e: 'e1000e',
  rtl8139: 'rtl8139',
  pcnet: 'pcnet',
  ne2k_pci: 'ne2k_pci',
  i82551: 'i82551',
  i82557b: 'i82557b',
  i82559er: 'i82559er',
  vmxnet3: 'vmxnet3',
};

function nicDevices(
  vm: VmObject,
  options: HvmBoot,
  resources: QemuResources,
  layout: PciLayout,
): readonly JsonOption[] {
  const rank = networkRank(vm, options);
  const isAsked = /[nop]/.test([...bootOrder(vm, options).values()].join(''));
  return (vm.nics ?? []).flatMap((nic, index): JsonOption[] => {
    const tap = resources.nics[index];
    if (tap === undefined) throw hostError('HostFailed', `there is no tap for ${nic.interface ?? 'a NIC'}`);
    const id = `nic${index}`;
    const device = {
      driver: driverOf(vm, nic),
      id,
      netdev: `net${index}`,
      mac: nic.mac,
      ...layout.nics[index],
      ...tuning(vm, nic),
      ...(rank === undefined ? {} : { bootindex: rank + index }),
      // The program that boots from the network is not needed otherwise.
      ...(isAsked ? {} : { romfile: '' }),
    };
    return [
      ['-netdev', { type: 'tap', id: `net${index}`, fd: String(tap.fd) }],
      ['-device', device],
    ];
  });
}

function driverOf(vm: VmObject, nic: Nic): string {
  // bhyve has but one.
  const model = vm.brand === 'bhyve' ? 'virtio' : (nic.model ?? '');
  const driver = Object.hasOwn(nicDrivers, model) ? nicDrivers[model] : undefined;
  if (driver === undefined) throw invalid('nic model', model, `one of ${Object.keys(nicDrivers).join(', ')}`);
  return driver;
}

/** Of virtio only: how long frames wait to be sent together, where that is asked for; and the MTU, which the guest takes. */
function tuning(vm: VmObject, nic: Nic): Readonly<Record<string, unknown>> {
  if (driverOf(vm, nic) !== 'virtio-net-pci') return {};
  const { virtio_txtimer: timer, virtio_txburst: burst } = vm;
  return {
    ...(nic.mtu === undefined ? {} : { host_mtu: nic.mtu }),
    ...(timer === undefined ? {} : { tx: 'timer', 'x-txtimer': timer }),
    ...(burst === undefined ? {} : { 'x-txburst': burst }),
  };
}

/** What a current qemu calls graphics adapters; there is no Xen here whose frame buffer it could be. */
const adapters = { std: 'VGA', cirrus: 'cirrus-vga', vmware: 'vmware-svga', qxl: 'qxl-vga', xenfb: 'VGA' } as const;

function displayDevices(vm: VmObject, layout: PciLayout): readonly JsonOption[] {
  if (vm.brand === 'bhyve') return vm.vnc_port === -1 ? [] : [['-device', { driver: 'VGA', ...layout.display }]];
  return [['-device', { driver: adapters[adapterOf(vm)], ...layout.display }]];
}

function pointerDevices(vm: VmObject, layout: PciLayout): readonly JsonOption[] {
  // Guests do not see the second function of a device that has no first.
  if (displayDevices(vm, layout).length === 0) return [];
  return [
    ['-device', { driver: 'qemu-xhci', id: 'usb', ...layout.usb }],
    ['-device', { driver: 'usb-tablet', bus: 'usb.0' }],
  ];
}

/**
 * Listeners of displays. Passwords are set when the guest runs, so that no list of processes shows them. Whether VNC asks
 * for one is settled when the emulator starts: so it listens twice, and where people get to is a matter of whom they are
 * passed on to.
 */
function displays(vm: VmObject, resources: QemuResources): readonly string[] {
  if (vm.brand === 'bhyve' && vm.vnc_port === -1) return [];
  const vnc = ['-vnc', `unix:${places.vnc}`, '-vnc', `unix:${places.vncLocked},id=${lockedVnc},password=on`];
  if (vm.brand === 'bhyve' || !hasSpice(vm)) return vnc;
  if (!resources.spice)
    throw hostError('LibraryMissing', 'qemu comes without SPICE here (Debian: qemu-system-modules-spice)');
  const ticketing = hasPassword(vm.spice_password) ? '' : ',disable-ticketing=on';
  return [...vnc, '-spice', `unix=on,addr=${places.spice}${ticketing}${spiceOptions(vm)}`];
}

/** As the operator wrote them, but for where it listens and who may come in. */
function spiceOptions({ spice_opts: options = '' }: VmObject): string {
  if (options === '') return '';
  const isHarmless = options
    .split(',')
    .every((each) => /^[a-z0-9-]+(?:=[\w./:+-]*)?$/i.test(each) && !/^(?:addr|unix|port|tls-port|ipv[46]|password|password-secret|disable-ticketing|sasl)(?:=|$)/.test(each)); // prettier-ignore
  if (!isHarmless) throw invalid('spice_opts', options, 'a list of SPICE options');
  return `,${options}`;
}
