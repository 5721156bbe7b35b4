/** A filesystem as images have it: the files of this machine's standard Debian packages, as a stream. */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { entryOf, FilesystemWriter, Fixed, Mode, type FileFields } from '../zfs-stream/filesystem.js';

const lists = '/var/lib/dpkg/info';

/** One entry of the tree. Directories come before what is in them. */
interface Entry {
  readonly path: string;
  readonly stat: Stats;
  readonly number: number;
  readonly children: [string, bigint][];
}

/** Paths of the files that belong to packages which every Debian has; undefined on other systems. */
export function userlandPaths(): readonly string[] | undefined {
  if (!existsSync(lists)) return undefined;
  const packages = execFileSync('dpkg-query', ['-W', '-f', '${binary:Package} ${Priority}\n'], { encoding: 'utf8' });
  const wanted = packages.split('\n').filter((line) => /(required|important|standard)$/.test(line));
  const names = new Set(wanted.map((line) => line.split(' ')[0] ?? ''));
  const paths = new Set<string>();
  for (const file of readdirSync(lists)) {
    if (!file.endsWith('.list')) continue;
    const name = basename(file, '.list');
    if (!names.has(name) && ![...names].some((each) => each.split(':')[0] === name)) continue;
    for (const path of readFileSync(join(lists, file), 'utf8').split('\n')) {
      if (path !== '/.' && existsSync(dirname(path))) paths.add(join(realpathSync(dirname(path)), basename(path)));
    }
  }
  return [...paths].filter((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined).sort();
}

/** Owners, modes, times, links and contents as they are here; numbers as unpacking an archive gives them. */
export function* userlandStream(paths: readonly string[]): Generator<Buffer> {
  const writer = new FilesystemWriter();
  const tree = new Map<string, Entry>();
  const numbers = new Map<string, number>();
  let next = Fixed.first;
  const add = (path: string): Entry | undefined => {
    const known = tree.get(path);
    if (known !== undefined) return known;
    const parent = path === '/' ? undefined : add(dirname(path));
    const stat = lstatSync(path);
    if (!stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink()) return undefined;
    const identity = stat.isDirectory() ? path : `${stat.dev}:${stat.ino}`;
    const number = path === '/' ? Fixed.root : (numbers.get(identity) ?? next++);
    numbers.set(identity, number);
    const entry = { path, stat, number, children: [] };
    parent?.children.push([basename(path), entryOf(number, stat.mode & 0xf000)]);
    tree.set(path, entry);
    return entry;
  };
  add('/');
  for (const path of paths) add(path);
  const names = new Map<number, number>();
  for (const { number } of tree.values()) names.set(number, (names.get(number) ?? 0) + 1);
  let last = 0;
  for (const { path, stat, number, children } of [...tree.values()].sort((a, b) => a.number - b.number)) {
    if (number === last) continue;
    last = number;
    const fields: FileFields = {
      mode: stat.mode, uid: stat.uid, gid: stat.gid, seconds: Math.floor(stat.mtimeMs / 1000), nanoseconds: 0,
      parent: tree.get(dirname(path))?.number ?? Fixed.root, links: names.get(number) ?? 1,
    }; // prettier-ignore
    if (stat.isDirectory()) writer.directory(number, children, fields);
    else if (stat.isFile()) writer.file(number, readFileSync(path), fields);
    else writer.node(number, { ...fields, mode: Mode.symlink | 0o777, symlink: readlinkSync(path) });
    yield writer.take();
  }
  yield writer.end().take();
}
