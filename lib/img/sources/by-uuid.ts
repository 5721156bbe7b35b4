/** What sources that name images by UUID have in common: finding one, walking its origins, fetching a file. */
import { codeOf, SmartadmError } from '../../errors.js';
import { imgError, isUuid } from '../errors.js';
import { header, openUrl, throwServerError, type Connection, type HttpRequest } from '../http.js';
import { isFields, nameAndVersion, readManifest, type Manifest } from '../manifest.js';
import { valueText } from '../json-values.js';
import type { FileAnswer, ImageQuery, ImportableImage, OfferedImage } from './source.js';

type Fields = Readonly<Record<string, unknown>>;

/** Longest chain of origins followed. */
const ancestryLimit = 1000;

/** The manifest of an image as the server gives it; undefined when it does not have it. */
export type ManifestReader = (uuid: string, signal: AbortSignal) => Promise<Fields | undefined>;

/**
 * A reader that asks `get`, which throws what servers answer. Throws `InvalidManifest` when the answer is of another image than
 * was asked for.
 */
export function manifestReader(get: (uuid: string, signal: AbortSignal) => Promise<unknown>): ManifestReader {
  return async (uuid, signal) => {
    let given: unknown;
    try {
      given = await get(uuid, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    if (!isFields(given)) throw imgError('InvalidManifest', `manifest of image ${uuid} is not an object`);
    if (given['uuid'] === uuid) return given;
    throw imgError('InvalidManifest', `manifest is invalid: asked for image ${uuid}, got ${valueText(given['uuid'])}`);
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof SmartadmError && codeOf(error) !== undefined && error.info['statusCode'] === 404;
}

/** The image of that UUID; undefined for other arguments, and for one that is not active where only active ones count. */
export async function findByUuid(
  read: ManifestReader,
  { arg, activeOnly }: ImageQuery,
  signal: AbortSignal,
): Promise<OfferedImage | undefined> {
  if (!isUuid(arg)) return undefined;
  const given = await read(arg, signal);
  if (given === undefined) return undefined;
  if (!activeOnly) return { uuid: arg, given, title: arg };
  const checked = await readManifest(given);
  return checked.state === 'active' ? { uuid: arg, given, title: titleOf(checked) } : undefined;
}

/** {@link Source.ancestry} by the `origin` of each manifest. `url`: the source's, for messages. */
export async function ancestryByUuid(
  read: ManifestReader,
  url: string,
  image: OfferedImage,
  signal: AbortSignal,
): Promise<readonly ImportableImage[]> {
  const chain: ImportableImage[] = [];
  let { given } = image;
  for (;;) {
    const checked: Manifest = await readManifest(given);
    chain.unshift({ uuid: checked.uuid, manifest: checked, title: titleOf(checked) });
    const { origin } = checked;
    if (origin === undefined) return chain;
    if (chain.length === ancestryLimit || chain.some(({ uuid }) => uuid === origin)) {
      throw imgError('InvalidManifest', `manifest is invalid: origins of image ${image.uuid} go in a circle`);
    }
    const next = await read(origin, signal);
    if (next === undefined) {
      throw imgError('OriginNotFoundInSource', `origin image "${origin}" does not exist in image source "${url}"`);
    }
    given = next;
  }
}

function titleOf(manifest: Manifest): string {
  return `${manifest.uuid} (${nameAndVersion(manifest)})`;
}

/** Opens the file at `address` from `offset` on. Who fetches it asks again when that fails. */
export async function openFileAt(
  connection: Connection,
  address: string,
  offset: number,
  request: Pick<HttpRequest, 'headers' | 'insecure' | 'signal'>,
): Promise<FileAnswer> {
  const range: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
  const answer = await openUrl(connection, address, {
    ...request,
    decode: false,
    attempts: 1,
    headers: { ...request.headers, ...range },
  });
  if (answer.status !== 200 && answer.status !== 206) await throwServerError(answer, address, connection);
  const part = /^bytes (\d+)-\d+\/(\d+)$/.exec(header(answer, 'content-range') ?? '');
  const isPart = answer.status === 206;
  return {
    offset: isPart ? Number(part?.[1]) : 0,
    contentLength: header(answer, 'content-length'),
    totalBytes: isPart ? Number(part?.[2]) : undefined,
    md5: header(answer, 'content-md5'),
    body: answer.body,
  };
}
