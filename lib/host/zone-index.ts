/** The lines of `/etc/zones/index`, read and changed as libzonecfg does. Pure; locking and renaming are the caller's. */
import { hostError } from './errors.js';

/** States that the index keeps. */
export type StoredZoneState = 'configured' | 'incomplete' | 'installed';

export interface ZoneIndexEntry {
  readonly name: string;
  readonly state: StoredZoneState;
  readonly zonepath: string;
  readonly uuid: string | undefined;
  /** Undefined in lines of old systems. */
  readonly brand: string | undefined;
  readonly ipType: 'exclusive' | 'shared';
  /** -1 when the configuration has none. */
  readonly debugId: number;
}

/** Bytes: name 64, state 14, path 1024, uuid 37, separators 3. */
const lineLimit = 64 + 14 + 1024 + 37 + 3;
const isUuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const nullUuid = '00000000-0000-0000-0000-000000000000';

/**
 * The entries in the order of the file, `global` included. Comments, malformed and overlong lines are passed over, and
 * so is a last line without newline (it may be half written). `damaged` is told the numbers, from 1, of those that are no
 * comments and not empty.
 */
export function parseIndex(text: string, damaged?: (lineNumber: number) => void): readonly ZoneIndexEntry[] {
  const entries: ZoneIndexEntry[] = [];
  const lines = text.split('\n');
  const unfinished = lines.length - 1;
  lines.forEach((line, at) => {
    const entry = at === unfinished ? undefined : parseLine(line);
    if (entry) entries.push(entry);
    else if (line !== '' && !line.startsWith('#')) damaged?.(at + 1);
  });
  return entries;
}

function parseLine(line: string): ZoneIndexEntry | undefined {
  if (line.startsWith('#') || hasBytes(line, lineLimit)) return undefined;
  const [name, state, zonepath = '', uuid = '', brand = '', ipType = '', debugId = ''] = fields(line);
  if (name === undefined || name === '' || hasBytes(name, 64) || !isStored(state)) return undefined;
  const lower = uuid.toLowerCase();
  return {
    name,
    state,
    zonepath,
    uuid: isUuid.test(uuid) && lower !== nullUuid ? lower : undefined,
    brand: brand === '' ? undefined : brand,
    ipType: ipType.startsWith('e') ? 'exclusive' : 'shared',
    debugId: brand === '' || debugId === '' ? -1 : Number.parseInt(debugId, 10) || 0,
  };
}

/** Whether a text has at least `bytes` bytes. None of its characters has more than three. */
function hasBytes(text: string, bytes: number): boolean {
  return text.length * 3 >= bytes && Buffer.byteLength(text) >= bytes;
}

function isStored(state: string | undefined): state is StoredZoneState {
  return state === 'configured' || state === 'incomplete' || state === 'installed';
}

/** Splits at colons outside double quotes; quotes surround a field that holds a colon. */
function fields(line: string): string[] {
  if (!line.includes('"')) return line.split(':');
  const found: string[] = [];
  let at = 0;
  while (at <= line.length) {
    const quoted = line[at] === '"';
    const close = quoted ? line.indexOf('"', at + 1) : -1;
    if (close >= 0) {
      found.push(line.slice(at + 1, close));
      const colon = line.indexOf(':', close);
      at = colon < 0 ? line.length + 1 : colon + 1;
    } else {
      const colon = line.indexOf(':', at);
      found.push(line.slice(at, colon < 0 ? line.length : colon));
      at = colon < 0 ? line.length + 1 : colon + 1;
    }
  }
  return found;
}

/**
 * The text with `entry` in place of every line of that name, or as the last line. Everything else stays. An entry
 * without uuid keeps the one of the line it replaces. `global` is never changed. Throws `ZoneInvalid` when the entry
 * does not fit into a line.
 */
export function upsertIndex(text: string, entry: ZoneIndexEntry): string {
  if (entry.name === 'global') return text;
  const lines = splitLines(text);
  const result = lines.map((line) => (nameOf(line) === entry.name ? formatLine(entry, fields(line)[3] ?? '') : line));
  if (!lines.some((line) => nameOf(line) === entry.name)) result.push(formatLine(entry, ''));
  return result.map((line) => `${line}\n`).join('');
}

/** The text without the lines of zone `name`; `global` stays. */
export function removeFromIndex(text: string, name: string): string {
  if (name === 'global') return text;
  const kept = splitLines(text).filter((line) => nameOf(line) !== name);
  return kept.map((line) => `${line}\n`).join('');
}

/** All lines; one that lacks its newline gets it, so that nothing is ever glued to it. */
function splitLines(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function nameOf(line: string): string | undefined {
  return line.startsWith('#') ? undefined : fields(line)[0];
}

function formatLine(entry: ZoneIndexEntry, oldUuid: string): string {
  if (!/^[^:"\s#][^:"\s]*$/.test(entry.name))
    throw hostError('ZoneInvalid', `"${entry.name}" cannot be the name of a zone`);
  if (/["\n]/.test(entry.zonepath))
    throw hostError('ZoneInvalid', `zonepath ${JSON.stringify(entry.zonepath)} is not valid`);
  const path = entry.zonepath.includes(':') ? `"${entry.zonepath}"` : entry.zonepath;
  const common = `${entry.name}:${entry.state}:${path}:${entry.uuid ?? oldUuid}`;
  const line =
    entry.brand === undefined
      ? common
      : `${common}:${entry.brand}:${entry.ipType === 'exclusive' ? 'ex' : 'sh'}:${entry.debugId}`;
  if (Buffer.byteLength(entry.name) >= 64 || Buffer.byteLength(line) >= lineLimit) {
    throw hostError('ZoneInvalid', `zone ${entry.name} does not fit into a line of the index`);
  }
  return line;
}
