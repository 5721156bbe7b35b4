/** Commands for the native writer (`addon/src/unix/tree.cc`): lists of them are built while it runs those before. */
import { codeOf, type SmartadmError } from '../../errors.js';
import { hostError } from '../errors.js';
import type { NativeCommandRunner } from '../native-linux.js';
import { invalid, unsupported } from './bytes.js';
import { CommandList, Op, type Time } from './command-list.js';

/** So many lists may wait for their turn or run, so that writer and builder wait little for each other. */
const mostUnderWay = 8;

/**
 * Commands in the order they are to happen. Each takes effect later; {@link flush} must be awaited when {@link full}, and
 * {@link finish} at the end.
 */
export class Commands {
  private list = new CommandList();
  private readonly spare: CommandList[] = [];
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
    return this.list.full;
  }

  /** Starts the list; waits for the oldest one while too many are under way. */
  async flush(): Promise<void> {
    const { list } = this;
    if (list.count > 0) {
      this.underWay.push(this.run(list));
      this.list = this.spare.pop() ?? new CommandList();
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
    return this.list.reserve(size);
  }

  /** Names are looked up in the folder at this path from now on; empty means the root. */
  folder(path: Uint8Array): void {
    const { list } = this;
    list.begin(Op.folder, path.length);
    list.block(path);
  }

  /** Content goes to a new file in the stage from now on. */
  create(object: number): void {
    const { list } = this;
    list.begin(Op.create);
    list.u64(object);
  }

  reopen(object: number): void {
    const { list } = this;
    list.begin(Op.reopen);
    list.u64(object);
  }

  /** Content goes to an existing file from now on. */
  edit(name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.edit, name.length);
    list.block(name);
  }

  /** Content goes to a new file in the folder from now on. It may have less than `mode` until it is settled. */
  makeFile(name: Uint8Array, mode: number): void {
    const { list } = this;
    list.begin(Op.makeFile, name.length);
    list.block(name);
    list.u32(mode);
  }

  /** Gives the file that content went to its owner, mode and times, and closes it. */
  settle(uid: number, gid: number, mode: number, accessed: Time, modified: Time): void {
    const { list } = this;
    list.begin(Op.settle);
    list.u32(uid);
    list.u32(gid);
    list.u32(mode);
    list.time(accessed);
    list.time(modified);
  }

  /** Writes `size` bytes of `bytes`. They are copied: pieces of a stream live shortly then, and so cost little memory. */
  write(bytes: Buffer, start: number, size: number, offset: number): void {
    this.list.write(bytes, start, size, offset);
  }

  punch(offset: number, size: number): void {
    const { list } = this;
    list.begin(Op.punch);
    list.u64(offset);
    list.u64(size);
  }

  resize(size: number): void {
    const { list } = this;
    list.begin(Op.resize);
    list.u64(size);
  }

  makeFolder(name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.makeFolder, name.length);
    list.block(name);
  }

  /** From the stage into the folder, by another name or as one more name. */
  moveIn(object: number, name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.moveIn, name.length);
    list.u64(object);
    list.block(name);
  }

  linkIn(object: number, name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.linkIn, name.length);
    list.u64(object);
    list.block(name);
  }

  moveOut(name: Uint8Array, object: number): void {
    const { list } = this;
    list.begin(Op.moveOut, name.length);
    list.block(name);
    list.u64(object);
  }

  linkOut(name: Uint8Array, object: number): void {
    const { list } = this;
    list.begin(Op.linkOut, name.length);
    list.block(name);
    list.u64(object);
  }

  unlink(name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.unlink, name.length);
    list.block(name);
  }

  symlink(name: Uint8Array, target: Uint8Array): void {
    const { list } = this;
    list.begin(Op.symlink, name.length + target.length);
    list.block(name);
    list.block(target);
  }

  /** Files, devices, fifos, sockets: what the type bits of `mode` say. */
  makeNode(name: Uint8Array, mode: number, major: number, minor: number): void {
    const { list } = this;
    list.begin(Op.makeNode, name.length);
    list.block(name);
    list.u32(mode);
    list.u32(major);
    list.u32(minor);
  }

  /** Here and below, an empty name means the folder itself. */
  owner(name: Uint8Array, uid: number, gid: number, mode: number): void {
    const { list } = this;
    list.begin(Op.owner, name.length);
    list.block(name);
    list.u32(uid);
    list.u32(gid);
    list.u32(mode);
  }

  times(name: Uint8Array, accessed: Time, modified: Time): void {
    const { list } = this;
    list.begin(Op.times, name.length);
    list.block(name);
    list.time(accessed);
    list.time(modified);
  }

  attribute(object: number, name: Uint8Array, key: string, value: Uint8Array): void {
    const { list } = this;
    const keyBytes = Buffer.from(key, 'latin1');
    list.attributes.set(list.count, { object, key });
    list.begin(Op.attribute, name.length + keyBytes.length + value.length);
    list.block(name);
    list.block(keyBytes);
    list.block(value);
  }

  clearAttributes(name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.clearAttributes, name.length);
    list.block(name);
  }

  /** Removes the stage and what is left in it. */
  sweep(): void {
    this.list.begin(Op.sweep);
  }

  /** Makes the stage again. */
  stage(): void {
    this.list.begin(Op.stage);
  }

  // What only layers take (`addon/src/unix/tree_layer.h`)

  /** As {@link folder}, over links of the tree's own; made where it is missing. */
  enter(path: Uint8Array): void {
    const { list } = this;
    list.begin(Op.enter, path.length);
    list.block(path);
  }

  /** Takes away what is in the way of a new entry; before a folder, a folder stays. */
  clear(name: Uint8Array, beforeFolder: boolean): void {
    const { list } = this;
    list.begin(Op.clear, name.length);
    list.block(name);
    list.u32(beforeFolder ? 1 : 0);
  }

  /** Fine when it is there. */
  layFolder(name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.layFolder, name.length);
    list.block(name);
  }

  /** Gives what is at the path `target` one more name. */
  linkTo(name: Uint8Array, target: Uint8Array): void {
    const { list } = this;
    list.begin(Op.linkTo, name.length + target.length);
    list.block(name);
    list.block(target);
  }

  /** Takes away what was there of that name before the layer. */
  whiteout(name: Uint8Array): void {
    const { list } = this;
    list.begin(Op.whiteout, name.length);
    list.block(name);
  }

  /** Takes away what was in the folder before the layer. */
  empty(): void {
    this.list.begin(Op.empty);
  }

  /** Of the folder at `path`, if it is one still. */
  folderTimes(path: Uint8Array, accessed: Time, modified: Time): void {
    const { list } = this;
    list.begin(Op.folderTimes, path.length);
    list.block(path);
    list.time(accessed);
    list.time(modified);
  }

  private run(list: CommandList): Promise<void> {
    const done = this.runner.run(list.commands, list.buffers).then(
      (refusals) => {
        for (const { command, code } of refusals) {
          const attribute = list.attributes.get(command);
          if (attribute !== undefined) this.refused(attribute.object, attribute.key, code);
        }
        list.clear();
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
