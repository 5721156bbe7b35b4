/** Makes an image of a VM: manifest and file (`imgadm(8)`, create). */
import { randomUUID } from 'node:crypto';
import { writeAtomically } from '../atomic-file.js';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Host } from '../host/host.js';
import { installedAncestry } from './ancestry.js';
import { fileSuffix, writeImageFile } from './create-file.js';
import { manifestOf, type SourceVm } from './create-manifest.js';
import { isBetween, prepare, snapshotBefore, takeBack, type VmHandle } from './create-prepare.js';
import { combineErrors, imgError } from './errors.js';
import { lockForCreate } from './lock-image.js';
import { requireInstallable, type Compression, type Manifest } from './manifest.js';
import type { Narration } from './narration.js';
import { datasetOf, findImage, finalSnapshot } from './store.js';
import { valueText } from './json-values.js';

type Fields = Readonly<Record<string, unknown>>;

export interface CreateRequest {
  readonly uuid: string;
  readonly vm: VmHandle;
  /** Fields of the manifest that the user gave. */
  readonly given: Fields;
  readonly compression: Compression;
  readonly incremental: boolean;
  readonly maxOriginDepth: number | undefined;
  /** Text of the script that prepares the VM. */
  readonly script: string | undefined;
  /** Path of what is made, without suffixes, once the manifest is known. */
  readonly prefix: (manifest: Fields) => Promise<string>;
}

export interface CreatedImage {
  readonly manifest: Fields;
  readonly manifestPath: string;
  readonly file: string;
}

/** Marks a snapshot of ours, which goes with us, from one of the user's, which is moved out of the way. */
const ownMark = 'imgadm:creating';

/**
 * Makes the image and leaves the VM as it was. Throws `VmNotFound`, `VmNotStopped`, `MaxOriginDepth`, `VmHasNoOrigin`,
 * `OriginHasNoFinalSnapshot`, `ManifestValidation`, `PrepareImageDidNotRun`, `PrepareImageError`, `InternalError`, and the
 * host's codes; what cleaning up fails with comes along. One at a time of each VM. Killed, it leaves snapshots that the next
 * create of the VM removes.
 */
export async function createImage(ctx: Context, request: CreateRequest, narration: Narration): Promise<CreatedImage> {
  // Two at once would each take the other's snapshots for those of one that was killed.
  const lock = await lockForCreate(ctx, request.uuid, (line) => narration.say(line));
  try {
    return await create(ctx, request, narration);
  } finally {
    lock.release();
  }
}

async function create(ctx: Context, request: CreateRequest, narration: Narration): Promise<CreatedImage> {
  const host = await ctx.host();
  const { uuid, vm: handle, script } = request;
  const vm = await handle.get();
  if (vm === undefined) throw imgError('VmNotFound', `vm "${uuid}" was not found`);
  if (script === undefined && vm.state !== 'stopped') throw imgError('VmNotStopped', `vm "${uuid}" is not stopped`);
  const { dataset, pool, image } = placeOf(vm);
  if (dataset === undefined || pool === undefined) throw imgError('InternalError', `vm "${uuid}" has no dataset`);
  const origin = image === undefined ? undefined : (await findImage(ctx, pool, image))?.manifest;
  await checkDepth(ctx, request, pool, origin);
  const manifest = await describe(ctx, host, vm, request, origin, narration);
  const base = request.incremental ? await baseOf(host, pool, origin) : undefined;
  const cleanup = new Cleanup();
  const errors: unknown[] = [];
  let created: CreatedImage | undefined;
  try {
    if (await isBetween(host, vm)) await takeBack(host, vm, handle, narration);
    await settle(ctx, host, vm, request, cleanup, narration);
    await snapshotFinal(host, dataset, cleanup, narration);
    created = await save(ctx, host, dataset, base, manifest, request, narration);
  } catch (error) {
    errors.push(error);
  }
  await cleanup.run().catch((error: unknown) => errors.push(error));
  const failure = combineErrors(errors);
  if (failure !== undefined) throw failure;
  if (created === undefined) throw imgError('InternalError', `no image was made of vm "${uuid}"`);
  return created;
}

interface Place {
  readonly dataset: string | undefined;
  readonly pool: string | undefined;
  /** Image that it was made from. */
  readonly image: string | undefined;
}

function placeOf(vm: SourceVm): Place {
  if (vm.brand !== 'kvm' && vm.brand !== 'bhyve') {
    return { dataset: vm.zfs_filesystem, pool: vm.zpool, image: vm.image_uuid };
  }
  const [disk] = vm.disks ?? [];
  return { dataset: disk?.zfs_filesystem, pool: disk?.zpool ?? vm.zpool, image: disk?.image_uuid };
}

async function checkDepth(
  ctx: Context,
  { maxOriginDepth: most }: CreateRequest,
  pool: string,
  origin: Manifest | undefined,
): Promise<void> {
  if (most === undefined || origin === undefined) return;
  const chain = await installedAncestry(ctx, pool, origin.uuid);
  if (chain.length <= most) return;
  throw imgError('MaxOriginDepth', `cannot create image: maximum origin depth "${most}" has been reached`);
}

async function describe(
  ctx: Context,
  host: Host,
  vm: SourceVm,
  { given, incremental }: CreateRequest,
  origin: Manifest | undefined,
  narration: Narration,
): Promise<Fields> {
  const manifest = manifestOf(vm, given, randomUUID(), origin, await host.sysinfo.read(), incremental);
  ctx.signal.throwIfAborted();
  if (origin !== undefined) {
    narration.say(
      `Inheriting from origin image ${origin.uuid} (${valueText(origin.name)} ${valueText(origin.version)})`,
    );
  }
  narration.say(`Manifest:\n${JSON.stringify(manifest, null, 2).replace(/^/gm, '    ')}`);
  requireInstallable(manifest);
  return manifest;
}

async function baseOf(host: Host, pool: string, origin: Manifest | undefined): Promise<string> {
  const base = `${datasetOf(pool, origin?.uuid ?? '')}@${finalSnapshot}`;
  if ((await host.datasets.find(base)) !== undefined) return base;
  throw imgError(
    'OriginHasNoFinalSnapshot',
    `cannot create an incremental image: origin image "${String(origin?.uuid)}" has no "@final" snapshot ` +
      '(sometimes this can be fixed by "imgadm update")',
  );
}

/** Stops the VM and has it prepared, if it is to be. */
async function settle(
  ctx: Context,
  host: Host,
  vm: SourceVm,
  { vm: handle, script }: CreateRequest,
  cleanup: Cleanup,
  narration: Narration,
): Promise<void> {
  const { uuid, zfs_filesystem: root } = vm;
  if (script !== undefined && vm.state !== 'stopped') {
    narration.say(`Stopping VM ${uuid} to snapshot it`);
    await handle.stop();
    cleanup.last('restart', async () => {
      narration.say(`Restarting VM ${uuid} (cleanup)`);
      await handle.start();
    });
  }
  if (vm.brand === 'bhyve' && root !== undefined) {
    // A snapshot of a disk counts in full.
    const { quota } = (await host.datasets.find(root))?.properties ?? {};
    if (quota !== undefined && quota !== '0' && quota !== 'none') {
      cleanup.last('quota', () => host.datasets.set(root, { quota }));
      await host.datasets.set(root, { quota: null });
    }
  }
  if (script === undefined) return;
  cleanup.last('rollback', () => takeBack(host, vm, handle, narration));
  await snapshotBefore(ctx, host, vm, narration);
  await prepare(ctx, vm, handle, script, narration);
}

async function snapshotFinal(host: Host, dataset: string, cleanup: Cleanup, narration: Narration): Promise<void> {
  const final = `${dataset}@${finalSnapshot}`;
  const there = await host.datasets.find(final);
  if (there?.properties[ownMark] !== undefined) {
    // Of a create that was killed.
    await host.datasets.destroy(final);
  } else if (there !== undefined) {
    const aside = `${final}-${Date.now()}`;
    narration.say(`Moving existing @final snapshot out of the way to "${aside}"`);
    await host.datasets.rename(final, aside);
  }
  narration.say(`Snapshotting to "${final}"`);
  await host.datasets.snapshot(final, { [ownMark]: String(process.pid) });
  cleanup.last('final snapshot', async () => {
    await host.datasets.destroy(final).catch((error: unknown) => {
      if (codeOf(error) !== 'DatasetNotFound') throw error;
    });
  });
}

async function save(
  ctx: Context,
  host: Host,
  dataset: string,
  base: string | undefined,
  manifest: Fields,
  { compression, prefix: prefixOf }: CreateRequest,
  narration: Narration,
): Promise<CreatedImage> {
  const prefix = await prefixOf(manifest);
  const path = `${prefix}.${manifest['type'] === 'zvol' ? 'zvol' : 'zfs'}`;
  narration.say(`Sending image file to "${path}"`);
  const file = path + fileSuffix(compression);
  const stream = await host.datasets.send(`${dataset}@${finalSnapshot}`, {
    ...(base === undefined ? {} : { from: base }),
    signal: ctx.signal,
  });
  const complete = { ...manifest, files: [await writeImageFile(stream, file, compression, ctx.signal)] };
  const manifestPath = `${prefix}.imgmanifest`;
  narration.say(`Saving manifest to "${manifestPath}"`);
  await writeAtomically(manifestPath, JSON.stringify(complete, null, 2));
  return { manifest: complete, manifestPath, file };
}

/** Steps back, which are taken whatever happens. The first that fails ends them. */
class Cleanup {
  private readonly steps: { readonly what: string; readonly run: () => Promise<void> }[] = [];

  /** To be run before those of earlier. */
  last(what: string, run: () => Promise<void>): void {
    this.steps.unshift({ what, run });
  }

  async run(): Promise<void> {
    const order = ['final snapshot', 'rollback', 'quota', 'restart'];
    const sorted = this.steps.toSorted((a, b) => order.indexOf(a.what) - order.indexOf(b.what));
    for (const { run } of sorted) await run();
  }
}
