/** The members of a file system mounted into a zone, in the order in which they are written. */
import { os, type PropertyRow } from './property.js';

// prettier-ignore
export const filesystemRows: readonly PropertyRow[] = [
  { name: 'source', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'special' }, doc: 'What is mounted: a path of the host; or create-volume or a UUID, for a dataset below the one of the VM that begins with what its image has at target.' },
  { name: 'raw', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'raw' }, doc: 'Raw device of the file system.' },
  { name: 'target', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'directory' }, doc: 'Where it is mounted in the zone; update_filesystems and remove_filesystems find it by that.' },
  { name: 'type', type: 'string', allowed: [['au', os]], store: { in: 'element', name: 'type' }, doc: 'Type of file system, e.g. lofs.' },
  { name: 'options', type: 'list', allowed: [['au', os]], store: { in: 'child', name: 'name', each: true }, doc: 'Options of the mount.' },
];
