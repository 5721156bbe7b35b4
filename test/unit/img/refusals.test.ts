/** What imgadm does not take from servers: other schemes, other hosts, lengths that lie, data that swells. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decompress } from '../../../lib/img/codec.js';
import { codeOf } from '../../../lib/errors.js';
import { importImage } from '../../../lib/img/import.js';
import { listSources, openSources } from '../../../lib/img/sources/search.js';
import type { SourceConfig } from '../../../lib/img/sources/source.js';
import { bzip2, xz } from '../../compressed.js';
import { keptNarration, openImageHost, quickConnection, servedImage, streamText, type ImageHost } from '../../image-host.js'; // prettier-ignore
import { openImgapiServer } from '../../imgapi-server.js';

const uuid = '0764d78e-3472-11e5-8949-4f31abea4e05';
const image = servedImage(uuid, 'base', streamText(['final'], 'x'.repeat(1000)));
const tls = (name: string) => readFileSync(join(import.meta.dirname, '../../fixtures/tls', name), 'utf8');

describe('imgadm refuses', () => {
  let host: ImageHost;
  beforeEach(() => {
    host = openImageHost();
  });
  afterEach(async () => {
    assert.deepEqual(await host.names(), []);
    assert.deepEqual(host.files('/var/imgadm/images'), []);
    assert.deepEqual(host.files('/var/tmp/.imgadm-downloads'), []);
    host.close();
  });

  const importFrom = (source: Pick<SourceConfig, 'url' | 'insecure'>) =>
    importImage(
      host.context(),
      { arg: uuid, pool: 'zones', sources: [{ type: 'imgapi', ...source }], connection: quickConnection, zstream: false },
      keptNarration(),
    ); // prettier-ignore

  for (const endpoint of ['image', 'file'] as const) {
    it(`to be led from https to http where it asks for the ${endpoint}`, async () => {
      const plain = await openImgapiServer([image]);
      const secure = await openImgapiServer([image], { key: tls('key.pem'), cert: tls('certificate.pem') });
      try {
        secure.fail(endpoint, { kind: 'redirect', to: `${plain.url}/images/${uuid}` });
        await assert.rejects(importFrom({ url: secure.url, insecure: true }), {
          code: 'ClientError',
          message: /refusing redirect from https:.* to http:.*: it changes the scheme/,
        });
        assert.deepEqual(plain.requests, []);
      } finally {
        await plain.close();
        await secure.close();
      }
    });
  }

  for (const to of ['http://[', 'http://unix:/var/run/docker.sock:/x']) {
    it(`to be led to ${to}, and asks only once`, async () => {
      const plain = await openImgapiServer([image]);
      try {
        plain.fail('file', { kind: 'redirect', to }, 100);
        await assert.rejects(importFrom({ url: plain.url }), { code: 'ClientError' });
        assert.equal(plain.requests.filter((line) => line.includes('/file')).length, 1);
      } finally {
        await plain.close();
      }
    });
  }

  it('an answer without end', async () => {
    const endless = gzipSync(Buffer.alloc(33 * 2 ** 20, ' '), { level: 1 });
    const plain = createHttpServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(endless);
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(plain.address() as { port: number }).port}`;
    try {
      const [source] = await openSources([{ type: 'imgapi', url }], quickConnection);
      assert.ok(source !== undefined);
      const { error } = await listSources(host.context(), [source]);
      assert.deepEqual([codeOf(error), error?.message], ['ClientError', `${url}: answer of ${url}/images is too long`]);
    } finally {
      plain.close();
    }
  });

  it('an answer that is nested deeper than the stack', async () => {
    const plain = await openImgapiServer([image]);
    try {
      let deep: unknown = 1;
      for (let depth = 0; depth < 1000; depth += 1) deep = [deep];
      plain.fail('image', { kind: 'answer', json: { ...image.manifest, tags: { deep } } });
      await assert.rejects(importFrom({ url: plain.url }), { code: 'ClientError', message: /is nested too deeply$/ });
    } finally {
      await plain.close();
    }
  });

  it('a certificate that nobody known has signed', async () => {
    const secure = await openImgapiServer([image], { key: tls('key.pem'), cert: tls('certificate.pem') });
    try {
      await assert.rejects(importFrom({ url: secure.url }), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
      assert.deepEqual(secure.requests, []);
    } finally {
      await secure.close();
    }
  });

  /** What a process that trusts the test authority makes of a server with that certificate. */
  async function trusting(name: string): Promise<string> {
    const secure = await openImgapiServer([image], {
      key: tls(`${name}-key.pem`),
      cert: tls(`${name}-certificate.pem`),
    });
    const module = (path: string) => JSON.stringify(join(import.meta.dirname, '../../..', path));
    const code = `
      import { getJson } from ${module('lib/img/http.ts')};
      const connection = { requestId: 'x', insecure: false, stallMs: 5000, retryMs: 1 };
      const request = { insecure: false, signal: new AbortController().signal };
      getJson(connection, ${JSON.stringify(`${secure.url}/ping`)}, request).then(
        ({ ping }) => console.log(ping),
        ({ code }) => console.log(code),
      );`;
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(import.meta.dirname, '../../fixtures/tls/ca.pem') };
    try {
      const args = ['--import', 'tsx', '--input-type=module', '-e', code];
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      await once(child, 'close');
      return printed.trim();
    } finally {
      await secure.close();
    }
  }

  it('a certificate of another host, and takes one of this host, by a known authority', async () => {
    assert.deepEqual([await trusting('loopback'), await trusting('other')], ['pong', 'ERR_TLS_CERT_ALTNAME_INVALID']);
  });

  /** A server that answers each request for the file with the next of these on the wire, and everything else properly. */
  async function lying(...wires: readonly Buffer[]): Promise<{ url: string; server: Server }> {
    const manifest = Buffer.from(JSON.stringify(image.manifest));
    const left = [...wires];
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (request) => {
        const isFile = request.toString().includes('/file');
        const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${manifest.length}\r\n\r\n`;
        socket.end(isFile ? (left.shift() ?? '') : Buffer.concat([Buffer.from(head), manifest]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return { server, url: `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}` };
  }

  for (const [what, length, body, message] of [
    ['says another length than the manifest', image.file.length + 7, image.file, /unexpected mismatch between expected size, \d+, and Content-Length header, \d+/],
    ['says a length that is no number', 'many', image.file, undefined],
    ['sends other bytes of the right length', image.file.length, Buffer.alloc(image.file.length), /checksum \(sha1\) error/],
  ] as const) {
    it(`a file whose server ${what}`, async () => {
      const head = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`;
      const { server, url } = await lying(Buffer.concat([Buffer.from(head), body]));
      try {
        await assert.rejects(importFrom({ url }), message === undefined ? Error : { code: 'DownloadError', message });
      } finally {
        server.close();
      }
    });
  } // prettier-ignore

  it('a part that is longer than the rest of the file, before it is stored', async () => {
    const { length } = image.file;
    const whole = `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`;
    const flood = `HTTP/1.1 206 Partial Content\r\nconnection: close\r\ncontent-range: bytes 500-${length - 1}/${length}\r\ncontent-length: 1000000\r\n\r\n`;
    const { server, url } = await lying(
      Buffer.concat([Buffer.from(whole), image.file.subarray(0, 500)]),
      Buffer.concat([Buffer.from(flood), Buffer.alloc(1_000_000)]),
    );
    try {
      await assert.rejects(importFrom({ url }), {
        code: 'DownloadError',
        message: `unexpected mismatch between expected size, ${length}, and Content-Length header, 1000500`,
      });
    } finally {
      server.close();
    }
  });
});

describe('decompression', () => {
  const drain = async (stream: Readable): Promise<number> => {
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) bytes += chunk.length;
    return bytes;
  };
  const zeros = Buffer.alloc(30_000_000);

  for (const [name, packed, compression] of [
    ['gzip', gzipSync(zeros), 'gzip'],
    ['bzip2', bzip2(zeros), 'bzip2'],
    ['xz', xz(zeros), 'xz'],
    ['zstd', spawnSync('zstd', ['-qc'], { input: zeros }).stdout, 'any'],
  ] as const) {
    it(`of ${name} ends at its limit`, async () => {
      const bomb = await decompress(Readable.from([packed]), compression, 10_000_000);
      await assert.rejects(drain(bomb), { code: 'UncompressionError', message: /expands to more than 10000000 bytes/ });
      const fits = await decompress(Readable.from([packed]), compression, zeros.length);
      assert.equal(await drain(fits), zeros.length);
    });

    it(`of ${name} tells damage and a missing end`, async () => {
      for (const damaged of [
        packed.subarray(0, packed.length - 20),
        Buffer.concat([packed.subarray(0, 12), Buffer.alloc(500, 255)]),
      ]) {
        const stream = await decompress(Readable.from([damaged]), compression, 2 ** 40);
        await assert.rejects(drain(stream), { code: 'UncompressionError' });
      }
    });

    it(`of ${name} waits for who reads it, and ends when nobody does any more`, async () => {
      const children = (): number =>
        readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).length; // prettier-ignore
      const before = children();
      const input = new PassThrough();
      input.end(packed);
      const stream = await decompress(input, compression, 2 ** 40);
      await once(stream, 'readable');
      assert.ok((stream.read() as Buffer).length > 0);
      assert.ok(stream.readableLength < 8 * 2 ** 20, 'it does not run ahead');
      stream.destroy();
      for (let tries = 0; (children() > before || !input.destroyed) && tries < 200; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.ok(input.destroyed);
      assert.equal(children(), before);
    });
  }

  it('takes several gzip files in one, and what is no gzip as it is, as gzip -f does', async () => {
    const several = Buffer.concat([
      gzipSync('one '),
      gzipSync('two '),
      gzipSync(''),
      gzipSync('three'),
      Buffer.alloc(512),
    ]);
    for (const [input, expected] of [
      [several, 'one two three'],
      [Buffer.from('plain'), 'plain'],
      [Buffer.of(), ''],
    ] as const) {
      const chunks = await (await decompress(Readable.from([input]), 'gzip', 1000)).toArray();
      assert.equal(Buffer.concat(chunks as Buffer[]).toString(), expected);
    }
  });
});
