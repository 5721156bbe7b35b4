/** A file that is read from its beginning while it is still being written. */
import { open, type FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { Readable } from 'node:stream';

const chunkBytes = 256 * 1024;

/** One writer, any number of readers, each of which sees every byte once and the end, or the failure, of the writing. */
export class GrowingFile {
  readonly #file: FileHandle;
  #bytes: number;
  #end: { readonly error?: Error } | undefined;
  #wake: (() => void)[] = [];

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

  get bytes(): number {
    return this.#bytes;
  }

  async append(chunk: Buffer): Promise<void> {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#bytes);
      done += bytesWritten;
      this.#bytes += bytesWritten;
    }
    this.#notify();
  }

  /** Nothing more is written: everything is there, or `error` says why not. */
  end(error?: Error): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#notify();
  }

  /** What it holds now. */
  async *held(): AsyncGenerator<Buffer> {
    for (let at = 0; at < this.#bytes;) {
      const chunk = await this.#read(at);
      at += chunk.length;
      yield chunk;
    }
  }

  /** What it holds now and all that is appended later. Fails with the error given to {@link end}. */
  reader(): Readable {
    return Readable.from(this.#follow(), { objectMode: false, highWaterMark: chunkBytes });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async *#follow(): AsyncGenerator<Buffer> {
    for (let at = 0; ;) {
      if (at < this.#bytes) {
        const chunk = await this.#read(at);
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

  async #read(at: number): Promise<Buffer> {
    const length = Math.min(chunkBytes, this.#bytes - at);
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) throw new Error('file became shorter while it was read');
    return buffer.subarray(0, bytesRead);
  }

  #notify(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
