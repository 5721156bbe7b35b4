/** The IMGAPI protocol, client side (IMGAPI documentation; `imgadm(8)` "sources"). */
import { codeOf } from '../../errors.js';
import { imgError, isUuid } from '../errors.js';
import { getJson, header, openUrl, throwServerError, type Connection } from '../http.js';
import { isFields, nameAndVersion, readManifest, type Manifest } from '../manifest.js';
import type { FileAnswer, ImageQuery, ImportableImage, OfferedImage, Source, SourceConfig } from './source.js';
import { baseUrl, parseSourceUrl } from './url.js';

type Fields = Readonly<Record<string, unknown>>;

const pingTimeoutMs = 15_000;
const pageLength = 1000;
/** More pages than that come from a server that repeats itself. */
const pageLimit = 10_000;
/** Longest chain of origins followed. */
const ancestryLimit = 1000;

/** A source that speaks IMGAPI. Throws `ConfigError` for a URL that is none. */
export function imgapiSource(config: SourceConfig, connection: Connection): Source {
  const url = parseSourceUrl(config.url);
  const base = baseUrl(url);
  const channel = config.channel ?? url.searchParams.get('channel') ?? undefined;
  const insecure = config.insecure ?? connection.insecure;
  const common = { insecure, headers: { 'accept-version': '~2' } };

  function endpoint(path: string, query: Readonly<Record<string, string>> = {}): string {
    const search = new URLSearchParams({ ...(channel === undefined ? {} : { channel }), ...query }).toString();
    return `${base}${path}${search === '' ? '' : `?${search}`}`;
  }

  async function get(path: string, signal: AbortSignal, query?: Readonly<Record<string, string>>): Promise<unknown> {
    return getJson(connection, endpoint(path, query), { ...common, signal });
  }

  /** The manifest of an image as given; undefined when the server does not have it. */
  async function manifest(uuid: string, signal: AbortSignal): Promise<Fields | undefined> {
    let given: unknown;
    try {
      given = await get(`/images/${uuid}`, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    if (!isFields(given)) throw imgError('InvalidManifest', `manifest of image ${uuid} is not an object`);
    if (given['uuid'] === uuid) return given;
    throw imgError('InvalidManifest', `manifest is invalid: asked for image ${uuid}, got ${String(given['uuid'])}`);
  }

  return {
    config,
    lists: true,

    async ping(signal) {
      const options = { ...common, signal, timeoutMs: pingTimeoutMs, attempts: 1 };
      const answer = await getJson(connection, endpoint('/ping'), options);
      if (isFields(answer) && answer['imgapi']) return;
      throw imgError('InternalError', 'the server is no IMGAPI');
    },

    async list(signal) {
      const found: Fields[] = [];
      let marker: string | undefined;
      for (let page = 0; page < pageLimit; page += 1) {
        const query: Record<string, string> = marker === undefined ? {} : { marker, limit: String(pageLength) };
        const answer = await get('/images', signal, query);
        if (!Array.isArray(answer)) throw imgError('InternalError', 'the list of images is not an array');
        const images: Fields[] = answer.filter(isFields);
        const fresh = marker !== undefined && images[0]?.['uuid'] === marker ? images.slice(1) : images;
        const last = fresh.at(-1)?.['uuid'];
        if (typeof last !== 'string' || last === marker) return found;
        found.push(...fresh);
        if (images.length < pageLength) return found;
        marker = last;
      }
      throw imgError('InternalError', 'the list of images does not end');
    },

    async find({ arg, activeOnly }: ImageQuery, signal) {
      if (!isUuid(arg)) return undefined;
      const given = await manifest(arg, signal);
      if (given === undefined) return undefined;
      if (!activeOnly) return { uuid: arg, given, title: arg };
      const checked = await readManifest(given);
      return checked.state === 'active' ? { uuid: arg, given, title: titleOf(checked) } : undefined;
    },

    async ancestry(image: OfferedImage, signal) {
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
        const next = await manifest(origin, signal);
        if (next === undefined) {
          throw imgError(
            'OriginNotFoundInSource',
            `origin image "${origin}" does not exist in image source "${config.url}"`,
          );
        }
        given = next;
      }
    },

    async openFile({ uuid }, offset, signal): Promise<FileAnswer> {
      const address = endpoint(`/images/${uuid}/file`);
      const range: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
      const answer = await openUrl(connection, address, {
        insecure, signal, decode: false, attempts: offset === 0 ? 5 : 1,
        headers: { ...common.headers, ...range },
      }); // prettier-ignore
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
    },
  };
}

function titleOf(manifest: Manifest): string {
  return `${manifest.uuid} (${nameAndVersion(manifest)})`;
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'info' in error && (error.info as { statusCode?: unknown }).statusCode === 404
    ? codeOf(error) !== undefined
    : false;
}
