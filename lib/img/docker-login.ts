/** How a registry wants to know who asks: its challenge, and what is sent in answer (RFC 6750, RFC 7617). */
import { imgError } from './errors.js';
import { getJson, header, type Connection, type HttpResponse } from './http.js';
import { isFields } from './manifest.js';

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** Stands for both where the registry has given one. */
  readonly identityToken?: string;
}

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface LoginRequest {
  /** Name of the registry, for messages. */
  readonly index: string;
  /** URL of its root. */
  readonly base: string;
  /** Repository that is to be read. */
  readonly remoteName: string;
  readonly insecure: boolean;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

/** The first challenge of a `WWW-Authenticate` header that can be read; undefined for none. */
export function parseChallenge(text: string): Challenge | undefined {
  const [, scheme, rest = ''] = /^\s*([A-Za-z][\w-]*)(?:\s+(.*))?$/s.exec(text) ?? [];
  if (scheme === undefined) return undefined;
  const found = rest.matchAll(/([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g);
  const parameters: Record<string, string> = {};
  for (const [, key = '', quoted, plain = ''] of found) {
    parameters[key.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? plain;
  }
  return { scheme: scheme.toLowerCase(), parameters };
}

/** quay.io has been seen to ask without saying how. */
const silentChallenges: Readonly<Record<string, string>> = {
  'quay.io': 'Bearer realm="https://quay.io/v2/auth",service="quay.io"',
};

/**
 * What to send as `Authorization` to a registry that has answered 401. Throws `UnauthorizedError`, and errors of the transport.
 */
export async function answerChallenge(
  connection: Connection,
  answer: Pick<HttpResponse, 'headers'>,
  request: LoginRequest,
): Promise<string> {
  const { index, base, credentials, insecure } = request;
  const text = header(answer, 'www-authenticate') ?? silentChallenges[index] ?? '';
  if (text === '') throw refused(`missing WWW-Authenticate header in 401 response to "GET /v2/" (${base})`);
  const challenge = parseChallenge(text);
  switch (challenge?.scheme) {
    case 'basic': {
      if (credentials === undefined) {
        const hint = `log in first, by podman login ${index} or its like`;
        throw imgError('UnauthorizedError', `${index} asks for a user and password, and there are none for it`, {
          hint,
        });
      }
      requirePrivate(base, insecure);
      return basic(credentials);
    }
    case 'bearer':
      return `Bearer ${await fetchToken(connection, challenge.parameters, request)}`;
    default:
      throw refused(`unsupported auth scheme: "${challenge?.scheme ?? text}"`);
  }
}

function basic({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Passwords go nowhere unencrypted but to this machine, unless the user has said that the source is insecure. */
function requirePrivate(url: string, insecure: boolean): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'https:' || insecure || isLoopback(hostname)) return;
  throw refused(`refusing to send a password to ${url}, which is not encrypted`);
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

async function fetchToken(
  connection: Connection,
  { realm, service, scope }: Challenge['parameters'],
  { index, base, remoteName, insecure, credentials, signal }: LoginRequest,
): Promise<string> {
  const url = realmUrl(realm ?? '', base, insecure);
  const wanted = { ...(service === undefined ? {} : { service }), scope: scope ?? `repository:${remoteName}:pull` };
  const common = { insecure, follow: false, signal };
  if (credentials !== undefined) requirePrivate(url.href, insecure);
  const identity = credentials?.identityToken;
  const form = new URLSearchParams({
    grant_type: 'refresh_token', client_id: 'imgadm', refresh_token: identity ?? '', ...wanted,
  }).toString(); // prettier-ignore
  for (const [key, value] of Object.entries(wanted)) if (identity === undefined) url.searchParams.set(key, value);
  const headers = credentials === undefined ? {} : { authorization: basic(credentials) };
  let answer: unknown;
  try {
    answer = await (identity === undefined
      ? getJson(connection, url.href, { ...common, headers })
      : getJson(connection, url.href, {
          ...common,
          method: 'POST',
          body: Buffer.from(form),
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }));
  } catch (cause) {
    signal.throwIfAborted();
    const status = (cause as { info?: { statusCode?: unknown } }).info?.statusCode;
    if (status === undefined) throw cause;
    const place = `${url.origin}${url.pathname}`;
    throw refused(
      `token auth attempt for ${index}: ${place} request failed with status ${JSON.stringify(status)}`,
      cause,
    );
  }
  const token = isFields(answer) ? (answer['token'] ?? answer['access_token']) : undefined;
  // It becomes part of a header.
  if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) return token;
  throw refused(`token auth attempt for ${index}: ${url.origin}${url.pathname} answered without a token`);
}

/** Where tokens come from. What the registry itself may not be asked without encryption, its realm may not either. */
function realmUrl(realm: string, base: string, insecure: boolean): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(realm) ? realm : `${insecure ? 'http' : 'https'}://${realm}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw refused(`the registry ${base} names a realm that is no URL: ${JSON.stringify(realm)}`);
  }
  const isDowngrade = url.protocol === 'http:' && base.startsWith('https:');
  if (isDowngrade && !insecure) throw refused(`the registry ${base} names a realm without encryption: ${realm}`);
  return url;
}

function refused(message: string, cause?: unknown): Error {
  return imgError('UnauthorizedError', message, cause === undefined ? {} : { cause, quietCause: true });
}
