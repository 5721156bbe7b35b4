/** A file that is read from its beginning while it is still being written. */
import { open, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import type { RecyclingStream } from '../host/zfs-stream/source.js';
import { Rooms } from './rooms.js';

const chunkBytes = 256 * 1024;
/** Chunks wait for the disk up to so much. */
const mostQueuedBytes = 2 ** 20;

/** One writer, any number of readers, each of which sees every byte once and the end, or the failure, of the writing. */
export class GrowingFile {
  readonly #file: FileHandle;
  #bytes: number;
  #end: { readonly error?: Error } | undefined;
  #wake: (() => void)[] = [];
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Opens `path`, going on behind what it holds, or emptying it first. A symbolic link there is refused. */
  static async open(path: string, keep: boolean): Promise<GrowingFile> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | (keep ? 0 : constants.O_TRUNC);
    const file = await open(path, flags, 0o600);
    return new GrowingFile(file, (await file.stat()).size);
  }

  /** What has been written; all that was appended after {@link flush}. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Writes `chunk`, which stays as it is, together with others if the disk is slow. A failure may be told later. */
  async append(chunk: Buffer): Promise<void> {
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#writing === undefined) {
      this.#writing = this.#write();
      // Told to whoever appends next, or flushes.
      this.#writing.catch(() => undefined);
    }
    if (this.#queuedBytes >= mostQueuedBytes) await this.#writing;
  }

  /** Waits until all is written, and tells a failure to do so each time. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Nothing more is appended: everything is written, or `error` says why not. */
  end(error?: Error): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#notify();
  }

  /** What it holds now. */
  async *held(): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.#bytes;) {
      const chunk = await this.#read(at, Buffer.allocUnsafe(chunkBytes));
      at += chunk.length;
      yield chunk;
    }
  }

  /** What it holds now and all that is appended later. Fails with the error given to {@link end}. */
  reader(): RecyclingStream {
    const rooms = new Rooms(chunkBytes);
    return rooms.stream(this.#follow(rooms));
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    await this.#file.close();
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const chunks = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      await this.#writeAll(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
      this.#notify();
    }
    this.#writing = undefined;
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#bytes);
      done += bytesWritten;
      this.#bytes += bytesWritten;
    }
  }

  async *#follow(rooms: Rooms): AsyncGenerator<Buffer> {
    for (let at = 0; ;) {
      if (at < this.#bytes) {
        const chunk = await this.#read(at, rooms.take());
        at += chunk.length;
        yield chunk;
      } else if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    }
  }

  async #read(at: number, room: Buffer): Promise<Buffer> {
    const length = Math.min(room.length, this.#bytes - at);
    const { buffer, bytesRead } = await this.#file.read(room, 0, length, at);
    if (bytesRead === 0) throw new Error('file became shorter while it was read');
    return buffer.subarray(0, bytesRead);
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
