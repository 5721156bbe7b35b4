/**
 * Receiving ZFS send streams on btrfs, decompressed as `imgadm install` does it, beside `gzip -dc` alone, which is to be
 * the limit, and beside `tar -x` of the same tree, not compressed: below what the kernel takes to make the files nobody
 * can come. Each receive is a process of its own, bundled as the commands are, so it pays for compiling its code; the
 * start of Node is left out. All take turns, so other load on the machine meets all.
 */
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGunzip, createGzip } from 'node:zlib';
import { build } from 'esbuild';
import { entryOf, FilesystemWriter, Fixed, Mode } from '../zfs-stream/filesystem.js';
import { openTestPool } from '../pool.js';
import { median, ms, program, type BenchTable } from './measure.js';
import { userlandPaths, userlandStream } from './userland.js';

const runs = 5;
/** The addons are looked for from there upwards. */
const receiver = fileURLToPath(new URL('../../dist/for-tests/receive-once.js', import.meta.url));

export async function bench(): Promise<BenchTable> {
  const root = mkdtempSync(join(tmpdir(), 'stream-reader-'));
  await build({
    entryPoints: [fileURLToPath(new URL('receive-once.ts', import.meta.url))],
    outfile: receiver,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  try {
    const file = (name: string): string => join(root, `${name}.zfs`);
    await writeStream(file('large'), image({ folders: 4, files: 25, size: 1_500_000 }));
    await writeStream(file('tiny'), image({ folders: 20, files: 1000, size: 2048 }));
    const paths = userlandPaths();
    if (paths !== undefined) await writeStream(file('userland'), userlandStream(paths));
    const busybox = new URL('../fixtures/images/busybox-1.35.0.zfs.gz', import.meta.url).pathname;
    await writeStream(file('busybox'), unpacked(busybox));
    const rows = [await row('100 files of 1.5 MB', file('large'))];
    if (paths !== undefined) rows.push(await row(`Debian, ${paths.length} entries`, file('userland')));
    rows.push(await row('20,000 files of 2 KiB', file('tiny')));
    rows.push(await row('busybox image', file('busybox')));
    return {
      title: `stream reader on btrfs, median of ${runs} (start of node left out)`,
      columns: [
        'stream',
        'MB',
        'gzip -dc >/dev/null',
        'receive of the .gz',
        'its CPU',
        'its memory',
        'receive, not compressed',
        'tar -x',
      ],
      rows,
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

interface Once {
  readonly bytes: number;
  readonly taken: number;
  readonly cpu: number;
  readonly peakMiB: number;
}

async function row(name: string, stream: string): Promise<readonly string[]> {
  const pool = await openTestPool({ sizeGiB: 8 });
  try {
    await pool.datasets.create('zones/bench');
    return await measured(name, stream, pool.at('/zones/bench'));
  } finally {
    pool.close();
  }
}

/** A row, measured in folders of their own in `folder`. */
async function measured(name: string, stream: string, folder: string): Promise<readonly string[]> {
  let made = 0;
  // Nothing is removed in between: the filesystem would be at that for long, at the cost of what is measured next.
  const next = async (): Promise<string> => {
    // What is written still, below the pool as well.
    await program('sync', []);
    return join(folder, String((made += 1)));
  };
  const receive = async (file: string): Promise<Once> =>
    JSON.parse(await program(process.execPath, [receiver, file, await next()])) as Once;
  const archive = `${stream}.tar`;
  const packed: Once[] = [];
  const plain: Once[] = [];
  const gzip: number[] = [];
  const tar: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    gzip.push(await median(1, () => program('sh', ['-c', `exec gzip -dc '${stream}.gz' >/dev/null`])));
    plain.push(await receive(stream));
    if (run === 0) await program('tar', ['-C', join(folder, String(made)), '-cf', archive, '.']);
    packed.push(await receive(`${stream}.gz`));
    const target = await next();
    await program('mkdir', [target]);
    tar.push(await median(1, () => program('tar', ['-C', target, '-xpf', archive])));
  }
  const { bytes = 0, peakMiB = 0 } = packed[0] ?? {};
  const rate = (taken: number): string => `${ms(taken)} (${(bytes / 1e3 / taken).toFixed(0)} MB/s)`;
  const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[runs >> 1] ?? Number.NaN;
  return [
    name,
    (bytes / 1e6).toFixed(1),
    rate(middle(gzip)),
    rate(middle(packed.map(({ taken }) => taken))),
    ms(middle(packed.map(({ cpu }) => cpu))),
    `${peakMiB.toFixed(0)} MiB`,
    rate(middle(plain.map(({ taken }) => taken))),
    ms(middle(tar)),
  ];
}

function unpacked(file: string): AsyncIterable<Buffer> {
  return createReadStream(file).pipe(createGunzip()) as AsyncIterable<Buffer>;
}

/** Writes a stream, plain and with gzip. */
async function writeStream(file: string, stream: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
  await pipeline(stream, createWriteStream(file));
  await pipeline(createReadStream(file), createGzip({ level: 6 }), createWriteStream(`${file}.gz`));
  if (statSync(file).size === 0) throw new Error('an empty stream');
}

/** An image of files that compress about as programs and texts do. */
function* image({
  folders,
  files,
  size,
}: {
  readonly folders: number;
  readonly files: number;
  readonly size: number;
}): Generator<Buffer> {
  const words = Buffer.alloc(4_000_000);
  for (let at = 0, state = 1; at < words.length; at += 4) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    words.writeUInt32LE(state >>> 29 === 0 ? state : (state >>> 16) & 0x1f1f, at);
  }
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
