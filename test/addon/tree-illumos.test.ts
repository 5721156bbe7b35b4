/** Trees by what illumos has of the system: the same commands do the same, and nothing leads out. */
import assert from 'node:assert/strict';
import {
  existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'; // prettier-ignore
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { addonFile } from '../../lib/host/native.js';
import type { NativeTree } from '../../lib/host/native-linux.js';
import { Commands } from '../../lib/host/zfs-stream/commands.js';

const tree = createRequire(import.meta.url)(addonFile('tree-illumos')) as NativeTree;
const time = { secondsLow: 1000, secondsHigh: 0, nanoseconds: 0 };
const bytes = (text: string) => Buffer.from(text);
const system = (expected: string) => (error: unknown) =>
  codeOf(error) === expected || codeOf((error as Error).cause) === expected;

let top: string;
let root: string;
const at = (path: string) => join(root, path);

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'smartadm-tree-'));
  root = join(top, 'root');
  mkdirSync(root);
});
afterEach(() => {
  rmSync(top, { recursive: true, force: true });
});

/** Runs commands; what was refused by the filesystem. */
async function run(
  fill: (commands: Commands) => void,
  runner = tree.openTree(root, 'stage'),
): Promise<readonly string[]> {
  const refused: string[] = [];
  const commands = new Commands(runner, (_, key, code) => refused.push(`${key} ${code}`));
  try {
    fill(commands);
    await commands.finish();
  } finally {
    await commands.close();
  }
  return refused;
}

describe('a tree', () => {
  it('is made of objects that get their names later', async () => {
    const content = bytes('hello, world');
    const refused = await run((commands) => {
      commands.create(7);
      commands.write(content, 0, content.length, 0);
      commands.folder(bytes(''));
      commands.makeFolder(bytes('d'));
      commands.folder(bytes('d'));
      commands.moveIn(7, bytes('f'));
      commands.owner(bytes('f'), 3, 4, 0o100640);
      commands.times(bytes('f'), time, time);
      commands.symlink(bytes('s'), bytes('../../outside'));
      commands.owner(bytes('s'), 5, 6, 0o120777);
      commands.attribute(7, bytes('f'), 'user.note', bytes('x'));
      commands.clearAttributes(bytes('f'));
      commands.owner(bytes(''), 8, 9, 0o40711);
      commands.sweep();
    });
    assert.deepEqual(refused, ['user.note EOPNOTSUPP']);
    assert.deepEqual(readdirSync(root), ['d']);
    const { mode, uid, gid, mtimeMs } = statSync(at('d/f'));
    assert.deepEqual(
      [readFileSync(at('d/f'), 'utf8'), mode & 0o7777, uid, gid, mtimeMs],
      ['hello, world', 0o640, 3, 4, 1e6],
    );
    assert.deepEqual([lstatSync(at('d/s')).uid, statSync(at('d')).uid, statSync(at('d')).mode & 0o7777], [5, 8, 0o711]);
  });

  it('has names taken away and given anew, but never over what is there', async () => {
    writeFileSync(at('a'), '1');
    writeFileSync(at('b'), '2');
    await run((commands) => {
      commands.folder(bytes(''));
      commands.moveOut(bytes('a'), 1);
      commands.moveIn(1, bytes('c'));
      commands.sweep();
    });
    assert.deepEqual(readdirSync(root).sort(), ['b', 'c']);
    const taken = run((commands) => {
      commands.folder(bytes(''));
      commands.moveOut(bytes('c'), 1);
      commands.moveIn(1, bytes('b'));
    });
    await assert.rejects(taken, /holds a name twice/);
    assert.equal(readFileSync(at('b'), 'utf8'), '2');
  });

  it('has its folders found beneath it only, over no link', async () => {
    mkdirSync(join(top, 'outside'));
    symlinkSync('../outside', at('link'));
    writeFileSync(at('file'), '');
    for (const [path, expected] of [
      ['..', 'EXDEV'], ['link', 'ELOOP'], ['link/..', 'ELOOP'], ['none', 'ENOENT'], ['file', 'ENOTDIR'],
    ] as const) {
      rmSync(at('stage'), { recursive: true, force: true });
      const error = await run((commands) => {
        commands.folder(bytes(path));
        commands.makeFolder(bytes('made'));
      }).then(() => undefined, (reason: unknown) => reason); // prettier-ignore
      assert.ok(system(expected)(error), `${path}: ${String(error)}`);
    } // prettier-ignore
    assert.deepEqual(readdirSync(join(top, 'outside')), []);
  });

  it('of a layer stays on its filesystem', async () => {
    const error = await run((commands) => {
      commands.enter(bytes('proc/self'));
    }, tree.openLayer('/')).then(() => undefined, (reason: unknown) => reason); // prettier-ignore
    assert.ok(system('EXDEV')(error), String(error));
  });

  it('punches holes into what is there, which does not grow', async () => {
    const path = join(top, 'volume');
    const content = Buffer.alloc(200_000, 'x');
    const runner = tree.openFile(path);
    await run((commands) => {
      commands.write(content, 0, content.length, 0);
      commands.punch(1000, 150_000);
      commands.punch(199_000, 5000);
    }, runner);
    const made = readFileSync(path);
    assert.equal(made.length, 200_000);
    assert.ok(made.subarray(1000, 151_000).every((byte) => byte === 0));
    assert.ok(made.subarray(199_000).every((byte) => byte === 0));
    assert.deepEqual([made[999], made[151_000], made[198_999]], [0x78, 0x78, 0x78]);
    assert.ok(existsSync(path));
  });
});
