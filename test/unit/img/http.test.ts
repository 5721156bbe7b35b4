/** How servers are reached: certificates, proxies, patience. */
import assert from 'node:assert/strict';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { createServer, request as httpRequest } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { getJson } from '../../../lib/img/http.js';
import { listSources, openSources } from '../../../lib/img/sources/search.js';
import type { SourceConfig } from '../../../lib/img/sources/source.js';
import { openImageHost, quickConnection, servedImage, streamText, type ImageHost } from '../../image-host.js';
import { openImgapiServer, type ImgapiServer } from '../../imgapi-server.js';

const uuid = '0764d78e-3472-11e5-8949-4f31abea4e05';
const imgapi = (url: string): SourceConfig => ({ type: 'imgapi', url });

describe('sources are asked', () => {
  let host: ImageHost;
  let server: ImgapiServer;
  before(async () => {
    server = await openImgapiServer([servedImage(uuid, 'base', streamText())]);
  });
  after(() => server.close());
  beforeEach(() => {
    host = openImageHost();
    server.forget();
  });
  afterEach(() => host.close());

  it('over TLS with a certificate that is checked unless the source says otherwise', async () => {
    const [key, cert] = ['key', 'certificate'].map((name) => readFileSync(join(import.meta.dirname, `../../fixtures/tls/${name}.pem`))); // prettier-ignore
    const secure = createSecureServer({ key, cert }, (_, response) => response.end('[]'));
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(secure.address() as { port: number }).port}`;
    const codeWith = async (source: Partial<SourceConfig>, insecure: boolean) => {
      const sources = await openSources([{ ...imgapi(url), ...source }], { ...quickConnection, insecure });
      return (await listSources(host.context(), sources)).error?.message;
    };
    try {
      const refusal = `${url}: the certificate of ${url} is refused: self-signed certificate`;
      assert.deepEqual(await codeWith({}, false), refusal);
      assert.deepEqual(await codeWith({ insecure: false }, true), refusal);
      assert.deepEqual(await codeWith({}, true), undefined);
      assert.deepEqual(await codeWith({ insecure: true }, false), undefined);
    } finally {
      secure.closeAllConnections();
      secure.close();
    }
  });

  it('through a proxy', async () => {
    const seen: string[] = [];
    const proxy = createServer((incoming, outgoing) => {
      seen.push(incoming.url ?? '');
      const { method, headers } = incoming;
      incoming.pipe(
        httpRequest(incoming.url ?? '', { method, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        }),
      );
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as { port: number };
    try {
      const connection = { ...quickConnection, proxy: `127.0.0.1:${port}` };
      const { images } = await listSources(host.context(), await openSources([imgapi(server.url)], connection));
      assert.equal(images.length, 1);
      assert.deepEqual(seen, [`${server.url}/images`]);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('over TLS through a proxy, which sees only where to', async () => {
    const [key, cert] = ['key', 'certificate'].map((name) => readFileSync(join(import.meta.dirname, `../../fixtures/tls/${name}.pem`), 'utf8')); // prettier-ignore
    const secure = await openImgapiServer([servedImage(uuid, 'base', streamText())], {
      key: key ?? '',
      cert: cert ?? '',
    });
    const seen: string[] = [];
    const proxy = createServer().on('connect', (request, socket) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''}`);
      const { hostname, port } = new URL(`http://${request.url ?? ''}`);
      const onward = connectTcp(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      for (const end of [onward, socket]) end.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as { port: number };
    try {
      const connection = { ...quickConnection, stallMs: 5000, proxy: `http://127.0.0.1:${port}` };
      const listWith = async (insecure: boolean) =>
        listSources(host.context(), await openSources([{ ...imgapi(secure.url), insecure }], connection));
      assert.equal((await listWith(true)).images.length, 1);
      assert.match((await listWith(false)).error?.message ?? '', /self-signed certificate/);
      assert.deepEqual([...new Set(seen)], [`CONNECT ${new URL(secure.url).host}`]);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
      await secure.close();
    }
  });

  it('and given up when they do not answer', async () => {
    const mute = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const { port } = mute.address() as { port: number };
    try {
      const url = `http://127.0.0.1:${port}/ping`;
      const request = { insecure: false, signal: new AbortController().signal, attempts: 1 };
      await assert.rejects(getJson({ ...quickConnection, stallMs: 50 }, url, request), { code: 'ETIMEDOUT' });
    } finally {
      mute.close();
    }
  });
});
