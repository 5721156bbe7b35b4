// Runs the whole suite: static checks first, then the tests room by room. Arguments name single rooms (`unit`, `system`, …).
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const isRoot = process.getuid?.() === 0;
const addonsBuilt = existsSync('addon/build/Release/posix.node');
/** The room, whether it needs root and the addons, and how many of its files may run at once. */
const rooms = [
  { name: 'lint', real: false, atOnce: 2 },
  { name: 'unit', real: false, atOnce: 2 },
  { name: 'addon', real: true, atOnce: 2 },
  { name: 'contract', real: true, atOnce: 2 },
  { name: 'cli', real: false, atOnce: 2 },
  // One at a time: they measure limits and load the machine.
  { name: 'system', real: true, atOnce: 1 },
];

const asked = process.argv.slice(2);
const failed = [];
const leftOut = [];

if (asked.length === 0 || asked.includes('check')) {
  console.log('==> static checks');
  if (spawnSync(process.execPath, ['bin/check.mjs'], { stdio: 'inherit' }).status !== 0) failed.push('static checks');
}
for (const room of rooms) {
  if (asked.length > 0 && !asked.includes(room.name)) continue;
  const files = testsIn(join('test', room.name));
  if (files.length === 0) continue;
  if (room.real && (!isRoot || !addonsBuilt)) {
    leftOut.push(`${room.name}: needs ${isRoot ? 'the addons' : 'root'}`);
    continue;
  }
  console.log(`==> ${room.name}: ${files.length} files`);
  const done = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--test', `--test-concurrency=${room.atOnce}`, '--test-reporter=spec', ...files],
    { stdio: 'inherit', env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined } },
  );
  if (done.status !== 0) failed.push(room.name);
}
for (const what of leftOut) console.log(`left out: ${what}`);
if (failed.length > 0) {
  console.error(`FAILED: ${failed.join(', ')}`);
  process.exit(1);
}
console.log('everything passed');

function testsIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => /\.test\.(ts|mjs)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}
