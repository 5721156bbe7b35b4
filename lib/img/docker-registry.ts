/** A repository of a registry, by version 2 of the protocol (OCI distribution specification). */
import { createHash } from 'node:crypto';
import { imgError } from './errors.js';
import { answerChallenge, type LoginRequest } from './docker-login.js';
import { choosePlatform, manifestTypes, parseDockerManifest, requireDigest, type Descriptor } from './docker-manifest.js'; // prettier-ignore
import { header, openUrl, readBody, type Connection, type HttpResponse } from './http.js';
import { isTooDeep } from './json-values.js';
import { isFields } from './manifest.js';

type Fields = Readonly<Record<string, unknown>>;
type Headers = Readonly<Record<string, string>>;

/** What an image is made of. */
export interface DockerImage {
  /** Base first. */
  readonly layers: readonly Descriptor[];
  readonly imgJson: Fields;
}

export interface DockerRepository {
  /** The image of that tag or digest for this machine; undefined when there is none. */
  image(reference: string, name: string, signal: AbortSignal): Promise<DockerImage | undefined>;
  /** Opens the content of that digest at `offset`. Nothing of it has been checked. Who fetches it asks again when that fails. */
  openBlob(digest: string, offset: number, signal: AbortSignal): Promise<HttpResponse>;
}

export type RepositoryOptions = Omit<LoginRequest, 'signal'>;

const manifestLimitBytes = 4 * 1024 * 1024;
const configLimitBytes = 8 * 1024 * 1024;
const requestLimit = 3;
/** Lists may name lists. */
const listLimit = 3;

/** Opens a repository; nothing is sent yet. Throws `UnauthorizedError` from each call, `BadDigest`, and what manifests do. */
export function openRepository(connection: Connection, options: RepositoryOptions): DockerRepository {
  const { base, index, remoteName, insecure } = options;
  let authorization: Promise<string | undefined> | undefined;

  function open(url: string, headers: Headers, signal: AbortSignal, attempts?: number): Promise<HttpResponse> {
    const tries = attempts === undefined ? {} : { attempts };
    return openUrl(connection, url, { headers, insecure, signal, decode: false, follow: false, ...tries });
  }

  /** Once for all requests. */
  function login(signal: AbortSignal): Promise<string | undefined> {
    authorization ??= askToLogIn(signal);
    authorization.catch(() => (authorization = undefined));
    return authorization;
  }

  async function askToLogIn(signal: AbortSignal): Promise<string | undefined> {
    const url = `${base}/v2/`;
    const answer = await open(url, {}, signal);
    answer.body.destroy();
    if (answer.status === 401) return answerChallenge(connection, answer, { ...options, signal });
    if (answer.status < 400) return undefined;
    throw imgError('ClientError', `${url} answered with status ${answer.status}`, {
      info: { statusCode: answer.status },
    });
  }

  async function get(path: string, headers: Headers, signal: AbortSignal, attempts?: number): Promise<HttpResponse> {
    const url = `${base}/v2/${remoteName}/${path}`;
    const ask = async () => {
      const known = await login(signal);
      return open(url, known === undefined ? headers : { ...headers, authorization: known }, signal, attempts);
    };
    const answer = await ask();
    if (answer.status !== 401) return answer;
    // A token that has grown old, or a registry that asks only here.
    answer.body.destroy();
    authorization = answerChallenge(connection, answer, { ...options, signal });
    return ask();
  }

  /** The body of an answer; throws what the registry says is wrong. */
  async function textOf(answer: HttpResponse, what: string, limitBytes: number): Promise<Buffer> {
    const body = await readBody(answer, base, connection.stallMs, limitBytes);
    if (answer.status === 200) return body;
    throw registryError(answer.status, body, `${index}: ${what}`);
  }

  async function manifest(reference: string, name: string, signal: AbortSignal) {
    const answer = await get(`manifests/${reference}`, { accept: manifestTypes.join(', ') }, signal);
    if (answer.status === 404) {
      answer.body.destroy();
      return undefined;
    }
    const body = await textOf(answer, `cannot read the manifest of ${name}`, manifestLimitBytes);
    const told = header(answer, 'docker-content-digest');
    const isDigest = reference.startsWith('sha256:');
    if (isDigest) requireDigestOf(body, reference, `the manifest of ${name}`);
    else if (told?.startsWith('sha256:') === true) requireDigestOf(body, told, `the manifest of ${name}`);
    return parseDockerManifest(body.toString('utf8'), name, header(answer, 'content-type'));
  }

  async function openBlob(
    digest: string,
    offset: number,
    signal: AbortSignal,
    attempts?: number,
  ): Promise<HttpResponse> {
    const range: Headers = offset === 0 ? {} : { range: `bytes=${offset}-` };
    let answer = await get(`blobs/${digest}`, range, signal, attempts);
    let url = `${base}/v2/${remoteName}/blobs/${digest}`;
    for (let requests = 1; answer.status >= 300 && answer.status < 400; requests += 1) {
      answer.body.destroy();
      if (requests === requestLimit) {
        throw imgError('DownloadError', `maximum number of redirects (${requestLimit}) hit when attempting to get blob for digest ${digest}`); // prettier-ignore
      }
      url = redirectTarget(url, header(answer, 'location'));
      // Whoever that is has no business with our token.
      answer = await open(url, range, signal, attempts);
    }
    if (answer.status === 200 || answer.status === 206) return answer;
    const body = await readBody(answer, url, connection.stallMs, manifestLimitBytes);
    throw registryError(answer.status, body, `${index}: cannot read ${digest}`);
  }

  async function config({ digest, size }: Descriptor, name: string, signal: AbortSignal): Promise<Fields> {
    const answer = await openBlob(digest, 0, signal);
    const body = await textOf(answer, `cannot read the configuration of ${name}`, configLimitBytes);
    requireDigestOf(body, digest, `the configuration of ${name}`);
    if (body.length !== size) {
      throw imgError('InvalidContent', `the configuration of ${name} has ${body.length} bytes, its manifest says ${size}`); // prettier-ignore
    }
    let parsed: unknown;
    try {
      parsed = JSON.parse(body.toString('utf8'));
    } catch {
      parsed = undefined;
    }
    if (!isFields(parsed)) throw imgError('InvalidContent', `the configuration of ${name} is no JSON object`);
    if (isTooDeep(parsed)) throw imgError('InvalidContent', `the configuration of ${name} is nested too deeply`);
    return parsed;
  }

  return {
    async image(reference, name, signal) {
      let found = await manifest(reference, name, signal);
      for (let lists = 0; found?.kind === 'list'; lists += 1) {
        if (lists === listLimit) throw imgError('InvalidContent', `manifest lists of ${name} go on without end`);
        const { digest } = choosePlatform(found.entries, process.arch);
        found = await manifest(digest, name, signal);
        if (found === undefined) throw imgError('InvalidContent', `${index} lacks the manifest ${digest} of ${name}`);
      }
      if (found === undefined) return undefined;
      return { layers: found.layers, imgJson: await config(found.config, name, signal) };
    },
    openBlob: (digest, offset, signal) => openBlob(digest, offset, signal, 1),
  };
}

function requireDigestOf(body: Buffer, digest: string, what: string): void {
  const found = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  if (found === requireDigest(digest, what)) return;
  throw imgError('BadDigest', `${what} is not what its digest says: expected "${digest}", got "${found}"`);
}

function redirectTarget(from: string, location: string | undefined): string {
  if (location === undefined || !URL.canParse(location, from)) {
    throw imgError('ClientError', `refusing redirect from ${from} to ${location ?? 'nowhere'}`);
  }
  const target = new URL(location, from);
  if (target.protocol === new URL(from).protocol) return target.href;
  throw imgError('ClientError', `refusing redirect from ${from} to ${target.href}: it changes the scheme`);
}

function registryError(status: number, body: Buffer, what: string): Error {
  let told = '';
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    const errors = isFields(parsed) && Array.isArray(parsed['errors']) ? (parsed['errors'] as unknown[]) : [];
    told = errors.filter(isFields).map(({ message }) => (typeof message === 'string' ? message : '')).join(', '); // prettier-ignore
  } catch {
    // Whatever else it is, it is not for people.
  }
  const code = status === 401 || status === 403 ? 'UnauthorizedError' : 'ClientError';
  return imgError(code, `${what}: ${told === '' ? `status ${status}` : told}`, { info: { statusCode: status } });
}
