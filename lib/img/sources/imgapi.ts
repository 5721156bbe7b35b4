/** The IMGAPI protocol, client side (IMGAPI documentation; `imgadm(8)` "sources"). */
import { imgError } from '../errors.js';
import { getJson, type Connection } from '../http.js';
import { isFields } from '../manifest.js';
import { ancestryByUuid, findByUuid, manifestReader, openFileAt } from './by-uuid.js';
import type { Source, SourceConfig } from './source.js';
import { baseUrl, parseSourceUrl } from './url.js';

type Fields = Readonly<Record<string, unknown>>;

const pingTimeoutMs = 15_000;
const pageLength = 1000;
/** More pages than that come from a server that makes them up; so many still fit into memory. */
const pageLimit = 100;

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

  const read = manifestReader((uuid, signal) => get(`/images/${uuid}`, signal));

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
        const isMarker = (image: Fields | undefined): boolean => marker !== undefined && image?.['uuid'] === marker;
        const fresh = isMarker(images[0]) ? images.slice(1) : images;
        const last = fresh.at(-1);
        // A server that knows no pages sends all again.
        if (isMarker(last)) return found;
        for (const image of fresh) found.push(image);
        if (answer.length < pageLength || typeof last?.['uuid'] !== 'string') return found;
        marker = last['uuid'];
      }
      throw imgError('InternalError', 'the list of images does not end');
    },

    find: (query, signal) => findByUuid(read, query, signal),
    ancestry: (image, signal) => ancestryByUuid(read, config.url, image, signal),
    openFile: ({ uuid }, offset, signal) =>
      openFileAt(connection, endpoint(`/images/${uuid}/file`), offset, { ...common, signal }),
  };
}
