/** vmadm create-snapshot, delete-snapshot and rollback-snapshot. */
import type * as SnapshotsModule from '../../vm/snapshots.js';
import type { Command } from '../command.js';
import { usageError } from '../usage.js';
import { notFoundStatus, sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

type Snapshots = typeof SnapshotsModule;

const command = (
  name: string,
  summary: string,
  operation: (snapshots: Snapshots) => Snapshots['createSnapshot'],
  words: { readonly done: string; readonly missing: (uuid: string) => string },
): Command => ({
  name,
  usage: `${name} <uuid> <snapname>`,
  summary,
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const [, snapshot] = operands;
    if (snapshot === undefined || operands.length !== 2) throw usageError(`Wrong number of parameters to "${name}"`);
    const snapshots = await import('../../vm/snapshots.js');
    await sayingOfMissing(words.missing(uuid), () => operation(snapshots)(cli.context(), uuid, snapshot));
    cli.err(`${words.done} snapshot ${snapshot} for VM ${uuid}\n`);
    return 0;
  },
});

const notFound = (uuid: string) => `VM ${uuid} not found`;

export const createSnapshot = command(
  'create-snapshot',
  "takes a snapshot of a VM's root",
  (all) => all.createSnapshot,
  {
    done: 'Created',
    missing: notFound,
  },
);

export const deleteSnapshot = command('delete-snapshot', 'removes a snapshot', (all) => all.deleteSnapshot, {
  done: 'Deleted',
  missing: notFound,
});

export const rollbackSnapshot = command(
  'rollback-snapshot',
  'takes a VM back to a snapshot and starts it',
  (all) => all.rollbackSnapshot,
  { done: 'Rolled back', missing: () => notFoundStatus },
);
