/** Sends a VM away: its object and datasets in one stream, for `receiveVm` on another host (`vm-lifecycle`, send). */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Dataset } from '../host/datasets.js';
import type { Host } from '../host/host.js';
import { writePackage, type PackedDataset } from '../host/zfs-stream/package-parts.js';
import type { VmObject } from '../schema/generated/vm.js';
import { datasetHeader, jsonChunk } from './bundle.js';
import { sendingSnapshot, sentProperties } from './bundle-datasets.js';
import { vmError } from './errors.js';
import { loadVm } from './load.js';
import { withVmLock } from './locks.js';
import { stopVm } from './power.js';

/**
 * Stops the VM, which stays stopped, and writes its bundle to `out`, which is left open. Throws `VmNotFound`,
 * `ENOTRUNNING` for one that is neither running nor stopped, `VmDamaged` for one without datasets, and the host's codes.
 */
export async function sendVm(ctx: Context, uuid: string, out: Writable): Promise<void> {
  const host = await ctx.host();
  // As it was before it was stopped: the copy is to boot if this one did.
  const vm = await loadVm(host, uuid);
  const roots = rootsOf(vm);
  if (roots.length === 0) throw vmError('VmDamaged', 'VM has no datasets.');
  if (vm.state !== 'stopped') await stopVm(ctx, uuid);
  await withVmLock(ctx, uuid, async () => {
    const zonepath = host.at(String(vm.zonepath));
    for (const left of ['SUNWattached.xml', 'SUNWdetached.xml']) await rm(`${zonepath}/${left}`, { force: true });
    const source = Readable.from(bundle(ctx, host, vm, roots), { objectMode: false });
    try {
      await pipeline(source, out, { end: false, signal: ctx.signal });
    } finally {
      // Where nobody takes any more, its snapshots go before it closes.
      if (!source.closed) await once(source, 'close');
    }
  });
}

/** The root dataset, then those of disks that do not lie below it. */
function rootsOf(vm: VmObject): readonly string[] {
  const root = vm.zfs_filesystem;
  const disks = (vm.disks ?? []).flatMap(({ zfs_filesystem: volume }) => (volume === undefined ? [] : [volume]));
  const beside = disks.filter((volume) => root === undefined || !volume.startsWith(`${root}/`));
  return root === undefined ? beside : [root, ...beside];
}

async function* bundle(ctx: Context, host: Host, vm: VmObject, roots: readonly string[]): AsyncGenerator<Buffer> {
  yield jsonChunk(vm);
  for (const root of roots) {
    const datasets = await host.datasets.list({ root, types: ['filesystem', 'volume'] });
    try {
      for (const { name } of datasets) await snapshotAnew(ctx, host, `${name}@${sendingSnapshot}`);
      yield datasetHeader(root);
      yield* writePackage(sendingSnapshot, await Promise.all(datasets.map((dataset) => packed(ctx, host, dataset))));
    } finally {
      for (const { name } of datasets) await destroySnapshot(host, `${name}@${sendingSnapshot}`);
    }
  }
}

async function packed(ctx: Context, host: Host, dataset: Dataset): Promise<PackedDataset> {
  const snapshot = `${dataset.name}@${sendingSnapshot}`;
  const { guid } = (await host.datasets.find(snapshot)) ?? {};
  return {
    name: dataset.name,
    guid: dataset.guid,
    snapshotGuid: guid ?? 0n,
    properties: sentProperties(dataset.properties),
    stream: () => host.datasets.send(snapshot, { signal: ctx.signal }),
  };
}

/** Takes a snapshot; one that a send which was broken off has left goes first. */
async function snapshotAnew(ctx: Context, host: Host, snapshot: string): Promise<void> {
  if ((await host.datasets.find(snapshot)) !== undefined) {
    ctx.log.warn({ snapshot }, 'an earlier send has left its snapshot');
    await host.datasets.destroy(snapshot);
  }
  await host.datasets.snapshot(snapshot);
}

async function destroySnapshot(host: Host, snapshot: string): Promise<void> {
  try {
    await host.datasets.destroy(snapshot);
  } catch (error) {
    if (codeOf(error) !== 'DatasetNotFound') throw error;
  }
}
