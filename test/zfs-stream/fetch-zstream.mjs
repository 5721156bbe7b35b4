// Unpacks `zstream` of OpenZFS for the tests, out of Debian's component contrib, without turning that on for the system.
// Where that does not work, the tests that need it say so and are left out.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const target = resolve('node_modules/.cache/zfsutils');
const packages = ['zfsutils-linux', 'libzfs4linux', 'libnvpair3linux', 'libuutil3linux', 'libzpool5linux'];

function run(command, args, options = {}) {
  return spawnSync(command, args, { encoding: 'utf8', timeout: 120_000, ...options });
}

if (!existsSync(join(target, 'sbin/zstream')) && existsSync('/etc/debian_version')) {
  const work = mkdtempSync(join(tmpdir(), 'zstream-'));
  try {
    // The mirror that the system itself uses.
    const format = ['--format', '$(REPO_URI) $(RELEASE)'];
    const known = run('apt-get', [
      'indextargets',
      ...format,
      'Created-By: Packages',
      'Component: main',
      'Origin: Debian',
    ]);
    const [uri, suite] = (
      known.stdout.split('\n').find((line) => !/-(updates|security|backports)/.test(line)) ?? ''
    ).split(' ');
    if (uri) {
      for (const folder of ['lists', 'cache', 'packages', 'root']) mkdirSync(join(work, folder));
      writeFileSync(
        join(work, 'sources.list'),
        `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${uri} ${suite} contrib\n`,
      );
      const own = [
        `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
        'Dir::Etc::sourceparts=/dev/null',
        `Dir::State::lists=${join(work, 'lists')}`,
        `Dir::Cache=${join(work, 'cache')}`,
        'APT::Sandbox::User=root',
      ].flatMap((each) => ['-o', each]);
      run('apt-get', [...own, '-qq', 'update']);
      run('apt-get', [...own, '-qq', 'download', ...packages], { cwd: join(work, 'packages') });
      for (const file of readdirSync(join(work, 'packages'))) {
        run('dpkg-deb', ['-x', join(work, 'packages', file), join(work, 'root')]);
      }
      if (existsSync(join(work, 'root/sbin/zstream'))) {
        rmSync(target, { recursive: true, force: true });
        mkdirSync(dirname(target), { recursive: true });
        if (run('cp', ['-r', join(work, 'root'), `${target}.new`]).status === 0) renameSync(`${target}.new`, target);
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
