/** Datasets as users see them, from what libzfs tells: names, figures, properties. */
import type { Dataset } from '../datasets.js';
import type { NativeDataset, NativeProperty, NativePropertyQuery } from '../native-zfs.js';

/** What can be set, as zfs(8) of illumos has it; what this system lacks is left out when it is asked. */
const settable = [
  'aclinherit', 'aclmode', 'atime', 'canmount', 'checksum', 'compression', 'copies', 'dedup', 'devices', 'exec',
  'filesystem_limit', 'logbias', 'mountpoint', 'nbmand', 'primarycache', 'quota', 'readonly', 'recordsize',
  'redundant_metadata', 'refquota', 'refreservation', 'reservation', 'secondarycache', 'setuid', 'snapdir', 'snapshot_limit',
  'special_small_blocks', 'sync', 'volblocksize', 'volsize', 'vscan', 'xattr', 'zoned',
]; // prettier-ignore
const told = ['available', 'creation', 'guid', 'mounted', 'origin', 'referenced', 'used', 'written'];

/** All that {@link describe} needs. */
export const describing: NativePropertyQuery = { properties: [...settable, ...told], userProperties: true };

/** Values that stand for none. */
const unset: Readonly<Record<string, string>> = {
  quota: '0', refquota: '0', reservation: '0', refreservation: '0',
  filesystem_limit: '18446744073709551615', snapshot_limit: '18446744073709551615',
}; // prettier-ignore

/** `at` says where the paths and devices of the system lie. */
export function describe({ name, type, properties }: NativeDataset, at: (path: string) => string): Dataset {
  const bytes = (property: string) => Number(properties[property]?.value ?? 0);
  const limit = (property: string) => (bytes(property) === 0 ? undefined : bytes(property));
  const mountpoint = properties['mountpoint']?.value ?? '';
  const isMounted = properties['mounted']?.value === 'yes' && mountpoint.startsWith('/');
  const isSnapshot = type === 'snapshot' || type === 'bookmark';
  return {
    name,
    type: type === 'bookmark' ? 'snapshot' : type,
    mountpoint: isMounted ? at(mountpoint) : undefined,
    device: type === 'volume' ? at(`/dev/zvol/rdsk/${name}`) : undefined,
    origin: properties['origin']?.value,
    creation: bytes('creation'),
    guid: BigInt(properties['guid']?.value ?? 0),
    usedBytes: bytes('used'),
    availableBytes: bytes('available'),
    referencedBytes: bytes('referenced'),
    quotaBytes: limit('quota'),
    reservationBytes: limit('reservation') ?? limit('refreservation'),
    volsizeBytes: properties['volsize'] === undefined ? undefined : bytes('volsize'),
    properties: ownProperties(type, properties),
    ...(isSnapshot ? { writtenBytes: bytes('written') } : {}),
  };
}

function ownProperties(
  type: NativeDataset['type'],
  properties: Readonly<Record<string, NativeProperty>>,
): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, { value, source }] of Object.entries(properties)) {
    const isShape = type === 'volume' && (name === 'volsize' || name === 'volblocksize');
    const isOwn = source === 'local' || source === 'received';
    if (isShape || (isOwn && unset[name] !== value)) own[name] = value;
  }
  return own;
}

/** In the order of names, each dataset before its snapshots, which stay as they are. */
export function inOrder(list: readonly NativeDataset[]): readonly NativeDataset[] {
  const keyed = list.map((dataset) => ({ dataset, key: dataset.name.split('@')[0] ?? '' }));
  keyed.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
  return keyed.map(({ dataset }) => dataset);
}
