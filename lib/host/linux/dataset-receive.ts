/** Receives ZFS send streams: out of sight until the last byte is checked, then dataset and snapshot appear together. */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Log } from '../../log.js';
import { parseDataset, parseSnapshot, type DatasetName } from '../dataset-names.js';
import { defaultVolblocksize } from '../dataset-properties.js';
import type { ReceiveOptions, ReceiveResult } from '../datasets.js';
import { hostError } from '../errors.js';
import { loadNative } from '../native.js';
import { receiveStream, type StreamHeader, type StreamResult } from '../zfs-stream/receive.js';
import { compressBy, effectiveMethod } from './dataset-compression.js';
import { undoing } from './dataset-failures.js';
import { locateSnapshot, snapshotFolder } from './dataset-lookup.js';
import { newSubvolume, place, requireOrigin, requirePlace, snapshotInto } from './dataset-make.js';
import { ensureQgroup, removeQgroup } from './dataset-quotas.js';
import { formatRecord, newGuid, now, recordAttribute, type DatasetRecord } from './dataset-records.js';
import { buildSnapshot, placeSnapshot, type NewSnapshot } from './dataset-snapshots.js';
import { volumeFile, type TreeNode } from './dataset-tree.js';
import { changingPool, discard, discardSnapshot, newWork } from './dataset-work.js';
import { ledgersFolder, type OpenPool } from './pool.js';

interface Origin {
  readonly dataset: TreeNode;
  readonly snapshot: TreeNode;
  readonly name: string;
}

/** What has been received so far: the dataset in the working folder, without its final record. */
interface Received {
  readonly id: bigint;
  readonly method: string;
}

/** Makes `given` and a snapshot of it from a stream. */
export async function receiveDataset(
  pool: OpenPool,
  log: Log,
  given: string,
  stream: Readable,
  { origin: originName, signal }: ReceiveOptions,
): Promise<ReceiveResult> {
  const name = parseDataset(given);
  const parents = await requirePlace(pool, name);
  const origin = originName === undefined ? undefined : await findOrigin(pool, name, originName);
  const path = await newWork(pool);
  const ledger = `${path}.ledger`;
  let received: Received | undefined;
  let snapshot: NewSnapshot | undefined;
  try {
    const open = async (header: StreamHeader) => {
      checkOrigin(given, header, origin);
      parseSnapshot(`${given}@${header.snapshot}`);
      received = await openTarget(path, header, origin, effectiveMethod({}, parents));
      return {
        path: header.type === 'volume' ? join(path, volumeFile) : path,
        originLedger: origin === undefined ? undefined : ledgerOf(pool, origin.snapshot.subvolume),
        ledger,
      };
    };
    const result = await receiveStream(stream, open, signal);
    signal?.throwIfAborted();
    if (received === undefined) throw hostError('StreamInvalid', `cannot receive ${given}: the stream has no content`);
    const record = await finish(pool, given, path, result, received, origin);
    snapshot = await buildSnapshot(pool, path, record, {
      guid: result.header.guid,
      creation: result.header.creation,
      properties: {},
    });
    await rename(ledger, ledgerOf(pool, snapshot.subvolume));
    await loadNative('btrfs').sync(pool.top);
    await publish(pool, log, name, { path, record }, snapshot, result.header.snapshot, origin);
    const { header, losses } = result;
    return { snapshot: `${given}@${header.snapshot}`, type: header.type, losses };
  } catch (error) {
    return undoing(error, async () => {
      if (snapshot !== undefined) {
        await discard(snapshot.path);
        await rm(ledgerOf(pool, snapshot.subvolume), { force: true });
      }
      await discard(path);
      await discard(ledger);
      if (received !== undefined) await removeQgroup(pool, received.id);
    });
  }
}

/**
 * Which object of a stream became which entry of the tree: kept for increments that build on the snapshot, and for those
 * that are made of what was made from it.
 */
export function ledgerOf(pool: OpenPool, snapshot: bigint): string {
  return join(pool.top, ledgersFolder, String(snapshot));
}

async function findOrigin(pool: OpenPool, name: DatasetName, given: string): Promise<Origin> {
  const parsed = parseSnapshot(given);
  if (parsed.pool !== name.pool) {
    throw hostError('InvalidName', `cannot receive ${name.dataset}: its origin ${given} is in another pool`);
  }
  return { ...(await locateSnapshot(pool, parsed)), name: parsed.snapshot };
}

/** Throws `StreamInvalid` unless the stream builds on `origin`, or on nothing where there is none. */
function checkOrigin(given: string, header: StreamHeader, origin: Origin | undefined): void {
  const refuse = (why: string) => hostError('StreamInvalid', `cannot receive ${given}: ${why}`);
  if (origin === undefined) {
    if (header.fromGuid === undefined) return;
    throw refuse(`the stream builds on a snapshot with guid ${header.fromGuid}, and no origin is given`);
  }
  const { name, record } = origin.snapshot;
  if (header.fromGuid === undefined) throw refuse(`the stream is a full one, which does not build on ${name}`);
  if (header.fromGuid !== record.guid) {
    throw refuse(`the stream builds on a snapshot with guid ${header.fromGuid}, ${name} has guid ${record.guid}`);
  }
  if (header.type !== origin.dataset.record.type) {
    throw refuse(`the stream holds a ${header.type}, ${name} is of a ${origin.dataset.record.type}`);
  }
}

async function openTarget(
  path: string,
  header: StreamHeader,
  origin: Origin | undefined,
  method: string,
): Promise<Received> {
  const id =
    origin === undefined ? await newSubvolume(path, header.type) : await snapshotInto(origin.snapshot.path, path);
  await compressBy(path, method, origin?.snapshot.record.method ?? '');
  return { id, method };
}

/** Makes a dataset of what the stream has left in the working folder. */
async function finish(
  pool: OpenPool,
  given: string,
  path: string,
  { header, volsizeBytes }: StreamResult,
  { id, method }: Received,
  origin: Origin | undefined,
): Promise<DatasetRecord> {
  const sizeBytes = volsizeBytes ?? header.volsizeBytes;
  if (header.type === 'volume' && sizeBytes === undefined) {
    throw hostError('StreamInvalid', `cannot receive ${given}: the stream does not tell the size of the volume`);
  }
  const record: DatasetRecord = {
    self: id, id, type: header.type, guid: newGuid(), creation: now(), origin: origin?.snapshot.subvolume,
    received: header.guid, method,
    baseBytes: origin?.snapshot.record.baseBytes ?? 0, properties: {},
    volume: header.type === 'volume' ? { sizeBytes: sizeBytes ?? 0, blockBytes: defaultVolblocksize } : undefined,
  }; // prettier-ignore
  await loadNative('btrfs').setAttribute(path, recordAttribute, formatRecord(record, given));
  await ensureQgroup(pool, { subvolume: id, record });
  return record;
}

async function publish(
  pool: OpenPool,
  log: Log,
  name: DatasetName,
  dataset: { readonly path: string; readonly record: DatasetRecord },
  snapshot: NewSnapshot,
  snapshotName: string,
  origin: Origin | undefined,
): Promise<void> {
  const { path, record } = dataset;
  await changingPool(pool, log, async () => {
    if (origin !== undefined) await requireOrigin(pool, origin.dataset, origin.snapshot, origin.name);
    const full = { ...name, snapshot: snapshotName };
    // Cut off in between, the snapshot goes with the dataset in the working folder.
    await placeSnapshot(pool, full, snapshot);
    try {
      await place(pool, name, { name: name.dataset, path, subvolume: record.self, readOnly: false, record });
    } catch (error) {
      const placed = join(snapshotFolder(pool, record.id), snapshotName);
      await undoing(error, () => discardSnapshot(pool, { path: placed, subvolume: snapshot.subvolume }));
    }
  });
}
