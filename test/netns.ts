/** Runs a test file in a network namespace of its own, so that nothing it does to links is seen outside. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * A sysfs of the namespace as well, since one shows the links of the namespace it was mounted in, with what else is
 * mounted below it.
 */
const script = `
old=$(mktemp -d)
mount --rbind /sys "$old"
mount -t sysfs sysfs /sys
for part in fs/cgroup fs/fuse/connections kernel/security; do
  mountpoint -q "$old/$part" && mount --rbind "$old/$part" "/sys/$part"
done
umount -l "$old"
rmdir "$old"
exec "$@"
`;

/**
 * To be called first in a test file, with its `import.meta.url`: starts the file again inside new network and mount
 * namespaces, where its results go to the same runner, and ends this process with its status. Returns in the inner
 * process only.
 */
export function inOwnNetworkNamespace(file: string): void {
  if (process.env['SMARTADM_TEST_NETNS'] === 'own') return;
  const command = [process.execPath, ...process.execArgv, fileURLToPath(file), ...process.argv.slice(2)];
  const inner = spawnSync('unshare', ['--net', '--mount', 'sh', '-ec', script, 'sh', ...command], {
    stdio: 'inherit',
    env: { ...process.env, SMARTADM_TEST_NETNS: 'own' },
  });
  process.exit(inner.status ?? 1);
}
