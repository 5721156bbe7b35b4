/** A registry for tests, made by hand: what a real one would not do, this one does on request. */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { contentOfImage, type TestImage } from './docker-images.js';

export interface RegistryServer {
  /** `127.0.0.1:PORT`. */
  readonly name: string;
  readonly url: string;
  /** Paths that have been asked for. */
  readonly requests: string[];
  /** Adds what belongs to an image, which goes by `tag` in every repository. */
  add(tag: string, image: ReturnType<typeof contentOfImage>): void;
  /** Answers by itself what ends so, until it is called again without an answer. */
  answer(ending: string, answer: RequestListener | undefined): void;
  close(): Promise<void>;
}

export async function openRegistryServer(
  images: Readonly<Record<string, TestImage>>,
  tls?: { readonly key: string; readonly cert: string },
): Promise<RegistryServer> {
  const blobs = new Map<string, Buffer>();
  const answers = new Map<string, RequestListener>();
  const requests: string[] = [];
  const listener: RequestListener = (request, response) => {
    const { url = '', headers } = request;
    requests.push(url);
    const own = [...answers].find(([ending]) => url.endsWith(ending))?.[1];
    if (own !== undefined) {
      own(request, response);
      return;
    }
    if (url === '/v2/') {
      response.end('{}');
      return;
    }
    const blob = blobs.get(url.slice(url.lastIndexOf('/') + 1));
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    if (blob === undefined) {
      response.writeHead(404).end('{}');
    } else if (from > 0) {
      const part = { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` };
      response.writeHead(206, { 'content-length': blob.length - from, ...part }).end(blob.subarray(from));
    } else {
      response.writeHead(200, { 'content-length': blob.length }).end(blob);
    }
  };
  const server: Server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  // Clients that do not like the certificate go away.
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const name = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const add: RegistryServer['add'] = (tag, { blobs: own, manifest }) => {
    for (const [digest, bytes] of own) blobs.set(digest, bytes);
    blobs.set(tag, manifest);
  };
  for (const [tag, image] of Object.entries(images)) add(tag, contentOfImage(image));
  return {
    name,
    url: `${tls === undefined ? 'http' : 'https'}://${name}`,
    requests,
    add,
    answer(ending, answer) {
      if (answer === undefined) answers.delete(ending);
      else answers.set(ending, answer);
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
