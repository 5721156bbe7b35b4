import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { acquireLock, withLock } from '../../lib/lock.js';

describe('a lock', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lock-'));
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** A process that holds the lock in `path` until it is killed. */
  async function holder(path: string): Promise<ChildProcess> {
    const source = `
      import { acquireLock } from ${JSON.stringify(new URL('../../lib/lock.ts', import.meta.url).href)};
      await acquireLock(${JSON.stringify(path)});
      process.stdout.write('held');
      setInterval(() => undefined, 1e6);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(child.stdout, 'data');
    return child;
  }

  it('makes its file and the folders above, readable for all', async () => {
    const path = join(folder, 'a', 'b', 'lock');
    (await acquireLock(path)).release();
    assert.equal((await stat(path)).mode & 0o777, 0o644);
  });

  it('has one holder at a time in one process', async () => {
    const path = join(folder, 'inside');
    let inside = 0;
    let most = 0;
    const turns: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, (_, turn) =>
        withLock(path, async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
          turns.push(turn);
        }),
      ),
    );
    assert.equal(most, 1);
    assert.equal(turns.length, 10);
  });

  it('is refused at once when asked not to wait', async () => {
    const path = join(folder, 'refused');
    const lock = await acquireLock(path);
    await assert.rejects(acquireLock(path, { wait: false }), { code: 'LockHeld' });
    lock.release();
    lock.release();
    (await acquireLock(path, { wait: false })).release();
  });

  it('is given up on abort, with the reason of the signal, and passed on when it comes late', async () => {
    const path = join(folder, 'aborted');
    const lock = await acquireLock(path);
    const controller = new AbortController();
    const waiting = acquireLock(path, { signal: controller.signal });
    const reason = new Error('enough');
    setImmediate(() => controller.abort(reason));
    await assert.rejects(waiting, reason);
    await assert.rejects(acquireLock(path, { signal: controller.signal }), reason);
    lock.release();
    (await acquireLock(path)).release();
  });

  it('is freed when the work under it throws', async () => {
    const path = join(folder, 'thrown');
    await assert.rejects(
      withLock(path, () => Promise.reject(new Error('no'))),
      { message: 'no' },
    );
    (await acquireLock(path, { wait: false })).release();
  });

  it('excludes other processes and dies with its holder', async () => {
    const path = join(folder, 'killed');
    const child = await holder(path);
    await assert.rejects(acquireLock(path, { wait: false }), { code: 'LockHeld' });
    const waiting = acquireLock(path);
    child.kill('SIGKILL');
    (await waiting).release();
  });

  it('says which file it cannot lock', async () => {
    await assert.rejects(acquireLock(folder), { code: 'EISDIR' });
  });
});
