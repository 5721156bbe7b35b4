/** The blocks of a file or volume that hold anything but zeros, one after the other. */
import type { NativeSnapshotReader } from '../native-linux.js';
import { roundUp } from './bytes.js';

const windowBytes = 1024 * 1024;
const zeros = Buffer.alloc(128 * 1024);

/** A block that is not empty. Its bytes may change once the next one has been asked for. */
export interface Block {
  readonly offset: number;
  readonly bytes: Buffer;
}

export class Blocks {
  private readonly reader: NativeSnapshotReader;
  private readonly path: Buffer;
  private readonly blockSize: number;
  private window: Buffer | undefined;
  /** What has been read: offset of its first byte in the file, and where to go on in it. */
  private windowAt = 0;
  private windowSize = 0;
  private position = 0;
  private ended = false;

  /** Content that is there already needs no reading. Blocks have up to 128 KiB. */
  constructor(reader: NativeSnapshotReader, path: Buffer, blockSize: number, content?: Buffer) {
    this.reader = reader;
    this.path = path;
    this.blockSize = blockSize;
    if (content === undefined) return;
    this.window = Buffer.alloc(roundUp(content.length, blockSize));
    content.copy(this.window);
    this.windowSize = this.window.length;
    this.ended = true;
  }

  /** The next block; undefined after the last. */
  async next(): Promise<Block | undefined> {
    for (;;) {
      while (this.position < this.windowSize && this.window !== undefined) {
        const at = this.position;
        this.position += this.blockSize;
        if (zeros.compare(this.window, at, this.position, 0, this.blockSize) === 0) continue;
        return { offset: this.windowAt + at, bytes: this.window.subarray(at, this.position) };
      }
      if (this.ended) return undefined;
      await this.fill();
    }
  }

  private async fill(): Promise<void> {
    const { blockSize } = this;
    this.window ??= Buffer.allocUnsafeSlow(Math.floor(windowBytes / blockSize) * blockSize);
    const offset = this.windowAt + this.windowSize;
    const { at, size } = await this.reader.read(this.path, offset, blockSize, this.window);
    this.windowAt = at;
    this.windowSize = roundUp(size, blockSize);
    this.window.fill(0, size, this.windowSize);
    this.position = 0;
    this.ended = size < this.window.length;
  }
}
