/** Brings what is known of installed images up to date with the sources (`imgadm(8)`, update). */
import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../context.js';
import type { Dataset } from '../host/datasets.js';
import { withLock } from '../lock.js';
import { imgError } from './errors.js';
import type { Connection } from './http.js';
import { listImages, type InstalledImage } from './list.js';
import { isFields, type Manifest } from './manifest.js';
import type { Narration } from './narration.js';
import { findInSources, openSources } from './sources/search.js';
import type { Source, SourceConfig } from './sources/source.js';
import { datasetOf, findImage, finalSnapshot, imageLockPath, writeRecord } from './store.js';

export interface UpdateRequest {
  /** Images to look at; all where there are none. */
  readonly uuids: readonly string[];
  /** Say what would be changed, and change nothing. */
  readonly dryRun: boolean;
  readonly sources: readonly SourceConfig[];
  readonly connection: Connection;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Takes over the manifests of sources, and names the snapshot that an image came with `@final` where it has another name.
 * Throws `Usage` for images that are not installed, `NoSources`, `ImageMissingOriginalSnapshot`, and errors of the sources.
 */
export async function updateImages(ctx: Context, request: UpdateRequest, narration: Narration): Promise<void> {
  const installed = await listImages(ctx);
  const { uuids } = request;
  const unknown = uuids.filter((uuid) => !installed.some(({ manifest }) => manifest.uuid === uuid));
  if (unknown.length > 0) {
    throw imgError('Usage', `no installed image with the given UUID(s): ${unknown.join(', ')}`);
  }
  const chosen = installed.filter(({ manifest }) => uuids.length === 0 || uuids.includes(manifest.uuid));
  if (chosen.length === 0) return;
  const sources = await openSources(request.sources, request.connection);
  for (const image of chosen) await updateImage(ctx, image, sources, request.dryRun, narration);
}

async function updateImage(
  ctx: Context,
  { manifest, zpool }: InstalledImage,
  sources: readonly Source[],
  dryRun: boolean,
  narration: Narration,
): Promise<void> {
  const { uuid } = manifest;
  const found = await findInSources(ctx, sources, { arg: uuid, activeOnly: false });
  if (found === undefined) {
    if (manifest.type !== 'docker') {
      narration.say(`warning: Could not find image ${uuid} in image sources (skipping)`);
    }
    return;
  }
  const work = async (): Promise<void> => {
    // It may have gone, or have been updated, while the source was asked.
    const image = await findImage(ctx, zpool, uuid);
    if (image === undefined) return;
    const offered = { given: found.image.given, url: found.source.config.url };
    await updateManifest(ctx, image.manifest, zpool, offered, dryRun, narration);
    await nameOriginalSnapshot(ctx, datasetOf(zpool, uuid), uuid, offered.given, dryRun, narration);
  };
  await (dryRun ? work() : withLock(imageLockPath(ctx.root, uuid), work, { signal: ctx.signal }));
}

async function updateManifest(
  ctx: Context,
  known: Manifest,
  zpool: string,
  { given, url }: { readonly given: Fields; readonly url: string },
  dryRun: boolean,
  narration: Narration,
): Promise<void> {
  const { uuid } = known;
  if (known.name === undefined) {
    narration.say(`Added manifest info for image ${uuid} from "${url}"`);
  } else {
    const changed = changedFields(given, known);
    if (changed.length === 0) return;
    const count = `${changed.length} manifest field${changed.length === 1 ? '' : 's'}`;
    narration.say(`Updated ${count} for image ${uuid} from "${url}": ${changed.join(', ')}`);
  }
  if (!dryRun) await writeRecord(ctx, { manifest: given as Fields & Manifest, zpool, source: url });
}

/** Fields that differ, those that only the record has last; of `requirements` its members where both have some. */
export function changedFields(offered: Fields, known: Fields): readonly string[] {
  return [...new Set([...Object.keys(offered), ...Object.keys(known)])].flatMap((field) => {
    const [a, b] = [offered[field], known[field]];
    if (isDeepStrictEqual(a, b)) return [];
    if (field !== 'requirements' || !isFields(a) || !isFields(b)) return [field];
    return changedFields(a, b).map((member) => `requirements.${member}`);
  });
}

/** Sees to it that the snapshot an image came with is called `@final`. */
async function nameOriginalSnapshot(
  ctx: Context,
  dataset: string,
  uuid: string,
  given: Fields,
  dryRun: boolean,
  narration: Narration,
): Promise<void> {
  const { datasets } = await ctx.host();
  const below = await datasets.list({ root: dataset, types: ['snapshot'] });
  const snapshots = below.filter(({ name }) => name.startsWith(`${dataset}@`));
  const wanted = `${dataset}@${finalSnapshot}`;
  if (snapshots.some(({ name }) => name === wanted)) return;
  const missing = `image "${uuid}" is missing its original snapshot`;
  if (snapshots.length === 0) throw imgError('ImageMissingOriginalSnapshot', missing);
  const guid = originalGuid(given);
  if (guid === undefined) {
    narration.warn(`imgadm: warn: cannot determine original snapshot for image "${uuid}" (source info has no "dataset_guid")`); // prettier-ignore
    return;
  }
  const original: Dataset | undefined = snapshots.find((snapshot) => String(snapshot.guid) === guid);
  if (original === undefined) {
    throw imgError('ImageMissingOriginalSnapshot', `${missing} (expected a snapshot with guid ${guid})`);
  }
  narration.say(`Renamed image ${uuid} original snapshot from ${original.name} to ${wanted}`);
  if (!dryRun) await datasets.rename(original.name, wanted);
}

/** `files[0].dataset_guid`. */
function originalGuid({ files }: Fields): string | undefined {
  const file: unknown = Array.isArray(files) ? files[0] : undefined;
  const guid = isFields(file) ? file['dataset_guid'] : undefined;
  return typeof guid === 'string' || typeof guid === 'number' ? String(guid) : undefined;
}
