/** Standard output and standard error of this process: what a pipe or file takes at once needs no stream for it. */
import { once } from 'node:events';
import { fstatSync, writeSync } from 'node:fs';
import { codeOf } from '../errors.js';

/** What an empty pipe takes; more than that is left to a stream, which waits for a slow reader without holding us up. */
const atOnceBytes = 64 * 1024;

/** One of the two descriptors. */
export interface ProcessOutput {
  /** The stream, made when it is first asked for; from then on all goes through it. */
  stream(): NodeJS.WriteStream;
  /** Resolves when the text has been passed on. A reader that has gone away ends the process, or is ignored. */
  write(text: string): Promise<void>;
  /** Whether it is certainly no terminal, found out without a stream. */
  isPlain(): boolean;
  /** Resolves when all has been passed on, or can be no more. */
  drained(): Promise<void>;
}

/** `gone` is told of what goes wrong with writing. */
export function processOutput(name: 'stdout' | 'stderr', gone: (error: Error) => void): ProcessOutput {
  const fd = name === 'stdout' ? 1 : 2;
  let room = atOnceBytes;
  let made: NodeJS.WriteStream | undefined;

  function stream(): NodeJS.WriteStream {
    return (made ??= process[name].on('error', gone));
  }

  /** Writes without a stream; what is left when that does not go on. */
  function writeAtOnce(bytes: Buffer): Buffer {
    let left = bytes;
    try {
      while (left.length > 0) left = left.subarray(writeSync(fd, left));
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') {
        gone(error as Error);
        return left.subarray(left.length);
      }
    }
    return left;
  }

  return {
    stream,
    async write(text) {
      let left: string | Buffer = text;
      if (made === undefined) {
        const bytes = Buffer.from(text);
        room -= bytes.length;
        left = room < 0 ? bytes : writeAtOnce(bytes);
      }
      if (left.length > 0 && !stream().write(left)) await once(stream(), 'drain');
    },
    isPlain: () => !fstatSync(fd).isCharacterDevice(),
    async drained() {
      // What goes wrong now `gone` is told of, too.
      if (made !== undefined && made.writableLength > 0) await once(made, 'drain').catch(() => undefined);
    },
  };
}
