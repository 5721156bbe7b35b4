/** Receives streams into folders of the test's own. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { receiveStream, type StreamResult } from '../../lib/host/zfs-stream/receive.js';

/** Why tests of this kind are left out; undefined where they run. */
export const skipReason =
  process.getuid?.() === 0 ? undefined : 'files with the owners and devices of an image can be made by root only';

export interface Received {
  readonly path: string;
  readonly ledger: string;
  readonly result: StreamResult;
}

/** A folder for what a test receives: in memory where that is possible, as other places cap extended attributes. */
export class ReceiveRoot {
  readonly path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'zfs-stream-'));
  private count = 0;

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Receives `stream`, incremental ones into a copy of `origin`. Names inside the new folder: `tree` or `volume`. */
  async receive(
    stream: Buffer | Iterable<Buffer> | Readable,
    origin?: Received,
    signal?: AbortSignal,
  ): Promise<Received> {
    this.count += 1;
    const folder = join(this.path, String(this.count));
    mkdirSync(folder);
    const ledger = join(folder, 'ledger');
    let path = '';
    const source = stream instanceof Readable ? stream : Readable.from(Buffer.isBuffer(stream) ? cut(stream) : stream);
    const result = await receiveStream(
      source,
      (header) => {
        path = join(folder, header.type === 'volume' ? 'volume' : 'tree');
        if (origin !== undefined) execFileSync('cp', ['-a', '--reflink=auto', origin.path, path]);
        else if (header.type === 'filesystem') mkdirSync(path);
        return Promise.resolve({ path, ledger, originLedger: origin?.ledger });
      },
      signal,
    );
    return { path, ledger, result };
  }
}

/** Chunks as a pipe gives them. */
export function* cut(bytes: Buffer, size = 65536): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const folder = new URL('../fixtures/zfs/', import.meta.url);

export function fixture(name: string): Buffer {
  const bytes = readFileSync(new URL(name, folder));
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

export function fixturePath(name: string): string {
  return new URL(name, folder).pathname;
}
