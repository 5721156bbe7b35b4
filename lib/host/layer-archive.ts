/** Reads the tar archive of a layer of a container image. All of it is taken to be hostile. */
import { finished, type Readable } from 'node:stream';
import { extract, type Extract, type Header } from 'tar-stream';
import { codeOf } from '../errors.js';
import { hostError } from './errors.js';
import type { Time } from './zfs-stream/command-list.js';

export type ArchiveEntryType = 'file' | 'link' | 'symlink' | 'device' | 'directory' | 'fifo';

/** What an entry holds. */
export interface EntryData extends AsyncIterable<Buffer> {
  /** Reads it to its end for nobody. */
  resume(): unknown;
}

/** Names and keys are bytes, one in each character. */
export interface ArchiveEntry {
  readonly type: ArchiveEntryType;
  /** From the root, without empty parts, `.` and `..`; empty for the root itself. */
  readonly path: string;
  /** Target of a symbolic link as it stands; of a hard link, a path like the one above. */
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly accessed: Time;
  readonly modified: Time;
  readonly attributes: readonly (readonly [key: string, value: Buffer])[];
  /** Records of the POSIX header by name. */
  readonly records: ReadonlyMap<string, string>;
  readonly data: EntryData;
}

export function invalidLayer(why: string, cause?: unknown): Error {
  return hostError('StreamInvalid', `the layer is invalid: ${why}`, cause === undefined ? {} : { cause });
}

export function unsupportedLayer(what: string): Error {
  return hostError('StreamUnsupported', `the layer has ${what}, which is not supported`);
}

/** Entries are read one after another, each to its end. */
export class LayerArchive {
  readonly #archive: Readable;
  readonly #reader = byteExtract();
  #failure: Error | undefined;

  constructor(archive: Readable) {
    this.#archive = archive;
    finished(archive, { writable: false }, (error) => {
      if (!error) return;
      this.#failure = error;
      this.#reader.destroy(error);
    });
  }

  /** Throws `StreamInvalid`, `StreamUnsupported`, and what {@link reasonOf} tells. */
  async *entries(): AsyncGenerator<ArchiveEntry> {
    this.#archive.pipe(this.#reader);
    try {
      for await (const entry of this.#reader)
        yield readEntry(entry.header, entry as AsyncIterable<Buffer> & typeof entry);
    } finally {
      this.#archive.unpipe();
      this.#reader.destroy();
    }
  }

  /** Why reading entries, or the data of one, has failed with `error`: the archive itself did, or it is damaged. */
  reasonOf(error: unknown): unknown {
    if (this.#failure !== undefined) return this.#failure;
    const code = codeOf(error);
    return code === undefined || code === 'STREAM_DESTROYED'
      ? invalidLayer('it is no sound tar archive', error)
      : error;
  }
}

/** What of the reader keeps the extended headers; undocumented, and covered by tests of ours. */
interface ExtractParts {
  _header: { readonly type: string };
  _pax: Readonly<Record<string, unknown>> | null;
  _paxGlobal: Readonly<Record<string, unknown>> | null;
  _decodeLongHeader(bytes: Buffer): void;
}

/**
 * The reader with bytes for text: by itself it takes POSIX headers as UTF-8, which damages values that are none, as
 * capabilities are, and goes round in circles over lengths below zero.
 */
function byteExtract(): Extract {
  // The types do not know all of them.
  const options: object = { filenameEncoding: 'latin1', allowUnknownFormat: true };
  const reader = extract(options);
  const parts = reader as unknown as ExtractParts;
  const decode = parts._decodeLongHeader.bind(reader);
  parts._decodeLongHeader = (bytes) => {
    const { type } = parts._header;
    if (type === 'pax-global-header') parts._paxGlobal = posixRecords(bytes);
    else if (type === 'pax-header') parts._pax = { ...parts._paxGlobal, ...posixRecords(bytes) };
    else decode(bytes);
  };
  return reader;
}

const sparseMap = 'GNU.sparse.map';

/** The records `LENGTH KEY=VALUE` of a POSIX header. */
function posixRecords(bytes: Buffer): Readonly<Record<string, string>> {
  const records = Object.create(null) as Record<string, string>;
  const regions: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const head = /^(\d{1,8}) /.exec(bytes.toString('latin1', at, at + 9));
    const length = Number(head?.[1]);
    const start = at + (head?.[0].length ?? 0);
    const end = at + length - 1;
    const equals = head === null ? -1 : bytes.indexOf(0x3d, start);
    if (equals < start || equals >= end || end >= bytes.length || bytes[end] !== 0x0a) {
      throw invalidLayer('a POSIX header is damaged');
    }
    const key = bytes.toString('latin1', start, equals);
    const value = bytes.toString('latin1', equals + 1, end);
    // The oldest way to tell regions of a sparse file repeats its keys.
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') regions.push(value);
    else records[key] = value;
    at = end + 1;
  }
  if (regions.length > 0) records[sparseMap] = regions.join(',');
  return records;
}

function readEntry(header: Header, data: EntryData): ArchiveEntry {
  const records = new Map(Object.entries((header.pax ?? {}) as Readonly<Record<string, string>>));
  const type = typeOf(header);
  const path = pathOf(records.get('GNU.sparse.name') ?? header.name);
  const target = (header.linkname as string | null) ?? '';
  const modified = timeOf(records.get('mtime'), header.mtime);
  return {
    type, path, records, data, modified,
    target: type === 'link' ? pathOf(target) : textOf(target),
    mode: numberOf(header.mode, 'mode') & 0o7777,
    uid: ownerOf(records.get('uid'), header.uid),
    gid: ownerOf(records.get('gid'), header.gid),
    accessed: records.has('atime') ? timeOf(records.get('atime'), header.mtime) : modified,
    attributes: attributesOf(records),
  }; // prettier-ignore
}

const types: Readonly<Record<string, ArchiveEntryType>> = {
  file: 'file', 'contiguous-file': 'file', link: 'link', symlink: 'symlink', directory: 'directory', fifo: 'fifo',
  'character-device': 'device', 'block-device': 'device',
}; // prettier-ignore

function typeOf({ type, name }: Header): ArchiveEntryType {
  const known = types[type];
  if (known === undefined) throw unsupportedLayer(`an entry of an unknown type, ${JSON.stringify(name)}`);
  return known;
}

/** A path from the root of the tree. One that goes upwards is refused: no honest program writes it. */
function pathOf(name: string): string {
  const parts = textOf(name).split('/').filter((part) => part !== '' && part !== '.'); // prettier-ignore
  if (parts.includes('..')) throw invalidLayer(`the name ${JSON.stringify(name)} goes upwards`);
  return parts.join('/');
}

function textOf(text: string): string {
  if (text.includes('\0')) throw invalidLayer(`the name ${JSON.stringify(text)} has a zero byte`);
  return text;
}

function numberOf(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw invalidLayer(`${what} is no number`);
  return value;
}

/** One less than what stands for nobody's. */
const mostOwner = 2 ** 32 - 2;

function ownerOf(record: string | undefined, given: number): number {
  const owner = record === undefined ? numberOf(given, 'an owner') : Number(record);
  if (!Number.isInteger(owner) || owner < 0 || owner > mostOwner) throw invalidLayer(`the owner ${owner} cannot be`);
  return owner;
}

function timeOf(record: string | undefined, given: Date): Time {
  const [, sign, whole = '', fraction = ''] = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(record ?? '') ?? [];
  if (sign === undefined) return splitTime(Math.floor(given.getTime() / 1000), 0);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  const seconds = Number(whole);
  if (sign === '') return splitTime(seconds, nanoseconds);
  return nanoseconds === 0 ? splitTime(-seconds, 0) : splitTime(-seconds - 1, 1e9 - nanoseconds);
}

/** What is no time counts as the first. */
function splitTime(given: number, nanoseconds: number): Time {
  const seconds = Number.isSafeInteger(given) ? given : 0;
  const high = Math.floor(seconds / 2 ** 32);
  return { secondsLow: seconds - high * 2 ** 32, secondsHigh: high < 0 ? high + 2 ** 32 : high, nanoseconds };
}

const attributePrefix = 'SCHILY.xattr.';
/** Those that mean the same on every machine. */
const attributeNames = /^(?:user\..+|security\.capability|system\.posix_acl_(?:access|default))$/;

function attributesOf(records: ReadonlyMap<string, string>): ArchiveEntry['attributes'] {
  const found: [string, Buffer][] = [];
  for (const [key, value] of records) {
    if (!key.startsWith(attributePrefix)) continue;
    const name = textOf(key.slice(attributePrefix.length));
    if (attributeNames.test(name)) found.push([name, Buffer.from(value, 'latin1')]);
  }
  return found;
}
