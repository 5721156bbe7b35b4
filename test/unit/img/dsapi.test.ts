/** Sources of type dsapi, on a real HTTP server. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { importImage } from '../../../lib/img/import.js';
import { addSource } from '../../../lib/img/sources/edit.js';
import { openSource } from '../../../lib/img/sources/open.js';
import { findInSources, listSources } from '../../../lib/img/sources/search.js';
import { keptNarration, openImageHost, quickConnection, streamText, type ImageHost } from '../../image-host.js';

const base = '0764d78e-3472-11e5-8949-4f31abea4e05';
const child = '1764d78e-3472-11e5-8949-4f31abea4e05';
const file = streamText();

describe('a dsapi source', () => {
  let server: Server;
  let url: string;
  let host: ImageHost;
  const requests: IncomingMessage[] = [];
  let manifests: Record<string, unknown>[] = [];
  const old = (uuid: string, more: object = {}) => ({
    uuid, name: 'old', version: '1.0', type: 'zone-dataset', os: 'smartos', created_at: '2012-05-02T15:15:24Z',
    published_at: '2012-05-02T15:15Z', creator_uuid: '352971aa-31ba-496c-9ade-a379feaecd52', vendor_uuid: '352971aa-31ba-496c-9ade-a379feaecd52',
    files: [{ path: 'old.zfs', sha1: createHash('sha1').update(file).digest('hex'), size: file.length, url: `${url}/files/${uuid}` }],
    ...more,
  }); // prettier-ignore
  before(async () => {
    server = createServer((request, response) => {
      requests.push(request);
      const [, kind, uuid] = (request.url ?? '').split('/');
      const found = manifests.find((manifest) => manifest['uuid'] === uuid);
      if (kind === 'ping') response.end('pong');
      else if (kind === 'files') response.writeHead(200, { 'content-length': file.length }).end(file);
      else if (uuid !== undefined && found === undefined) response.writeHead(404).end('{"code":"X","message":"none"}');
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found ?? manifests));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  });
  after(() => server.close());
  beforeEach(() => {
    host = openImageHost();
    requests.length = 0;
    manifests = [old(base), old(child, { origin: base })];
  });
  afterEach(() => host.close());

  const config = () => ({ type: 'dsapi' as const, url: `${url}/prefix/datasets/` });
  const open = () => openSource(config(), quickConnection);

  it('is asked at the root of its host, without what IMGAPI adds', async () => {
    const source = await open();
    await source.ping(new AbortController().signal);
    const { images } = await listSources(host.context(), [source]);
    assert.deepEqual(images.map(({ manifest }) => manifest), manifests, 'listed as given'); // prettier-ignore
    const found = await findInSources(host.context(), [source], { arg: base, activeOnly: false });
    assert.deepEqual(found?.image.given, manifests[0], 'shown as given');
    assert.deepEqual(requests.map((request) => request.url), ['/ping', '/datasets', `/datasets/${base}`]); // prettier-ignore
    for (const { headers } of requests) {
      assert.equal(headers['accept-version'], undefined);
      assert.equal(headers['x-request-id'], undefined);
    }
  });

  it('gives images whose manifests become those of version 2, with all they build on', async () => {
    const request = { pool: 'zones', sources: [config()], connection: quickConnection, zstream: false };
    await importImage(host.context(), { ...request, arg: child }, keptNarration());
    const { manifest } = JSON.parse((await host.run(['get', child])).stdout) as { manifest: Record<string, unknown> };
    assert.deepEqual(
      [manifest['v'], manifest['state'], manifest['public'], manifest['published_at'], manifest['origin']],
      [2, 'active', true, '2012-05-02T15:15:00Z', base],
    );
    assert.deepEqual((await host.names()).filter((name) => !name.includes('@')), [`zones/${base}`, `zones/${child}`]); // prettier-ignore
  });

  it('refuses files at other kinds of addresses', async () => {
    const request = { arg: base, pool: 'zones', sources: [config()], connection: quickConnection, zstream: false };
    for (const [address, code] of [
      ['file:///etc/passwd', 'ClientError'],
      ['no url', 'DownloadError'],
      [undefined, 'DownloadError'],
    ] as const) {
      manifests = [old(base, { files: [{ path: 'x', size: file.length, url: address }] })];
      await assert.rejects(importImage(host.context(), request, keptNarration()), { code });
    }
  });

  it('needs a URL that ends in /datasets', async () => {
    const wrong = { type: 'dsapi' as const, url: `${url.toUpperCase()}/other/` };
    await assert.rejects(addSource(host.context(), wrong, { connection: quickConnection, skipPing: true }), {
      code: 'ConfigError',
      message: `"dsapi" source URL does not end with "/datasets": "${url}/other"`,
    });
  });
});
