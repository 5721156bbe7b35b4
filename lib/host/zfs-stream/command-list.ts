/** A list of commands as the native writer reads it (`addon/src/unix/tree_list.h`), with the bytes that are to be written. */

/** Numbers as in `addon/src/unix/tree_list.h`. */
export const Op = {
  folder: 1, create: 2, reopen: 3, edit: 4, write: 5, punch: 6, resize: 7, makeFolder: 8, moveIn: 9, linkIn: 10,
  moveOut: 11, linkOut: 12, unlink: 13, symlink: 14, makeNode: 15, owner: 16, times: 17, attribute: 18,
  clearAttributes: 19, sweep: 20, stage: 21, makeFile: 22, settle: 23, enter: 24, clear: 25, layFolder: 26, linkTo: 27,
  whiteout: 28, empty: 29, folderTimes: 30,
} as const; // prettier-ignore

const startWords = 8 * 1024;
/** A list is run when it holds about so much. */
const enoughWords = 4 * 1024;
const enoughData = 128 * 1024;
const arenaBytes = 2 * enoughData;
/** No command has more words besides the bytes of its blocks. */
const mostFixedWords = 16;
const writeWords = 6;
/** So far before any list that nothing is right behind it. */
const nowhere = -1000;
const noArena = Buffer.alloc(0);

/** Seconds since the epoch, as the halves of a signed number of 64 bits, and nanoseconds. */
export interface Time {
  readonly secondsLow: number;
  readonly secondsHigh: number;
  readonly nanoseconds: number;
}

/** One list, which is built, run and then used again. */
export class CommandList {
  /** Commands so far. */
  count = 0;
  /** Which object and key each extended attribute in the list belongs to, by position. */
  readonly attributes = new Map<number, { readonly object: number; readonly key: string }>();
  /** Each field of a command takes whole words of the machine. */
  private words = new Uint32Array(startWords);
  /** The same memory. */
  private bytes = new Uint8Array(this.words.buffer);
  private size = 0;
  /** Bytes to write, one behind another: made on first use. */
  private arena: Buffer = noArena;
  private arenaUsed = 0;
  /** Those that did not fit. */
  private large: Buffer[] = [];
  /** Where the last write stands, and where in the file it ends. */
  private writeAt = nowhere;
  private writeEnd = 0;

  get full(): boolean {
    return this.size >= enoughWords || this.arenaUsed >= enoughData || this.large.length > 0;
  }

  /** What the native writer takes. */
  get commands(): Uint8Array {
    return this.bytes.subarray(0, this.size * 4);
  }

  get buffers(): readonly Uint8Array[] {
    return [this.arena, ...this.large];
  }

  /** Makes it an empty one. */
  clear(): void {
    this.size = this.count = this.arenaUsed = 0;
    this.large = [];
    this.writeAt = nowhere;
    this.attributes.clear();
  }

  /** Begins a command with `blockBytes` in its blocks, and makes room for all of it. */
  begin(op: number, blockBytes = 0): void {
    this.count += 1;
    const most = this.size + mostFixedWords + (blockBytes >>> 2);
    if (most > this.words.length) this.grow(most);
    this.words[this.size] = op;
    this.size += 1;
  }

  u32(value: number): void {
    this.words[this.size] = value;
    this.size += 1;
  }

  u64(value: number): void {
    this.words[this.size] = value;
    this.words[this.size + 1] = value / 2 ** 32;
    this.size += 2;
  }

  time(time: Time): void {
    this.u32(time.secondsLow);
    this.u32(time.secondsHigh);
    this.u32(time.nanoseconds);
  }

  block(bytes: Uint8Array): void {
    this.words[this.size] = bytes.length;
    this.bytes.set(bytes, (this.size + 1) * 4);
    this.size += 1 + ((bytes.length + 3) >>> 2);
  }

  /** Memory for `size` bytes that a write will take without a copy; undefined when there is no room. */
  reserve(size: number): Buffer | undefined {
    if (size > arenaBytes) return Buffer.allocUnsafeSlow(size);
    if (this.arenaUsed + size > arenaBytes) return undefined;
    if (this.arena === noArena) this.arena = Buffer.allocUnsafeSlow(arenaBytes);
    this.arenaUsed += size;
    return this.arena.subarray(this.arenaUsed - size, this.arenaUsed);
  }

  /** Writes `size` bytes of `bytes`, which are copied unless they have been reserved. */
  write(bytes: Buffer, start: number, size: number, offset: number): void {
    if (bytes.buffer === this.arena.buffer) {
      this.writeFrom(0, bytes.byteOffset - this.arena.byteOffset + start, size, offset);
    } else if (this.arenaUsed + size > arenaBytes) {
      this.large.push(Buffer.from(bytes.subarray(start, start + size)));
      this.writeFrom(this.large.length, 0, size, offset);
    } else {
      if (this.arena === noArena) this.arena = Buffer.allocUnsafeSlow(arenaBytes);
      bytes.copy(this.arena, this.arenaUsed, start, start + size);
      this.arenaUsed += size;
      this.writeFrom(0, this.arenaUsed - size, size, offset);
    }
  }

  /** Writes out of buffer `index`. What continues the write before, in memory and in the file, becomes part of it. */
  private writeFrom(index: number, start: number, size: number, offset: number): void {
    const { words, writeAt: at } = this;
    const before = words[at + 3] ?? 0;
    if (
      at + writeWords === this.size &&
      offset === this.writeEnd &&
      words[at + 1] === index &&
      (words[at + 2] ?? 0) + before === start
    ) {
      words[at + 3] = before + size;
    } else {
      this.writeAt = this.size;
      this.begin(Op.write);
      this.u32(index);
      this.u32(start);
      this.u32(size);
      this.u64(offset);
    }
    this.writeEnd = offset + size;
  }

  private grow(least: number): void {
    const words = new Uint32Array(Math.max(this.words.length * 2, least));
    words.set(this.words);
    this.words = words;
    this.bytes = new Uint8Array(words.buffer);
  }
}
