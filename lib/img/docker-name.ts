/** Names of Docker images as users write them: `[INDEX/]REPO[:TAG|@DIGEST]` (`imgadm(8)`, import). Pure. */
import { imgError } from './errors.js';

/** A registry by the name that stands before a repository. */
export interface DockerIndex {
  /** Only where it was written. */
  readonly scheme?: 'http' | 'https';
  /** `HOST[:PORT]`; `docker.io` under any of its names. */
  readonly name: string;
  /** Whether it is Docker Hub. */
  readonly official: boolean;
}

/** A repository of a registry. */
export interface DockerRepo {
  readonly index: DockerIndex;
  /** Whether it is one of Docker Hub's own (`library/…`). */
  readonly official: boolean;
  /** How the registry calls it: `library/busybox`. */
  readonly remoteName: string;
  /** How users call it: `busybox`, `localhost:5000/foo`. */
  readonly localName: string;
  /** {@link DockerRepo.localName} with the registry: `docker.io/busybox`. */
  readonly canonicalName: string;
}

/** A repository with exactly one of the two. Neither has been checked: they are hostile until they are part of a URL. */
export interface DockerReference extends DockerRepo {
  readonly digest?: string;
  readonly tag?: string;
}

const officialIndex = 'docker.io';
const officialNamespace = 'library';
const defaultTag = 'latest';

function looksLikeHost(name: string): boolean {
  return name.includes('.') || name.includes(':') || name === 'localhost';
}

/**
 * The registry that `text` names; the official one for an empty text. Throws `InvalidDockerName`, also for the official
 * one without encryption.
 */
export function parseDockerIndex(text: string): DockerIndex {
  if (text === '') return { name: officialIndex, official: true };
  const at = text.indexOf('://');
  const scheme = at === -1 ? undefined : text.slice(0, at);
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw invalidName(`invalid index scheme, must be "http" or "https": ${text}`);
  }
  const host = text.slice(at === -1 ? 0 : at + 3).replace(/\/$/, '');
  if (host.includes('/')) throw invalidName(`invalid index, there is a path behind its host: ${text}`);
  const official = host === officialIndex || host === `index.${officialIndex}`;
  if (!official && !looksLikeHost(host)) {
    throw invalidName(`invalid index, "${text}" does not look like a valid host: must contain a "." or ":" or be "localhost"`); // prettier-ignore
  }
  if (official && scheme === 'http') throw invalidName(`invalid index, HTTP to official index is disallowed: ${text}`);
  return { ...(scheme === undefined ? {} : { scheme }), name: official ? officialIndex : host, official };
}

/**
 * The repository that `text` names, without tag or digest. `defaultIndex`: the registry of names that do not tell theirs.
 * Throws `InvalidDockerName`.
 */
export function parseDockerRepo(text: string, defaultIndex = ''): DockerRepo {
  const scheme = text.indexOf('://');
  const slash = text.indexOf('/', scheme === -1 ? 0 : scheme + 3);
  if (scheme !== -1 && slash === -1)
    throw invalidName(`invalid repository name, no repository behind the host: ${text}`);
  const hasIndex = slash !== -1 && (scheme !== -1 || looksLikeHost(text.slice(0, slash)));
  const index = parseDockerIndex(hasIndex ? text.slice(0, slash) : defaultIndex);
  const path = hasIndex ? text.slice(slash + 1) : text;
  const [first = '', ...rest] = path.split('/');
  const given = rest.length === 0 ? undefined : checkedNamespace(first);
  const name = checkedName(rest.length === 0 ? first : rest.join('/'));
  const namespace = given ?? (index.official ? officialNamespace : undefined);
  const remoteName = namespace === undefined ? name : `${namespace}/${name}`;
  const official = index.official && namespace === officialNamespace;
  const localName = official ? name : index.official ? remoteName : `${index.name}/${remoteName}`;
  const canonicalName = index.official ? `${index.name}/${localName}` : localName;
  return { index, official, remoteName, localName, canonicalName };
}

/** A repository and which of its images: `latest` where `text` does not tell. Throws `InvalidDockerName`. */
export function parseDockerReference(text: string, defaultIndex = ''): DockerReference {
  const at = text.lastIndexOf('@');
  if (at !== -1) return { ...parseDockerRepo(text.slice(0, at), defaultIndex), digest: text.slice(at + 1) };
  const colon = text.lastIndexOf(':');
  const hasTag = colon > text.lastIndexOf('/');
  const repo = parseDockerRepo(hasTag ? text.slice(0, colon) : text, defaultIndex);
  return { ...repo, tag: (hasTag && text.slice(colon + 1)) || defaultTag };
}

/** {@link parseDockerReference}; undefined for what is no Docker name. */
export function dockerReferenceOf(text: string): DockerReference | undefined {
  try {
    return parseDockerReference(text);
  } catch {
    return undefined;
  }
}

const shortestNamespace = 2;
const longestNamespace = 255;

function checkedNamespace(namespace: string): string {
  if (!/^[a-z0-9_-]*$/.test(namespace)) {
    throw invalidName(`invalid repository namespace, may only contain [a-z0-9_-] characters: ${namespace}`);
  }
  if (namespace.length < shortestNamespace || namespace.length > longestNamespace) {
    const limits = `must be between ${shortestNamespace} and ${longestNamespace} characters`;
    throw invalidName(`invalid repository namespace, ${limits}: ${namespace}`);
  }
  if (namespace.startsWith('-') && namespace.endsWith('-')) {
    throw invalidName(`invalid repository namespace, cannot start and end with a hyphen: ${namespace}`);
  }
  if (namespace.includes('--')) {
    throw invalidName(`invalid repository namespace, cannot contain consecutive hyphens: ${namespace}`);
  }
  return namespace;
}

function checkedName(name: string): string {
  if (/^[a-z0-9_/.-]*$/.test(name)) return name;
  throw invalidName(`invalid repository name, may only contain [a-z0-9_/.-] characters: ${name}`);
}

function invalidName(message: string): Error {
  return imgError('InvalidDockerName', message);
}
