/**
 * Where the devices of a guest are on its PCI buses. One layout for both brands, that of bhyve (`vmadm(8)`,
 * `disks.*.pci_slot`): disks on devices 3 to 5, NICs on 6, the display on 30; 31 has the chip set's own. So a guest finds
 * its interfaces and disks under the same names when disks come and go, and on the host it came from. Pure.
 */
import type { Disk, Nic, VmObject } from '../../schema/generated/vm.js';
import { hostError } from '../errors.js';
import { functionsEach, parsePciSlot, type PciSlot } from './pci-slot.js';

/** Devices of bus 0 for the disks of a kvm guest, in this order; eight disks each. */
const diskDevices = [4, 5, 7, 8, 9];
/** Of both brands, eight NICs each. */
const nicDevices = [6, 10, 11, 12];
/** For controllers that a kvm guest shares between its disks. */
const controllerDevices = [3, 2];
/** Where bridges to further buses go: firmware numbers their buses from 1. */
const bridgeDevices = [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29];

const display: PciSlot = { bus: 0, device: 30, fn: 0 };
const usb: PciSlot = { bus: 0, device: 30, fn: 1 };

/** Members of a qemu device that place it. */
export interface PciAddress {
  readonly bus: string;
  readonly addr: string;
  readonly multifunction: true;
}

/** Slots of one guest; each is given once. */
export interface PciLayout {
  readonly display: PciAddress;
  readonly usb: PciAddress;
  /** In the order of the VM's NICs. */
  readonly nics: readonly PciAddress[];
  /** The slot of the disk of that number. Throws `ZoneInvalid` for one that does not exist, or is taken. */
  disk(index: number, disk: Disk): PciAddress;
  /** A slot for a controller of several disks. */
  controller(): PciAddress;
  /** To buses beyond the first that disks lie on: to be made before all else. */
  bridges(): readonly (PciAddress & { readonly id: string })[];
}

/** The layout of `vm`. Throws `ZoneInvalid` for more NICs than there are slots. */
export function pciLayout(vm: VmObject): PciLayout {
  const taken = new Map<string, string>();
  const buses = new Map<number, PciAddress>();
  let controllers = 0;

  function take(slot: PciSlot, what: string): PciAddress {
    const key = `${slot.bus}:${slot.device}:${slot.fn}`;
    const other = taken.get(key);
    if (other !== undefined) throw hostError('ZoneInvalid', `PCI slot ${key} is that of ${other} and of ${what}`);
    taken.set(key, what);
    return addressOf(slot);
  }

  function bridgeTo(bus: number): void {
    if (bus === 0 || buses.has(bus)) return;
    const device = bridgeDevices.find((each) => ![...taken.keys()].some((key) => key.startsWith(`0:${each}:`)));
    if (device === undefined) throw hostError('ZoneInvalid', 'its disks are on too many PCI buses');
    buses.set(bus, take({ bus: 0, device, fn: 0 }, `the bridge to PCI bus ${bus}`));
  }

  const shown = take(display, 'the display');
  const usbController = take(usb, 'the USB controller');
  const order = primaryFirst(vm.nics ?? [], vm.brand === 'bhyve');
  const nics = (vm.nics ?? []).map((nic) => {
    const slot = slotAt(nicDevices, order.indexOf(nic));
    if (slot === undefined) throw hostError('ZoneInvalid', 'it has more NICs than there are PCI slots for them');
    return take(slot, `NIC ${nic.interface ?? ''}`);
  });
  // Slots that are given before those that are found.
  const given = new Map<Disk, PciAddress>();
  for (const disk of vm.disks ?? []) {
    if (vm.brand !== 'bhyve' || disk.pci_slot === undefined || disk.pci_slot === '') continue;
    const slot = parsePciSlot(disk.pci_slot);
    if (slot === undefined) throw hostError('ZoneInvalid', `pci_slot "${disk.pci_slot}" is not valid`);
    given.set(disk, take(slot, `disk ${disk.path ?? ''}`));
  }
  const numbers = [...given.keys()].map((disk) => parsePciSlot(disk.pci_slot ?? '')?.bus ?? 0);
  for (const bus of numbers.sort((a, b) => a - b)) bridgeTo(bus);

  return {
    display: shown,
    usb: usbController,
    nics,
    disk(index, disk) {
      const own = given.get(disk);
      if (own !== undefined) return own;
      const slot = slotAt(diskDevices, index);
      if (slot === undefined) throw hostError('ZoneInvalid', 'it has more disks than there are PCI slots for them');
      return take(slot, `disk ${disk.path ?? ''}`);
    },
    controller() {
      const slot = slotAt(controllerDevices, controllers);
      controllers += 1;
      if (slot === undefined) throw hostError('ZoneInvalid', 'it has more disks than there are controllers for them');
      return take(slot, 'a controller');
    },
    bridges: () => [...buses].map(([number, address]) => ({ id: busName(number), ...address })),
  };
}

/** bhyve has the NIC that guests configure first in the first slot. */
function primaryFirst(nics: readonly Nic[], sorts: boolean): readonly Nic[] {
  if (!sorts) return nics;
  return [...nics.filter((nic) => nic.primary === true), ...nics.filter((nic) => nic.primary !== true)];
}

function slotAt(devices: readonly number[], index: number): PciSlot | undefined {
  const device = devices[Math.floor(index / functionsEach)];
  return device === undefined ? undefined : { bus: 0, device, fn: index % functionsEach };
}

function addressOf({ bus, device, fn }: PciSlot): PciAddress {
  const addr = `${device.toString(16).padStart(2, '0')}.${fn}`;
  return { bus: busName(bus), addr, multifunction: true };
}

function busName(bus: number): string {
  return bus === 0 ? 'pcie.0' : `pci${bus}`;
}
