/** The members of a PCI device passed through to a guest, in the order in which they are written. */
import { type PropertyRow } from './property.js';

// prettier-ignore
export const pciDeviceRows: readonly PropertyRow[] = [
  { name: 'path', type: 'string', allowed: [['au', ['bhyve']]], store: { in: 'element', name: 'match' }, doc: 'Where the host has the device, below /devices; update_pci_devices and remove_pci_devices find it by that. Required.' },
  { name: 'model', type: 'string', store: { in: 'child', name: 'model' }, doc: 'Always passthru. Cannot be given.' },
  { name: 'pci_slot', type: 'string', allowed: [['au', ['bhyve']]], store: { in: 'child', name: 'pci-slot' }, doc: 'Slot in the guest, written like pci_slot of a disk. Required.' },
];
