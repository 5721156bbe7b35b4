/** The addons under valgrind: whatever they are asked, well or badly, no memory of theirs is lost. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inOwnNetworkNamespace } from '../netns.js';
import { makeZoneRoot, openTestZones, zoneConfig } from '../zone-root.js';

inOwnNetworkNamespace(import.meta.url);

const { root, at, zones, close } = openTestZones();
const pool = at('/pool');

after(async () => {
  spawnSync('umount', [pool]);
  await close();
});

function run(command: string, ...args: string[]): string {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 28, env: { PATH: process.env['PATH'] } });
  assert.equal(done.status, 0, `${command}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** The parts of a report of valgrind that tell of one lost block each. */
function losses(report: string): readonly string[] {
  return report
    .replace(/^==\d+== ?/gm, '')
    .split(/\n\s*\n/)
    .filter((part) => part.includes('are definitely lost'));
}

it('no addon loses memory', async () => {
  makeZoneRoot(at('/zones/watched'));
  await zones.configure(zoneConfig('watched'));
  await zones.mark('watched', 'installed');
  await zones.boot('watched');
  const pid = (await zones.runtime('watched'))?.pid ?? 0;
  mkdirSync(pool);
  mkdirSync(at('/files'));
  run('truncate', '--size=256M', at('/image'));
  run('mkfs.btrfs', '--quiet', at('/image'));
  run('mount', '-o', 'loop', at('/image'), pool);

  const report = join(root, 'report');
  const script = fileURLToPath(new URL('leaks/exercise.mjs', import.meta.url));
  const said = run(
    'valgrind', '--leak-check=full', '--show-leak-kinds=definite', '--undef-value-errors=no', '--num-callers=30',
    `--log-file=${report}`, process.execPath, '--expose-gc', '--jitless', '--single-threaded', script,
    at('/files'), pool, at('/var/run/smartadm/zones'), 'watched', String(pid),
  ); // prettier-ignore
  assert.equal(said, 'exercised\n');
  const text = readFileSync(report, 'utf8');
  assert.match(text, /LEAK SUMMARY/);
  // Node loses a little by itself.
  const ours = losses(text).filter((loss) => /addon\/build\/Release|smartadm::/.test(loss));
  assert.deepEqual(ours, []);
});
