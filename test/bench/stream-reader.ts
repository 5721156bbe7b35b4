/** Receiving ZFS send streams beside `gzip -dc` alone, which is to be the limit. */
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { receiveStream } from '../../lib/host/zfs-stream/receive.js';
import { entryOf, FilesystemWriter, Fixed, Mode } from '../zfs-stream/filesystem.js';
import { median, ms, type BenchTable } from './measure.js';

const runs = 3;

export async function bench(): Promise<BenchTable> {
  const root = mkdtempSync(join(tmpdir(), 'stream-reader-'));
  try {
    const large = join(root, 'large.zfs');
    const small = join(root, 'small.zfs');
    await writeImage(large, { folders: 4, files: 25, size: 1_500_000 });
    await writeImage(small, { folders: 10, files: 300, size: 6_000 });
    const busybox = new URL('../fixtures/images/busybox-1.35.0.zfs.gz', import.meta.url).pathname;
    return {
      title: `stream reader, median of ${runs}: MB of stream a second`,
      columns: ['stream', 'MB', 'receive', 'gzip -dc >/dev/null', 'gzip -dc | receive'],
      rows: [
        await row(root, '100 files of 1.5 MB', large),
        await row(root, '3000 files of 6 KB', small),
        await row(root, 'busybox image', undefined, busybox),
      ],
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function row(
  root: string,
  name: string,
  plain?: string,
  packed = `${plain ?? ''}.gz`,
): Promise<readonly string[]> {
  let bytes = 0;
  const receive = async (stream: Readable): Promise<void> => {
    const target = join(root, 'target');
    mkdirSync(target);
    const open = { path: target, ledger: join(root, 'ledger'), originLedger: undefined };
    bytes = (await receiveStream(stream, () => Promise.resolve(open))).bytes;
  };
  const gzip = (output: 'pipe' | 'ignore'): ReturnType<typeof spawn> =>
    spawn('gzip', ['-dc', packed], { stdio: ['ignore', output, 'inherit'] });
  const clean = (): Promise<void> => {
    rmSync(join(root, 'target'), { recursive: true, force: true });
    return Promise.resolve();
  };
  const unpacked = await median(runs, () => once(gzip('ignore'), 'exit'));
  const both = await median(runs, () => receive(gzip('pipe').stdout as Readable), { clean });
  const alone =
    plain === undefined
      ? undefined
      : await median(runs, () => receive(createReadStream(plain, { highWaterMark: 262_144 })), { clean });
  const rate = (taken: number): string => `${(bytes / 1e3 / taken).toFixed(0)} (${ms(taken)})`;
  return [name, (bytes / 1e6).toFixed(1), alone === undefined ? '' : rate(alone), rate(unpacked), rate(both)];
}

/** Writes an image of text-like files, plain and with gzip. */
async function writeImage(
  file: string,
  { folders, files, size }: { readonly folders: number; readonly files: number; readonly size: number },
): Promise<void> {
  const words = Buffer.alloc(4_000_000);
  // Compresses about as programs and texts do.
  for (let at = 0, state = 1; at < words.length; at += 4) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    words.writeUInt32LE(state >>> 29 === 0 ? state : (state >>> 16) & 0x1f1f, at);
  }
  function* image(): Generator<Buffer> {
    const writer = new FilesystemWriter();
    const number = (folder: number): number => Fixed.first + folder * (files + 1);
    const list = <T>(length: number, make: (index: number) => T): T[] =>
      Array.from({ length }, (_, index) => make(index));
    writer.directory(
      Fixed.root,
      list(folders, (folder) => [`folder-${folder}`, entryOf(number(folder), Mode.directory)]),
    );
    for (let folder = 0; folder < folders; folder += 1) {
      writer.directory(
        number(folder),
        list(files, (index) => [`file-${index}`, entryOf(number(folder) + 1 + index, Mode.file)]),
      );
      for (let index = 0; index < files; index += 1) {
        const from = (folder * 7919 + index * 104_729) % (words.length - size);
        writer.file(number(folder) + 1 + index, words.subarray(from, from + size), { parent: number(folder) });
        yield writer.take();
      }
    }
    yield writer.end().take();
  }
  await pipeline(image(), createWriteStream(file));
  await pipeline(createReadStream(file), createGzip({ level: 6 }), createWriteStream(`${file}.gz`));
  if (statSync(file).size === 0) throw new Error('an empty image');
}
