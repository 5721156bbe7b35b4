/** zfs.node and the libraries behind it under valgrind: no memory is lost, none is touched that is not theirs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addonFile } from '../../lib/host/native.js';
import { addPools } from '../stand-ins/pool.js';
import { IllumosRoot } from '../stand-ins/root.js';

it('zfs loses no memory and keeps to its own', () => {
  const root = new IllumosRoot();
  try {
    addPools(root);
    const report = join(root.path, 'report');
    const script = fileURLToPath(new URL('leaks/zfs.mjs', import.meta.url));
    const done = spawnSync(
      'valgrind',
      [
        '--leak-check=full', '--show-leak-kinds=definite', '--undef-value-errors=no', '--num-callers=30',
        `--log-file=${report}`, process.execPath, '--expose-gc', '--jitless', '--single-threaded', script,
        addonFile('zfs'),
      ],
      { encoding: 'utf8', maxBuffer: 2 ** 28, env: process.env },
    ); // prettier-ignore
    assert.equal(done.stdout, 'exercised\n', done.stderr);
    const text = readFileSync(report, 'utf8');
    assert.match(text, /LEAK SUMMARY/);
    const parts = text.replace(/^==\d+== ?/gm, '').split(/\n\s*\n/);
    // The loader reads its own strings by words, past their end.
    const ours = parts.filter(
      (part) =>
        /are definitely lost|Invalid (read|write|free)/.test(part) &&
        /zfs|nvlist|standin|smartadm::/.test(part) &&
        !part.includes('_dl_map_object'),
    );
    assert.deepEqual(ours, []);
  } finally {
    root.remove();
  }
});
