/** Takes in a VM that another host has sent (`vm-lifecycle`, receive). */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { writeAtomically } from '../atomic-file.js';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Host } from '../host/host.js';
import { packageParts } from '../host/zfs-stream/package-parts.js';
import { withUndo, type UndoStack } from '../undo.js';
import { BundleReader } from './bundle.js';
import { receivedProperties } from './bundle-datasets.js';
import { destroyIfThere } from './create.js';
import { vmError } from './errors.js';
import { payloadFacts } from './facts.js';
import { finishReceived, receivingFile } from './install-received.js';
import { withNewVm } from './locks.js';
import { parseCreatePayload } from './payload.js';
import type { VmSpec } from './spec.js';
import { vmToZoneConfig } from './zone-config.js';

/**
 * Makes a VM of the bundle in `source` and, if it ran where it comes from, boots it. Of a bare object instead of a bundle
 * only the configuration is made: the datasets are brought by other means, and {@link installVm} completes it. What fails
 * on the way is taken back; killed at any moment, it leaves a VM that `deleteVm` removes. Throws `BundleInvalid`, what
 * `createVm` throws, and the host's codes.
 */
export async function receiveVm(ctx: Context, source: AsyncIterable<unknown>): Promise<{ readonly uuid: string }> {
  const bundle = new BundleReader(source);
  const { vm, bundled } = await bundle.vm();
  const host = await ctx.host();
  return withUndo(
    (what, error) => ctx.log.error({ err: error }, `cannot undo: ${what}`),
    (undo) =>
      withNewVm(
        ctx,
        () => claim(ctx, host, vm, undo),
        async (spec) => {
          if (!bundled) return { uuid: spec.uuid };
          await receiveDatasets(ctx, host, spec, bundle, undo);
          // What has arrived stays, should more be needed.
          undo.keep();
          await finishReceived(ctx, host, spec.uuid);
          return { uuid: spec.uuid };
        },
      ),
  );
}

/** Judges the object and writes the VM down as one that arrives. */
async function claim(ctx: Context, host: Host, vm: unknown, undo: UndoStack): Promise<VmSpec> {
  const spec = await parseCreatePayload(vm, await payloadFacts(ctx, { needsPool: true }), 'receive');
  ctx.signal.throwIfAborted();
  const file = receivingFile(host, spec.uuid);
  undo.push('zone configuration', () => host.zones.unconfigure(spec.zonename));
  undo.push('payload', () => rm(file, { force: true }));
  await host.zones.configure(vmToZoneConfig(spec), spec.uuid);
  await writeAtomically(file, JSON.stringify(payloadOf(vm, spec), null, 2), { mode: 0o644 });
  return spec;
}

/** What `installVm` needs to know of it. */
function payloadOf(vm: unknown, spec: VmSpec): Readonly<Record<string, unknown>> {
  const { uuid, zonename, brand, zpool, zonepath, zfs_filesystem, autoboot, quota } = spec;
  const given = { ...(vm as Record<string, unknown>) };
  for (const name of ['customer_metadata', 'internal_metadata', 'tags', 'transition', 'state', 'pid', 'zone_state']) {
    Reflect.deleteProperty(given, name);
  }
  return { ...given, uuid, zonename, brand, zpool, zonepath, zfs_filesystem, autoboot, quota, create_only: true };
}

async function receiveDatasets(
  ctx: Context,
  host: Host,
  spec: VmSpec,
  bundle: BundleReader,
  undo: UndoStack,
): Promise<void> {
  const expected = new Set([spec.zfs_filesystem, ...volumesOf(spec)]);
  for (let chunk = await bundle.chunk(); chunk !== undefined; chunk = await bundle.chunk()) {
    const { name } = chunk;
    // Nothing but what belongs to the VM can be made or replaced by a bundle.
    if (!expected.has(name))
      throw vmError('BundleInvalid', `the bundle holds dataset ${name}, which is none of the VM`);
    undo.push(`dataset ${name}`, () => destroyIfThere(host, name));
    for await (const { below, properties, stream } of packageParts((size) => bundle.take(size))) {
      const dataset = `${name}${below}`;
      const { snapshot } = await host.datasets.receive(dataset, Readable.from(stream, { objectMode: false }), {
        signal: ctx.signal,
      });
      const set = receivedProperties(properties);
      if (Object.keys(set).length > 0) await host.datasets.set(dataset, set);
      if (dataset === spec.zfs_filesystem) await requirePlain(host.at(spec.zonepath));
      await host.datasets.destroy(snapshot).catch((error: unknown) => {
        if (codeOf(error) !== 'DatasetNotFound') ctx.log.warn({ err: error, snapshot }, 'cannot remove the snapshot');
      });
    }
  }
}

/** What the platform keeps beside the root is read and written by this host: no link of a bundle may lead it elsewhere. */
async function requirePlain(zonepath: string): Promise<void> {
  const list = (folder: string) => readdir(folder, { withFileTypes: true });
  const own = (await list(zonepath)).filter(({ name }) => /^(?:config|lastbooted|lastexited)$/.test(name));
  const config = own.find((entry) => entry.name === 'config' && entry.isDirectory());
  const within = config === undefined ? [] : await list(join(zonepath, config.name));
  const strange = [...own, ...within].find((entry) => entry !== config && !entry.isFile());
  if (strange === undefined) return;
  throw vmError('BundleInvalid', `what the bundle has for ${join(strange.parentPath, strange.name)} is no file`);
}

function volumesOf({ disks }: VmSpec): readonly string[] {
  return disks.flatMap(({ path }) => /^\/dev\/zvol\/r?dsk\/(.+)$/.exec(path ?? '')?.[1] ?? []);
}
