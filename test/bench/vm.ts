/** What a zone costs: made, started, stopped, beside podman and lxc's own commands for a container of the same files. */
import { randomUUID } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestHost, payload, type TestHost } from '../system/test-host.js';
import { installed, median, ms, program, type BenchTable } from './measure.js';
import { openPodman, reasonOf } from './podman.js';

const runs = 11;
const image = 'busybox-1.35.0';

/** The acts that are measured, in the order of the rows. */
const acts = ['install image', 'create → init runs', 'start', 'stop -F'] as const;
type Act = (typeof acts)[number];
type Column = Readonly<Partial<Record<Act | 'note', string>>>;

export async function bench(): Promise<BenchTable> {
  const host = openTestHost();
  try {
    const installing = await median(5, () => host.install(image), { prepare: () => removeImage(host) });
    const { networked, ...ours } = await vmadmTimes(host);
    const columns: readonly Column[] = [
      { ...ours, 'install image': ms(installing) },
      await podmanTimes(host),
      await lxcTimes(host),
      await ociTimes(host),
    ];
    const bare = ms(await median(runs, () => program(process.execPath, ['-e', '0'])));
    const rows = acts.map((act) => [act, ...columns.map((column) => column[act] ?? '')]);
    const notes = columns.some((column) => column.note !== undefined)
      ? [['', ...columns.map((column) => column.note ?? '')]]
      : [];
    return {
      title: `a zone, median of ${runs}; node -e 0 takes ${bare}`,
      columns: ['act', 'vmadm, imgadm', 'podman', 'lxc-*', 'skopeo, umoci'],
      rows: [...rows, ['create → init runs, nic with dhcp', networked, '', '', ''], ...notes],
    };
  } finally {
    await host.close();
  }
}

async function removeImage(host: TestHost): Promise<void> {
  await host.run('imgadm', ['delete', String(payload()['image_uuid'])]);
}

async function vmadmTimes(host: TestHost): Promise<Column & { readonly networked: string }> {
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
  return { 'create → init runs': ms(bare), start: ms(started), 'stop -F': ms(stopped), networked: ms(networked) };
}

/** Without limits and a user namespace, which ours have. */
async function podmanTimes(host: TestHost): Promise<Column> {
  const podman = await openPodman(rootOfImage(host));
  if (typeof podman === 'string') return { note: podman };
  try {
    const remove = () => podman.remove('bench');
    const made = await median(runs, () => podman.run('bench'), { clean: remove });
    await podman.create('bench');
    const started = await median(runs, () => podman.start('bench'), { clean: () => podman.kill('bench') });
    const stopped = await median(runs, () => podman.kill('bench'), { prepare: () => podman.start('bench') });
    return { 'create → init runs': ms(made), start: ms(started), 'stop -F': ms(stopped), note: 'run -d, start, kill' };
  } catch (error) {
    return { note: `podman does not run here: ${reasonOf(error)}` };
  } finally {
    await podman.close();
  }
}

/** A privileged container without limits on the image's own files. */
async function lxcTimes(host: TestHost): Promise<Column> {
  if (!installed('lxc-start')) return { note: 'lxc-start: not installed' };
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-lxc-'));
  try {
    spawnSync('cp', ['-a', rootOfImage(host), join(folder, 'root')]);
    const config = join(folder, 'config');
    writeFileSync(
      config,
      `lxc.rootfs.path = dir:${join(folder, 'root')}\nlxc.uts.name = bench\nlxc.net.0.type = empty\nlxc.apparmor.profile = unchanged\n`,
    );
    const start = () => program('lxc-start', ['-P', folder, '-n', 'bench', '-f', config, '-d']);
    const stop = () => program('lxc-stop', ['-P', folder, '-n', 'bench', '-k']);
    const started = await median(runs, start, { clean: stop });
    const stopped = await median(runs, stop, { prepare: start });
    return { start: ms(started), 'stop -F': ms(stopped), note: 'lxc-start -d, lxc-stop -k' };
  } catch (error) {
    return { note: `lxc-start does not run here: ${reasonOf(error)}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same files as an OCI image of one layer: copied, and unpacked. */
async function ociTimes(host: TestHost): Promise<Column> {
  if (!installed('umoci') || !installed('skopeo')) return { note: 'skopeo, umoci: not installed' };
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-oci-'));
  try {
    const at = (name: string) => join(folder, name);
    await program('umoci', ['init', '--layout', at('source')]);
    await program('umoci', ['new', '--image', `${at('source')}:bench`]);
    await program('umoci', ['insert', '--image', `${at('source')}:bench`, rootOfImage(host), '/']);
    const install = async () => {
      await program('skopeo', ['copy', '--insecure-policy', '-q', `oci:${at('source')}:bench`, `oci:${at('copy')}:bench`]); // prettier-ignore
      await program('umoci', ['unpack', '--image', `${at('copy')}:bench`, at('bundle')]);
    };
    const clean = () => {
      for (const name of ['copy', 'bundle']) rmSync(at(name), { recursive: true, force: true });
      return Promise.resolve();
    };
    return { 'install image': ms(await median(5, install, { clean })), note: 'copy, unpack' };
  } catch (error) {
    return { note: `skopeo or umoci does not run here: ${reasonOf(error)}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rootOfImage(host: TestHost): string {
  return host.at(`/zones/${String(payload()['image_uuid'])}/root`);
}
