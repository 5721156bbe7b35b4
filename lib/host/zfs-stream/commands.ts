/** Lists of commands for the native writer (`addon/src/linux/tree.cc`), built while it runs the list before. */
import { codeOf, type SmartadmError } from '../../errors.js';
import { hostError } from '../errors.js';
import type { NativeCommandRunner } from '../native-linux.js';
import { invalid, unsupported } from './bytes.js';

/** Numbers as in `addon/src/linux/tree.cc`. */
const Op = {
  folder: 1, create: 2, reopen: 3, edit: 4, write: 5, punch: 6, resize: 7, makeFolder: 8, moveIn: 9, linkIn: 10,
  moveOut: 11, linkOut: 12, unlink: 13, symlink: 14, makeNode: 15, owner: 16, times: 17, attribute: 18,
  clearAttributes: 19, sweep: 20, stage: 21, makeFile: 22, settle: 23, enter: 24, clear: 25, layFolder: 26, linkTo: 27,
  whiteout: 28, empty: 29, folderTimes: 30,
} as const; // prettier-ignore

const commandBytes = 128 * 1024;
/** A list is run when it holds about so much. */
const enoughCommands = 64 * 1024;
const enoughData = 1024 * 1024;
const arenaBytes = 2 * enoughData;

/** Seconds since the epoch, as the halves of a signed number of 64 bits, and nanoseconds. */
export interface Time {
  readonly secondsLow: number;
  readonly secondsHigh: number;
  readonly nanoseconds: number;
}

/** One of the two lists: while one runs, the other is built. */
interface List {
  commands: Buffer;
  size: number;
  count: number;
  buffers: Buffer[];
  data: number;
  /** Blocks that were decompressed, made on first use. */
  arena: Buffer | undefined;
  arenaUsed: number;
  /** Which object and key each extended attribute in the list belongs to. */
  attributes: Map<number, { readonly object: number; readonly key: string }>;
}

function newList(): List {
  return {
    commands: Buffer.allocUnsafeSlow(commandBytes), size: 0, count: 0, buffers: [], data: 0, arena: undefined,
    arenaUsed: 0, attributes: new Map(),
  }; // prettier-ignore
}

/**
 * Commands in the order they are to happen. Each takes effect later; {@link flush} must be awaited when {@link full}, and
 * {@link finish} at the end.
 */
export class Commands {
  private list = newList();
  private spare = newList();
  private running: Promise<void> = Promise.resolve();

  private readonly runner: NativeCommandRunner;
  private readonly refused: (object: number, key: string, code: string) => void;

  /** `refused` is told of extended attributes that the target cannot hold. */
  constructor(runner: NativeCommandRunner, refused: (object: number, key: string, code: string) => void) {
    this.runner = runner;
    this.refused = refused;
  }

  get full(): boolean {
    const { size, data, buffers } = this.list;
    return size >= enoughCommands || data >= enoughData || buffers.length >= 1024;
  }

  /** Starts the list, once the one before has ended. */
  async flush(): Promise<void> {
    await this.running;
    const list = this.list;
    if (list.count === 0) return;
    const done = this.runner.run(list.commands.subarray(0, list.size), list.buffers).then(
      (refusals) => {
        for (const { command, code } of refusals) {
          const attribute = list.attributes.get(command);
          if (attribute !== undefined) this.refused(attribute.object, attribute.key, code);
        }
        list.size = list.count = list.data = list.arenaUsed = 0;
        list.buffers = [];
        list.attributes.clear();
      },
      (cause: unknown) => {
        throw explain(cause);
      },
    );
    // Seen when the next list starts, or at the end.
    done.catch(() => undefined);
    this.running = done;
    this.list = this.spare;
    this.spare = list;
  }

  /** Runs all there is to its end. */
  async finish(): Promise<void> {
    await this.flush();
    await this.running;
  }

  /** Waits for what runs, whatever comes of it, and lets go of the target. */
  async close(): Promise<void> {
    await this.running.catch(() => undefined);
    this.runner.close();
  }

  /** Memory for `size` bytes that a write will take; undefined when the list must be flushed first. */
  reserve(size: number): Buffer | undefined {
    if (size > arenaBytes) return Buffer.allocUnsafeSlow(size);
    const list = this.list;
    if (list.arenaUsed + size > arenaBytes) return undefined;
    list.arena ??= Buffer.allocUnsafeSlow(arenaBytes);
    list.arenaUsed += size;
    return list.arena.subarray(list.arenaUsed - size, list.arenaUsed);
  }

  /** Names are looked up in the folder at this path from now on; empty means the root. */
  folder(path: Buffer): void {
    this.op(Op.folder).block(path);
  }

  /** Content goes to a new file in the stage from now on. */
  create(object: number): void {
    this.op(Op.create).u64(object);
  }

  reopen(object: number): void {
    this.op(Op.reopen).u64(object);
  }

  /** Content goes to an existing file from now on. */
  edit(name: Buffer): void {
    this.op(Op.edit).block(name);
  }

  /** Content goes to a new file in the folder from now on. It may have less than `mode` until it is settled. */
  makeFile(name: Buffer, mode: number): void {
    this.op(Op.makeFile).block(name).u32(mode);
  }

  /** Gives the file that content went to its owner, mode and times, and closes it. */
  settle(uid: number, gid: number, mode: number, accessed: Time, modified: Time): void {
    this.op(Op.settle).u32(uid).u32(gid).u32(mode).time(accessed).time(modified);
  }

  /** Writes `size` bytes of `bytes`, which must stay as they are. */
  write(bytes: Buffer, start: number, size: number, offset: number): void {
    const { buffers } = this.list;
    if (buffers[buffers.length - 1] !== bytes) buffers.push(bytes);
    this.list.data += size;
    this.op(Op.write)
      .u32(buffers.length - 1)
      .u32(start)
      .u32(size)
      .u64(offset);
  }

  punch(offset: number, size: number): void {
    this.op(Op.punch).u64(offset).u64(size);
  }

  resize(size: number): void {
    this.op(Op.resize).u64(size);
  }

  makeFolder(name: Buffer): void {
    this.op(Op.makeFolder).block(name);
  }

  /** From the stage into the folder, by another name or as one more name. */
  moveIn(object: number, name: Buffer): void {
    this.op(Op.moveIn).u64(object).block(name);
  }

  linkIn(object: number, name: Buffer): void {
    this.op(Op.linkIn).u64(object).block(name);
  }

  moveOut(name: Buffer, object: number): void {
    this.op(Op.moveOut).block(name).u64(object);
  }

  linkOut(name: Buffer, object: number): void {
    this.op(Op.linkOut).block(name).u64(object);
  }

  unlink(name: Buffer): void {
    this.op(Op.unlink).block(name);
  }

  symlink(name: Buffer, target: Buffer): void {
    this.op(Op.symlink).block(name).block(target);
  }

  /** Files, devices, fifos, sockets: what the type bits of `mode` say. */
  makeNode(name: Buffer, mode: number, major: number, minor: number): void {
    this.op(Op.makeNode).block(name).u32(mode).u32(major).u32(minor);
  }

  /** Here and below, an empty name means the folder itself. */
  owner(name: Buffer, uid: number, gid: number, mode: number): void {
    this.op(Op.owner).block(name).u32(uid).u32(gid).u32(mode);
  }

  times(name: Buffer, accessed: Time, modified: Time): void {
    this.op(Op.times).block(name).time(accessed).time(modified);
  }

  attribute(object: number, name: Buffer, key: string, value: Buffer): void {
    this.list.attributes.set(this.list.count, { object, key });
    this.op(Op.attribute).block(name).block(Buffer.from(key, 'latin1')).block(value);
  }

  clearAttributes(name: Buffer): void {
    this.op(Op.clearAttributes).block(name);
  }

  /** Removes the stage and what is left in it. */
  sweep(): void {
    this.op(Op.sweep);
  }

  /** Makes the stage again. */
  stage(): void {
    this.op(Op.stage);
  }

  // What only layers take (`addon/src/linux/tree_layer.h`)

  /** As {@link folder}, over links of the tree's own; made where it is missing. */
  enter(path: Buffer): void {
    this.op(Op.enter).block(path);
  }

  /** Takes away what is in the way of a new entry; before a folder, a folder stays. */
  clear(name: Buffer, beforeFolder: boolean): void {
    this.op(Op.clear)
      .block(name)
      .u32(beforeFolder ? 1 : 0);
  }

  /** Fine when it is there. */
  layFolder(name: Buffer): void {
    this.op(Op.layFolder).block(name);
  }

  /** Gives what is at the path `target` one more name. */
  linkTo(name: Buffer, target: Buffer): void {
    this.op(Op.linkTo).block(name).block(target);
  }

  /** Takes away what was there of that name before the layer. */
  whiteout(name: Buffer): void {
    this.op(Op.whiteout).block(name);
  }

  /** Takes away what was in the folder before the layer. */
  empty(): void {
    this.op(Op.empty);
  }

  /** Of the folder at `path`, if it is one still. */
  folderTimes(path: Buffer, accessed: Time, modified: Time): void {
    this.op(Op.folderTimes).block(path).time(accessed).time(modified);
  }

  private op(op: number): this {
    this.list.count += 1;
    this.room(1);
    this.list.size = this.list.commands.writeUInt8(op, this.list.size);
    return this;
  }

  private u32(value: number): this {
    this.room(4);
    this.list.size = this.list.commands.writeUInt32LE(value, this.list.size);
    return this;
  }

  private u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  private time(time: Time): this {
    return this.u32(time.secondsLow).u32(time.secondsHigh).u32(time.nanoseconds);
  }

  private block(bytes: Buffer): this {
    this.u32(bytes.length);
    this.room(bytes.length);
    this.list.size += bytes.copy(this.list.commands, this.list.size);
    return this;
  }

  private room(size: number): void {
    const { commands } = this.list;
    if (this.list.size + size <= commands.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(commands.length * 2, this.list.size + size));
    commands.copy(larger, 0, 0, this.list.size);
    this.list.commands = larger;
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
