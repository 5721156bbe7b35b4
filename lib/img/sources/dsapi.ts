/** The DSAPI protocol, which IMGAPI replaced (`imgadm(8)` "sources"). Its manifests are of version 1. */
import { imgError } from '../errors.js';
import { getJson, openUrl, throwServerError, type Connection } from '../http.js';
import { isFields } from '../manifest.js';
import { ancestryByUuid, findByUuid, manifestReader, openFileAt } from './by-uuid.js';
import type { Source, SourceConfig } from './source.js';
import { baseUrl, normalizeSourceUrl, parseSourceUrl } from './url.js';

const pingTimeoutMs = 15_000;

/** A source that speaks DSAPI. Throws `ConfigError` for a URL that cannot be one. */
export function dsapiSource(config: SourceConfig, connection: Connection): Source {
  const url = parseSourceUrl(config.url);
  if (!url.pathname.replace(/\/$/, '').endsWith('/datasets')) {
    const shown = normalizeSourceUrl(config.url);
    throw imgError('ConfigError', `"dsapi" source URL does not end with "/datasets": "${shown}"`);
  }
  // Whatever stands before it, the service is at the root of the host.
  const base = baseUrl(Object.assign(new URL(url), { pathname: '/' }));
  const common = { insecure: config.insecure ?? connection.insecure, headers: { 'x-request-id': undefined } };

  const read = manifestReader((uuid, signal) => getJson(connection, `${base}/datasets/${uuid}`, { ...common, signal }));

  return {
    config,
    lists: true,

    async ping(signal) {
      const address = `${base}/ping`;
      const options = { ...common, signal, timeoutMs: pingTimeoutMs, attempts: 1, decode: true };
      const answer = await openUrl(connection, address, options);
      if (answer.status !== 200) await throwServerError(answer, address, connection);
      answer.body.destroy();
    },

    async list(signal) {
      const answer = await getJson(connection, `${base}/datasets`, { ...common, signal });
      if (!Array.isArray(answer)) throw imgError('InternalError', 'the list of images is not an array');
      return answer.filter(isFields);
    },

    find: (query, signal) => findByUuid(read, query, signal),
    ancestry: (image, signal) => ancestryByUuid(read, config.url, image, signal),

    async openFile({ uuid }, offset, signal) {
      const address = fileUrl(await read(uuid, signal));
      if (address === undefined) throw imgError('DownloadError', `image ${uuid} has no file in "${config.url}"`);
      if (address.protocol !== url.protocol && address.protocol !== 'https:') {
        throw imgError('ClientError', `refusing to fetch ${address.href}: the source is ${url.protocol.slice(0, -1)}`);
      }
      return openFileAt(connection, address.href, offset, { ...common, signal });
    },
  };
}

/** `files[0].url`. */
function fileUrl(manifest: Readonly<Record<string, unknown>> | undefined): URL | undefined {
  const files = manifest?.['files'];
  const file: unknown = Array.isArray(files) ? files[0] : undefined;
  const url = isFields(file) ? file['url'] : undefined;
  return typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
}
