/**
 * Datasets with real state and no btrfs: names, properties, origins and snapshots in memory, contents in plain folders
 * that are copied where a real host would share them. Quotas are kept but not enforced on who writes.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import {
  isWithin,
  levelsBelow,
  parentOf,
  parseDataset,
  parseDatasetName,
  parseSnapshot,
} from '../../lib/host/dataset-names.js';
import { bytesOf, checkProperties, checkVolsize, defaultVolblocksize } from '../../lib/host/dataset-properties.js';
import type {
  Dataset,
  DatasetQuery,
  Datasets,
  ReceiveOptions,
  ReceiveResult,
  SendOptions,
} from '../../lib/host/datasets.js';
import { hostError } from '../../lib/host/errors.js';
import { receiveStream, type StreamHeader } from '../../lib/host/zfs-stream/receive.js';
import { writeStream } from '../../lib/host/zfs-stream/write-stream.js';
import type { Readable } from 'node:stream';

export interface FakeDatasets extends Datasets {
  /** Makes the next call of `method` throw `error`. */
  failNext(method: keyof Datasets, error: Error): void;
}

export interface FakeDatasetsOptions {
  /** Where the folders lie: `at('/zones/U')`. */
  readonly at: (absolutePath: string) => string;
  readonly pools?: readonly string[];
  readonly poolBytes?: number;
}

interface Entry {
  name: string;
  readonly type: 'filesystem' | 'volume';
  guid: bigint;
  readonly creation: number;
  readonly origin: SnapshotEntry | undefined;
  baseBytes: number;
  volsizeBytes: number | undefined;
  properties: Record<string, string>;
  snapshots: SnapshotEntry[];
}

interface SnapshotEntry {
  readonly of: Entry;
  name: string;
  readonly guid: bigint;
  readonly creation: number;
  readonly bytes: number;
  readonly volsizeBytes: number | undefined;
  properties: Record<string, string>;
  readonly folder: string;
}

/** Copies a file, or what is in a folder into another, special files included. */
function copy(from: string, to: string): void {
  const isFolder = lstatSync(from).isDirectory();
  if (isFolder) mkdirSync(to, { recursive: true });
  const { status, stderr } = spawnSync('cp', ['-aT', from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

const hidden = '.smartadm';
const volumeFile = 'disk.raw';
let lastGuid = 1000n;

/** One pool `zones` of 1 TiB, unless told otherwise. */
export function fakeDatasets(options: FakeDatasetsOptions): FakeDatasets {
  const { at, pools = ['zones'], poolBytes = 2 ** 40 } = options;
  const entries = new Map<string, Entry>();
  const faults = new Map<string, Error>();
  let copies = 0;

  for (const pool of pools) addEntry(pool, 'filesystem', {});

  function folderOf(name: string): string {
    return at(`/${name}`);
  }

  function newFolder(pool: string): string {
    copies += 1;
    return join(folderOf(pool), hidden, String(copies));
  }

  function addEntry(name: string, type: Entry['type'], more: Partial<Entry>): Entry {
    lastGuid += 1n;
    const entry: Entry = {
      name, type, guid: lastGuid, creation: Math.floor(Date.now() / 1000), origin: undefined, baseBytes: 0,
      volsizeBytes: undefined, properties: {}, snapshots: [], ...more,
    }; // prettier-ignore
    mkdirSync(folderOf(name), { recursive: true });
    entries.set(name, entry);
    return entry;
  }

  function need(name: string): Entry {
    const entry = entries.get(name);
    if (entry === undefined) throw hostError('DatasetNotFound', `dataset ${name} does not exist`);
    return entry;
  }

  function needSnapshot(given: string): SnapshotEntry {
    const { dataset, snapshot } = parseSnapshot(given);
    const found = entries.get(dataset)?.snapshots.find(({ name }) => name === snapshot);
    if (found === undefined) throw hostError('DatasetNotFound', `snapshot ${given} does not exist`);
    return found;
  }

  function requirePlace(given: string): void {
    const { dataset, pool, components } = parseDataset(given);
    if (components[0] === hidden) throw hostError('InvalidName', `"${given}" is taken`);
    if (!entries.has(pool)) throw hostError('PoolNotFound', `there is no pool "${pool}" on this host`);
    if (entries.has(dataset)) throw hostError('DatasetExists', `cannot create ${given}: dataset already exists`);
    const parent = entries.get(parentOf(dataset) ?? '');
    if (parent?.type !== 'filesystem') {
      throw hostError('DatasetNotFound', `cannot create ${given}: parent ${parentOf(dataset)} does not exist`);
    }
    const folder = folderOf(dataset);
    if (!existsSync(folder)) return;
    if (readdirSync(folder).length > 0) throw hostError('DatasetExists', `cannot create ${given}: there is a folder`);
  }

  const below = (root: string): Entry[] => [...entries.values()].filter(({ name }) => isWithin(name, root));
  const clonesOf = (snapshots: readonly SnapshotEntry[]): Entry[] =>
    [...entries.values()].filter(({ origin }) => snapshots.some((snapshot) => snapshot === origin));

  /** Bytes of the files of a dataset, without those of datasets inside it. */
  function bytesIn(name: string): number {
    const inside = [...entries.keys()].filter((each) => parentOf(each) === name);
    const left = new Set([...inside.map((each) => each.slice(name.length + 1)), hidden]);
    // Names in streams need not be text.
    const sum = (folder: Buffer, top: boolean): number =>
      readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }).reduce((bytes, entry) => {
        if (top && left.has(entry.name.toString())) return bytes;
        const path = Buffer.concat([folder, Buffer.from('/'), entry.name]);
        if (entry.isDirectory()) return bytes + sum(path, false);
        return entry.isFile() ? bytes + statSync(path).blocks * 512 : bytes;
      }, 0);
    return sum(Buffer.from(folderOf(name)), true);
  }

  /** Copies a dataset's own files. */
  function copyOut(entry: Entry, to: string): void {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(folderOf(entry.name))) {
      if (!entries.has(`${entry.name}/${name}`) && name !== hidden)
        copy(join(folderOf(entry.name), name), join(to, name));
    }
  }

  function addSnapshot(of: Entry, name: string, more: Partial<SnapshotEntry>): void {
    const folder = newFolder(of.name.split('/')[0] ?? '');
    copyOut(of, folder);
    lastGuid += 1n;
    of.snapshots.push({
      of, name, guid: lastGuid, creation: Math.floor(Date.now() / 1000), bytes: bytesIn(of.name),
      volsizeBytes: of.volsizeBytes, properties: {}, folder, ...more,
    }); // prettier-ignore
  }

  function describe(): Dataset[] {
    const sorted = [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const used = (name: string): number =>
      below(name).reduce((sum, entry) => sum + Math.max(0, bytesIn(entry.name) - entry.baseBytes), 0);
    return sorted.flatMap((entry): Dataset[] => {
      const { name, type, properties, volsizeBytes, origin } = entry;
      const usedBytes = used(name);
      const quotaBytes = bytesOf(properties['quota']);
      const blocks = volsizeBytes === undefined ? {} : { volsize: String(volsizeBytes), volblocksize: '8192' };
      let before = origin?.bytes ?? 0;
      return [
        {
          name, type, creation: entry.creation, guid: entry.guid, usedBytes, quotaBytes, volsizeBytes,
          mountpoint: type === 'filesystem' ? folderOf(name) : undefined,
          device: type === 'volume' ? join(folderOf(name), volumeFile) : undefined,
          origin: origin !== undefined ? `${origin.of.name}@${origin.name}` : undefined,
          availableBytes: Math.max(0, Math.min(poolBytes, quotaBytes ?? Infinity) - usedBytes),
          referencedBytes: bytesIn(name),
          reservationBytes: bytesOf(properties['reservation']) ?? bytesOf(properties['refreservation']),
          properties: { ...blocks, ...properties },
        },
        ...entry.snapshots.map((snapshot): Dataset => {
          const writtenBytes = Math.max(0, snapshot.bytes - before);
          before = snapshot.bytes;
          return {
            name: `${name}@${snapshot.name}`, type: 'snapshot', mountpoint: undefined, device: undefined, origin: undefined,
            creation: snapshot.creation, guid: snapshot.guid, usedBytes: 0, availableBytes: 0,
            referencedBytes: snapshot.bytes, quotaBytes: undefined, reservationBytes: undefined,
            volsizeBytes: snapshot.volsizeBytes, properties: { ...snapshot.properties }, content: snapshot.folder,
            writtenBytes,
          };
        }),
      ]; // prettier-ignore
    });
  }

  function list({ root, types, depth }: DatasetQuery = {}): Dataset[] {
    if (root !== undefined) parseDatasetName(root);
    return describe().filter(
      ({ name, type }) =>
        (root === undefined || (isWithin(name, root) && (depth === undefined || levelsBelow(name, root) <= depth))) &&
        (types === undefined || types.includes(type)),
    );
  }

  function withReservation(name: string, set: Record<string, string>, volsize: number | undefined) {
    if (set['refreservation'] !== 'auto') return set;
    if (volsize === undefined) throw hostError('InvalidProperty', `only volumes have "auto", ${name} is none`);
    return { ...set, refreservation: String(volsize) };
  }

  function create(name: string, properties: Readonly<Record<string, string>>, volsize: number | undefined): void {
    const type = volsize === undefined ? 'filesystem' : 'volume';
    parseDataset(name);
    const { set } = checkProperties(name, type, properties, true);
    if (volsize !== undefined) checkVolsize(name, volsize, bytesOf(set['volblocksize']) ?? defaultVolblocksize);
    requirePlace(name);
    addEntry(name, type, { volsizeBytes: volsize, properties: withReservation(name, set, volsize) });
    if (volsize === undefined) return;
    writeFileSync(join(folderOf(name), volumeFile), '');
    truncateSync(join(folderOf(name), volumeFile), volsize);
  }

  function snapshot(given: string, properties: Readonly<Record<string, string>>): void {
    const { dataset, snapshot: name } = parseSnapshot(given);
    const { set } = checkProperties(given, 'snapshot', properties);
    const entry = need(dataset);
    if (entry.snapshots.some((each) => each.name === name)) {
      throw hostError('DatasetExists', `cannot create snapshot ${given}: dataset already exists`);
    }
    addSnapshot(entry, name, { properties: set });
  }

  function clone(from: string, name: string, properties: Readonly<Record<string, string>>): void {
    const source = parseSnapshot(from);
    if (source.pool !== parseDataset(name).pool) throw hostError('InvalidName', `${name} is in another pool`);
    const origin = needSnapshot(from);
    const { type } = origin.of;
    const { set } = checkProperties(name, type, properties);
    const volsizeBytes = bytesOf(set['volsize']) ?? origin.volsizeBytes;
    delete set['volsize'];
    if (volsizeBytes !== undefined) checkVolsize(name, volsizeBytes, defaultVolblocksize);
    requirePlace(name);
    addEntry(name, type, {
      origin, volsizeBytes, baseBytes: origin.bytes, properties: withReservation(name, set, volsizeBytes),
    }); // prettier-ignore
    copy(origin.folder, folderOf(name));
    if (volsizeBytes !== undefined) truncateSync(join(folderOf(name), volumeFile), volsizeBytes);
  }

  function destroy(given: string, recursive: boolean): void {
    const { dataset, snapshot: name, components } = parseDatasetName(given);
    const entry = entries.get(dataset);
    if (name !== undefined) {
      const found = needSnapshot(given);
      refuseClones(given, [found], []);
      found.of.snapshots = found.of.snapshots.filter((each) => each !== found);
      rmSync(found.folder, { recursive: true, force: true });
      return;
    }
    if (components.length === 0 && entry !== undefined) throw hostError('InvalidName', `${given} is a pool`);
    need(dataset);
    const all = below(dataset);
    const snapshots = all.flatMap((each) => each.snapshots);
    if (!recursive && all.length + snapshots.length > 1) {
      const children = all.slice(1).map(({ name: child }) => child);
      throw hostError('DatasetHasChildren', `cannot destroy ${given}: dataset has children: ${children.join(', ')}`);
    }
    refuseClones(given, snapshots, all);
    for (const each of all) entries.delete(each.name);
    for (const each of snapshots) rmSync(each.folder, { recursive: true, force: true });
    rmSync(folderOf(dataset), { recursive: true, force: true });
  }

  function refuseClones(given: string, snapshots: readonly SnapshotEntry[], removed: readonly Entry[]): void {
    const clones = clonesOf(snapshots).filter((each) => !removed.includes(each));
    if (clones.length === 0) return;
    const names = clones.map(({ name }) => name).join(', ');
    throw hostError('DatasetBusy', `cannot destroy ${given}: it has dependent clones: ${names}`);
  }

  function rename(from: string, to: string): void {
    const source = parseDatasetName(from);
    const refuse = (why: string) => hostError('InvalidName', `cannot rename ${from} to ${to}: ${why}`);
    if (source.snapshot !== undefined) {
      const target = parseSnapshot(to);
      if (source.dataset !== target.dataset) throw refuse('a snapshot stays with its dataset');
      const found = needSnapshot(from);
      if (found.of.snapshots.some(({ name }) => name === target.snapshot)) {
        throw hostError('DatasetExists', `cannot create ${to}: dataset already exists`);
      }
      found.name = target.snapshot;
      return;
    }
    const target = parseDataset(to);
    if (source.pool !== target.pool) throw refuse('they are in different pools');
    if (source.components.length === 0 || target.components.length === 0) throw refuse('a pool keeps its name');
    if (from !== to && isWithin(to, from)) throw refuse('a dataset cannot lie inside itself');
    need(from);
    requirePlace(to);
    const moved = below(from);
    rmSync(folderOf(to), { recursive: true, force: true });
    mkdirSync(dirname(folderOf(to)), { recursive: true });
    renameSync(folderOf(from), folderOf(to));
    for (const entry of moved) {
      entries.delete(entry.name);
      entry.name = to + entry.name.slice(from.length);
      entries.set(entry.name, entry);
    }
  }

  function set(given: string, properties: Readonly<Record<string, string | null>>): void {
    const isSnapshot = parseDatasetName(given).snapshot !== undefined;
    const entry = isSnapshot ? needSnapshot(given) : need(given);
    const changes = checkProperties(given, 'of' in entry ? 'snapshot' : entry.type, properties);
    const [now] = list({ root: given, depth: 0 });
    const refquota = bytesOf(entry.properties['refquota']) ?? Infinity;
    for (const each of ['quota', 'refquota', 'reservation', 'refreservation'] as const) {
      const bytes = bytesOf(changes.set[each]);
      if (bytes === undefined || now === undefined) continue;
      const room = Math.min(now.usedBytes + now.availableBytes, each === 'refreservation' ? refquota : Infinity);
      const fits = each.endsWith('reservation') ? bytes <= room : bytes >= now.usedBytes;
      if (!fits) throw hostError('NoSpace', `cannot set property "${each}" of ${given}: it does not fit`);
    }
    const kept = Object.fromEntries(Object.entries(entry.properties).filter(([name]) => !changes.clear.includes(name)));
    // As on ZFS, it follows the size.
    if (kept['refreservation'] === String(entry.volsizeBytes)) kept['refreservation'] = 'auto';
    if (!('of' in entry) && changes.set['volsize'] !== undefined) {
      const bytes = bytesOf(changes.set['volsize']) ?? 0;
      checkVolsize(given, bytes, defaultVolblocksize);
      entry.volsizeBytes = bytes;
      truncateSync(join(folderOf(given), volumeFile), bytes);
      delete changes.set['volsize'];
    }
    const merged = { ...kept, ...changes.set };
    entry.properties = 'of' in entry ? merged : withReservation(given, merged, entry.volsizeBytes);
  }

  function rollback(given: string): void {
    const target = needSnapshot(given);
    const entry = target.of;
    if (pools.includes(entry.name)) throw hostError('DatasetBusy', `cannot roll back ${entry.name}: it is a pool`);
    const at = entry.snapshots.indexOf(target);
    const later = entry.snapshots.slice(at + 1);
    refuseClones(given, later, []);
    for (const each of later) rmSync(each.folder, { recursive: true, force: true });
    entry.snapshots = entry.snapshots.slice(0, at + 1);
    for (const name of readdirSync(folderOf(entry.name))) {
      if (!entries.has(`${entry.name}/${name}`)) {
        rmSync(join(folderOf(entry.name), name), { recursive: true, force: true });
      }
    }
    copy(target.folder, folderOf(entry.name));
    entry.volsizeBytes = target.volsizeBytes;
  }

  async function receive(name: string, stream: Readable, given: ReceiveOptions): Promise<ReceiveResult> {
    requirePlace(name);
    const origin = given.origin === undefined ? undefined : needSnapshot(given.origin);
    const path = newFolder(parseDataset(name).pool);
    const open = (header: StreamHeader) => {
      if (header.fromGuid !== origin?.guid) {
        const builds = header.fromGuid === undefined ? 'is a full one' : `builds on guid ${header.fromGuid}`;
        throw hostError(
          'StreamInvalid',
          `cannot receive ${name}: the stream ${builds}, the origin has ${origin?.guid}`,
        );
      }
      mkdirSync(path, { recursive: true });
      if (origin !== undefined) copy(origin.folder, path);
      return Promise.resolve({
        path: header.type === 'volume' ? join(path, volumeFile) : path,
        originLedger: origin === undefined ? undefined : `${origin.folder}.ledger`,
        ledger: `${path}.ledger`,
      });
    };
    try {
      const { header, losses, volsizeBytes } = await receiveStream(stream, open, given.signal);
      requirePlace(name);
      const entry = addEntry(name, header.type, {
        origin, volsizeBytes: volsizeBytes ?? header.volsizeBytes, baseBytes: origin?.bytes ?? 0,
      }); // prettier-ignore
      rmSync(folderOf(name), { recursive: true, force: true });
      renameSync(path, folderOf(name));
      addSnapshot(entry, header.snapshot, { guid: header.guid, creation: header.creation });
      renameSync(`${path}.ledger`, `${entry.snapshots[0]?.folder ?? path}.ledger`);
      return { snapshot: `${name}@${header.snapshot}`, type: header.type, losses };
    } catch (error) {
      for (const left of [path, `${path}.ledger`]) rmSync(left, { recursive: true, force: true });
      throw error;
    }
  }

  function send(given: string, { from, signal }: SendOptions): Readable {
    const sent = needSnapshot(given);
    const ancestry: SnapshotEntry[] = [];
    for (let at: SnapshotEntry | undefined = sent; at !== undefined; at = at.of.origin) ancestry.push(at);
    const base = from === undefined ? undefined : needSnapshot(from);
    const of = ancestry.find((each) => each.of === base?.of);
    const isEarlier = (one: SnapshotEntry, other: SnapshotEntry): boolean =>
      one.of.snapshots.indexOf(one) <= one.of.snapshots.indexOf(other);
    if (base !== undefined && (of === undefined || base === sent || !isEarlier(base, of))) {
      throw hostError('InvalidName', `cannot send ${given} from ${from}: that is no earlier snapshot of it`);
    }
    const content = ({ folder, volsizeBytes }: SnapshotEntry): string =>
      volsizeBytes === undefined ? folder : join(folder, volumeFile);
    const [received] = ancestry.flatMap((each) =>
      each.of.snapshots.filter(({ folder }) => existsSync(`${folder}.ledger`)),
    );
    return writeStream(
      {
        name: given, guid: sent.guid, creation: sent.creation, path: content(sent),
        volume: sent.volsizeBytes === undefined ? undefined : { sizeBytes: sent.volsizeBytes, blockBytes: defaultVolblocksize },
        from: base && { guid: base.guid, path: content(base), ofClone: base.of !== sent.of },
        received: received && { path: content(received), ledger: `${received.folder}.ledger` },
      }, // prettier-ignore
      signal,
    );
  }

  // Each in a microtask, as the real ones never answer at once.
  const run = async <T>(method: keyof Datasets, work: () => T | Promise<T>): Promise<T> => {
    await Promise.resolve();
    const fault = faults.get(method);
    faults.delete(method);
    if (fault !== undefined) throw fault;
    return work();
  };

  const describePool = (name: string) => ({
    name, driver: 'fake', sizeBytes: poolBytes, freeBytes: poolBytes, mountpoint: folderOf(name),
  }); // prettier-ignore

  return {
    failNext: (method, error) => void faults.set(method, error),
    pools: () => run('pools', () => pools.map(describePool)),
    ensurePool: (name) =>
      run('ensurePool', () => {
        if (pools.includes(name)) return describePool(name);
        throw hostError('PoolNotFound', `there is no pool ${JSON.stringify(name)} on this host`);
      }),
    list: (query) => run('list', () => list(query)),
    find: (name) => run('find', () => list({ root: name, depth: 0 })[0]),
    create: (name, properties = {}, volsize) => run('create', () => { create(name, properties, volsize); }),
    snapshot: (name, properties = {}) => run('snapshot', () => { snapshot(name, properties); }),
    clone: (from, name, properties = {}) => run('clone', () => { clone(from, name, properties); }),
    destroy: (name, { recursive = false } = {}) => run('destroy', () => { destroy(name, recursive); }),
    rename: (from, to) => run('rename', () => { rename(from, to); }),
    set: (name, properties) => run('set', () => { set(name, properties); }),
    rollback: (given) => run('rollback', () => { rollback(given); }),
    send: (snapshot, given = {}) => run('send', () => send(snapshot, given)),
    receive: (name, stream, given = {}) => run('receive', () => receive(name, stream, given)),
  }; // prettier-ignore
}
