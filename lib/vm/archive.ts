/** What is kept of a VM with `archive_on_delete` when it is deleted (`vm-lifecycle`, archive). */
import { constants } from 'node:fs';
import { copyFile, cp, lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Dataset } from '../host/datasets.js';
import type { Host } from '../host/host.js';
import type { VmObject } from '../schema/generated/vm.js';
import { loadVm } from './load.js';

/** Below which archives lie, a folder for each VM. */
const archives = '/zones/archive';

/** Files whose names begin with the last part of a path below the zonepath, and the folder they go to. */
interface Kept {
  readonly from: string;
  readonly to: string;
}

/**
 * Keeps configuration, properties of datasets and logs of a VM that does not run any more. As in the original nothing that
 * goes wrong here keeps a VM from being deleted, and an archive that exists stays as it is.
 */
export async function archiveVm(ctx: Context, uuid: string): Promise<void> {
  const host = await ctx.host();
  const folder = host.at(`${archives}/${uuid}`);
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      // What there is nothing of is no loss.
      if (codeOf(error) !== 'ENOENT') ctx.log.error({ err: error, uuid }, `cannot archive ${what}`);
      return false;
    }
  };
  let vm: VmObject = {};
  const isBegun = await attempt('the VM', async () => {
    vm = await loadVm(host, uuid);
    await mkdir(host.at(archives), { recursive: true });
    await mkdir(folder, { mode: 0o755 });
    await mkdir(join(folder, 'console'));
    await writeFile(join(folder, 'vm.json'), `${JSON.stringify(vm, null, 2)}\n`);
  });
  if (!isBegun) return;
  const zone = vm.zonename ?? uuid;
  const place = host.at(String(vm.zonepath));
  await attempt('properties', async () => writeFile(join(folder, 'zfs.dump'), await propertiesOf(host, zone)));
  await attempt('zone.xml', () => copyFile(host.at(`/etc/zones/${zone}.xml`), join(folder, 'zone.xml')));
  for (const name of ['config', 'cores']) {
    await attempt(name, () => cp(join(place, name), join(folder, name), { recursive: true, verbatimSymlinks: true }));
  }
  // While a guest runs, what its files are may change under our feet.
  const isDown = (await host.zones.find(zone))?.state !== 'running';
  for (const { from, to } of keptOf(vm)) {
    if (isDown || !from.startsWith('root/')) await attempt(from, () => keepFiles(place, from, join(folder, to)));
  }
}

function keptOf({ brand, docker }: VmObject): readonly Kept[] {
  const platform = { from: 'logs/platform.log', to: 'platform' };
  if (docker === true) {
    return [
      platform,
      { from: 'root/var/log/sdc-dockerinit.log', to: 'dockerinit' },
      { from: 'logs/stdio.log', to: 'docker' },
    ];
  }
  if (brand === 'kvm') return [platform, { from: 'root/tmp/vm', to: 'vmlogs' }, { from: 'root/startvm', to: '.' }];
  if (brand === 'lx') return [platform, { from: 'root/var/log/triton.log', to: 'logs' }];
  return [platform, { from: 'root/var/svc/log/', to: 'svclogs' }, { from: 'root/var/adm/messages', to: 'admmsgs' }];
}

/** Only regular files, and none by way of a symbolic link: what lies in a zone is the guest's. */
async function keepFiles(place: string, from: string, to: string): Promise<void> {
  const parts = from.split('/');
  const beginning = parts.pop() ?? '';
  let folder = place;
  for (const part of parts) {
    folder = join(folder, part);
    if (!(await lstat(folder)).isDirectory()) throw new Error(`${folder} is not a directory`);
  }
  const names = (await readdir(folder)).filter((name) => name.startsWith(beginning));
  if (names.length === 0) return;
  await mkdir(to, { recursive: true });
  for (const name of names) {
    const file = join(folder, name);
    if (!(await lstat(file)).isFile()) continue;
    await copyFile(file, join(to, name), constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  }
}

/** Of every dataset that belongs to the zone, in the form of `zfs get -pH all`. */
async function propertiesOf(host: Host, zone: string): Promise<string> {
  const datasets = (await host.datasets.list()).filter(({ name }) => name.includes(zone));
  const lines = datasets.flatMap((dataset) =>
    Object.entries(valuesOf(dataset)).map(([property, value]) => {
      const source = Object.hasOwn(dataset.properties, property) ? 'local' : '-';
      return `${[dataset.name, property, value, source].join('\t')}\n`;
    }),
  );
  return lines.join('');
}

function valuesOf(dataset: Dataset): Readonly<Record<string, string>> {
  const { type, creation, guid, origin, mountpoint, usedBytes, availableBytes, referencedBytes } = dataset;
  const { quotaBytes, reservationBytes, volsizeBytes, writtenBytes, properties } = dataset;
  const values = {
    type, creation, guid, used: usedBytes, available: availableBytes, referenced: referencedBytes, origin, mountpoint,
    quota: quotaBytes, reservation: reservationBytes, volsize: volsizeBytes, written: writtenBytes, ...properties,
  }; // prettier-ignore
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
