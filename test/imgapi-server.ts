/** A small IMGAPI server on loopback: what its protocol promises to readers, and faults on demand. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServedImage {
  readonly manifest: Readonly<Record<string, unknown>> & { readonly uuid: string };
  readonly file: Buffer;
  /** Channels it is in; the default one when absent. */
  readonly channels?: readonly string[];
}

/** What goes wrong with an answer. */
type Fault =
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: 'cut' | 'stall'; readonly afterBytes: number }
  /** One bit of the body is wrong. */
  | { readonly kind: 'corrupt' }
  /** The body is longer, and said to be so. */
  | { readonly kind: 'longer'; readonly bytes: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Ranges are ignored, lengths not told, or of the wrong part. */
  | { readonly kind: 'noRange' | 'noLength' | 'wrongRange' }
  | { readonly kind: 'status'; readonly status: number; readonly body?: string; readonly type?: string }
  | { readonly kind: 'redirect'; readonly to: string }
  /** The answer, JSON, is this instead. */
  | { readonly kind: 'answer'; readonly json: unknown }
  | { readonly kind: 'wrongMd5' }
  /** The connection breaks when the request has been read. */
  | { readonly kind: 'reset' };

const endpoints = ['ping', 'list', 'image', 'file', 'import', 'put', 'activate', 'delete'] as const;
type Endpoint = (typeof endpoints)[number];

/** An image that somebody publishes. */
interface PublishedImage {
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly file: Buffer | undefined;
  readonly channel: string | null;
}

export interface ImgapiServer {
  readonly url: string;
  /** What was published and not deleted, by uuid. */
  readonly published: ReadonlyMap<string, PublishedImage>;
  /** `GET /images/U/file`, with ` bytes=N-` behind where a range was asked for. */
  readonly requests: string[];
  /** Headers of the last request. */
  lastHeaders: IncomingMessage['headers'];
  /** Makes the next `times` answers of `endpoint` faulty. */
  fail(endpoint: Endpoint, fault: Fault, times?: number): void;
  /** Forgets faults and requests. */
  forget(): void;
  close(): Promise<void>;
}

/** The images of a folder: `NAME.imgmanifest` beside `NAME.zfs*`. */
export function imagesIn(folder: string): readonly ServedImage[] {
  const names = readdirSync(folder);
  return names
    .filter((name) => name.endsWith('.imgmanifest'))
    .map((name) => {
      const stem = name.slice(0, -'.imgmanifest'.length);
      const file = names.find((other) => other.startsWith(`${stem}.zfs`)) ?? '';
      const manifest = JSON.parse(readFileSync(join(folder, name), 'utf8')) as ServedImage['manifest'];
      return { manifest, file: readFileSync(join(folder, file)) };
    });
}

const pageLimit = 1000;

/** `tls`: key and certificate in PEM, for https. */
export async function openImgapiServer(
  images: readonly ServedImage[],
  tls?: { readonly key: string; readonly cert: string },
): Promise<ImgapiServer> {
  const faults = new Map<Endpoint, { fault: Fault; times: number }[]>(endpoints.map((name) => [name, []]));
  const requests: string[] = [];
  const published = new Map<string, PublishedImage>();

  function nextFault(endpoint: Endpoint): Fault | undefined {
    const list = faults.get(endpoint) ?? [];
    const [first] = list;
    if (first === undefined) return undefined;
    first.times -= 1;
    if (first.times <= 0) list.shift();
    return first.fault;
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://server');
    const { range } = request.headers;
    requests.push(`${request.method ?? ''} ${request.url ?? ''}${range === undefined ? '' : ` ${range}`}`);
    self.lastHeaders = request.headers;
    const channel = url.searchParams.get('channel') ?? 'release';
    const offered = images.filter(({ channels = ['release'] }) => channels.includes(channel) || channel === '*');
    const [, uuid, part] = /^\/images\/([^/]+)(\/file)?$/.exec(url.pathname) ?? [];
    if (request.method !== 'GET' && uuid !== undefined) {
      await publish(request, response, url, uuid, nextFault, published);
    } else if (url.pathname === '/ping') {
      sendJson(response, { ping: 'pong', version: '4.0.0', imgapi: true }, nextFault('ping'));
    } else if (url.pathname === '/images') {
      sendJson(response, page(offered, url.searchParams), nextFault('list'));
    } else {
      const image = offered.find(({ manifest }) => manifest.uuid === uuid);
      const fault = nextFault(part === undefined ? 'image' : 'file');
      if (image === undefined) sendError(response, 404, 'ResourceNotFound', 'image not found');
      else if (part === undefined) sendJson(response, image.manifest, fault);
      else await sendFile(response, image.file, range, fault);
    }
  };
  const listener: RequestListener = (request, response) => {
    answer(request, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const self: ImgapiServer = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    published,
    requests,
    lastHeaders: {},
    fail(endpoint, fault, times = 1) {
      faults.get(endpoint)?.push({ fault, times });
    },
    forget() {
      for (const list of faults.values()) list.length = 0;
      published.clear();
      requests.length = 0;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return self;
}

/** AdminImportImage, AddImageFile, ActivateImage and DeleteImage. */
async function publish(
  request: IncomingMessage,
  response: ServerResponse,
  { searchParams: query }: URL,
  uuid: string,
  nextFault: (endpoint: Endpoint) => Fault | undefined,
  published: Map<string, PublishedImage>,
): Promise<void> {
  const action = query.get('action');
  const isImport = action === 'import';
  const endpoint = request.method === 'PUT' ? 'put' : request.method === 'DELETE' ? 'delete' : isImport ? 'import' : 'activate'; // prettier-ignore
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const fault = nextFault(endpoint);
  if (sendInstead(response, fault)) return;
  const md5 = request.headers['content-md5'];
  const isDamaged = endpoint !== 'put' && md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64');
  const known = published.get(uuid);
  if (isDamaged || Number(request.headers['content-length']) !== body.length) {
    sendError(response, 400, 'BadDigestError', 'it arrived damaged');
  } else if (isImport) {
    if (known !== undefined) {
      sendError(response, 409, 'ImageUuidAlreadyExists', `image ${uuid} exists`);
      return;
    }
    const manifest = { ...(JSON.parse(body.toString()) as object), files: [], state: 'unactivated' };
    published.set(uuid, { manifest, file: undefined, channel: query.get('channel') });
    sendJson(response, manifest, fault);
  } else if (known === undefined) {
    sendError(response, 404, 'ResourceNotFound', 'image not found');
  } else if (endpoint === 'delete') {
    published.delete(uuid);
    response.writeHead(204).end();
  } else {
    const sha1 = createHash('sha1').update(body).digest('hex');
    const files = [{ sha1, size: body.length, compression: query.get('compression') }];
    const manifest = { ...known.manifest, ...(endpoint === 'put' ? { files } : { state: 'active' }) };
    published.set(uuid, { ...known, manifest, file: endpoint === 'put' ? body : known.file });
    sendJson(response, manifest, fault);
  }
}

/** Active images by date, from the marker on. */
function page(images: readonly ServedImage[], query: URLSearchParams): unknown {
  const active = images
    .map(({ manifest }) => manifest)
    .filter(({ state }) => state === 'active')
    .sort((a, b) => String(a['published_at']).localeCompare(String(b['published_at'])));
  const marker = query.get('marker');
  const from = marker === null ? 0 : active.findIndex(({ uuid }) => uuid === marker);
  const limit = Math.min(Number(query.get('limit') ?? pageLimit), pageLimit);
  return active.slice(Math.max(from, 0), Math.max(from, 0) + limit);
}

function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ code, message });
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}

/** True when `fault` takes the place of the answer. */
function sendInstead(response: ServerResponse, fault: Fault | undefined): boolean {
  if (fault?.kind === 'reset') {
    response.destroy();
    return true;
  }
  if (fault?.kind === 'redirect') {
    response.writeHead(302, { location: fault.to }).end();
    return true;
  }
  if (fault?.kind !== 'status') return false;
  const body = fault.body ?? JSON.stringify({ code: 'InternalError', message: 'the server is on fire' });
  response.writeHead(fault.status, { 'content-type': fault.type ?? 'application/json' }).end(body);
  return true;
}

function sendJson(response: ServerResponse, value: unknown, fault: Fault | undefined): void {
  if (sendInstead(response, fault)) return;
  const body = JSON.stringify(fault?.kind === 'answer' ? fault.json : value);
  const digest = createHash('md5').update(fault?.kind === 'wrongMd5' ? 'else' : body).digest('base64'); // prettier-ignore
  response.writeHead(200, { 'content-type': 'application/json', 'content-md5': digest }).end(body);
}

async function sendFile(
  response: ServerResponse,
  file: Buffer,
  range: string | undefined,
  fault: Fault | undefined,
): Promise<void> {
  if (sendInstead(response, fault)) return;
  const whole = fault?.kind === 'longer' ? Buffer.concat([file, Buffer.alloc(fault.bytes)]) : file;
  const asked = fault?.kind === 'noRange' ? undefined : /^bytes=(\d+)-$/.exec(range ?? '');
  const offset = Number(asked?.[1] ?? 0);
  const body = Buffer.from(whole.subarray(offset));
  if (fault?.kind === 'corrupt') body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
  response.writeHead(asked === undefined || asked === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    etag: createHash('sha1').update(file).digest('hex'),
    'content-md5': createHash('md5').update(file).digest('base64'),
    ...(fault?.kind === 'noLength' ? {} : { 'content-length': body.length }),
    ...(asked === undefined || asked === null ? {} : { 'content-range': rangeText(offset, whole.length, fault) }),
  });
  response.flushHeaders();
  if (fault?.kind === 'cut' || fault?.kind === 'stall') {
    response.write(body.subarray(0, fault.afterBytes));
    if (fault.kind === 'stall') return;
    // The end of the connection stands behind the data, so that all of it arrives.
    response.socket?.end();
  } else if (fault?.kind === 'slow') {
    const step = Math.max(1, Math.floor(fault.bytesPerSecond / 20));
    for (let at = 0; at < body.length && !response.destroyed; at += step) {
      response.write(body.subarray(at, at + step));
      await sleep(50);
    }
    response.end();
  } else {
    response.end(body);
  }
}

function rangeText(offset: number, length: number, fault: Fault | undefined): string {
  return `bytes ${fault?.kind === 'wrongRange' ? offset + 7 : offset}-${length - 1}/${length}`;
}
