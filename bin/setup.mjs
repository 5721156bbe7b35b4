// Sets this checkout up: system packages, npm packages, addons, bundle, and the commands on the PATH.
// Plain JavaScript without dependencies, since nothing is installed when it starts. Safe to run again.
//   --for-tests   install what the tests need too, and leave the PATH alone
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));
process.chdir(top);
const forTests = process.argv.includes('--for-tests');
const isRoot = process.getuid?.() === 0;

/** Debian packages: what the addons are built with, and what runs beside them. */
const runtimePackages = [
  'build-essential', 'pkg-config', 'python3', 'lxc', 'lxc-dev', 'libbtrfsutil-dev', 'btrfs-progs', 'libmnl-dev',
  'liblz4-dev', 'libzstd-dev', 'libisal-dev', 'nftables', 'dnsmasq-base', 'udhcpc', 'xz-utils', 'bzip2',
  'qemu-system-x86', 'ovmf',
]; // prettier-ignore
const testPackages = [
  'busybox-static', 'clang-format', 'docker-registry', 'iproute2', 'libxml2-dev', 'mandoc', 'mtools', 'skopeo',
  'syslinux', 'systemd-boot-efi', 'umoci', 'valgrind', 'xorriso',
]; // prettier-ignore
/** The same where the release has them: older ones have what is in them in others. */
const newerTestPackages = ['qemu-system-modules-spice'];

/** Drivers of the test guest, in the order in which they are loaded. */
const guestModules = [
  'virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci', 'virtio_blk', 'failover',
  'net_failover', 'virtio_net', 'evdev', 'button',
]; // prettier-ignore

checkNode();
installSystemPackages([
  ...runtimePackages,
  ...(forTests ? [...testPackages, ...newerTestPackages.filter(isOffered)] : []),
]);
installNpmPackages();
buildAddons();
if (forTests) buildStandIns();
if (forTests) fetchGuestKernel();
if (forTests) run(process.execPath, ['test/zfs-stream/fetch-zstream.mjs']);
buildBundle();
if (!forTests) {
  linkCommands();
  installService();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    stop(`Node ${process.versions.node} is too old: 20.19 or newer is needed`);
  }
  step(`Node ${process.versions.node}`);
}

/** Whether the package is in the lists of this system. */
function isOffered(name) {
  return existsSync('/usr/bin/apt-cache') && spawnSync('apt-cache', ['show', name], { stdio: 'ignore' }).status === 0;
}

function installSystemPackages(wanted) {
  if (!existsSync('/usr/bin/dpkg-query')) {
    step(
      'System packages: this is no Debian system, so install by your own package manager what these Debian packages hold:',
    );
    console.log(`    ${wanted.join(' ')}`);
    return;
  }
  if (
    !existsSync(join(dirname(dirname(process.execPath)), 'include/node/node_api.h')) &&
    process.execPath === '/usr/bin/node'
  ) {
    wanted.push('libnode-dev');
  }
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted], {
    encoding: 'utf8',
  });
  const present = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  const missing = wanted.filter((name) => !present.has(name));
  if (missing.length === 0) return step(`System packages: all ${wanted.length} are installed`);
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  if (!isRoot) {
    if (forTests) {
      step(`System packages: missing ${missing.join(' ')}; as an ordinary user the tests that need them are left out`);
      return;
    }
    stop(`some system packages are missing; as root, run:\n    ${install.join(' ')}`);
  }
  step(`System packages: installing ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...install.slice(1)], { env });
}

function installNpmPackages() {
  if (upToDate('node_modules/.package-lock.json', ['package-lock.json', 'package.json'])) {
    return step('npm packages: up to date');
  }
  step('npm packages: installing');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

function buildAddons() {
  const stamp = 'addon/build/stamp';
  const sources = digest(['addon/binding.gyp', ...files('addon/src'), 'package-lock.json', process.execPath]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return step('Addons: up to date');
  if (forTests && !isRoot && !existsSync('/usr/include/lxc/lxccontainer.h')) {
    return step('Addons: not built, as the development packages are missing; tests that need them are left out');
  }
  step('Addons: building');
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  run('npx', ['--no-install', 'node-gyp', '-C', 'addon', 'rebuild', '--loglevel=error', ...headers], {
    env: { ...process.env, JOBS: 'max' },
    quiet: true,
  });
  writeFileSync(stamp, sources);
}

/** The illumos addons and the libraries that stand in for the system's, which only tests use. */
function buildStandIns() {
  if (process.platform !== 'linux' || !existsSync('addon/build/Release') || !existsSync('/usr/include/libxml2')) return;
  const stamp = 'addon/build/stand-ins-stamp';
  const sources = digest([
    ...files('addon/src'),
    ...files('addon/include'),
    ...files('test/stand-ins').filter((file) => !file.startsWith('test/stand-ins/build')),
    'package-lock.json',
    process.execPath,
  ]);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return step('Stand-ins: up to date');
  step('Stand-ins: building');
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  run(
    'npx',
    ['--no-install', 'node-gyp', '-C', 'test/stand-ins', 'configure', 'build', '--loglevel=error', ...headers],
    {
      env: { ...process.env, JOBS: 'max' },
      quiet: true,
    },
  );
  writeFileSync(stamp, sources);
}

/** Debian's kernel for the machine that the tests boot, with the few drivers that it needs; nothing of it is installed. */
function fetchGuestKernel() {
  const folder = 'test/guest/kernel';
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get') || process.arch !== 'x64') return;
  if (existsSync(join(folder, 'vmlinuz'))) return step('Kernel of the test guest: up to date');
  if (!isRoot) return step('Kernel of the test guest: missing, and only root fetches it');
  const find = () =>
    /Depends: (linux-image-\S+)/.exec(
      spawnSync('apt-cache', ['depends', 'linux-image-cloud-amd64'], { encoding: 'utf8' }).stdout,
    )?.[1];
  let name = find();
  if (name === undefined) {
    run('apt-get', ['update', '-qq']);
    name = find();
  }
  if (name === undefined) stop('Debian has no package linux-image-cloud-amd64 here, which the tests boot');
  step(`Kernel of the test guest: ${name}`);
  const draft = mkdtempSync(join(tmpdir(), 'smartadm-kernel-'));
  try {
    run('apt-get', ['-qq', 'download', name], { cwd: draft, quiet: true });
    const [file] = readdirSync(draft).filter((each) => each.endsWith('.deb'));
    run('dpkg-deb', ['-x', file, 'files'], { cwd: draft });
    const all = files(join(draft, 'files'));
    mkdirSync(folder, { recursive: true });
    for (const each of guestModules) {
      const found = all.find((path) => path.endsWith(`/${each}.ko`));
      if (found !== undefined) copyFileSync(found, join(folder, `${each}.ko`));
    }
    // Last: where it is, everything is.
    copyFileSync(
      all.find((path) => basename(path).startsWith('vmlinuz')),
      join(folder, 'vmlinuz'),
    );
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function buildBundle() {
  step('Bundle: building');
  run(process.execPath, ['bin/build.mjs', ...(forTests ? ['--for-tests'] : [])]);
}

function linkCommands() {
  const folder = isRoot ? '/usr/local/sbin' : join(process.env.HOME ?? '.', '.local/bin');
  for (const name of ['vmadm', 'imgadm']) {
    const link = join(folder, name);
    const target = resolve(`dist/${name}.js`);
    const there = lstatSync(link, { throwIfNoEntry: false });
    if (there?.isSymbolicLink() && readlinkSync(link) === target) continue;
    if (there !== undefined) {
      const old = there.isSymbolicLink() ? readlinkSync(link) : '';
      if (!old.endsWith(`/dist/${name}.js`)) stop(`${link} exists and is not ours; move it away and run this again`);
      unlinkSync(link);
    }
    symlinkSync(target, link);
  }
  step(`Commands: ${folder}/vmadm and ${folder}/imgadm`);
}

/** Has systemd boot the machines that are to run with the host. Other systems run `vmadm autoboot` in their own way. */
function installService() {
  if (!isRoot || !existsSync('/run/systemd/system')) return;
  const file = '/etc/systemd/system/smartadm.service';
  const unit = `[Unit]
Description=Machines of smartadm that run whenever the host does
After=network-online.target local-fs.target
Wants=network-online.target

[Service]
Type=oneshot
# Machines are processes of their own and outlive this command.
RemainAfterExit=yes
KillMode=none
ExecStart=/usr/local/sbin/vmadm autoboot

[Install]
WantedBy=multi-user.target
`;
  if (!existsSync(file) || readFileSync(file, 'utf8') !== unit) {
    writeFileSync(file, unit);
    run('systemctl', ['daemon-reload']);
  }
  run('systemctl', ['enable', '--quiet', 'smartadm.service']);
  step('Service: machines with autoboot start when this host does');
}

function upToDate(made, from) {
  const time = statSync(made, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return from.every((file) => statSync(file).mtimeMs <= time);
}

function digest(names) {
  const hash = createHash('sha256');
  for (const name of names)
    hash
      .update(name)
      .update('\0')
      .update(name === process.execPath ? process.version : readFileSync(name));
  return hash.digest('hex');
}

function files(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function run(command, args, { env = process.env, quiet = false, cwd = process.cwd() } = {}) {
  const done = spawnSync(command, args, {
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    env,
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (done.status === 0) return;
  if (quiet) console.error(done.stdout + done.stderr);
  stop(
    `${[command, ...args].join(' ')} ${done.error ? `could not be started: ${done.error.message}` : `ended with status ${done.status ?? done.signal}`}`,
  );
}

function step(text) {
  console.log(`==> ${text}`);
}

function stop(why) {
  console.error(`setup stopped: ${why}`);
  process.exit(1);
}
