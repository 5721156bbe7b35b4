/** The members of a file system mounted into a zone, in the order in which they are written. */
import { os, type PropertyRow } from './property.js';

// prettier-ignore
export const filesystemRows: readonly PropertyRow[] = [
  { name: 'source', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'special' }, doc: 'global-zone path; the literal create-volume or a UUID creates dataset <zfs_filesystem>/volumes/<uuid> after install and copies the image content of target into it; docker VMs: http(s) URL downloaded before every start into <zfs_filesystem>/hostvolumes/<target>' },
  { name: 'raw', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'raw' }, doc: 'Raw device of the file system.' },
  { name: 'target', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'directory' }, doc: 'path inside the zone; key for update_filesystems and remove_filesystems' },
  { name: 'type', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'type' }, doc: 'Type of file system, e.g. lofs.' },
  { name: 'options', type: 'list', allowed: [['au', os]], store: { in: 'child', name: 'name', each: true }, doc: 'list' },
];
