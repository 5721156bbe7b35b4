/**
 * What a hardware virtual machine costs: made from a 10 GiB volume image, and started until its guest says the first word,
 * beside a bare qemu with the same disk and the same acceleration.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectSocket } from '../../lib/host/qemu/socket.js';
import { openTestHost, type TestHost } from '../system/test-host.js';
import { median, ms, type BenchTable } from './measure.js';

const runs = 7;
const image = '2c8f5e17-9b60-4d3a-b1f4-70a9e63d84c2';

export async function bench(): Promise<BenchTable> {
  const host = openTestHost();
  try {
    await host.install('echo-volume-1.0.0');
    return {
      title: `a kvm VM of a 10 GiB volume image, median of ${runs}`,
      columns: ['act', 'vmadm', 'bare qemu'],
      rows: await rows(host),
    };
  } finally {
    await host.close();
  }
}

async function rows(host: TestHost): Promise<string[][]> {
  let uuid = randomUUID();
  const create = () => {
    const disks = [{ image_uuid: image, boot: true, model: 'virtio' }];
    const payload = { brand: 'kvm', uuid, ram: 128, vcpus: 1, autoboot: false, disks };
    return host.ok('vmadm', ['create'], { input: JSON.stringify(payload) });
  };
  const remove = async () => {
    await host.ok('vmadm', ['delete', uuid]);
    uuid = randomUUID();
  };
  const created = await median(runs, create, { clean: remove });
  await create();
  const started = await median(runs, () => firstWord(host, uuid), {
    clean: () => host.ok('vmadm', ['stop', '-F', uuid]),
  });
  const bare = ms(await median(runs, () => bareQemu(host.at(`/zones/${uuid}-disk0/disk.raw`))));
  await remove();
  return [
    ['create', ms(created), ''],
    ['start → first serial byte', ms(started), bare],
  ];
}

/** From the command's start to the first byte on the console, which is joined as soon as there is one. */
async function firstWord(host: TestHost, uuid: string): Promise<void> {
  const console = host.at(`/zones/${uuid}/root/tmp/vm.console`);
  const starting = host.ok('vmadm', ['start', uuid]);
  for (;;) {
    const socket = await connectSocket(console).catch(() => undefined);
    if (socket === undefined) {
      await sleep(2);
      continue;
    }
    await new Promise((resolve, reject) => socket.once('data', resolve).once('error', reject));
    socket.destroy();
    break;
  }
  await starting;
}

/** The machine that `argv.ts` describes, without a zone, a monitor or a sandbox; KVM is left out as its use is probed. */
async function bareQemu(disk: string): Promise<void> {
  const qemu = spawn('qemu-system-x86_64', [
    '-nodefaults', '-no-user-config', '-machine', 'q35', '-accel', 'tcg', '-m', '128M', '-display', 'none', '-snapshot',
    '-drive', `file=${disk},format=raw,if=virtio`, '-device', 'VGA', '-serial', 'stdio',
  ], { stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
  await new Promise<void>((resolve, reject) => {
    qemu.on('error', reject);
    qemu.stdout.once('data', () => resolve());
  });
  qemu.kill('SIGKILL');
  await new Promise((resolve) => qemu.once('exit', resolve));
}
