import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { writeAtomically } from '../../lib/atomic-file.js';

describe('writeAtomically', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'atomic-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('replaces the content and leaves nothing beside it', async () => {
    const path = join(folder, 'file');
    await writeAtomically(path, 'one');
    await writeAtomically(path, Buffer.from('two'));
    assert.equal(await readFile(path, 'utf8'), 'two');
    assert.deepEqual(await readdir(folder), ['file']);
  });

  it('sets exactly the mode asked for, 0644 by default', async () => {
    const path = join(folder, 'file');
    const umask = process.umask(0o077);
    try {
      await writeAtomically(path, 'x');
      assert.equal((await stat(path)).mode & 0o7777, 0o644);
      await writeAtomically(path, 'x', { mode: 0o660 });
      assert.equal((await stat(path)).mode & 0o7777, 0o660);
    } finally {
      process.umask(umask);
    }
  });

  it('leaves what was there when it fails', async () => {
    await assert.rejects(writeAtomically(join(folder, 'missing', 'file'), 'x'), { code: 'ENOENT' });
    // A folder cannot be replaced by a file: the last step fails.
    const occupied = join(folder, 'occupied');
    await mkdir(occupied);
    await assert.rejects(writeAtomically(occupied, 'x'), { code: 'EISDIR' });
    assert.deepEqual(await readdir(folder), ['occupied']);
  });

  it('clears away what a killed writer of the same file left, and nothing else', async () => {
    const path = join(folder, 'file');
    const source = `
      import { writeAtomically } from ${JSON.stringify(new URL('../../lib/atomic-file.ts', import.meta.url).href)};
      process.stdout.write('go');
      for (;;) await writeAtomically(${JSON.stringify(path)}, 'x'.repeat(1 << 20));`;
    for (let round = 0; round < 3; round += 1) {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, 20 * round));
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    // Whatever moment the kill hit, this one is certainly there: of a process that has ended.
    const dead = spawn(process.execPath, ['-e', '0']);
    await once(dead, 'exit');
    await writeFile(join(folder, `.file.${String(dead.pid)}.00112233.new`), 'half');
    await writeFile(join(folder, `.file.${process.pid}.00112233.new`), 'a living writer');
    await writeFile(join(folder, '.file.notes.new'), 'of the user');
    await writeAtomically(path, 'whole');
    assert.equal(await readFile(path, 'utf8'), 'whole');
    assert.deepEqual(
      (await readdir(folder)).sort(),
      [`.file.${process.pid}.00112233.new`, '.file.notes.new', 'file'].sort(),
    );
  });
});
