/** Source URLs as they are compared and used; stored and shown is what the user wrote. */
import { imgError } from '../errors.js';

/** Parses a source URL; one without a scheme is `http`. Throws `ConfigError`. */
export function parseSourceUrl(url: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw imgError('ConfigError', `source URL "${url}" is not an http or https URL`);
  }
  return parsed;
}

/**
 * The spelling of a URL under which sources are compared: scheme and host in lower case, no default port, no trailing `/`
 * of the path. Query and credentials stay (`imgadm(8)`, sources). What is no URL is left as it is.
 */
export function normalizeSourceUrl(url: string): string {
  try {
    return baseUrl(parseSourceUrl(url)) + parseSourceUrl(url).search;
  } catch {
    return url;
  }
}

/** Scheme, credentials, host and path without query, to put endpoint paths behind. */
export function baseUrl({ protocol, username, password, host, pathname }: URL): string {
  const secret = password === '' ? '' : `:${password}`;
  const user = username === '' && secret === '' ? '' : `${username}${secret}@`;
  return `${protocol}//${user}${host}${pathname.replace(/\/$/, '')}`;
}
