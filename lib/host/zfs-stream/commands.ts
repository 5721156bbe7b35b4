/** Lists of commands for the native writer (`addon/src/unix/tree.cc`), built while it runs those before. */
import { codeOf, type SmartadmError } from '../../errors.js';
import { hostError } from '../errors.js';
import type { NativeCommandRunner } from '../native-linux.js';
import { invalid, unsupported } from './bytes.js';

/** Numbers as in `addon/src/unix/tree.cc`. */
const Op = {
  folder: 1, create: 2, reopen: 3, edit: 4, write: 5, punch: 6, resize: 7, makeFolder: 8, moveIn: 9, linkIn: 10,
  moveOut: 11, linkOut: 12, unlink: 13, symlink: 14, makeNode: 15, owner: 16, times: 17, attribute: 18,
  clearAttributes: 19, sweep: 20, stage: 21, makeFile: 22, settle: 23, enter: 24, clear: 25, layFolder: 26, linkTo: 27,
  whiteout: 28, empty: 29, folderTimes: 30,
} as const; // prettier-ignore

const commandWords = 8 * 1024;
/** A list is run when it holds about so much. */
const enoughCommands = 4 * 1024;
const enoughData = 256 * 1024;
/** So many lists may wait for their turn or run, so that writer and builder wait little for each other. */
const mostUnderWay = 6;
const arenaBytes = 2 * enoughData;
/** No command has more words besides the bytes of its blocks. */
const mostFixedWords = 16;

/** Seconds since the epoch, as the halves of a signed number of 64 bits, and nanoseconds. */
export interface Time {
  readonly secondsLow: number;
  readonly secondsHigh: number;
  readonly nanoseconds: number;
}

interface List {
  /** Each field of a command takes whole words of the machine. */
  words: Uint32Array;
  /** The same memory. */
  bytes: Uint8Array;
  size: number;
  count: number;
  /** Bytes to write, one behind another: made on first use. */
  arena: Buffer;
  arenaUsed: number;
  /** Those that did not fit. */
  large: Buffer[];
  /** Where the last write stands, and where in the file it ends. */
  writeAt: number;
  writeEnd: number;
  /** Which object and key each extended attribute in the list belongs to. */
  attributes: Map<number, { readonly object: number; readonly key: string }>;
}

const noArena = Buffer.alloc(0);
const writeWords = 6;
/** So far before any list that nothing is right behind it. */
const nowhere = -1000;

function newList(): List {
  const words = new Uint32Array(commandWords);
  return {
    words, bytes: new Uint8Array(words.buffer), size: 0, count: 0, arena: noArena, arenaUsed: 0, large: [],
    writeAt: nowhere, writeEnd: 0, attributes: new Map(),
  }; // prettier-ignore
}

/**
 * Commands in the order they are to happen. Each takes effect later; {@link flush} must be awaited when {@link full}, and
 * {@link finish} at the end.
 */
export class Commands {
  private list = newList();
  private readonly spare: List[] = [];
  /** Lists that wait or run, the oldest first. They run in this order, and none after one that failed. */
  private readonly underWay: Promise<void>[] = [];

  private readonly runner: NativeCommandRunner;
  private readonly refused: (object: number, key: string, code: string) => void;

  /** `refused` is told of extended attributes that the target cannot hold. */
  constructor(runner: NativeCommandRunner, refused: (object: number, key: string, code: string) => void) {
    this.runner = runner;
    this.refused = refused;
  }

  get full(): boolean {
    const { size, arenaUsed, large } = this.list;
    return size >= enoughCommands || arenaUsed >= enoughData || large.length > 0;
  }

  /** Starts the list; waits for the oldest one while too many are under way. */
  async flush(): Promise<void> {
    const list = this.list;
    if (list.count > 0) {
      this.underWay.push(this.run(list));
      this.list = this.spare.pop() ?? newList();
    }
    if (this.underWay.length > mostUnderWay) await this.underWay.shift();
  }

  /** Runs all there is to its end. */
  async finish(): Promise<void> {
    await this.flush();
    while (this.underWay.length > 0) await this.underWay.shift();
  }

  /** Waits for what runs, whatever comes of it, and lets go of the target. */
  async close(): Promise<void> {
    await Promise.allSettled(this.underWay);
    this.runner.close();
  }

  /** Memory for `size` bytes that a write will take without a copy; undefined when the list must be flushed first. */
  reserve(size: number): Buffer | undefined {
    if (size > arenaBytes) return Buffer.allocUnsafeSlow(size);
    const list = this.list;
    if (list.arenaUsed + size > arenaBytes) return undefined;
    if (list.arena === noArena) list.arena = Buffer.allocUnsafeSlow(arenaBytes);
    list.arenaUsed += size;
    return list.arena.subarray(list.arenaUsed - size, list.arenaUsed);
  }

  /** Names are looked up in the folder at this path from now on; empty means the root. */
  folder(path: Uint8Array): void {
    this.begin(Op.folder, path.length);
    this.block(path);
  }

  /** Content goes to a new file in the stage from now on. */
  create(object: number): void {
    this.begin(Op.create);
    this.u64(object);
  }

  reopen(object: number): void {
    this.begin(Op.reopen);
    this.u64(object);
  }

  /** Content goes to an existing file from now on. */
  edit(name: Uint8Array): void {
    this.begin(Op.edit, name.length);
    this.block(name);
  }

  /** Content goes to a new file in the folder from now on. It may have less than `mode` until it is settled. */
  makeFile(name: Uint8Array, mode: number): void {
    this.begin(Op.makeFile, name.length);
    this.block(name);
    this.u32(mode);
  }

  /** Gives the file that content went to its owner, mode and times, and closes it. */
  settle(uid: number, gid: number, mode: number, accessed: Time, modified: Time): void {
    this.begin(Op.settle);
    this.u32(uid);
    this.u32(gid);
    this.u32(mode);
    this.time(accessed);
    this.time(modified);
  }

  /** Writes `size` bytes of `bytes`. They are copied: pieces of a stream live shortly then, and so cost little memory. */
  write(bytes: Buffer, start: number, size: number, offset: number): void {
    const { list } = this;
    if (bytes.buffer === list.arena.buffer) {
      this.writeFrom(0, bytes.byteOffset - list.arena.byteOffset + start, size, offset);
    } else if (list.arenaUsed + size > arenaBytes) {
      list.large.push(Buffer.from(bytes.subarray(start, start + size)));
      this.writeFrom(list.large.length, 0, size, offset);
    } else {
      if (list.arena === noArena) list.arena = Buffer.allocUnsafeSlow(arenaBytes);
      bytes.copy(list.arena, list.arenaUsed, start, start + size);
      list.arenaUsed += size;
      this.writeFrom(0, list.arenaUsed - size, size, offset);
    }
  }

  punch(offset: number, size: number): void {
    this.begin(Op.punch);
    this.u64(offset);
    this.u64(size);
  }

  resize(size: number): void {
    this.begin(Op.resize);
    this.u64(size);
  }

  makeFolder(name: Uint8Array): void {
    this.begin(Op.makeFolder, name.length);
    this.block(name);
  }

  /** From the stage into the folder, by another name or as one more name. */
  moveIn(object: number, name: Uint8Array): void {
    this.begin(Op.moveIn, name.length);
    this.u64(object);
    this.block(name);
  }

  linkIn(object: number, name: Uint8Array): void {
    this.begin(Op.linkIn, name.length);
    this.u64(object);
    this.block(name);
  }

  moveOut(name: Uint8Array, object: number): void {
    this.begin(Op.moveOut, name.length);
    this.block(name);
    this.u64(object);
  }

  linkOut(name: Uint8Array, object: number): void {
    this.begin(Op.linkOut, name.length);
    this.block(name);
    this.u64(object);
  }

  unlink(name: Uint8Array): void {
    this.begin(Op.unlink, name.length);
    this.block(name);
  }

  symlink(name: Uint8Array, target: Uint8Array): void {
    this.begin(Op.symlink, name.length + target.length);
    this.block(name);
    this.block(target);
  }

  /** Files, devices, fifos, sockets: what the type bits of `mode` say. */
  makeNode(name: Uint8Array, mode: number, major: number, minor: number): void {
    this.begin(Op.makeNode, name.length);
    this.block(name);
    this.u32(mode);
    this.u32(major);
    this.u32(minor);
  }

  /** Here and below, an empty name means the folder itself. */
  owner(name: Uint8Array, uid: number, gid: number, mode: number): void {
    this.begin(Op.owner, name.length);
    this.block(name);
    this.u32(uid);
    this.u32(gid);
    this.u32(mode);
  }

  times(name: Uint8Array, accessed: Time, modified: Time): void {
    this.begin(Op.times, name.length);
    this.block(name);
    this.time(accessed);
    this.time(modified);
  }

  attribute(object: number, name: Uint8Array, key: string, value: Uint8Array): void {
    const keyBytes = Buffer.from(key, 'latin1');
    this.list.attributes.set(this.list.count, { object, key });
    this.begin(Op.attribute, name.length + keyBytes.length + value.length);
    this.block(name);
    this.block(keyBytes);
    this.block(value);
  }

  clearAttributes(name: Uint8Array): void {
    this.begin(Op.clearAttributes, name.length);
    this.block(name);
  }

  /** Removes the stage and what is left in it. */
  sweep(): void {
    this.begin(Op.sweep);
  }

  /** Makes the stage again. */
  stage(): void {
    this.begin(Op.stage);
  }

  // What only layers take (`addon/src/unix/tree_layer.h`)

  /** As {@link folder}, over links of the tree's own; made where it is missing. */
  enter(path: Uint8Array): void {
    this.begin(Op.enter, path.length);
    this.block(path);
  }

  /** Takes away what is in the way of a new entry; before a folder, a folder stays. */
  clear(name: Uint8Array, beforeFolder: boolean): void {
    this.begin(Op.clear, name.length);
    this.block(name);
    this.u32(beforeFolder ? 1 : 0);
  }

  /** Fine when it is there. */
  layFolder(name: Uint8Array): void {
    this.begin(Op.layFolder, name.length);
    this.block(name);
  }

  /** Gives what is at the path `target` one more name. */
  linkTo(name: Uint8Array, target: Uint8Array): void {
    this.begin(Op.linkTo, name.length + target.length);
    this.block(name);
    this.block(target);
  }

  /** Takes away what was there of that name before the layer. */
  whiteout(name: Uint8Array): void {
    this.begin(Op.whiteout, name.length);
    this.block(name);
  }

  /** Takes away what was in the folder before the layer. */
  empty(): void {
    this.begin(Op.empty);
  }

  /** Of the folder at `path`, if it is one still. */
  folderTimes(path: Uint8Array, accessed: Time, modified: Time): void {
    this.begin(Op.folderTimes, path.length);
    this.block(path);
    this.time(accessed);
    this.time(modified);
  }

  private run(list: List): Promise<void> {
    const done = this.runner.run(list.bytes.subarray(0, list.size * 4), [list.arena, ...list.large]).then(
      (refusals) => {
        for (const { command, code } of refusals) {
          const attribute = list.attributes.get(command);
          if (attribute !== undefined) this.refused(attribute.object, attribute.key, code);
        }
        list.size = list.count = list.arenaUsed = 0;
        list.large = [];
        list.writeAt = nowhere;
        list.attributes.clear();
        this.spare.push(list);
      },
      (cause: unknown) => {
        throw explain(cause);
      },
    );
    // Seen when its turn to be waited for comes.
    done.catch(() => undefined);
    return done;
  }

  /** Writes out of buffer `index`. What continues the write before, in memory and in the file, becomes part of it. */
  private writeFrom(index: number, start: number, size: number, offset: number): void {
    const { list } = this;
    const { words, writeAt: at } = list;
    const before = words[at + 3] ?? 0;
    if (
      at + writeWords === list.size &&
      offset === list.writeEnd &&
      words[at + 1] === index &&
      (words[at + 2] ?? 0) + before === start
    ) {
      words[at + 3] = before + size;
    } else {
      list.writeAt = list.size;
      this.begin(Op.write);
      this.u32(index);
      this.u32(start);
      this.u32(size);
      this.u64(offset);
    }
    list.writeEnd = offset + size;
  }

  /** Begins a command with `blockBytes` in its blocks, and makes room for all of it. */
  private begin(op: number, blockBytes = 0): void {
    const { list } = this;
    list.count += 1;
    const most = list.size + mostFixedWords + (blockBytes >>> 2);
    if (most > list.words.length) this.grow(most);
    list.words[list.size] = op;
    list.size += 1;
  }

  private u32(value: number): void {
    const { list } = this;
    list.words[list.size] = value;
    list.size += 1;
  }

  private u64(value: number): void {
    const { list } = this;
    list.words[list.size] = value;
    list.words[list.size + 1] = value / 2 ** 32;
    list.size += 2;
  }

  private time(time: Time): void {
    this.u32(time.secondsLow);
    this.u32(time.secondsHigh);
    this.u32(time.nanoseconds);
  }

  private block(bytes: Uint8Array): void {
    const { list } = this;
    list.words[list.size] = bytes.length;
    list.bytes.set(bytes, (list.size + 1) * 4);
    list.size += 1 + ((bytes.length + 3) >>> 2);
  }

  private grow(least: number): void {
    const { list } = this;
    const words = new Uint32Array(Math.max(list.words.length * 2, least));
    words.set(list.words);
    list.words = words;
    list.bytes = new Uint8Array(words.buffer);
  }
}

/** What a failed command says of the stream or the target. */
export function explain(cause: unknown): SmartadmError {
  switch (codeOf(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return hostError('NoSpace', 'there is no space left for what the stream holds', { cause });
    case 'EEXIST':
      return invalid('a directory holds a name twice');
    case 'ENAMETOOLONG':
      return unsupported('a name is longer than the filesystem allows');
    case 'EMLINK':
      return unsupported('a file has more names than the filesystem allows');
    case 'EFBIG':
      return unsupported('a file is larger than the filesystem allows');
    case 'EPERM':
    case 'EACCES':
      return hostError('PermissionDenied', 'cannot write what the stream holds', { cause });
    default:
      return hostError('HostFailed', 'cannot write what the stream holds', { cause });
  }
}
