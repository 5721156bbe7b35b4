/** The command line of SmartOS's qemu, and the script in the zone that runs it. Pure. */
import { isIPv4 } from 'node:net';
import type { Nic, VmObject } from '../../schema/generated/vm.js';
import type { HvmBoot } from '../hvm.js';
import {
  adapterOf, bootOrder, cpuModel, hasPassword, hasSpice, identityOf, listed, places, systemFacts,
} from './options.js'; // prettier-ignore

const defaultTxTimer = 200_000;
const defaultTxBurst = 128;
const mostNameServers = 4;

/** A command line: arguments, and text of the operator's that a shell has yet to split. */
export interface SmartosCommand {
  readonly args: readonly string[];
  readonly raw: string;
}

/** Arguments in the original's order. Throws `ZoneInvalid` for values that would be more than a value. */
export function smartosCommand(vm: VmObject, options: HvmBoot = {}): SmartosCommand {
  const uuid = identityOf(vm);
  const spiceOptions = vm.spice_opts ?? '';
  const args = [
    ...['-m', String(vm.ram ?? 256)],
    ...['-name', uuid],
    ...['-uuid', uuid],
    ...['-cpu', cpuModel(vm)],
    ...((vm.vcpus ?? 1) > 1 ? ['-smp', String(vm.vcpus)] : []),
    ...drives(vm, options).flatMap((drive) => ['-drive', drive]),
    ...['-boot', [...bootOrder(vm, options)].map(([key, value]) => `${key}=${value}`).join(',')],
    ...nicArguments(vm),
    ...[
      '-smbios',
      systemFacts(vm)
        .map(([key, value]) => `${key}=${listed(value)}`)
        .join(','),
    ],
    ...['-pidfile', places.pid],
    ...['-vga', adapterOf(vm)],
    ...socket('qmp', places.qmp, '-qmp'),
    ...socket('serial0', places.console, '-serial'),
    ...socket('serial1', places.metadataPort, '-serial'),
  ];
  const { qemu_opts: replacing = '', qemu_extra_opts: further = '' } = vm;
  if (replacing === '') {
    args.push('-vnc', `unix:${places.vnc}${hasPassword(vm.vnc_password) ? ',password' : ''}`);
    if (hasSpice(vm)) {
      const ticketing = hasPassword(vm.spice_password) ? '' : ',disable-ticketing';
      args.push('-spice', `sock=${places.spice}${ticketing}${spiceOptions === '' ? '' : `,${spiceOptions}`}`);
    }
    args.push('-parallel', 'none', '-usb', '-usbdevice', 'tablet', '-k', 'en-us');
  }
  return { args, raw: [replacing, further].filter((text) => text !== '').join(' ') };
}

function socket(id: string, path: string, use: string): readonly string[] {
  return ['-chardev', `socket,id=${id},path=${path},server,nowait`, use, `chardev:${id}`];
}

function drives(vm: VmObject, options: HvmBoot): readonly string[] {
  const own = (vm.disks ?? []).map((disk) => ({
    path: disk.path ?? '',
    model: disk.model ?? '',
    media: disk.media ?? 'disk',
    boots: disk.boot === true,
  }));
  const further = (options.disks ?? []).map((disk) => ({ ...disk, boots: false }));
  return [...own, ...further].map(({ path, model, media, boots }, index) => {
    const drive = `file=${listed(path)},if=${listed(model)},index=${index},media=${listed(media)}`;
    return boots ? `${drive},boot=on` : drive;
  });
}

function nicArguments(vm: VmObject): readonly string[] {
  let isNamed = false;
  return (vm.nics ?? []).flatMap((nic, index) => {
    const name = listed(nic.interface ?? '');
    const mac = listed(nic.mac ?? '');
    const device =
      nic.model === 'virtio'
        ? ['-device', `virtio-net-pci,mac=${mac},tx=timer,x-txtimer=${vm.virtio_txtimer ?? defaultTxTimer},x-txburst=${vm.virtio_txburst ?? defaultTxBurst},vlan=${index}`] // prettier-ignore
        : ['-net', `nic,macaddr=${mac},vlan=${index},name=${name},model=${listed(nic.model ?? '')}`];
    let net = `vnic,name=${name},vlan=${index},ifname=${name}`;
    const address = staticAddress(nic);
    if (address !== undefined) {
      net += `,ip=${listed(address.ip)},netmask=${listed(address.netmask)}`;
      const isOld = vm.default_gateway !== undefined && nic.gateway === vm.default_gateway;
      if (!isNamed && (nic.primary === true || isOld)) {
        isNamed = true;
        net += identity(vm, nic);
      }
    }
    return [...device, '-net', net];
  });
}

/** What the emulator's DHCP server tells the guest by its first interface. */
function identity(vm: VmObject, nic: Nic): string {
  const gateway = nic.gateway === undefined ? '' : `,gateway_ip=${listed(nic.gateway)}`;
  const servers = (vm.resolvers ?? []).filter((resolver) => isIPv4(resolver)).slice(0, mostNameServers);
  const names = servers.map((server, index) => `,dns_ip${index}=${server}`).join('');
  return `${gateway},hostname=${listed(vm.hostname ?? identityOf(vm))}${names}`;
}

/** The first IPv4 address that is given, with its netmask; undefined where it is leased, or there is none. */
function staticAddress(nic: Nic): { readonly ip: string; readonly netmask: string } | undefined {
  const first = nic.ips?.find((address) => address === 'dhcp' || isIPv4(address.split('/')[0] ?? ''));
  if (first === undefined) {
    const { ip, netmask = '' } = nic;
    return ip === undefined || ip === '' || !isIPv4(ip) ? undefined : { ip, netmask };
  }
  const [ip = '', prefix = '32'] = first.split('/');
  return first === 'dhcp' ? undefined : { ip, netmask: netmaskOf(Number(prefix)) };
}

function netmaskOf(prefix: number): string {
  const bits = 2 ** 32 - 2 ** (32 - prefix);
  return [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
}

/**
 * The script that a zone of brand kvm runs as its init: the emulator, or what the operator has put in its place. Values
 * reach the emulator as they are, whatever a shell would make of them; `qemu_opts` and `qemu_extra_opts` are the shell's.
 */
export function startScript({ args, raw }: SmartosCommand): string {
  const line = `${args.map(quoted).join(' ')}${raw === '' ? '' : ` ${raw}`}`;
  return `#!/usr/bin/bash
exec >/tmp/vm.startvm.log 2>&1
set -o xtrace

if [[ -x /startvm.zone ]]; then
    exec /smartdc/bin/qemu-exec /startvm.zone ${line}
else
    exec /smartdc/bin/qemu-exec /smartdc/bin/qemu-system-x86_64 ${line}
fi

exit 1
`;
}

function quoted(argument: string): string {
  return `"${argument.replace(/["\\$`]/g, '\\$&')}"`;
}
