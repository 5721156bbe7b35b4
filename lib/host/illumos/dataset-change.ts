/** Makes, clones, moves and removes datasets by libzfs, and sets their properties. */
import { isWithin, parseDataset, parseDatasetName, parseSnapshot } from '../dataset-names.js';
import { checkProperties, checkVolsize, defaultVolblocksize } from '../dataset-properties.js';
import { hostError } from '../errors.js';
import type { NativeZfsLibrary } from '../native-zfs.js';
import { whileDoing } from './dataset-failures.js';
import { requireDataset, requirePlace } from './dataset-place.js';

type Properties = Readonly<Record<string, string>>;

/** What takes the place of an inherited value, where zfs(8) inherits none. */
const withoutInheritance: Properties = {
  quota: 'none', refquota: 'none', reservation: 'none', refreservation: 'none', filesystem_limit: 'none',
  snapshot_limit: 'none', canmount: 'on',
}; // prettier-ignore

/** A mountpoint that holds files is one that is taken. */
const mounting = { EZFS_MOUNTFAILED: 'DatasetExists' } as const;

export async function createDataset(
  zfs: NativeZfsLibrary,
  given: string,
  properties: Properties,
  volsizeBytes: number | undefined,
): Promise<void> {
  const name = parseDataset(given);
  const type = volsizeBytes === undefined ? 'filesystem' : 'volume';
  const { set } = checkProperties(given, type, properties, true);
  if (volsizeBytes !== undefined) {
    checkVolsize(given, volsizeBytes, Number(set['volblocksize'] ?? defaultVolblocksize));
    set['volsize'] = String(volsizeBytes);
  }
  await requirePlace(zfs, name);
  await whileDoing(`cannot create ${given}`, () => zfs.create(given, type, set), mounting);
}

export async function takeSnapshot(zfs: NativeZfsLibrary, given: string, properties: Properties): Promise<void> {
  const name = parseSnapshot(given);
  const { set } = checkProperties(given, 'snapshot', properties);
  await requireDataset(zfs, name.dataset);
  await whileDoing(`cannot create snapshot ${given}`, () => zfs.snapshot([given], set));
}

export async function cloneDataset(
  zfs: NativeZfsLibrary,
  snapshot: string,
  given: string,
  properties: Properties,
): Promise<void> {
  const source = parseSnapshot(snapshot);
  const name = parseDataset(given);
  await requireDataset(zfs, snapshot);
  const doing = `cannot clone ${snapshot} to ${given}`;
  const origin = await whileDoing(doing, () => zfs.get(source.dataset, { properties: ['volblocksize'] }));
  const type = origin.type === 'volume' ? 'volume' : 'filesystem';
  const { set } = checkProperties(given, type, properties, true);
  const block = origin.properties['volblocksize']?.value ?? defaultVolblocksize;
  if (set['volsize'] !== undefined) checkVolsize(given, Number(set['volsize']), Number(block));
  await requirePlace(zfs, name);
  await whileDoing(doing, () => zfs.clone(snapshot, given, set), mounting);
}

export async function destroyDataset(zfs: NativeZfsLibrary, given: string, recursive: boolean): Promise<void> {
  const { dataset, components, snapshot } = parseDatasetName(given);
  if (components.length === 0 && snapshot === undefined) {
    throw hostError('InvalidName', `cannot destroy ${given}: it is a pool`);
  }
  await requireDataset(zfs, given);
  const doing = `cannot destroy ${given}`;
  const dependents = await whileDoing(doing, () => zfs.dependents(given));
  const isBelow = (name: string) => snapshot === undefined && isWithin(name, dataset);
  const below = dependents.filter(isBelow);
  const clones = dependents.filter((name) => !isBelow(name) && !name.includes('@'));
  if (!recursive && below.length > 0) {
    throw hostError('DatasetHasChildren', `${doing}: dataset has children: ${below.join(', ')}`);
  }
  if (clones.length > 0) throw hostError('DatasetBusy', `${doing}: it has dependent clones: ${clones.join(', ')}`);
  await whileDoing(doing, () => zfs.destroy(given, { recursive }), { EZFS_EXISTS: 'DatasetBusy' });
}

export async function renameDataset(zfs: NativeZfsLibrary, from: string, to: string): Promise<void> {
  const source = parseDatasetName(from);
  const doing = `cannot rename ${from} to ${to}`;
  const refuse = (why: string) => hostError('InvalidName', `${doing}: ${why}`);
  if (source.snapshot !== undefined) {
    const target = parseSnapshot(to);
    if (target.dataset !== source.dataset) throw refuse('a snapshot stays in its dataset');
    await requireDataset(zfs, from);
    if (await zfs.exists(to)) throw hostError('DatasetExists', `${doing}: snapshot ${to} already exists`);
    await whileDoing(doing, () => zfs.rename(from, to));
    return;
  }
  const target = parseDataset(to);
  if (source.pool !== target.pool) throw refuse('they are in different pools');
  if (source.components.length === 0 || target.components.length === 0) throw refuse('a pool keeps its name');
  if (from !== to && isWithin(to, from)) throw refuse('a dataset cannot lie inside itself');
  await requireDataset(zfs, from);
  await requirePlace(zfs, target);
  await whileDoing(doing, () => zfs.rename(from, to));
}

/** Sets properties; `null` takes one back to what is inherited or its default. */
export async function setProperties(
  zfs: NativeZfsLibrary,
  given: string,
  changes: Readonly<Record<string, string | null>>,
): Promise<void> {
  parseDatasetName(given);
  await requireDataset(zfs, given);
  const doing = `cannot set properties of ${given}`;
  const { type, properties } = await whileDoing(doing, () => zfs.get(given, { properties: ['volblocksize'] }));
  if (type === 'bookmark') throw hostError('InvalidName', `${doing}: it is a bookmark`);
  const { set, clear } = checkProperties(given, type, changes);
  const block = properties['volblocksize']?.value ?? defaultVolblocksize;
  if (set['volsize'] !== undefined) checkVolsize(given, Number(set['volsize']), Number(block));
  if (clear.includes('volsize')) throw hostError('InvalidProperty', `${doing}: a volume keeps a size`);
  const inherited = clear.filter((name) => withoutInheritance[name] === undefined);
  for (const name of clear) set[name] ??= withoutInheritance[name] ?? '';
  for (const name of inherited) Reflect.deleteProperty(set, name);
  await whileDoing(doing, async () => {
    await zfs.set(given, set);
    for (const name of inherited) await zfs.inherit(given, name);
  });
}

/** Takes a dataset back to a snapshot; later ones go, unless they have clones. */
export async function rollBack(zfs: NativeZfsLibrary, given: string): Promise<void> {
  const { dataset } = parseSnapshot(given);
  await requireDataset(zfs, given);
  const doing = `cannot roll back to ${given}`;
  await whileDoing(doing, async () => {
    const snapshots = await zfs.list({ root: dataset, depth: 1, types: ['snapshot'], properties: ['clones'] });
    const later = snapshots.slice(snapshots.findIndex(({ name }) => name === given) + 1);
    const clones = later.map(({ properties }) => properties['clones']?.value ?? '').filter((names) => names !== '');
    if (clones.length > 0) {
      throw hostError('DatasetBusy', `${doing}: later snapshots have clones: ${clones.join(', ')}`);
    }
    await zfs.rollback(given, { destroyNewer: true });
  }, { EEXIST: 'DatasetBusy' }); // prettier-ignore
}
