/** The members of a PCI device passed through to a guest, in the order in which they are written. */
import { type PropertyRow } from './property.js';

// prettier-ignore
export const pciDeviceRows: readonly PropertyRow[] = [
  { name: 'path', type: 'string', allowed: [['au', ['bhyve']]], store: { in: 'element', name: 'match' }, doc: 'required, must start with /devices; key for update/remove' },
  { name: 'model', type: 'string', store: { in: 'child', name: 'model' }, doc: 'giving it is a bad property; a value other than passthru is also a bad value' },
  { name: 'pci_slot', type: 'string', allowed: [['au', ['bhyve']]], store: { in: 'child', name: 'pci-slot' }, doc: 'required; same syntax and ranges as disks.*.pci_slot; no reserved/duplicate check' },
];
