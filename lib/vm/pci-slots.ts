/** PCI slots of a bhyve guest's disks: `BUS:DEVICE:FUNCTION`, given or assigned (`vmadm(8)`, `disks.*.pci_slot`). */
import { functionsEach, parsePciSlot } from '../host/qemu/pci-slot.js';
import type { Element } from './draft.js';
import { refused } from './errors.js';
import { textOf } from './values.js';

/** Devices of bus 0 that the platform keeps: host bridge, NICs, frame buffer and tablet, LPC. */
const reserved = [0, 6, 30, 31];
/** Devices of bus 0 where disks go that name no slot. */
const cdrom = 3;
const bootDisk = 4;
/** Where VMs of old had the disks they did not boot from. */
const oldDataDisk = 5;

/** Which functions of bus 0 are taken, and by the disk of which path. */
export class PciSlots {
  readonly #taken = new Map<string, unknown>();

  /**
   * Takes account of disks, giving those without a slot one if `assign` is called for; boot disk first. Throws
   * `PayloadInvalid` for slots that are malformed, reserved or taken, and when a device is full.
   *
   * @param old - The disks are those of an existing VM: they count as its platform would place them.
   * @param assigns - Whether disks without a slot get theirs; those of an existing VM stay as they are by default.
   */
  place(disks: readonly Element[], old: boolean, assigns = !old): void {
    const boot = disks.filter((disk) => disk['boot'] === true || disk['boot'] === 'true');
    const [, second] = boot;
    if (second !== undefined) throw refused(`multiple boot disks: ""true"" and "${shown(second)}"`);
    for (const disk of disks) this.#given(disk);
    for (const disk of [...boot, ...disks.filter((one) => one !== boot[0])]) {
      if (hasSlot(disk)) continue;
      const slot = this.#free(disk, boot[0] === disk, old);
      if (assigns) disk['pci_slot'] = slot;
    }
  }

  #given(disk: Element): void {
    if (!hasSlot(disk)) return;
    const text = String(disk['pci_slot']);
    const slot = parsePciSlot(text);
    if (slot === undefined) throw refused(`pci_slot "${text}" is not valid`);
    if (slot.bus !== 0) return;
    if (reserved.includes(slot.device)) {
      throw refused(`pci_slot "${text}" invalid: PCI device ${slot.device} is reserved`);
    }
    const key = `${slot.device}:${slot.fn}`;
    if (this.#taken.has(key)) {
      const [first, other] = [this.#taken.get(key), disk['path']].map(String);
      throw refused(`VM has multiple disks in pci_slot "${text}": "${first}" and "${other}`);
    }
    this.#taken.set(key, disk['path']);
  }

  #free(disk: Element, boots: boolean, old: boolean): string {
    const media = textOf(disk['media'] ?? 'disk');
    if (media !== 'disk' && media !== 'cdrom') {
      throw refused(
        `VM has no PCI bus or slot assigned for ${media} devices; automatic pci_slot assignment not possible`,
      );
    }
    const device = media === 'cdrom' ? cdrom : boots || !old ? bootDisk : oldDataDisk;
    for (let fn = 0; fn < functionsEach; fn += 1) {
      const key = `${device}:${fn}`;
      if (this.#taken.has(key)) continue;
      this.#taken.set(key, disk['path']);
      return `0:${key}`;
    }
    throw refused(`VM has more than ${functionsEach} ${media} devices on PCI device ${device}`);
  }
}

function hasSlot(disk: Element): boolean {
  return typeof disk['pci_slot'] === 'string' && disk['pci_slot'] !== '';
}

function shown(disk: Element): string {
  if (typeof disk['path'] === 'string') return `path=${disk['path']}`;
  return typeof disk['pci_slot'] === 'string' ? `pci_slot=${disk['pci_slot']}` : `"${JSON.stringify(disk)}"`;
}
