/** The disks of a guest as qemu's block devices, for a current qemu. Pure. */
import type { Disk, VmObject } from '../../schema/generated/vm.js';
import { hostError } from '../errors.js';
import type { HvmBoot } from '../hvm.js';
import { bootOrder, invalid } from './options.js';
import type { PciLayout } from './pci-layout.js';
import type { QemuDisk } from './resources.js';

/** An option whose value is JSON. */
export type JsonOption = readonly [option: string, value: Readonly<Record<string, unknown>>];

interface Drive {
  readonly disk: Disk;
  readonly id: string;
  readonly source: QemuDisk;
  readonly isCdrom: boolean;
  /** Place in the order in which the firmware tries them. */
  readonly bootindex?: number;
}

/** Ports of the chip set's own controller, and of further ones. */
const ahciPorts = 6;

/**
 * `-blockdev` and `-device` for the VM's disks and those of this boot, with controllers. Node and device of disk number N
 * are called `diskN`. Throws `ZoneInvalid` for a model there is none of.
 */
export function diskDevices(
  vm: VmObject,
  options: HvmBoot,
  sources: readonly QemuDisk[],
  layout: PciLayout,
): readonly JsonOption[] {
  const drives = drivesOf(vm, options, sources);
  const devices: JsonOption[] = [];
  let [ide, scsi] = [0, 0];
  for (const [index, drive] of drives.entries()) {
    devices.push(blockNode(drive));
    const { disk, id } = drive;
    const common = { id, drive: id, ...blockSizes(disk), ...(drive.bootindex === undefined ? {} : { bootindex: drive.bootindex }) }; // prettier-ignore
    const media = drive.isCdrom ? 'cd' : 'hd';
    switch (disk.model) {
      case 'virtio': {
        const trims = disk.notrim === true ? { discard: false } : {};
        devices.push(['-device', { driver: 'virtio-blk-pci', ...common, ...layout.disk(index, disk), ...trims }]);
        break;
      }
      case 'nvme':
        devices.push(['-device', { driver: 'nvme', serial: id, ...common, ...layout.disk(index, disk) }]);
        break;
      case 'ahci': {
        const controller = `ahci-${id}`;
        devices.push(['-device', { driver: 'ich9-ahci', id: controller, ...layout.disk(index, disk) }]);
        devices.push(['-device', { driver: `ide-${media}`, bus: `${controller}.0`, ...common }]);
        break;
      }
      case 'ide': {
        const further = Math.floor(ide / ahciPorts);
        const controller = further === 0 ? 'ide' : `ahci${further}`;
        if (further > 0 && ide % ahciPorts === 0) {
          devices.push(['-device', { driver: 'ich9-ahci', id: controller, ...layout.controller() }]);
        }
        devices.push(['-device', { driver: `ide-${media}`, bus: `${controller}.${ide % ahciPorts}`, ...common }]);
        ide += 1;
        break;
      }
      case 'scsi':
        if (scsi === 0) devices.push(['-device', { driver: 'virtio-scsi-pci', id: 'scsi0', ...layout.controller() }]);
        devices.push(['-device', { driver: `scsi-${media}`, bus: 'scsi0.0', 'scsi-id': scsi, lun: 0, ...common }]);
        scsi += 1;
        break;
      default:
        throw invalid('disk model', String(disk.model), 'one that there is');
    }
  }
  return devices;
}

function drivesOf(vm: VmObject, options: HvmBoot, sources: readonly QemuDisk[]): readonly Drive[] {
  const disks: readonly Disk[] = [...(vm.disks ?? []), ...(options.disks ?? [])];
  const drives = disks.map((disk, index) => {
    const source = sources[index];
    if (source === undefined) throw hostError('HostFailed', `disk ${disk.path ?? ''} has not been opened`);
    return { disk, id: `disk${index}`, source, isCdrom: disk.media === 'cdrom' };
  });
  const ranks = bootRanks(vm, options, drives);
  return drives.map((drive) => {
    const bootindex = ranks.get(drive.disk);
    return bootindex === undefined ? drive : { ...drive, bootindex };
  });
}

/**
 * Which disk is tried first, second…: of kvm by the boot order, of bhyve the boot disk and then all others. Empty when the
 * order holds for one boot only, which only the firmware's own way can say.
 */
function bootRanks(
  vm: VmObject,
  options: HvmBoot,
  drives: readonly { readonly disk: Disk; readonly isCdrom: boolean }[],
): ReadonlyMap<Disk, number> {
  const bootable = [...drives.filter(({ disk }) => disk.boot === true), ...drives.filter(({ disk }) => disk.boot !== true)]; // prettier-ignore
  if (vm.brand === 'bhyve') return new Map(bootable.map(({ disk }, rank) => [disk, rank]));
  const order = bootOrder(vm, options);
  if (order.has('once')) return new Map();
  const ranked = (order.get('order') ?? 'cd')
    .split('')
    .flatMap((letter, rank) =>
      bootable
        .filter(({ isCdrom }) => letter === (isCdrom ? 'd' : 'c'))
        .map(({ disk }, number) => [disk, rank * 100 + number] as const),
    );
  return new Map(ranked);
}

/** Where the network stands in the boot order of a kvm guest; undefined when it is not to boot from it, or only once. */
export function networkRank(vm: VmObject, options: HvmBoot): number | undefined {
  if (vm.brand === 'bhyve') return undefined;
  const order = bootOrder(vm, options);
  const rank = order.has('once') ? -1 : (order.get('order') ?? '').search(/[nop]/);
  return rank < 0 ? undefined : rank * 100;
}

function blockNode({ id, source, isCdrom, disk }: Drive): JsonOption {
  const discard = disk.notrim === true ? 'ignore' : 'unmap';
  const state = isCdrom || source.readOnly ? { 'read-only': true } : { discard };
  const file = { driver: 'file', filename: source.file, ...state };
  return ['-blockdev', { driver: 'raw', 'node-name': id, ...state, file }];
}

/** `LOGICAL` or `LOGICAL/PHYSICAL`. */
function blockSizes({ guest_block_size: sizes }: Disk): Readonly<Record<string, number>> {
  if (sizes === undefined || sizes === '') return {};
  const [logical = 512, physical = logical] = sizes.split('/').map(Number);
  return { logical_block_size: logical, physical_block_size: physical };
}
