/** Credentials for registries, from the files that podman, skopeo and docker write (containers-auth.json(5)). */
import { readFile } from 'node:fs/promises';
import { codeOf } from '../errors.js';
import type { DockerRepo } from './docker-name.js';
import { imgError } from './errors.js';
import { isFields } from './manifest.js';

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** Stands for both where the registry has given one. */
  readonly identityToken?: string;
}

/** Other names under which Docker Hub stands in such files. */
const officialNames = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** The credentials in the first of `files` that has some for the repository. Throws `ConfigError` for a damaged file. */
export async function findCredentials(files: readonly string[], repo: DockerRepo): Promise<Credentials | undefined> {
  const wanted = keysOf(repo);
  for (const file of files) {
    const entries = await readEntries(file);
    for (const key of wanted) {
      const found = credentialsOf(entries.get(key), file);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The repository, what it is in, and the registry: the longest first. */
function keysOf({ index, remoteName }: DockerRepo): readonly string[] {
  const parts = remoteName.split('/');
  const hosts = index.official ? officialNames : [index.name];
  const paths = parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
  return [...paths.flatMap((path) => hosts.map((host) => `${host}/${path}`)), ...hosts];
}

async function readEntries(file: string): Promise<ReadonlyMap<string, unknown>> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    const auths = isFields(content) && isFields(content['auths']) ? content['auths'] : {};
    return new Map(Object.entries(auths).map(([key, entry]) => [plainKey(key), entry]));
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(cause) ?? '')) return new Map();
    // The text of the cause may quote the file.
    throw imgError('ConfigError', `credentials file "${file}" is not valid JSON`, { cause, quietCause: true });
  }
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
