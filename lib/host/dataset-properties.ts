/** Properties of datasets as zfsprops(7) and zfsprops(8) of illumos define them: names, short names and values. */
import type { DatasetType } from './datasets.js';
import { hostError } from './errors.js';

/** Short forms that `zfs set` and column headings take. */
const shortNames: Readonly<Record<string, string>> = {
  compress: 'compression', recsize: 'recordsize', rdonly: 'readonly', reserv: 'reservation', refreserv: 'refreservation',
  volblock: 'volblocksize',
}; // prettier-ignore

type Kind = { readonly pattern: RegExp; readonly allowed: string };

const onOff: Kind = { pattern: /^(?:on|off)$/, allowed: '"on" or "off"' };
const oneOf = (...values: string[]): Kind => ({
  pattern: new RegExp(`^(?:${values.join('|')})$`),
  allowed: values.map((value) => JSON.stringify(value)).join(', '),
});

/** Sizes, kept as bytes; `none` and 0 lift them. */
const sizes = new Set(['quota', 'refquota', 'reservation', 'refreservation']);
/** Counts; `none` lifts them. */
const counts = new Set(['filesystem_limit', 'snapshot_limit']);
/** Powers of two, in bytes. */
const blockSizes = new Set(['recordsize', 'volblocksize']);

const settings: Readonly<Record<string, Kind>> = {
  compression: {
    pattern: /^(?:on|off|lz4|lzjb|zle|gzip(?:-[1-9])?|zstd(?:-fast)?(?:-\d{1,4})?)$/,
    allowed: '"on", "off", "lzjb", "gzip", "gzip-[1-9]", "zle", "lz4", "zstd" or "zstd-[1-19]"',
  },
  readonly: onOff, atime: onOff, relatime: onOff, devices: onOff, exec: onOff, setuid: onOff, zoned: onOff, nbmand: onOff,
  xattr: oneOf('on', 'off', 'sa', 'dir'), vscan: onOff, overlay: onOff,
  sync: oneOf('standard', 'always', 'disabled'),
  checksum: oneOf('on', 'off', 'fletcher2', 'fletcher4', 'sha256', 'sha512', 'skein', 'edonr', 'blake3', 'noparity'),
  copies: oneOf('1', '2', '3'),
  dedup: oneOf('on', 'off', 'verify', 'sha256', 'sha256,verify', 'sha512', 'sha512,verify', 'skein', 'skein,verify'),
  logbias: oneOf('latency', 'throughput'),
  primarycache: oneOf('all', 'none', 'metadata'), secondarycache: oneOf('all', 'none', 'metadata'),
  redundant_metadata: oneOf('all', 'most', 'some', 'none'),
  snapdir: oneOf('hidden', 'visible'), canmount: oneOf('on', 'off', 'noauto'),
  aclmode: oneOf('discard', 'groupmask', 'passthrough', 'restricted'),
  aclinherit: oneOf('discard', 'noallow', 'restricted', 'passthrough', 'passthrough-x'),
  special_small_blocks: { pattern: /^\d{1,8}$/, allowed: 'a number' },
}; // prettier-ignore

/** What only says something about a dataset. */
const readOnlyNames = new Set([
  'available', 'avail', 'clones', 'compressratio', 'createtxg', 'creation', 'guid', 'logicalreferenced', 'logicalused',
  'lused', 'lrefer', 'mounted', 'name', 'objsetid', 'origin', 'refcompressratio', 'referenced', 'refer', 'type', 'used',
  'usedbychildren', 'usedbydataset', 'usedbyrefreservation', 'usedbysnapshots', 'userrefs', 'written',
]); // prettier-ignore

/** Fixed once a dataset exists. */
const onceOnly = new Set(['volblocksize']);
const volumeOnly = new Set(['volblocksize', 'volsize']);
const filesystemOnly = new Set([
  'quota', 'refquota', 'recordsize', 'atime', 'relatime', 'devices', 'exec', 'setuid', 'zoned', 'nbmand', 'vscan', 'overlay',
  'snapdir', 'canmount', 'aclmode', 'aclinherit', 'filesystem_limit', 'xattr', 'special_small_blocks',
]); // prettier-ignore

/** Default size of a volume's blocks, of which its size is a multiple. */
export const defaultVolblocksize = 8192;

const userName = /^[a-z0-9:._+-]{1,256}$/;
const longestUserValue = 8191;

export interface CheckedProperties {
  /** To be set: full names and values in their one form, sizes as bytes. */
  readonly set: Record<string, string>;
  /** To be taken back to their defaults. */
  readonly clear: readonly string[];
}

/**
 * Checks properties for a dataset of `type`. `creating` allows those that are fixed later. Throws `InvalidProperty` naming
 * `dataset` and the property.
 */
export function checkProperties(
  dataset: string,
  type: DatasetType,
  properties: Readonly<Record<string, string | null>>,
  creating = false,
): CheckedProperties {
  const set: Record<string, string> = {};
  const clear: string[] = [];
  for (const [given, value] of Object.entries(properties)) {
    const name = shortNames[given] ?? given;
    const refuse = (why: string) =>
      hostError('InvalidProperty', `cannot set property ${JSON.stringify(given)} of ${dataset}: ${why}`);
    checkName(name, type, creating, refuse);
    const normal = value === null ? undefined : normalValue(name, value, refuse);
    if (normal === undefined) clear.push(name);
    else set[name] = normal;
  }
  return { set, clear };
}

type Refuse = (why: string) => Error;

function checkName(name: string, type: DatasetType, creating: boolean, refuse: Refuse): void {
  if (name.includes(':')) {
    if (!userName.test(name)) throw refuse('a user property is named in lower case, within 256 characters');
    return;
  }
  if (readOnlyNames.has(name)) throw refuse('it cannot be set');
  const known = sizes.has(name) || counts.has(name) || blockSizes.has(name) || name === 'volsize';
  if (!known && !Object.hasOwn(settings, name)) throw refuse('there is no such property');
  if (type === 'snapshot') throw refuse('a snapshot has user properties only');
  if (type === 'volume' && filesystemOnly.has(name)) throw refuse('it is one of filesystems');
  if (type === 'filesystem' && volumeOnly.has(name)) throw refuse('it is one of volumes');
  if (onceOnly.has(name) && !creating) throw refuse('it can only be set when a dataset is made');
}

/** The one form of a value; undefined for one that stands for the default. */
function normalValue(name: string, value: string, refuse: Refuse): string | undefined {
  if (typeof value !== 'string') throw refuse('its value must be text');
  if (name.includes(':')) {
    if (Buffer.byteLength(value) > longestUserValue) throw refuse(`its value is longer than ${longestUserValue} bytes`);
    if (value.includes('\0')) throw refuse('its value must not hold NUL');
    return value;
  }
  if (name === 'refreservation' && value === 'auto') return value;
  if (sizes.has(name)) {
    const bytes = value === 'none' ? 0 : parseSize(value);
    if (bytes === undefined) throw refuse(`${JSON.stringify(value)} is not a size`);
    return bytes === 0 ? undefined : String(bytes);
  }
  if (counts.has(name)) {
    if (value === 'none') return undefined;
    if (!/^\d{1,20}$/.test(value) || BigInt(value) >= 1n << 64n) throw refuse('it must be a number or "none"');
    return BigInt(value) === (1n << 64n) - 1n ? undefined : BigInt(value).toString();
  }
  if (name === 'volsize') {
    const bytes = parseSize(value);
    if (bytes === undefined || bytes === 0) throw refuse(`${JSON.stringify(value)} is not the size of a volume`);
    return String(bytes);
  }
  if (blockSizes.has(name)) {
    const bytes = parseSize(value);
    const most = name === 'recordsize' ? 1 << 20 : 1 << 17;
    if (bytes === undefined || bytes < 512 || bytes > most || (bytes & (bytes - 1)) !== 0) {
      throw refuse(`it must be a power of 2 from 512B to ${name === 'recordsize' ? '1M' : '128K'}`);
    }
    return String(bytes);
  }
  const kind = settings[name];
  if (kind !== undefined && !kind.pattern.test(value)) throw refuse(`it must be one of ${kind.allowed}`);
  return value;
}

const units = 'BKMGTPE';

/** Bytes of a size as zfs(8) takes it (`10G`, `1.5t`, `512kb`); undefined when it is none or too large to count exactly. */
function parseSize(text: string): number | undefined {
  const match = /^(\d{1,16})(?:\.(\d{1,12}))?([BKMGTPE]?)(?:i?B)?$/i.exec(text);
  if (match === null) return undefined;
  const [, whole = '', fraction = '', unit = ''] = match;
  const power = units.indexOf(unit.toUpperCase() === '' ? 'B' : unit.toUpperCase());
  const bytes = Number(fraction === '' ? whole : `${whole}.${fraction}`) * 1024 ** power;
  if (!Number.isFinite(bytes) || bytes > Number.MAX_SAFE_INTEGER) return undefined;
  if (power === 0 && fraction !== '') return undefined;
  return Math.floor(bytes);
}

/** A size that {@link checkProperties} left; undefined when there is none. */
export function bytesOf(value: string | undefined): number | undefined {
  const bytes = value === undefined ? undefined : Number(value);
  return bytes === undefined || Number.isNaN(bytes) ? undefined : bytes;
}

/** Throws `InvalidProperty` unless a volume of `dataset` can have `bytes` in blocks of `blockBytes`. */
export function checkVolsize(dataset: string, bytes: number, blockBytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % blockBytes !== 0) {
    throw hostError(
      'InvalidProperty',
      `cannot set property "volsize" of ${dataset}: it must be a multiple of ${blockBytes}`,
    );
  }
}
