/**
 * A machine for the tests to boot: a disk with Debian's kernel, busybox and a script as its init, which the BIOS starts by
 * SYSLINUX and UEFI by systemd-boot. What it says and does on its first serial port is in `init.sh`.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const kernel = join(here, 'kernel');
const busybox = '/usr/bin/busybox';
const uefiLoader = '/usr/lib/systemd/boot/efi/systemd-bootx64.efi';

/** Drivers in the order in which they are loaded. */
const modules = [
  'virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci', 'virtio_blk', 'failover',
  'net_failover', 'virtio_net', 'evdev', 'button',
]; // prettier-ignore

const diskMiB = 48;
/** No messages of the kernel: the terminal is the guest's. */
const commandLine = 'console=ttyS0,115200 quiet loglevel=3 panic=-1 random.trust_cpu=on';

/** Why no guest can be built here; undefined when one can. */
export function guestLack(): string | undefined {
  for (const file of [join(kernel, 'vmlinuz'), busybox, '/usr/bin/mcopy', '/usr/bin/syslinux', uefiLoader]) {
    if (!existsSync(file)) return `${file} is missing`;
  }
  return undefined;
}

/** Writes the disk to `file`: raw, {@link diskMiB} MiB, sparse. */
export function buildGuest(file: string): void {
  const work = mkdtempSync(join(tmpdir(), 'smartadm-guest-'));
  try {
    const initrd = join(work, 'initrd');
    buildInitrd(join(work, 'root'), initrd);
    writeFileSync(join(work, 'syslinux.cfg'), `default linux\nlabel linux\nkernel /vmlinuz\ninitrd /initrd\nappend ${commandLine}\n`); // prettier-ignore
    writeFileSync(join(work, 'loader.conf'), 'timeout 0\ndefault guest.conf\n');
    writeFileSync(join(work, 'guest.conf'), `title guest\nlinux /vmlinuz\ninitrd /initrd\noptions ${commandLine}\n`);
    writeFileSync(file, '');
    truncateSync(file, diskMiB * 2 ** 20);
    run('mformat', '-i', file, '-v', 'GUEST', '-c', '4', '-T', String(diskMiB * 2048), '-h', '64', '-s', '32', '::');
    run('syslinux', '--install', file);
    run('mmd', '-i', file, '::/EFI', '::/EFI/BOOT', '::/loader', '::/loader/entries');
    const put = (from: string, to: string) => run('mcopy', '-i', file, from, `::${to}`);
    put(join(kernel, 'vmlinuz'), '/vmlinuz');
    put(initrd, '/initrd');
    put(join(work, 'syslinux.cfg'), '/syslinux.cfg');
    put(uefiLoader, '/EFI/BOOT/BOOTX64.EFI');
    put(join(work, 'loader.conf'), '/loader/loader.conf');
    put(join(work, 'guest.conf'), '/loader/entries/guest.conf');
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function buildInitrd(root: string, initrd: string): void {
  for (const folder of ['bin', 'dev', 'proc', 'sys', 'modules']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(busybox, join(root, 'bin/busybox'));
  copyFileSync(join(here, 'init.sh'), join(root, 'init'));
  chmodSync(join(root, 'init'), 0o755);
  for (const name of modules) copyFileSync(join(kernel, `${name}.ko`), join(root, `modules/${name}.ko`));
  writeFileSync(join(root, 'modules/order'), `${modules.join('\n')}\n`);
  run('sh', '-ec', 'cd "$1"; find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$2"', 'sh', root, initrd);
}

function run(program: string, ...args: string[]): void {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr}${String(done.error ?? '')}`);
}
