/** Sends snapshots as ZFS send streams: whole, or what they add to an earlier one. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseSnapshot } from '../dataset-names.js';
import type { SendOptions } from '../datasets.js';
import { hostError } from '../errors.js';
import { writeStream } from '../zfs-stream/write-stream.js';
import { datasetOf, originAt, snapshotsIn } from './dataset-branch.js';
import { locateSnapshot } from './dataset-lookup.js';
import { ledgerOf } from './dataset-receive.js';
import { volumeFile, type TreeNode } from './dataset-tree.js';
import type { OpenPool } from './pool.js';

/** A dataset and its last snapshot that what is sent comes from. */
interface Ancestor {
  readonly dataset: TreeNode;
  readonly snapshot: TreeNode;
}

export async function sendDataset(pool: OpenPool, given: string, { from, signal }: SendOptions): Promise<Readable> {
  const name = parseSnapshot(given);
  if (name.components.length === 0) throw hostError('InvalidName', `cannot send ${given}: it is a pool`);
  const sent = await locateSnapshot(pool, name);
  const ancestry = await ancestryOf(pool, sent);
  const base = from === undefined ? undefined : await findBase(pool, given, from, ancestry);
  const received = await findReceived(pool, ancestry);
  if (base !== undefined) requireKnown(given, base, received, ancestry);
  const { record } = sent.snapshot;
  const contentOf = ({ path }: TreeNode): string => (record.volume === undefined ? path : join(path, volumeFile));
  return writeStream(
    {
      name: sent.snapshot.name,
      guid: record.guid,
      creation: record.creation,
      path: contentOf(sent.snapshot),
      volume: record.volume,
      from: base && {
        guid: base.snapshot.record.guid,
        path: contentOf(base.snapshot),
        ofClone: base.dataset.record.id !== sent.dataset.record.id,
      },
      received: received?.snapshot && {
        path: contentOf(received.snapshot),
        ledger: ledgerOf(pool, received.snapshot.subvolume),
      },
    },
    signal,
  );
}

/** The snapshot itself, then what its dataset was cloned from, and so on. */
async function ancestryOf(pool: OpenPool, sent: Ancestor): Promise<readonly Ancestor[]> {
  const found = [sent];
  for (let at = sent.dataset; at.record.origin !== undefined;) {
    const snapshot = await originAt(pool, at.record.origin);
    const dataset = snapshot === undefined ? undefined : await datasetOf(pool, snapshot.record.id);
    if (snapshot === undefined || dataset === undefined) break;
    found.push({ dataset, snapshot });
    at = dataset;
  }
  return found;
}

async function findBase(pool: OpenPool, given: string, from: string, ancestry: readonly Ancestor[]): Promise<Ancestor> {
  const base = await locateSnapshot(pool, parseSnapshot(from));
  const of = ancestry.find(({ dataset }) => dataset.record.id === base.dataset.record.id);
  const isEarlier = of !== undefined && base.snapshot.subvolume <= of.snapshot.subvolume;
  if (!isEarlier || base.snapshot.subvolume === ancestry[0]?.snapshot.subvolume) {
    throw hostError('InvalidName', `cannot send ${given} from ${from}: that is no earlier snapshot of it`);
  }
  return base;
}

/** Where the numbers of objects come from: a snapshot that was received. `snapshot` is undefined when it is gone. */
interface Received {
  readonly dataset: TreeNode;
  readonly snapshot: TreeNode | undefined;
}

async function findReceived(pool: OpenPool, ancestry: readonly Ancestor[]): Promise<Received | undefined> {
  for (const { dataset } of ancestry) {
    if (dataset.record.received === undefined) continue;
    const snapshots = await snapshotsIn(pool, dataset);
    const snapshot = snapshots.find(({ record }) => record.guid === dataset.record.received);
    const kept = snapshot !== undefined && (await exists(ledgerOf(pool, snapshot.subvolume)));
    return { dataset, snapshot: kept ? snapshot : undefined };
  }
  return undefined;
}

/** Throws `StreamUnsupported` unless base and what is sent both have the numbers of `received`. */
function requireKnown(
  given: string,
  base: Ancestor,
  received: Received | undefined,
  ancestry: readonly Ancestor[],
): void {
  if (received === undefined) return;
  const { snapshot } = received;
  if (snapshot === undefined) {
    throw hostError(
      'StreamUnsupported',
      `cannot send ${given} from ${base.snapshot.name}: the snapshot that ${received.dataset.name} was received as is gone`,
    );
  }
  const level = (id: bigint): number => ancestry.findIndex(({ dataset }) => dataset.record.id === id);
  const [baseLevel, receivedLevel] = [level(base.dataset.record.id), level(received.dataset.record.id)];
  if (baseLevel < receivedLevel) return;
  if (baseLevel === receivedLevel && base.snapshot.subvolume >= snapshot.subvolume) return;
  throw hostError(
    'StreamUnsupported',
    `cannot send ${given} from ${base.snapshot.name}: ${snapshot.name}, which came in between, was received`,
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
