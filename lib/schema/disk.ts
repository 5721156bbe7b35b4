/** The members of a disk, in the order in which they are written. */
import { hvm, type PropertyRow } from './property.js';

// prettier-ignore
export const diskRows: readonly PropertyRow[] = [
  { name: 'path', type: 'string', allowed: [['au', hvm]], store: { in: 'element', name: 'match' }, doc: 'Where the host has the disk; update_disks and remove_disks find it by that. Only given when a cdrom is added, or with nocreate.' },
  { name: 'boot', type: 'boolean', allowed: [['au', hvm]], default: false, store: { in: 'child', name: 'boot', as: 'boolean' }, filter: true, doc: 'Whether the guest boots from it. A bhyve guest has one such disk at most.' },
  { name: 'model', type: 'string', allowed: [['au', hvm]], store: { in: 'child', name: 'model' }, filter: true, doc: 'Model of the controller. Required when adding without disk_driver.' },
  { name: 'media', type: 'string', allowed: [['au', hvm]], store: { in: 'child', name: 'media' }, filter: true, doc: 'Either disk or cdrom. An update of it has no effect.' },
  { name: 'image_size', type: 'integer', allowed: [['a', hvm]], unit: 'MiB', min: 0, store: { in: 'child', name: 'image-size', as: 'number' }, filter: true, doc: 'Size that the manifest of the image says. Only with image_uuid.' },
  { name: 'image_uuid', type: 'uuid', allowed: [['a', hvm]], store: { in: 'child', name: 'image-uuid' }, filter: true, doc: 'Image of type zvol that the disk is made of. It has to be installed in the zpool of the disk, or in the pool zones where none is given.' },
  { name: 'image_name', type: 'string', allowed: [['au', ['kvm']]], store: { in: 'child', name: 'image-name' }, filter: true, deprecated: true, doc: 'Ignored.' },
  { name: 'pci_slot', type: 'string', allowed: [['au', ['bhyve']]], store: { in: 'child', name: 'pci-slot' }, doc: 'BUS:DEVICE:FUNCTION, DEVICE:FUNCTION or DEVICE in decimal, up to 255, 31 and 7. Devices 0, 6, 30 and 31 of bus 0 are taken, and no two disks may have one slot; what update_disks sets is judged by the next start.' },
  { name: 'uuid', type: 'uuid', allowed: [['au', ['bhyve']]], store: { in: 'child', name: 'uuid' }, doc: 'Identity of the disk in the VM.' },
  { name: 'notrim', type: 'boolean', allowed: [['au', ['bhyve']]], default: false, store: { in: 'child', name: 'notrim', as: 'boolean' }, doc: 'Keeps the guest from giving back blocks that it does not need.' },
  { name: 'guest_block_size', type: 'string', allowed: [['au', ['bhyve']]], format: 'block-size-pair', store: { in: 'child', name: 'guest-block-size' }, doc: 'Block size that the guest sees: one power of two, or a logical and a physical one with a slash between them.' },
  { name: 'block_size', type: 'integer', allowed: [['a', hvm]], unit: 'bytes', min: 0, store: { in: 'dataset', of: 'volume', name: 'volblocksize' }, doc: 'Block size of the volume: a power of two from 512 to 131072. Not with image_uuid; cannot be changed.' },
  { name: 'compression', type: 'string', allowed: [['au', hvm]], store: { in: 'dataset', of: 'volume', name: 'compression' }, live: hvm, doc: 'Compression of the volume; see zfs_root_compression.' },
  { name: 'dangerous_allow_shrink', type: 'boolean', allowed: [['u', ['bhyve']]], default: false, doc: 'Lets the same update make the disk smaller.' },
  { name: 'missing', type: 'boolean', store: { in: 'computed' }, doc: 'True when no volume belongs to path.' },
  { name: 'nocreate', type: 'boolean', allowed: [['a', hvm]], default: false, doc: 'Takes a disk that exists, the one of path.' },
  { name: 'refreservation', type: 'integer', allowed: [['au', hvm]], unit: 'MiB', min: 0, store: { in: 'dataset', of: 'volume', name: 'refreservation' }, live: hvm, doc: 'Space set aside for the volume; all that it may need unless given. That of a bhyve guest is always all, whatever create is given, and again when quota or flexible_disk_size changes.' },
  { name: 'size', type: 'integer', allowed: [['au', ['bhyve']], ['a', ['kvm']]], unit: 'MiB', min: 0, store: { in: 'dataset', of: 'volume', name: 'volsize' }, filter: true, doc: 'Size of the disk. Required without image_uuid, except for a cdrom; with it only beside flexible_disk_size, and not below image_size. An update may make a disk of a stopped bhyve guest larger, and smaller with dangerous_allow_shrink.' },
  { name: 'zfs_filesystem', type: 'string', allowed: [['r', hvm]], store: { in: 'dataset', of: 'volume', name: 'name' }, doc: 'Volume of the disk.' },
  { name: 'zpool', type: 'string', allowed: [['a', hvm]], store: { in: 'dataset', of: 'volume', name: 'name' }, filter: true, doc: 'Pool of the disk\'s volume; the one of the VM unless given.' },
];
