/** Where pools lie, on real loop devices. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { loopOf } from '../../../../lib/host/linux/pool-storage.js';

const run = promisify(execFile);

describe('loop devices', { skip: process.getuid?.() === 0 ? false : 'only root may make them' }, () => {
  it('are looked through while others come and go', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smartadm-loops-'));
    const make = (name: string): string => {
      const file = join(folder, name);
      writeFileSync(file, '');
      truncateSync(file, 1 << 20);
      return file;
    };
    const [kept, passing] = [make('kept'), make('passing')];
    const device = execFileSync('losetup', ['--find', '--show', kept], { encoding: 'utf8' }).trim();
    try {
      for (let turn = 0; turn < 40; turn += 1) {
        const others = (async () => {
          const { stdout } = await run('losetup', ['--find', '--show', passing]);
          await run('losetup', ['--detach', stdout.trim()]);
        })();
        const found = await Promise.all(Array.from({ length: 30 }, () => loopOf(kept)));
        await others;
        assert.deepEqual([...new Set(found)], [device]);
      }
      assert.equal(await loopOf(passing), undefined);
    } finally {
      execFileSync('losetup', ['--detach', device]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
