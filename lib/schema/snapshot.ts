/** The members of a snapshot of a VM. */
import { type PropertyRow } from './property.js';

// prettier-ignore
export const snapshotRows: readonly PropertyRow[] = [
  { name: 'name', type: 'string', store: { in: 'computed' }, doc: 'Name without the prefix vmsnap-.' },
  { name: 'size', type: 'number', unit: 'MiB', store: { in: 'computed' }, doc: 'Space written since the snapshot before.' },
  { name: 'created_at', type: 'string', store: { in: 'computed' }, doc: 'When it was taken.' },
];
