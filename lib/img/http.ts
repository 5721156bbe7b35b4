/** HTTP as image sources use it: headers, proxy, certificates, redirects, retries of connections, time-outs. */
import { createHash } from 'node:crypto';
import { STATUS_CODES, type Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { SmartadmError, codeOf, describeError } from '../errors.js';
import { imgError } from './errors.js';
import { isTooDeep } from './json-values.js';
import { isFields } from './manifest.js';
import { compatibleVersion } from './version.js';

/** How this run talks to servers. */
export interface Connection {
  /** Sent as `x-request-id`. */
  readonly requestId: string;
  /** Appended to the user agent. */
  readonly userAgentExtra?: string | undefined;
  /** URL of the proxy that every request goes through. */
  readonly proxy?: string | undefined;
  /** Leave certificates unchecked where the source's own setting says nothing. */
  readonly insecure: boolean;
  /** Files with credentials for registries, the first that has some counts (containers-auth.json(5)). */
  readonly authFiles?: readonly string[];
  /** Environment of programs that such files name; without one none is run. */
  readonly helperEnvironment?: NodeJS.ProcessEnv;
  /** A server that sends nothing for so long is given up. */
  readonly stallMs: number;
  /** First pause before a connection is tried again; each further one is twice as long. */
  readonly retryMs: number;
  /** Told what is waited for, when that takes long. */
  readonly notice?: ((line: string) => void) | undefined;
}

/** A server that has not answered for so long is named to whoever waits. */
const patienceMs = 3000;

const connectAttempts = 5;
const redirectLimit = 5;
/** Ten times what servers of many images answer; values take up to forty times as much memory as their text. */
const jsonLimitBytes = 32 * 1024 * 1024;
const errorTextLimit = 1024;
/** Of what a server says in its own words. */
const messageLimit = 16 * 1024;

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

export interface HttpRequest {
  /** Besides those of every request; undefined leaves one of those out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly insecure: boolean;
  /** Longest time until the answer begins. */
  readonly timeoutMs?: number;
  /** Undo a content encoding. Files are taken as they are stored. */
  readonly decode: boolean;
  readonly signal: AbortSignal;
  /** Go where a redirect leads, as long as its scheme is the same; default for GET. Otherwise it is the answer. */
  readonly follow?: boolean;
  /** Attempts to connect; default 5. */
  readonly attempts?: number;
  /** Default GET. */
  readonly method?: 'POST' | 'PUT' | 'DELETE';
  /** Sent with the request. A stream is sent once only. */
  readonly body?: Buffer | Readable;
}

/**
 * Opens `url`, following redirects of the same scheme. Resolves when the answer begins, whatever its status. Throws
 * errors of the transport under Node's codes (`ECONNREFUSED`, …), `ETIMEDOUT` after `timeoutMs`, and `ClientError` for
 * a redirect that is refused.
 */
export async function openUrl(connection: Connection, url: string, request: HttpRequest): Promise<HttpResponse> {
  const attempts = request.attempts ?? connectAttempts;
  const { origin } = new URL(url);
  for (let attempt = 1; ; attempt += 1) {
    const patience = setTimeout(() => connection.notice?.(`waiting for ${origin} to answer`), patienceMs);
    try {
      return await openOnce(connection, url, request);
    } catch (error) {
      request.signal.throwIfAborted();
      if (attempt >= attempts || !isConnectFailure(error, request.method)) throw error;
      const pauseMs = connection.retryMs * 2 ** (attempt - 1);
      noteRetry(connection, `${origin} does not answer`, error, pauseMs, attempts - attempt);
      await sleep(pauseMs, undefined, { signal: request.signal });
    } finally {
      clearTimeout(patience);
    }
  }
}

/** Tells that something is tried again, and how often it still will be. */
export function noteRetry(connection: Connection, what: string, error: unknown, pauseMs: number, left: number): void {
  const more = `${left} more attempt${left === 1 ? '' : 's'}`;
  connection.notice?.(`${what} (${describeError(error)}): trying again in ${pauseMs / 1000} s, ${more}`);
}

const brokenConnection = ['ECONNRESET', 'EPIPE'];
const connectFailures = [...brokenConnection, 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']; // prettier-ignore

function isConnectFailure(error: unknown, method = 'GET'): boolean {
  const code = codeOf(error) ?? '';
  // What changes something may have done so before the connection broke.
  if (method !== 'GET' && brokenConnection.includes(code)) return false;
  return connectFailures.includes(code) && !(error instanceof SilentServer);
}

/** The server took the connection and then said nothing. */
class SilentServer extends Error {
  readonly code = 'ETIMEDOUT';
}

async function openOnce(connection: Connection, url: string, request: HttpRequest): Promise<HttpResponse> {
  const { default: got } = await import('got');
  const { protocol } = new URL(url);
  const { method = 'GET', body, signal } = request;
  const timeoutMs = request.timeoutMs ?? connection.stallMs;
  // One for each request: the library never takes its ear off the signal that it is given.
  const own = new AbortController();
  const stop = (): void => own.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', stop, { once: true });
  const stream = got.stream(url, {
    method,
    ...(body === undefined ? {} : { body }),
    headers: {
      'user-agent': userAgent(connection),
      'x-request-id': connection.requestId,
      date: new Date().toUTCString(),
      ...request.headers,
    },
    agent: await agents(connection.proxy),
    https: { rejectUnauthorized: !request.insecure },
    decompress: request.decode,
    throwHttpErrors: false,
    retry: { limit: 0 },
    timeout: { response: timeoutMs, connect: Math.min(timeoutMs, connection.stallMs) },
    // What changes something is not sent to somebody else.
    followRedirect: request.follow ?? method === 'GET',
    maxRedirects: redirectLimit,
    hooks: {
      beforeRedirect: [
        ({ url: next }) => {
          const target = String(next);
          if (new URL(target).protocol === protocol) return;
          throw imgError('ClientError', `refusing redirect from ${url} to ${target}: it changes the scheme`);
        },
      ],
    },
    signal: own.signal,
  });
  for (const event of ['end', 'error', 'close']) {
    stream.once(event, () => signal.removeEventListener('abort', stop));
  }
  // Whoever reads the stream hears of errors too; this keeps one that comes between the steps from ending the process.
  stream.on('error', () => undefined);
  const response = await new Promise<{ statusCode: number; headers: HttpResponse['headers'] }>((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', (error) => {
      const isSilent = 'event' in error && error.event === 'response';
      reject(
        isSilent
          ? new SilentServer(`${url} did not answer for ${timeoutMs / 1000} seconds`)
          : transportError(error, url),
      );
    });
    // Without a body this ends the request; a stream of requests would wait for one.
    if (body === undefined && method !== 'GET') stream.end();
  });
  return { status: response.statusCode, headers: response.headers, body: stream };
}

/** What the library does not do, by its codes; the last one is that of all that has none of its own. */
const refused: Readonly<Record<string, (url: string, message: string) => string>> = {
  ERR_TOO_MANY_REDIRECTS: (url) => `${url} redirects too often`,
  ERR_UNSUPPORTED_PROTOCOL: (url) => `refusing redirect from ${url}: it changes the scheme`,
  ERR_INVALID_URL: (url) => `refusing redirect from ${url}: it leads to no URL`,
  ERR_GOT_REQUEST_ERROR: (url, message) => `${url}: ${message}`,
};

/** The error below the library's wrapping. */
function transportError(error: unknown, url: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof SmartadmError) return error;
  if (error.cause instanceof SmartadmError) return error.cause;
  const refusal = refused[codeOf(error) ?? ''];
  if (refusal !== undefined) {
    return imgError('ClientError', refusal(url, error.message), { cause: error, quietCause: true });
  }
  if (codeOf(error) === 'ERR_ABORTED') return error;
  if (isCertificateFailure(codeOf(error) ?? '')) return certificateError(error, url);
  const system = error.cause ?? error;
  return Object.assign(
    // Messages of OpenSSL end with a line break.
    new Error(error.message.trimEnd()),
    { code: codeOf(error) ?? 'InternalError' },
    system instanceof Error && 'errno' in system ? { errno: system.errno } : {},
  );
}

/** Node's codes of certificates that it does not take: OpenSSL's reasons, and its own of names that do not fit. */
export function isCertificateFailure(code: string): boolean {
  return /CERT|^UNABLE_TO_|^CRL_|^(?:INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/.test(code);
}

function certificateError(error: Error, asked: string): SmartadmError {
  // Of the request that failed, wherever redirects have led.
  const { url } = (error as { options?: { url?: unknown } }).options ?? {};
  const { origin } = new URL(url instanceof URL ? url : asked);
  const message = `the certificate of ${origin} is refused: ${error.message}`;
  return new SmartadmError(codeOf(error) ?? 'ClientError', message, {
    cause: error,
    quietCause: true,
    hint:
      'to trust who signed it, name a file with their certificate in NODE_EXTRA_CA_CERTS; ' +
      'to do without certificates, add the source with "imgadm sources -k"',
  });
}

function userAgent({ userAgentExtra }: Connection): string {
  const { node, openssl } = process.versions;
  const own = `imgadm/${compatibleVersion} (node/${node}; OpenSSL/${openssl})`;
  return userAgentExtra === undefined ? own : `${own} ${userAgentExtra}`;
}

const proxies = new Map<string, Promise<{ http: HttpAgent; https: HttpsAgent }>>();

/** Agents that go through `proxy`; Node's own where there is none. */
async function agents(proxy: string | undefined): Promise<{ http?: HttpAgent; https?: HttpsAgent }> {
  if (proxy === undefined || proxy === '') return {};
  let known = proxies.get(proxy);
  if (known === undefined) proxies.set(proxy, (known = proxyAgents(proxy)));
  return known;
}

async function proxyAgents(proxy: string): Promise<{ http: HttpAgent; https: HttpsAgent }> {
  const { HttpProxyAgent } = await import('http-proxy-agent');
  const { HttpsProxyAgent } = await import('https-proxy-agent');
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  if (!URL.canParse(url)) throw imgError('ConfigError', `proxy "${proxy}" is not a URL`);
  return {
    http: new HttpProxyAgent(url),
    // It is an agent for https as for http; its type only says http.
    https: new HttpsProxyAgent(url) as unknown as HttpsAgent,
  };
}

/**
 * The JSON that `url` answers; undefined for an empty answer. Throws the server's error under its own code, with `statusCode` in `info`; `BadDigest`
 * when the body does not match its `content-md5`; what {@link openUrl} throws.
 */
export async function getJson(
  connection: Connection,
  url: string,
  request: Omit<HttpRequest, 'decode'>,
): Promise<unknown> {
  const response = await openUrl(connection, url, {
    ...request,
    headers: { accept: 'application/json', ...request.headers },
    decode: true,
  });
  const body = await readBody(response, url, connection.stallMs);
  if (response.status >= 400) throw serverError(response, body);
  if (response.status >= 300) {
    throw imgError('ClientError', `refusing redirect from ${url} to ${header(response, 'location') ?? 'nowhere'}`);
  }
  if (body.length === 0 && response.status === 204) return undefined;
  const digest = header(response, 'content-md5');
  if (digest !== undefined && digest !== createHash('md5').update(body).digest('base64')) {
    throw new SmartadmError('BadDigest', `content-md5 of the answer to GET ${url} does not match its content`);
  }
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw imgError('InternalError', `${url} did not answer with JSON`, {
      cause,
      quietCause: true,
      info: {
        statusCode: response.status,
        body: body.toString('utf8').slice(0, errorTextLimit + 1),
        json: isJson(response),
      },
    });
  }
  if (isTooDeep(answer)) throw imgError('ClientError', `answer of ${url} is nested too deeply`);
  return answer;
}

export function header({ headers }: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The whole body of an answer. Throws `ClientError` when it is longer than `limitBytes`, and what transport fails with. */
export async function readBody(
  { body }: HttpResponse,
  url: string,
  stallMs: number,
  limitBytes = jsonLimitBytes,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => {
    body.destroy(Object.assign(new Error(`${url} stopped sending`), { code: 'ETIMEDOUT' }));
  }, stallMs);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      timer.refresh();
      size += chunk.length;
      if (size > limitBytes) throw imgError('ClientError', `answer of ${url} is too long`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw transportError(error, url);
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

/** The error that a server answered: its own code and message, or ones made of the status. */
function serverError(response: HttpResponse, body: Buffer): SmartadmError {
  const text = body.toString('utf8');
  const info = { statusCode: response.status, body: text.slice(0, errorTextLimit + 1), json: isJson(response) };
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = undefined;
  }
  const inner = isFields(answer) && isFields(answer['error']) ? answer['error'] : answer;
  if (isFields(inner) && isErrorCode(inner['code']) && typeof inner['message'] === 'string') {
    const errors = Array.isArray(inner['errors']) ? (inner['errors'] as unknown[]) : [];
    return new SmartadmError(inner['code'], inner['message'].slice(0, messageLimit), { info: { ...info, errors } });
  }
  const phrase = (STATUS_CODES[response.status] ?? `Http${response.status}`).replace(/[^A-Za-z0-9]/g, '');
  const code = phrase.endsWith('Error') ? phrase : `${phrase}Error`;
  return new SmartadmError(code, text.trim().slice(0, errorTextLimit) || `status ${response.status}`, { info });
}

/** It stands in the one line that errors are told in. */
function isErrorCode(code: unknown): code is string {
  return typeof code === 'string' && /^[A-Za-z][\w.-]{0,99}$/.test(code);
}

function isJson(response: HttpResponse): boolean {
  return header(response, 'content-type') === 'application/json';
}

/** Reads the body of an error answer and throws it. */
export async function throwServerError(response: HttpResponse, url: string, connection: Connection): Promise<never> {
  throw serverError(response, await readBody(response, url, connection.stallMs));
}
