/** Credentials for registries, from the files that podman, skopeo and docker write (containers-auth.json(5)). */
import { readFile } from 'node:fs/promises';
import { codeOf } from '../errors.js';
import { askHelper } from './credential-helper.js';
import type { Credentials } from './docker-login.js';
import type { DockerRepo } from './docker-name.js';
import { imgError } from './errors.js';
import type { Connection } from './http.js';
import { isFields } from './manifest.js';

/** Other names under which Docker Hub stands in such files. */
const officialNames = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];
/** What docker tells helpers of it. */
const officialServer = 'https://index.docker.io/v1/';

/**
 * The credentials in the first of the files that has some for the repository, or names a helper that has. As with docker, a
 * helper of the registry comes before the one of all, and both before what the file itself holds. Throws `ConfigError` for
 * a damaged file and a helper that fails.
 */
export async function findCredentials(
  { authFiles = [], helperEnvironment, stallMs }: Pick<Connection, 'authFiles' | 'helperEnvironment' | 'stallMs'>,
  repo: DockerRepo,
): Promise<Credentials | undefined> {
  const wanted = keysOf(repo);
  for (const file of authFiles) {
    const { auths, helpers, store } = await readAuthFile(file);
    const helper =
      hostsOf(repo)
        .map((host) => helpers.get(host))
        .find((name) => name !== undefined) ?? store;
    if (helper !== undefined && helperEnvironment !== undefined) {
      const server = repo.index.official ? officialServer : repo.index.name;
      const found = await askHelper({ name: helper, file, server, environment: helperEnvironment, timeoutMs: stallMs });
      if (found !== undefined) return found;
    }
    for (const key of wanted) {
      const found = credentialsOf(auths.get(key), file);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function hostsOf({ index }: DockerRepo): readonly string[] {
  return index.official ? officialNames : [index.name];
}

/** The repository, what it is in, and the registry: the longest first. */
function keysOf(repo: DockerRepo): readonly string[] {
  const parts = repo.remoteName.split('/');
  const hosts = hostsOf(repo);
  const paths = parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
  return [...paths.flatMap((path) => hosts.map((host) => `${host}/${path}`)), ...hosts];
}

interface AuthFile {
  readonly auths: ReadonlyMap<string, unknown>;
  /** Names of helpers, by registry. */
  readonly helpers: ReadonlyMap<string, string>;
  /** Name of the helper for all others. */
  readonly store: string | undefined;
}

async function readAuthFile(file: string): Promise<AuthFile> {
  try {
    const parsed: unknown = JSON.parse(await readFile(file, 'utf8'));
    const content = isFields(parsed) ? parsed : {};
    const entriesOf = (fields: unknown) =>
      Object.entries(isFields(fields) ? fields : {}).map(([key, value]) => [plainKey(key), value] as const);
    const { credsStore: store } = content;
    return {
      auths: new Map(entriesOf(content['auths'])),
      helpers: new Map(
        entriesOf(content['credHelpers']).filter((entry): entry is [string, string] => isName(entry[1])),
      ),
      store: isName(store) ? store : undefined,
    };
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(cause) ?? '')) {
      return { auths: new Map(), helpers: new Map(), store: undefined };
    }
    // The text of the cause may quote the file.
    throw imgError('ConfigError', `credentials file "${file}" is not valid JSON`, { cause, quietCause: true });
  }
}

/** An empty name is none, with docker too. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Docker's keys are URLs of an old version of the protocol. */
function plainKey(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/(?:v1|v2)?\/?$/, '');
}

function credentialsOf(entry: unknown, file: string): Credentials | undefined {
  if (!isFields(entry)) return undefined;
  const { auth, identitytoken: token } = entry;
  const identity = typeof token === 'string' && token !== '' ? { identityToken: token } : {};
  if (typeof auth !== 'string' || auth === '') return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon < 1) throw imgError('ConfigError', `credentials file "${file}" has an "auth" that is no user and password`);
  return { user: text.slice(0, colon), password: text.slice(colon + 1), ...identity };
}
