/** Publishes an image on an IMGAPI server: manifest, file, activation (`imgadm(8)`, publish). */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import type { Context, ProgressTask } from '../context.js';
import { imgError, requireUuid } from './errors.js';
import { getJson, type Connection } from './http.js';
import { isFields } from './manifest.js';
import type { Narration } from './narration.js';
import { nameAndMessage } from './sources/edit.js';
import { sourceError } from './sources/search.js';
import { baseUrl, parseSourceUrl } from './sources/url.js';
import { valueText } from './json-values.js';

type Fields = Readonly<Record<string, unknown>>;

export interface PublishRequest {
  /** With `files[0].compression`, as `imgadm create` writes it. */
  readonly manifest: Fields;
  /** Path of the image file. */
  readonly file: string;
  /** The server; `?channel=` in it is honoured. */
  readonly url: string;
  readonly connection: Connection;
}

const chunkBytes = 256 * 1024;
/** A server that has the file may still have to put it away somewhere. */
const storeMs = 600_000;
/** What is left on a server is removed even when the command has been interrupted. */
const rollbackMs = 30_000;

/**
 * Publishes an image and returns its manifest as the server now has it. When a step fails, what the earlier ones left on the
 * server is removed. Throws `InvalidUUID`, `InvalidManifest`, `UploadError` when the server got something else than was sent,
 * and errors of the server under its own codes.
 */
export async function publishImage(ctx: Context, request: PublishRequest, narration: Narration): Promise<Fields> {
  const { manifest, url } = request;
  const uuid = requireUuid(manifest['uuid']);
  const server = new PublishServer(ctx, request, uuid);
  const file = await fileOf(manifest, request.file);
  try {
    const imported = await server.post('import', manifest);
    const { name, version, state } = imported;
    narration.say(`Imported image ${uuid} (${valueText(name)}, ${valueText(version)}, state=${valueText(state)})`);
    try {
      const bar = ctx.progress.start(uuid, file.size);
      const stored = await server.putFile(request.file, file, bar).finally(() => bar.done());
      narration.say(`Added file "${request.file}" (compression "${file.compression}") to image ${uuid}`);
      requireSame(manifest, stored);
      const activated = await server.post('activate', {});
      narration.say(`Activated image ${uuid}`);
      return activated;
    } catch (error) {
      await server.remove().catch((failure: unknown) => {
        narration.say(`Warning: Could not delete partially published image ${uuid}: ${nameAndMessage(failure)}`);
      });
      throw error;
    }
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw sourceError(url, error);
  }
}

interface FileToPublish {
  readonly size: number;
  readonly sha1: string | undefined;
  readonly compression: string;
}

/** What the manifest says of the file, which must be there with that size. */
async function fileOf(manifest: Fields, path: string): Promise<FileToPublish> {
  const { compression, size, sha1 } = fileFields(manifest);
  if (typeof compression !== 'string') {
    throw imgError('InvalidManifest', 'manifest is invalid: it does not say how its file is compressed');
  }
  const found = await stat(path);
  if (!found.isFile()) throw imgError('UploadError', `${path} is not a regular file`);
  const actual = found.size;
  if (size !== undefined && size !== actual) throw unlike('size', size, actual);
  return { size: actual, compression, sha1: typeof sha1 === 'string' ? sha1 : undefined };
}

function fileFields({ files }: Fields): Fields {
  const file: unknown = Array.isArray(files) ? files[0] : undefined;
  return isFields(file) ? file : {};
}

/** Throws `UploadError` unless the server has what the manifest says. */
function requireSame(manifest: Fields, stored: Fields): void {
  const wanted = fileFields(manifest);
  const found = fileFields(stored);
  for (const field of ['sha1', 'size']) {
    if (wanted[field] !== undefined && wanted[field] !== found[field]) throw unlike(field, wanted[field], found[field]);
  }
}

function unlike(field: string, expected: unknown, found: unknown): Error {
  return imgError('UploadError', `${field} expected to be ${valueText(expected)}, but was ${valueText(found)}`);
}

/** The requests about one image. */
class PublishServer {
  readonly #ctx: Context;
  readonly #connection: Connection;
  readonly #address: string;
  readonly #channel: Readonly<Record<string, string>>;

  constructor(ctx: Context, { url, connection }: PublishRequest, uuid: string) {
    const parsed = parseSourceUrl(url);
    const channel = parsed.searchParams.get('channel');
    this.#ctx = ctx;
    this.#connection = connection;
    this.#address = `${baseUrl(parsed)}/images/${uuid}`;
    this.#channel = channel === null ? {} : { channel };
  }

  async post(action: 'import' | 'activate', value: Fields): Promise<Fields> {
    const body = Buffer.from(JSON.stringify(value));
    return requireFields(
      await this.#send('POST', '', { action }, body, {
        'content-type': 'application/json',
        'content-length': String(body.length),
        'content-md5': createHash('md5').update(body).digest('base64'),
      }),
    );
  }

  async putFile(path: string, { size, sha1, compression }: FileToPublish, bar: ProgressTask): Promise<Fields> {
    const data = createReadStream(path, { highWaterMark: chunkBytes });
    const sent = new PassThrough({ highWaterMark: chunkBytes });
    sent.on('data', (chunk: Buffer) => bar.advance(chunk.length)).pause();
    pipeline(data, sent, () => undefined);
    try {
      const query = { compression, ...(sha1 === undefined ? {} : { sha1 }) };
      return requireFields(
        await this.#send('PUT', '/file', query, sent, {
          'content-type': 'application/octet-stream',
          'content-length': String(size),
        }),
      );
    } finally {
      data.destroy();
    }
  }

  async remove(): Promise<void> {
    const signal = AbortSignal.timeout(rollbackMs);
    await this.#send('DELETE', '', {}, undefined, { 'content-length': '0' }, signal);
  }

  async #send(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    query: Readonly<Record<string, string>>,
    body: Buffer | Readable | undefined,
    headers: Readonly<Record<string, string>>,
    signal = this.#ctx.signal,
  ): Promise<unknown> {
    const search = new URLSearchParams({ ...this.#channel, ...query }).toString();
    return getJson(this.#connection, `${this.#address}${path}${search === '' ? '' : `?${search}`}`, {
      method, signal,
      ...(body === undefined ? {} : { body }),
      insecure: this.#connection.insecure,
      headers: { 'accept-version': '*', connection: 'close', ...headers },
      ...(method === 'PUT' ? { timeoutMs: storeMs, attempts: 1 } : {}),
    }); // prettier-ignore
  }
}

function requireFields(answer: unknown): Fields {
  if (isFields(answer)) return answer;
  throw imgError('InternalError', 'the server did not answer with a manifest');
}
