/** The files of a snapshot to be sent: a table of all of them, and what is asked about them one by one. */
import type { NativeSnapshotReader } from '../native-linux.js';
import { littleEndian, unsendable } from './bytes.js';

/** As the reader's limit; every file takes about 35 bytes and its name. */
const mostFiles = 8_000_000;
const mostPathBytes = 4095;
const enoughBytes = 512 * 1024;

/** Files up to this size are one block; blocks of others have this size. */
export const largeBlock = 128 * 1024;
const fileKind = 8;
/** Beside the kind. */
const large = 16;

/** Seconds since the epoch and nanoseconds. */
export interface Moment {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

/** All about a file, as `describe` of the addon packs it. */
export interface Described {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly device: readonly [major: number, minor: number];
  readonly accessed: Moment;
  readonly modified: Moment;
  readonly changed: Moment;
  readonly born: Moment;
  /** Of a symbolic link. */
  readonly target: Buffer;
  /** Extended attributes by name. */
  readonly attributes: readonly { readonly key: Buffer; readonly value: Buffer }[];
  /** Of small files: what they hold. */
  readonly content: Buffer;
  /** All of it as it was packed. */
  readonly packed: Buffer;
}

const order = littleEndian;

function readDescribed(bytes: Buffer): Described {
  const time = (at: number): Moment => ({
    seconds: BigInt.asIntN(64, order.id(bytes, at)),
    nanoseconds: order.u32(bytes, at + 8),
  });
  let at = 88;
  const block = (wide: boolean): Buffer => {
    const size = wide ? order.u32(bytes, at) : order.u16(bytes, at);
    at += wide ? 4 : 2;
    at += size;
    return bytes.subarray(at - size, at);
  };
  const target = block(false);
  const count = order.u16(bytes, at);
  at += 2;
  const attributes = Array.from({ length: count }, () => ({ key: block(false), value: block(true) }));
  return {
    mode: order.u32(bytes, 0), uid: order.u32(bytes, 4), gid: order.u32(bytes, 8), links: order.u32(bytes, 12), size: order.u64(bytes, 24),
    device: [order.u32(bytes, 32), order.u32(bytes, 36)], accessed: time(40), modified: time(52), changed: time(64), born: time(76),
    target, attributes: attributes.sort((a, b) => a.key.compare(b.key)), content: bytes.subarray(at),
    packed: bytes,
  }; // prettier-ignore
}

type Numbers = Float64Array | Uint32Array | BigInt64Array | Uint8Array;

/** Twice as long, with what it holds. */
function grown<T extends Numbers>(array: T, make: (length: number) => T): T {
  const larger = make(array.length * 2);
  larger.set(array as never);
  return larger;
}

/** Every file of a snapshot once, whatever names it has, and the names of each directory. */
export class FileTable {
  readonly reader: NativeSnapshotReader;
  /** Rows, the root first. */
  count = 0;
  private inodes = new Float64Array(1024);
  private changes = new BigInt64Array(1024);
  /** Directory that has the first name of a file, and that name. */
  private parents = new Uint32Array(1024);
  private firstNames = new Uint32Array(1024);
  /** Names of a directory: they follow each other. */
  private firstEntries = new Uint32Array(1024);
  private kinds = new Uint8Array(1024);
  private entryCount = 0;
  private entryRows = new Uint32Array(1024);
  private nameEnds = new Uint32Array(1024);
  private names = Buffer.allocUnsafeSlow(16384);
  /** Rows by inode. */
  private sorted = new Uint32Array(0);

  private constructor(reader: NativeSnapshotReader) {
    this.reader = reader;
  }

  /** Walks through all of a snapshot. Throws what the addon does, and `StreamUnsupported` past the limits. */
  static async read(reader: NativeSnapshotReader, signal?: AbortSignal): Promise<FileTable> {
    const table = new FileTable(reader);
    await table.walk(signal);
    return table;
  }

  inode(row: number): number {
    return this.inodes[row] ?? 0;
  }

  /** When anything about it changed last, in nanoseconds. */
  change(row: number): bigint {
    return this.changes[row] ?? 0n;
  }

  /** Upper bits of its mode. */
  kind(row: number): number {
    return (this.kinds[row] ?? 0) & ~large;
  }

  /** Whether it is a file of more than {@link largeBlock} bytes. */
  isLarge(row: number): boolean {
    return ((this.kinds[row] ?? 0) & large) !== 0;
  }

  parent(row: number): number {
    return this.parents[row] ?? 0;
  }

  /** The row of an inode; -1 for none. */
  find(inode: number): number {
    const { sorted } = this;
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.inode(sorted[middle] ?? 0) < inode) low = middle + 1;
      else high = middle;
    }
    const row = sorted[low] ?? 0;
    return low < sorted.length && this.inode(row) === inode ? row : -1;
  }

  /** Names in a directory: rows of entries from the first to before the end. */
  entries(directory: number): readonly [first: number, end: number] {
    const first = this.firstEntries[directory] ?? 0;
    return [first, this.firstEntries[directory + this.count] ?? first];
  }

  entryName(entry: number): Buffer {
    return this.names.subarray(entry === 0 ? 0 : this.nameEnds[entry - 1], this.nameEnds[entry]);
  }

  /** The file an entry stands for. */
  entryRow(entry: number): number {
    return this.entryRows[entry] ?? 0;
  }

  /** Below the root, which is the empty path. Throws `StreamUnsupported` when it is too long. */
  path(row: number): Buffer {
    const parts: Buffer[] = [];
    let length = 0;
    for (let at = row; at !== 0; at = this.parent(at)) {
      const name = this.entryName(this.firstNames[at] ?? 0);
      parts.unshift(name);
      length += name.length + 1;
      if (length > mostPathBytes) throw unsendable(`a path is longer than ${mostPathBytes} bytes`);
    }
    return Buffer.concat(parts.flatMap((name, index) => (index === 0 ? [name] : [Buffer.from('/'), name])));
  }

  /** Describes files one after the other; small ones with content. */
  async *describe(
    rows: Iterable<number>,
    contentBytes: number,
  ): AsyncGenerator<{ readonly row: number; readonly described: Described }> {
    const iterator = rows[Symbol.iterator]();
    let waiting: { readonly row: number; readonly path: Buffer }[] = [];
    for (;;) {
      while (waiting.length < 256) {
        const next = iterator.next();
        if (next.done === true) break;
        const path = this.path(next.value);
        const length = Buffer.allocUnsafe(2);
        length.writeUInt16LE(path.length, 0);
        waiting.push({ row: next.value, path: Buffer.concat([length, path]) });
      }
      if (waiting.length === 0) return;
      const bytes = await this.reader.describe(
        Buffer.concat(waiting.map(({ path }) => path)),
        contentBytes,
        enoughBytes,
      );
      let done = 0;
      for (let at = 0; at < bytes.length; done += 1) {
        const size = order.u32(bytes, at);
        const described = readDescribed(bytes.subarray(at + 4, at + 4 + size));
        at += 4 + size;
        yield { row: waiting[done]?.row ?? 0, described };
      }
      waiting = waiting.slice(done);
    }
  }

  /** What is to be known of one file without its content. */
  async describeOne(row: number): Promise<Described> {
    for await (const { described } of this.describe([row], 0)) return described;
    throw unsendable('a file is gone');
  }

  private async walk(signal: AbortSignal | undefined): Promise<void> {
    const root = await this.reader.describe(Buffer.alloc(2), 0, 1);
    const { changed } = readDescribed(root.subarray(4));
    this.add(order.u64(root, 20), 4, changed.seconds * 1_000_000_000n + BigInt(changed.nanoseconds), 0, 0);
    const linked = new Map<number, number>();
    // Ends of the lists of entries, by row.
    let ends = new Uint32Array(1024);
    for (let row = 0; row < this.count; row += 1) {
      if (row >= ends.length) ends = grown(ends, (length) => new Uint32Array(length));
      this.firstEntries[row] = this.entryCount;
      ends[row] = this.entryCount;
      if (this.kind(row) !== 4) continue;
      signal?.throwIfAborted();
      this.addEntries(row, await this.reader.list(this.path(row)), linked);
      ends[row] = this.entryCount;
    }
    const bounds = new Uint32Array(this.count * 2);
    bounds.set(this.firstEntries.subarray(0, this.count));
    bounds.set(ends.subarray(0, this.count), this.count);
    this.firstEntries = bounds;
    this.sorted = Uint32Array.from({ length: this.count }, (_, row) => row);
    this.sorted.sort((a, b) => this.inode(a) - this.inode(b));
  }

  private addEntries(directory: number, list: Buffer, linked: Map<number, number>): void {
    for (let at = 0; at < list.length;) {
      const size = order.u16(list, at);
      const name = list.subarray(at + 2, at + 2 + size);
      at += 2 + size;
      const kind = order.u32(list, at) >>> 12;
      const links = order.u32(list, at + 4);
      const inode = order.u64(list, at + 8);
      const isLarge = kind === fileKind && order.u64(list, at + 16) > largeBlock;
      const change = order.id(list, at + 24);
      at += 32;
      // Directories have one name, however many links they count.
      const several = kind !== 4 && links > 1;
      let row = several ? linked.get(inode) : undefined;
      if (row === undefined) {
        row = this.add(inode, isLarge ? kind | large : kind, change, directory, this.entryCount);
        if (several) linked.set(inode, row);
      }
      this.addEntry(row, name);
    }
  }

  private add(inode: number, kind: number, change: bigint, parent: number, entry: number): number {
    if (this.count >= mostFiles) throw unsendable(`it has more than ${mostFiles} files`);
    if (this.count >= this.inodes.length) {
      this.inodes = grown(this.inodes, (length) => new Float64Array(length));
      this.changes = grown(this.changes, (length) => new BigInt64Array(length));
      this.parents = grown(this.parents, (length) => new Uint32Array(length));
      this.firstNames = grown(this.firstNames, (length) => new Uint32Array(length));
      this.firstEntries = grown(this.firstEntries, (length) => new Uint32Array(length));
      this.kinds = grown(this.kinds, (length) => new Uint8Array(length));
    }
    const row = this.count;
    this.count += 1;
    this.inodes[row] = inode;
    this.changes[row] = change;
    this.parents[row] = parent;
    this.firstNames[row] = entry;
    this.kinds[row] = kind;
    return row;
  }

  private addEntry(row: number, name: Buffer): void {
    if (this.entryCount >= 2 * mostFiles) throw unsendable('it has too many names');
    if (this.entryCount >= this.entryRows.length) {
      this.entryRows = grown(this.entryRows, (length) => new Uint32Array(length));
      this.nameEnds = grown(this.nameEnds, (length) => new Uint32Array(length));
    }
    const start = this.entryCount === 0 ? 0 : (this.nameEnds[this.entryCount - 1] ?? 0);
    if (start + name.length > this.names.length) {
      const larger = Buffer.allocUnsafeSlow(this.names.length * 2);
      this.names.copy(larger);
      this.names = larger;
    }
    name.copy(this.names, start);
    this.entryRows[this.entryCount] = row;
    this.nameEnds[this.entryCount] = start + name.length;
    this.entryCount += 1;
  }
}
