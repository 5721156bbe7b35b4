/** Packages of streams, as `zfs send -R` makes them of a dataset and all below it: put together, and taken apart. */
import type { Readable } from 'node:stream';
import { loadNative } from '../native.js';
import { invalid, littleEndian, unsupported } from './bytes.js';
import { readNvList, type NvList } from './nvlist.js';
import { headerSize, RecordHeader } from './record-header.js';
import { payloadSize, readBegin, RecordType, type Begin } from './records.js';
import { packNvList, type PackedValue } from './write-nvlist.js';

/** One dataset of a package. */
export interface PackedDataset {
  /** Full name. */
  readonly name: string;
  readonly guid: bigint;
  readonly snapshotGuid: bigint;
  /** Properties of users as text, others as numbers. */
  readonly properties: Readonly<Record<string, string | bigint>>;
  /** Its stream, asked for when the ones before have been read. */
  readonly stream: () => Promise<Readable>;
}

const magic = 0x2f5bacbacn;

/** The package of `datasets`, parents first, each with a snapshot of that name. */
export async function* writePackage(snapshot: string, datasets: readonly PackedDataset[]): AsyncGenerator<Buffer> {
  const [top] = datasets;
  if (top === undefined) return;
  const fss = datasets.map(({ name, guid, snapshotGuid, properties }): [string, PackedValue] => [
    `0x${guid.toString(16)}`,
    { name, parentfromsnap: 0n, props: properties, snaps: { [snapshot]: snapshotGuid }, snapprops: { [snapshot]: {} } },
  ]);
  yield packageHead(`${top.name}@${snapshot}`, packNvList({ tosnap: snapshot, fss: Object.fromEntries(fss) }));
  for (const { stream } of datasets) for await (const chunk of await stream()) yield chunk as Buffer;
  yield packageEnd();
}

/** BEGIN of a package with what it holds, and the END of that part. */
function packageHead(name: string, list: Buffer): Buffer {
  const payload = Buffer.concat([list], Math.ceil(list.length / 8) * 8);
  const begin = Buffer.alloc(headerSize);
  begin.writeUInt32LE(payload.length, 4);
  begin.writeBigUInt64LE(magic, 8);
  begin.writeBigUInt64LE(2n, 16);
  begin.write(name.slice(0, 255), 56, 'latin1');
  const sums = Buffer.alloc(40);
  const head = Buffer.concat([begin, payload]);
  loadNative('codec').fletcher4(sums, head, 0, head.length, false);
  const end = packageEnd();
  sums.copy(end, 8, 0, 32);
  return Buffer.concat([head, end]);
}

function packageEnd(): Buffer {
  const end = Buffer.alloc(headerSize);
  end.writeUInt32LE(RecordType.end, 0);
  return end;
}

/** Gives the next `size` bytes; fewer only at the end of all. */
export type Take = (size: number) => Promise<Buffer>;

export interface PackagePart {
  /** Path of the dataset below the first one of the package; empty for that one itself. */
  readonly below: string;
  /** Properties that were set on it. */
  readonly properties: Readonly<Record<string, string | bigint>>;
  /** All snapshots of it, as one stream. To be read to its end before the next part is asked for. */
  readonly stream: AsyncGenerator<Buffer>;
}

/**
 * Takes a package, or a single stream, apart by datasets; takes not a byte more than belongs to it. Checksums are left to
 * whoever reads the parts. Throws `StreamInvalid` and `StreamUnsupported`.
 */
export async function* packageParts(take: Take): AsyncGenerator<PackagePart> {
  let header = await takeAll(take, headerSize);
  let begin = readBegin(header, 0);
  if (!begin.compound) {
    yield { below: '', properties: {}, stream: oneStream(take, header, begin) };
    return;
  }
  const list = await takeAll(take, begin.payloadSize);
  await takeAll(take, headerSize);
  const members = membersOf(header, list);
  header = await takeAll(take, headerSize);
  while (!isEnd(header)) {
    begin = readBegin(header, 0);
    const first = memberOf(members, begin);
    const state = { header, begin };
    yield { below: first.below, properties: first.properties, stream: streamsOf(take, members, first, state) };
    ({ header } = state);
  }
}

interface Member {
  readonly below: string;
  readonly properties: Readonly<Record<string, string | bigint>>;
  readonly snapshots: ReadonlySet<bigint>;
}

const single: Member = { below: '', properties: {}, snapshots: new Set() };

/** What the head of a package says of its datasets. */
function membersOf(header: Buffer, packed: Buffer): readonly Member[] {
  const field = header.subarray(56, headerSize);
  const top = field.toString('utf8', 0, Math.max(0, field.indexOf(0))).replace(/@.*$/, '');
  const list: NvList = packed.length === 0 ? new Map() : readNvList(packed);
  const datasets = list.get('fss');
  if (!(datasets instanceof Map)) return [single];
  return [...(datasets as NvList).values()].map((dataset): Member => {
    const fields: NvList = isList(dataset) ? dataset : new Map();
    const [name, snaps, props] = [fields.get('name'), fields.get('snaps'), fields.get('props')];
    if (typeof name !== 'string' || (name !== top && !name.startsWith(`${top}/`))) {
      throw invalid('a package with a dataset that is not below its first one');
    }
    const guids = isList(snaps) ? [...snaps.values()].filter((guid) => typeof guid === 'bigint') : [];
    const properties = isList(props) ? [...props].filter((each) => isProperty(each)) : [];
    return {
      below: name.slice(top.length),
      properties: Object.fromEntries(properties),
      snapshots: new Set(guids),
    };
  });
}

function isList(value: unknown): value is NvList {
  return value instanceof Map;
}

function isProperty(pair: readonly [string, unknown]): pair is [string, string | bigint] {
  return typeof pair[1] === 'string' || typeof pair[1] === 'bigint';
}

function memberOf(members: readonly Member[], begin: Begin): Member {
  const found = members.find(({ snapshots }) => snapshots.has(begin.guid)) ?? members.find((each) => each === single);
  if (found === undefined) throw invalid('a package with a stream of a dataset it does not name');
  return found;
}

/** One after the other the streams of one dataset, as a package of their own. */
async function* streamsOf(
  take: Take,
  members: readonly Member[],
  member: Member,
  state: { header: Buffer; begin: Begin },
): AsyncGenerator<Buffer> {
  yield packageHead(`part@${state.begin.snapshot}`, Buffer.alloc(0));
  while (!isEnd(state.header)) {
    state.begin = readBegin(state.header, 0);
    if (memberOf(members, state.begin) !== member) break;
    yield* oneStream(take, state.header, state.begin);
    state.header = await takeAll(take, headerSize);
  }
  yield packageEnd();
}

async function* oneStream(take: Take, header: Buffer, begin: Begin): AsyncGenerator<Buffer> {
  if (begin.compound) throw unsupported('it is a package in a package');
  yield Buffer.concat([header, await takeAll(take, begin.payloadSize)]);
  const told = new RecordHeader();
  for (;;) {
    const record = await takeAll(take, headerSize);
    told.read(record, 0, 0, begin.order.big);
    const payload = await takeAll(take, payloadSize(begin, told));
    yield payload.length === 0 ? record : Buffer.concat([record, payload]);
    if (told.u32(0) === RecordType.end) return;
  }
}

function isEnd(header: Buffer): boolean {
  return littleEndian.u32(header, 0) === RecordType.end || header.readUInt32BE(0) === RecordType.end;
}

async function takeAll(take: Take, size: number): Promise<Buffer> {
  if (size === 0) return Buffer.alloc(0);
  const bytes = await take(size);
  if (bytes.length < size) throw invalid('it ends early');
  return bytes;
}
