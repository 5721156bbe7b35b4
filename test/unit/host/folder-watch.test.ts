/** Folders tell of what is put into them, as long as they are followed. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchFolders, type FolderWatch } from '../../../lib/host/folder-watch.js';

let top: string;
let count: number;
let watch: FolderWatch;

const folder = (name: string) => join(top, name);
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'folder-watch-'));
  for (const name of ['a', 'b']) mkdirSync(folder(name));
  count = 0;
  watch = watchFolders(() => (count += 1));
});
afterEach(() => {
  watch.close();
  rmSync(top, { recursive: true });
});

/** Whether it is told of what is done. */
async function isTold(act: () => void): Promise<boolean> {
  const before = count;
  act();
  for (let tries = 0; tries < 20 && count === before; tries += 1) await sleep(5);
  return count > before;
}
const put = (name: string) => () => {
  writeFileSync(folder('new'), 'x');
  renameSync(folder('new'), folder(name));
};

describe('watched folders', () => {
  it('tell of files put in place, and once of being watched', async () => {
    assert.equal(watch.follow([folder('a'), folder('a')]), true);
    assert.equal(count, 1);
    assert.ok(await isTold(put('a/x')));
    assert.ok(await isTold(put('a/x')));
    assert.ok(!(await isTold(put('b/x'))));
  });

  it('are no longer watched when they are not named again, or all is closed', async () => {
    watch.follow([folder('a'), folder('b')]);
    watch.follow([folder('b')]);
    assert.ok(!(await isTold(put('a/x'))));
    assert.ok(await isTold(put('b/x')));
    watch.close();
    watch.close();
    assert.ok(!(await isTold(put('b/x'))));
  });

  it('may come later, or be replaced by others of the same name', async () => {
    assert.equal(watch.follow([folder('c')]), true);
    assert.equal(count, 0);
    mkdirSync(folder('c'));
    assert.ok(await isTold(() => watch.follow([folder('c')])));
    assert.ok(await isTold(put('c/x')));

    renameSync(folder('c'), folder('old'));
    mkdirSync(folder('c'));
    watch.follow([folder('c')]);
    assert.ok(await isTold(put('c/x')));
    rmSync(folder('c'), { recursive: true });
    assert.equal(watch.follow([folder('c')]), true);
  });

  it('are folders: a file of that name is as good as nothing', () => {
    writeFileSync(folder('file'), '');
    assert.equal(watch.follow([folder('file')]), true);
    assert.equal(count, 0);
  });
});
