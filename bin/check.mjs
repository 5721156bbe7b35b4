// Runs every static check: types, lint, formatting, dead exports, manual pages, C++ formatting.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const sources = files('addon/src', /\.(cc|h)$/);
const checks = [
  ['types', 'npx', ['--no-install', 'tsc', '-p', '.']],
  ['lint', 'npx', ['--no-install', 'eslint', '--config', 'test/lint/eslint.config.js', 'bin', 'lib', 'test']],
  [
    'formatting',
    'npx',
    [
      '--no-install',
      'prettier',
      '--check',
      '--log-level',
      'warn',
      'bin',
      'lib',
      'test/**/*.{ts,js,mjs}',
      'package.json',
      'tsconfig.json',
    ],
  ],
  ['dead exports', 'npx', ['--no-install', 'knip', '--config', 'test/lint/knip.json']],
  ['C++ formatting', 'clang-format', ['--dry-run', '--Werror', '--style=file:addon/.clang-format', ...sources]],
  ['manual pages', 'mandoc', ['-T', 'lint', '-W', 'warning', 'man/vmadm.8', 'man/imgadm.8']],
];

let failed = 0;
for (const [what, command, args] of checks) {
  const done = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  const ok = done.status === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${what}`);
  if (!ok) {
    failed += 1;
    console.log(done.error ? String(done.error) : done.stdout + done.stderr);
  }
}
process.exit(failed === 0 ? 0 : 1);

function files(folder, pattern) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}
