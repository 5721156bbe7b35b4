/** Installed images: the record of each beside its dataset. The dataset makes it installed; the record describes it. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../atomic-file.js';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import type { Dataset } from '../host/datasets.js';
import { imageNotInstalled, imgError, isUuid } from './errors.js';
import { isFields, type Manifest } from './manifest.js';

/** Pool that commands mean when none is named. */
export const defaultPool = 'zones';

/** The snapshot that clones of an image and incremental streams build on. */
export const finalSnapshot = 'final';

/** What is kept in `/var/imgadm/images/POOL-UUID.json`. */
export interface ImageRecord {
  readonly manifest: Manifest;
  readonly zpool: string;
  /** URL of the source it came from, as configured; absent for an image installed from a file. */
  readonly source?: string;
}

/** Throws `Usage` unless `pool` can be the name of a pool. Names become paths, so this comes first. */
export function requirePool(pool: string): string {
  if (!/^[a-zA-Z][a-zA-Z0-9._:-]*$/.test(pool)) throw imgError('Usage', `invalid pool name: "${pool}"`);
  return pool;
}

export function datasetOf(pool: string, uuid: string): string {
  return `${pool}/${uuid}`;
}

/** Where an image is received before it exists. */
export function partialDatasetOf(pool: string, uuid: string): string {
  return `${pool}/${uuid}-partial`;
}

/** Lock that serialises whoever makes or removes an image. */
export function imageLockPath(root: string, uuid: string): string {
  return join(root, `/var/run/img.${uuid}.import.lock`);
}

export function recordsFolder(root: string): string {
  return join(root, '/var/imgadm/images');
}

/** Where image files arrive. */
export function downloadsFolder(root: string): string {
  return join(root, '/var/tmp/.imgadm-downloads');
}

function recordPath(root: string, pool: string, uuid: string): string {
  return join(recordsFolder(root), `${pool}-${uuid}.json`);
}

/** The record of an image; one that knows nothing but the uuid when there is none or it is damaged. */
export async function readRecord(ctx: Context, pool: string, uuid: string): Promise<ImageRecord> {
  return (await findRecord(ctx, pool, uuid)) ?? { manifest: { uuid }, zpool: pool };
}

async function findRecord(ctx: Context, pool: string, uuid: string): Promise<ImageRecord | undefined> {
  const path = recordPath(ctx.root, pool, uuid);
  try {
    const record: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (isFields(record) && isFields(record['manifest']) && record['manifest']['uuid'] === uuid) {
      return { ...(record as unknown as ImageRecord), zpool: pool };
    }
    ctx.log.debug({ path }, 'image record is of another image or of none');
  } catch (err) {
    if (codeOf(err) !== 'ENOENT') ctx.log.debug({ path, err }, 'cannot read image record');
  }
  return undefined;
}

export async function writeRecord(ctx: Context, record: ImageRecord): Promise<void> {
  await mkdir(recordsFolder(ctx.root), { recursive: true });
  const { manifest, zpool, source } = record;
  const text = JSON.stringify({ manifest, zpool, source }, null, 2);
  await writeAtomically(recordPath(ctx.root, zpool, manifest.uuid), `${text}\n`);
}

/** Fine when there is none. */
export async function removeRecord(ctx: Context, pool: string, uuid: string): Promise<void> {
  await rm(recordPath(ctx.root, pool, uuid), { force: true });
}

/** An installed image; undefined unless its dataset exists. Costs one look-up, whatever the number of images. */
export async function findImage(ctx: Context, pool: string, uuid: string): Promise<ImageRecord | undefined> {
  requirePool(pool);
  if (!isUuid(uuid)) return undefined;
  const host = await ctx.host();
  if ((await host.datasets.find(datasetOf(pool, uuid))) === undefined) return undefined;
  return readRecord(ctx, pool, uuid);
}

/** {@link findImage}, throwing `ImageNotInstalled` when it is absent. */
export async function requireImage(ctx: Context, pool: string, uuid: string): Promise<ImageRecord> {
  const image = await findImage(ctx, pool, uuid);
  if (image === undefined) throw imageNotInstalled(uuid, pool);
  return image;
}

export async function hasRecord(ctx: Context, pool: string, uuid: string): Promise<boolean> {
  return (await findRecord(ctx, pool, uuid)) !== undefined;
}

/** Full names of the filesystems and volumes that were cloned from the image. */
export async function clonesOf(ctx: Context, pool: string, uuid: string): Promise<readonly string[]> {
  const host = await ctx.host();
  const datasets = await host.datasets.list({ types: ['filesystem', 'volume'] });
  const prefix = `${datasetOf(pool, uuid)}@`;
  return datasets.filter(({ origin }) => origin?.startsWith(prefix)).map(({ name }) => name);
}

export interface ImageChildren {
  /** Every descendant of the dataset: snapshots and child datasets. */
  readonly snapshots: readonly string[];
  readonly clones: readonly string[];
}

export async function childrenOf(ctx: Context, pool: string, uuid: string): Promise<ImageChildren> {
  const host = await ctx.host();
  const dataset = datasetOf(pool, uuid);
  const below = await host.datasets.list({ root: dataset });
  return {
    snapshots: below.map(({ name }) => name).filter((name) => name !== dataset),
    clones: await clonesOf(ctx, pool, uuid),
  };
}

const imageName = /^([a-zA-Z][a-zA-Z0-9._:-]*)\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

export interface ImageDataset {
  readonly pool: string;
  readonly uuid: string;
  readonly dataset: Dataset;
}

/**
 * The datasets among `all` that are images by the rules of imgadm(8): named POOL/UUID, not the root of a zone, not a
 * clone of an image without a `@final` of its own, not marked `imgadm:ignore`.
 */
export function imageDatasets(ctx: Context, all: readonly Dataset[], zoneRoots: ReadonlySet<string>): ImageDataset[] {
  const names = new Set(all.map(({ name }) => name));
  return all.flatMap((dataset) => {
    const [, pool, uuid] = imageName.exec(dataset.name) ?? [];
    if (pool === undefined || uuid === undefined || dataset.type === 'snapshot') return [];
    if (dataset.mountpoint !== undefined && zoneRoots.has(dataset.mountpoint)) return [];
    const isClone = dataset.origin?.endsWith(`@${finalSnapshot}`) ?? false;
    if (isClone && !names.has(`${dataset.name}@${finalSnapshot}`)) return [];
    if (isIgnored(ctx, dataset)) return [];
    return [{ pool, uuid, dataset }];
  });
}

function isIgnored(ctx: Context, { name, properties }: Dataset): boolean {
  const value = properties['imgadm:ignore'];
  if (value === undefined || value === '-' || value === 'false' || value === 'no') return false;
  if (value === 'true' || value === 'yes') return true;
  ctx.log.warn({ dataset: name, value }, 'unexpected value of imgadm:ignore');
  return false;
}

/** Mountpoints of all zones, in the spelling of the zone configuration and in that of the host. */
export async function zoneRoots(ctx: Context): Promise<ReadonlySet<string>> {
  const host = await ctx.host();
  const zones = await host.zones.list();
  return new Set(zones.flatMap(({ zonepath }) => [zonepath, host.at(zonepath)]));
}
