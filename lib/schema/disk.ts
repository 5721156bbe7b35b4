/** The members of a disk, in the order in which they are written. */
import { hvm, type PropertyRow } from './property.js';

// prettier-ignore
export const diskRows: readonly PropertyRow[] = [
  { name: 'path', type: 'string', allowed: [['au', hvm]], store: { in: 'element', name: 'match' }, doc: 'key for update_disks and remove_disks; on create/add allowed only with media=cdrom or nocreate: error "you cannot specify a path for a disk unless you set nocreate=true"' },
  { name: 'boot', type: 'boolean', allowed: [['au', hvm]], default: false, store: { in: 'child', name: 'boot', as: 'boolean' }, filter: true, doc: 'boolean; bhyve: at most one boot disk among the disks examined together' },
  { name: 'model', type: 'string', allowed: [['au', hvm]], store: { in: 'child', name: 'model' }, filter: true, doc: 'Model of the controller. Required when adding without disk_driver.' },
  { name: 'media', type: 'string', allowed: [['au', hvm]], store: { in: 'child', name: 'media' }, filter: true, doc: 'disk or cdrom (not enforced by the validator); update is accepted but has no effect' },
  { name: 'image_size', type: 'integer', allowed: [['a', hvm]], unit: 'MiB', min: 0, store: { in: 'child', name: 'image-size', as: 'number' }, filter: true, doc: 'integer >= 0; only with image_uuid; must equal the manifest value' },
  { name: 'image_uuid', type: 'uuid', allowed: [['a', hvm]], store: { in: 'child', name: 'image-uuid' }, filter: true, doc: 'UUID of an installed image of type zvol, looked up in the disk zpool or else in pool zones; block_size must not be given with it' },
  { name: 'image_name', type: 'string', allowed: [['au', ['kvm']]], store: { in: 'child', name: 'image-name' }, filter: true, deprecated: true, doc: 'Ignored.' },
  { name: 'pci_slot', type: 'string', allowed: [['au', ['bhyve']]], store: { in: 'child', name: 'pci-slot' }, doc: '<bus>:<device>:<function>, <device>:<function> or <device>, decimal; bus 0-255, device 0-31, function 0-7; devices 0, 6, 30, 31 of bus 0 are reserved; unique among the VM disks (bus 0); not checked by update_disks (checked at the next start)' },
  { name: 'uuid', type: 'uuid', allowed: [['au', ['bhyve']]], store: { in: 'child', name: 'uuid' }, doc: 'UUID; unique among the VM disks when adding: error "duplicate disk uuid <uuid>"' },
  { name: 'notrim', type: 'boolean', allowed: [['au', ['bhyve']]], default: false, store: { in: 'child', name: 'notrim', as: 'boolean' }, doc: 'boolean' },
  { name: 'guest_block_size', type: 'string', allowed: [['au', ['bhyve']]], format: 'block-size-pair', store: { in: 'child', name: 'guest-block-size' }, doc: 'string "N" or "N/N", every number a non-zero power of two' },
  { name: 'block_size', type: 'integer', allowed: [['a', hvm]], unit: 'bytes', min: 0, store: { in: 'dataset', of: 'volume', name: 'volblocksize' }, doc: 'power of two between 512 and 131072: error "invalid .block_size(<value>), must be 512-131072 and a power of 2."; not with image_uuid; cannot be changed' },
  { name: 'compression', type: 'string', allowed: [['au', hvm]], store: { in: 'dataset', of: 'volume', name: 'compression' }, live: hvm, doc: 'one of on, off, gzip, gzip-1 … gzip-9, lz4, lzjb, zle; create: "invalid compression setting for disk, must be one of: …"; update: "invalid compression type for disk, must be one of: …"' },
  { name: 'dangerous_allow_shrink', type: 'boolean', allowed: [['u', ['bhyve']]], default: false, doc: 'permits a smaller size in the same update entry' },
  { name: 'missing', type: 'boolean', store: { in: 'computed' }, doc: 'True when no volume belongs to path.' },
  { name: 'nocreate', type: 'boolean', allowed: [['a', hvm]], default: false, doc: 'only when adding; the zvol/path must already exist' },
  { name: 'refreservation', type: 'integer', allowed: [['au', hvm]], unit: 'MiB', min: 0, store: { in: 'dataset', of: 'volume', name: 'refreservation' }, live: hvm, doc: 'integer >= 0; the word auto is rejected by the validator; bhyve: create (and any later quota/flexible_disk_size change) resets every volume under the root dataset to automatic, so an explicit create value is lost' },
  { name: 'size', type: 'integer', allowed: [['au', ['bhyve']], ['a', ['kvm']]], unit: 'MiB', min: 0, store: { in: 'dataset', of: 'volume', name: 'volsize' }, filter: true, doc: 'integer >= 0; required without image_uuid (media=disk); with image_uuid only meaningful together with flexible_disk_size; must be >= image_size: bad value "size"; update: bhyve only, VM stopped, growing only unless dangerous_allow_shrink' },
  { name: 'zfs_filesystem', type: 'string', allowed: [['r', hvm]], store: { in: 'dataset', of: 'volume', name: 'name' }, doc: 'receive only (any add/update use is dropped)' },
  { name: 'zpool', type: 'string', allowed: [['a', hvm]], store: { in: 'dataset', of: 'volume', name: 'name' }, filter: true, doc: 'declared as string: existence is not validated' },
];
