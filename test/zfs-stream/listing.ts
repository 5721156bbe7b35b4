/** Lists trees with all that a ZFS stream can say of them, in the form of the manifests beside the fixtures. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

/** Node reads no extended attributes, and no names that are not UTF-8. */
const lister = String.raw`
import base64, hashlib, json, os, stat, sys
root = os.fsencode(sys.argv[1])
kinds = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFLNK: 'symlink', stat.S_IFIFO: 'fifo',
         stat.S_IFSOCK: 'socket', stat.S_IFCHR: 'chardev', stat.S_IFBLK: 'blockdev'}
def text(entry, key, value):
    try: entry[key] = value.decode()
    except UnicodeDecodeError: entry[key + '_b64'] = base64.b64encode(value).decode()
def extents(path, size):
    found, at, fd = [], 0, os.open(path, os.O_RDONLY)
    while at < size:
        try: start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError: break
        at = os.lseek(fd, start, os.SEEK_HOLE)
        found.append([start, at - start])
    os.close(fd)
    return found
def show(path, name):
    s = os.lstat(path)
    entry = {'type': kinds[stat.S_IFMT(s.st_mode)], 'mode': '%04o' % stat.S_IMODE(s.st_mode), 'uid': s.st_uid,
             'gid': s.st_gid, 'nlink': s.st_nlink, 'object': s.st_ino, 'mtime_ns': str(s.st_mtime_ns),
             'atime_ns': str(s.st_atime_ns)}
    text(entry, 'path', name)
    if entry['type'] == 'file':
        entry['size'] = s.st_size
        digest = hashlib.sha256()
        with open(path, 'rb') as file:
            while block := file.read(1 << 20): digest.update(block)
        entry['sha256'] = digest.hexdigest()
        entry['data'] = extents(path, s.st_size)
    if entry['type'] == 'symlink': text(entry, 'target', os.readlink(path))
    if entry['type'] in ('chardev', 'blockdev'): entry['rdev'] = [os.major(s.st_rdev), os.minor(s.st_rdev)]
    try: names = os.listxattr(path, follow_symlinks=False)
    except OSError: names = []
    names = [name for name in names if name != 'security.selinux']
    entry['xattrs'] = {name: base64.b64encode(os.getxattr(path, name, follow_symlinks=False)).decode()
                       for name in names}
    print(json.dumps(entry))
    if entry['type'] == 'dir':
        for child in sorted(os.listdir(path)): show(path + b'/' + child, child if name == b'.' else name + b'/' + child)
sys.setrecursionlimit(5000)
# Reading must not change what was set.
show(root, b'.')
`;

/** That of the system: others may be slow wrappers. */
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

export interface Listed {
  readonly path?: string;
  readonly path_b64?: string;
  readonly type: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly object: number;
  readonly mtime_ns: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  readonly target_b64?: string;
  readonly rdev?: readonly number[];
  readonly xattrs?: Readonly<Record<string, string>>;
  /** What is no hole: of a manifest, and of a tree. */
  readonly data_extents?: readonly (readonly [number, number])[];
  readonly data?: readonly (readonly [number, number])[];
}

export async function listTree(path: string): Promise<Map<string, Listed>> {
  const { stdout } = await promisify(execFile)(python, ['-c', lister, path], { maxBuffer: 1 << 28 });
  return byPath(stdout);
}

export function readManifest(file: string): Map<string, Listed> {
  return byPath(gunzipSync(readFileSync(file)).toString());
}

function byPath(lines: string): Map<string, Listed> {
  const entries = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed);
  return new Map(entries.map((entry) => [entry.path ?? `base64 ${entry.path_b64 ?? ''}`, entry]));
}

/**
 * Asserts that a tree is what the manifest says. `lost` holds extended attributes that may be missing: path, a space, and
 * the name.
 */
export function assertSameTree(
  actual: ReadonlyMap<string, Listed>,
  expected: ReadonlyMap<string, Listed>,
  { lost = new Set(), holes = true }: { readonly lost?: ReadonlySet<string>; readonly holes?: boolean } = {},
): void {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  const firstOf = (tree: ReadonlyMap<string, Listed>): Map<number, string> => {
    const first = new Map<number, string>();
    for (const path of expected.keys()) {
      const object = tree.get(path)?.object ?? 0;
      if (!first.has(object)) first.set(object, path);
    }
    return first;
  };
  const [actualLinks, expectedLinks] = [firstOf(actual), firstOf(expected)];
  for (const path of expected.keys()) {
    const is = actual.get(path);
    const should = expected.get(path);
    assert.ok(is !== undefined && should !== undefined);
    assert.deepEqual(facts(is, actualLinks), facts(should, expectedLinks, path, lost), path);
    if (holes) assertHoles(is, should, path);
  }
}

function facts(entry: Listed, links: ReadonlyMap<number, string>, path = '', lost: ReadonlySet<string> = new Set()) {
  const { type, mode, uid, gid, nlink, mtime_ns, size, sha256, target, target_b64, rdev } = entry;
  const xattrs = Object.entries(entry.xattrs ?? {}).filter(([name]) => !lost.has(`${path} ${name}`));
  return {
    type, uid, gid, mtime_ns, sha256, target, target_b64, rdev,
    // Filesystems count the names of directories each in their way, and links have modes of their own.
    nlink: type === 'dir' ? undefined : nlink,
    mode: type === 'symlink' ? undefined : mode,
    size: type === 'file' ? size : undefined,
    xattrs: Object.fromEntries(xattrs.sort(([a], [b]) => (a < b ? -1 : 1))),
    sameAs: type === 'dir' ? undefined : links.get(entry.object),
  }; // prettier-ignore
}

/** Where the source has data or a hole, there is one here, but for the blocks in which it begins and ends. */
function assertHoles(is: Listed, should: Listed, path: string): void {
  const slack = 128 * 1024;
  const within = (inner: Listed['data'], outer: Listed['data']): boolean =>
    (inner ?? []).every(([start, length]) =>
      (outer ?? []).some(([at, size]) => start >= at - slack && start + length <= at + size + slack),
    );
  if (should.data_extents === undefined) return;
  assert.ok(within(is.data, joined(should.data_extents, slack)), `${path} has data where it should have holes`);
}

/** Extents with the gaps between them closed that are smaller than `gap`. */
function joined(extents: readonly (readonly [number, number])[], gap: number): [number, number][] {
  const result: [number, number][] = [];
  for (const [at, size] of extents) {
    const last = result[result.length - 1];
    if (last !== undefined && at - last[0] - last[1] < gap) last[1] = at + size - last[0];
    else result.push([at, size]);
  }
  return result;
}
