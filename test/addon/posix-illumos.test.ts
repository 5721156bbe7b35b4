/** What illumos has of posix.node: locks, by the same code as on Linux. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { addonFile } from '../../lib/host/native.js';
import type { NativePosix } from '../../lib/host/native-linux.js';

const file = addonFile('posix-illumos');

it(
  'posix.node of illumos locks files, and does no more',
  { skip: existsSync(file) ? false : 'it is not built' },
  async () => {
    const posix = createRequire(import.meta.url)(file) as Pick<NativePosix, 'lockFile'>;
    assert.deepEqual(Object.keys(posix), ['lockFile']);
    const folder = mkdtempSync(join(tmpdir(), 'smartadm-lock-'));
    try {
      const path = join(folder, 'lock');
      const held = await posix.lockFile(path, 0o600, false);
      assert.equal(await posix.lockFile(path, 0o600, false), undefined);
      // Who waits keeps no process alive.
      const alive = setInterval(() => undefined, 1000);
      const waiting = posix.lockFile(path, 0o600, true);
      held?.close();
      (await waiting)?.close();
      clearInterval(alive);
      await assert.rejects(
        posix.lockFile(join(folder, 'none/lock'), 0o600, false),
        (error) => codeOf(error) === 'ENOENT',
      );
      assert.throws(() => posix.lockFile(path, 0o10000, false), RangeError);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
