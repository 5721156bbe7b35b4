/** From a configured source to one that can be asked. */
import { imgError } from '../errors.js';
import type { Connection } from '../http.js';
import { parseSourceUrl } from './url.js';
import { sourceTypes, type Source, type SourceConfig } from './source.js';

/** Throws `ConfigError` for a kind of source that there is not, or a URL that cannot be one. */
export function requireSourceType({ type, url }: { readonly type: string; readonly url: string }): void {
  if (sourceTypes.some((known) => known === type)) return;
  const known = sourceTypes.map((name) => `"${name}"`).join(', ');
  throw imgError('ConfigError', `type "${type}" for source url "${url}" is invalid: must be one of ${known}`);
}

/** Opens a source; nothing is sent yet. `channel` overrides the source's own. */
export async function openSource(config: SourceConfig, connection: Connection, channel?: string): Promise<Source> {
  requireSourceType(config);
  parseSourceUrl(config.url);
  const effective = channel === undefined ? config : { ...config, channel };
  switch (effective.type) {
    case 'imgapi': {
      const { imgapiSource } = await import('./imgapi.js');
      return imgapiSource(effective, connection);
    }
    case 'dsapi': {
      const { dsapiSource } = await import('./dsapi.js');
      return dsapiSource(effective, connection);
    }
    case 'docker': {
      const { dockerSource } = await import('./docker.js');
      return dockerSource(effective, connection);
    }
  }
}
