/** Runs a test file in a network namespace of its own, so that nothing it does to links is seen outside. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * To be called first in a test file, with its `import.meta.url`: starts the file again inside a new network namespace,
 * where its results go to the same runner, and ends this process with its status. Returns in the inner process only.
 */
export function inOwnNetworkNamespace(file: string): void {
  if (process.env['SMARTADM_TEST_NETNS'] === 'own') return;
  const inner = spawnSync('unshare', ['--net', process.execPath, ...process.execArgv, fileURLToPath(file)], {
    stdio: 'inherit',
    env: { ...process.env, SMARTADM_TEST_NETNS: 'own' },
  });
  process.exit(inner.status ?? 1);
}
