/** Random changes on real btrfs, sent step by step: what is received is what was there, after every step. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { recordedStream } from '../contract/datasets.js';
import { openTestPool, type TestPool } from '../pool.js';
import { assertSameTree, listTree, type Listed } from '../zfs-stream/listing.js';
import { dumpStream, noZstream } from '../zfs-stream/zstream.js';

/** Makes, changes and removes whatever there can be in a tree; the same for the same seed. */
const changer = String.raw`
import os, random, sys
root, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
def walk():
    for folder, folders, files in os.walk(root):
        for name in folders + files: yield os.path.join(folder, name)
def some(test): 
    found = sorted(path for path in walk() if test(path))
    return random.choice(found) if found else None
is_file = lambda path: os.path.isfile(path) and not os.path.islink(path)
is_folder = lambda path: os.path.isdir(path) and not os.path.islink(path)
def folder(): return random.choice([root, some(is_folder) or root])
def fresh(): return os.path.join(folder(), random.choice('abcdef') * random.choice([1, 2, 3, 60]) + str(random.randrange(40)))
def size(): return random.choice([0, 1, 500, 512, 513, 5000, 131071, 131072, 131073, 300000, 700000])
def change():
    kind = random.randrange(14)
    path, file, any_path = fresh(), some(is_file), some(lambda each: True)
    if kind < 3: open(path, 'xb').write(random.randbytes(size()))
    elif kind == 3: os.mkdir(path)
    elif kind == 4: os.symlink('t' * random.choice([1, 50, 140, 300]), path)
    elif kind == 5: random.choice([lambda: os.mkfifo(path), lambda: os.mknod(path, 0o60640, os.makedev(7, 9))])()
    elif kind == 6 and file: os.link(file, path)
    elif kind == 7 and any_path and not path.startswith(any_path + '/'): os.rename(any_path, path)
    elif kind == 8 and any_path: os.remove(any_path) if not is_folder(any_path) else os.rmdir(any_path)
    elif kind == 9 and file: os.truncate(file, size())
    elif kind == 10 and file:
        with open(file, 'r+b') as opened:
            opened.seek(random.choice([0, 4096, 131072, 200000]))
            opened.write(random.choice([random.randbytes(100), bytes(200000)]))
    elif kind == 11 and any_path:
        os.chown(any_path, random.randrange(70000), random.randrange(70000), follow_symlinks=False)
        if not os.path.islink(any_path): os.chmod(any_path, random.randrange(0o10000))
    elif kind == 12 and file:
        for _ in range(random.choice([1, 1, 2, 9])): os.setxattr(file, 'user.' + random.choice('xyz') * random.randrange(1, 60), random.randbytes(random.choice([0, 3, 600])))
    elif kind == 13 and file:
        for name in os.listxattr(file): os.removexattr(file, name)
done = 0
while done < count:
    try:
        change()
        done += 1
    except OSError: done += 0.1
`;

function change(path: string, seed: number, count: number): void {
  execFileSync('/usr/bin/python3', ['-c', changer, path, String(seed), String(count)]);
}

describe('increments of random changes', { skip: process.getuid?.() === 0 ? false : 'pools need root' }, () => {
  let pool: TestPool;
  before(async () => {
    pool = await openTestPool();
  });
  after(() => {
    pool.close();
  });

  const folderOf = async (name: string): Promise<string> =>
    (await pool.datasets.find(name))?.mountpoint ?? assert.fail(`${name} is not there`);

  /** Without what the pool keeps on the root for itself. */
  async function tree(name: string): Promise<Map<string, Listed>> {
    const listed = await listTree(await folderOf(name));
    const root = listed.get('.') ?? assert.fail('there is no root');
    const xattrs = Object.entries(root.xattrs ?? {}).filter(([key]) => !key.startsWith('trusted.smartadm.'));
    return listed.set('.', { ...root, xattrs: Object.fromEntries(xattrs) });
  }

  async function sent(snapshot: string, from?: string): Promise<Buffer> {
    const parts: Buffer[] = [];
    const stream = await pool.datasets.send(snapshot, from === undefined ? {} : { from });
    for await (const part of stream) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  /** Changes `source` step by step and follows with clones of `copy`, whose last snapshot `at` is that of `from`. */
  async function follow(source: string, from: string, at: string, seed: number): Promise<void> {
    const { datasets } = pool;
    let [base, origin] = [from, at];
    for (let step = 0; step < 4; step += 1) {
      change(await folderOf(source), seed * 10 + step, 25);
      const next = `${source}@s${step}`;
      await datasets.snapshot(next);
      const stream = await sent(next, base);
      if (noZstream === undefined) await dumpStream(stream);
      const copy = `${source}-copy${step}`;
      const { losses } = await datasets.receive(copy, Readable.from([stream]), { origin });
      assert.deepEqual(losses, []);
      const expected = await tree(source);
      assertSameTree(await tree(copy), expected);
      // The whole way at once leads to the same.
      const jump = await sent(next, from);
      await datasets.receive(`${copy}-jump`, Readable.from([jump]), { origin: at });
      assertSameTree(await tree(`${copy}-jump`), expected);
      [base, origin] = [next, `${copy}@s${step}`];
    }
  }

  for (const seed of [1, 2, 3, 4]) {
    it(`lead from snapshot to snapshot (${seed})`, async () => {
      const source = `zones/own${seed}`;
      await pool.datasets.create(source);
      change(await folderOf(source), seed * 1000, 60);
      await pool.datasets.snapshot(`${source}@a`);
      await pool.datasets.receive(`${source}-copy`, Readable.from([await sent(`${source}@a`)]));
      await follow(source, `${source}@a`, `${source}-copy@a`, seed);
    });

    it(`lead from a received image to clones of it (${seed})`, async () => {
      const { datasets } = pool;
      const names = ['image-full', 'names-full', 'lz4sa-full', 'basic-full-a'];
      const stream = names[seed - 1] ?? 'image-full';
      const { snapshot } = await datasets.receive(`zones/image${seed}`, recordedStream(stream));
      const other = await datasets.receive(`zones/original${seed}`, recordedStream(stream));
      const source = `zones/clone${seed}`;
      await datasets.clone(snapshot, source);
      await follow(source, snapshot, other.snapshot, seed);
    });
  }
});
