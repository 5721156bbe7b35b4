/** What a zone costs: made, started, stopped, beside what lxc's own commands take for a container of the same files. */
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestHost, payload, type TestHost } from '../system/test-host.js';
import { installed, median, ms, program, type BenchTable } from './measure.js';

const runs = 11;

export async function bench(): Promise<BenchTable> {
  const host = openTestHost();
  try {
    await host.install('busybox-1.35.0');
    return { title: `a zone, median of ${runs}`, columns: ['act', 'vmadm', 'lxc-* or podman'], rows: await rows(host) };
  } finally {
    await host.close();
  }
}

async function rows(host: TestHost): Promise<string[][]> {
  let uuid = randomUUID();
  const nics = [{ nic_tag: 'admin', ips: ['dhcp'], primary: true }];
  const create = (more: Record<string, unknown>) =>
    host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, ...more })) });
  const remove = async () => {
    await host.ok('vmadm', ['delete', uuid]);
    uuid = randomUUID();
  };
  // The first vnic makes the bridge and starts its server.
  await create({ nics });
  await remove();
  const bare = await median(runs, () => create({}), { clean: remove });
  const networked = await median(runs, () => create({ nics }), { clean: remove });
  await create({ nics, autoboot: false });
  const stop = () => host.ok('vmadm', ['stop', '-F', uuid]);
  const start = () => host.ok('vmadm', ['start', uuid]);
  const started = await median(runs, start, { clean: stop });
  const stopped = await median(runs, stop, { prepare: start });
  await remove();
  const lxc = await lxcTimes(host);
  const podman = await podmanTime(host);
  return [
    ['create → init runs, no nic', ms(bare), ''],
    ['create → init runs, nic with dhcp', ms(networked), podman],
    ['start', ms(started), lxc?.started ?? 'not installed'],
    ['stop -F', ms(stopped), lxc?.stopped ?? 'not installed'],
  ];
}

/** A privileged container without limits on the image's own files. */
async function lxcTimes(host: TestHost): Promise<{ started: string; stopped: string } | undefined> {
  if (!installed('lxc-start')) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-lxc-'));
  try {
    const root = host.at(`/zones/${String(payload()['image_uuid'])}/root`);
    spawnSync('cp', ['-a', root, join(folder, 'root')]);
    const config = join(folder, 'config');
    writeFileSync(
      config,
      `lxc.rootfs.path = dir:${join(folder, 'root')}\nlxc.uts.name = bench\nlxc.net.0.type = empty\nlxc.apparmor.profile = unchanged\n`,
    );
    const start = () => program('lxc-start', ['-P', folder, '-n', 'bench', '-f', config, '-d']);
    const stop = () => program('lxc-stop', ['-P', folder, '-n', 'bench', '-k']);
    const started = await median(runs, start, { clean: stop });
    const stopped = await median(runs, stop, { prepare: start });
    return { started: `${ms(started)} lxc-start`, stopped: `${ms(stopped)} lxc-stop -k` };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    return { started: `lxc-start does not run here: ${why}`, stopped: '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function podmanTime(host: TestHost): Promise<string> {
  if (!installed('podman')) return 'podman: not installed';
  try {
    const root = host.at(`/zones/${String(payload()['image_uuid'])}/root`);
    const run = () => program('podman', ['run', '--rm', '--network=none', '--rootfs', root, '/bin/true']);
    return `${ms(await median(runs, run))} podman run`;
  } catch {
    return 'podman does not run here';
  }
}
