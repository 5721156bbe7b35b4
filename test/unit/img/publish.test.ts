/** Publishing on a real HTTP server. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { publishImage } from '../../../lib/img/publish.js';
import { keptNarration, openImageHost, quickConnection, servedImage, streamText, type ImageHost } from '../../image-host.js'; // prettier-ignore
import { openImgapiServer, type ImgapiServer } from '../../imgapi-server.js';

const uuid = '0764d78e-3472-11e5-8949-4f31abea4e05';
const { manifest, file } = servedImage(uuid, 'base', streamText(['final'], 'x'.repeat(1_000_000)));

describe('publish', () => {
  let server: ImgapiServer;
  let host: ImageHost;
  before(async () => {
    server = await openImgapiServer([]);
  });
  after(() => server.close());
  beforeEach(() => {
    host = openImageHost();
    server.forget();
    writeFileSync(join(host.root, 'f'), file);
    writeFileSync(join(host.root, 'm'), JSON.stringify(manifest));
  });
  afterEach(() => host.close());

  async function publish(given: Readonly<Record<string, unknown>> = manifest, url = server.url) {
    const narration = keptNarration();
    const request = { manifest: given, file: join(host.root, 'f'), url, connection: quickConnection };
    try {
      return { lines: narration.lines, result: await publishImage(host.context(), request, narration) };
    } catch (error) {
      throw Object.assign(error as Error, { lines: narration.lines });
    }
  }

  it('sends manifest and file, and activates the image', async () => {
    const { lines, result } = await publish();
    assert.deepEqual(lines, [
      `Imported image ${uuid} (base, 1.0.0, state=unactivated)`,
      `Added file "${join(host.root, 'f')}" (compression "none") to image ${uuid}`,
      `Activated image ${uuid}`,
    ]);
    assert.equal(result['state'], 'active');
    assert.deepEqual(server.published.get(uuid)?.file, file);
    const [described] = manifest['files'] as { sha1: string }[];
    assert.deepEqual(server.requests, [
      `POST /images/${uuid}?action=import`,
      `PUT /images/${uuid}/file?compression=none&sha1=${described?.sha1 ?? ''}`,
      `POST /images/${uuid}?action=activate`,
    ]);
    assert.equal(server.lastHeaders['accept-version'], '*');
    assert.equal(server.lastHeaders['content-type'], 'application/json');
    assert.equal(server.lastHeaders['connection'], 'close');
  });

  it('is a command that says where the image is now', async () => {
    const args = ['publish', '-m', join(host.root, 'm'), '-f', join(host.root, 'f'), server.url];
    const { exit, stdout, stderr } = await host.run(args);
    assert.deepEqual([exit, stderr], [0, '']);
    assert.match(stdout, new RegExp(`\\nSuccessfully published image ${uuid} to ${server.url}\\n$`));
    const again = await host.run(args);
    assert.equal(again.exit, 1);
    assert.equal(again.stderr, `imgadm publish: error (ImageUuidAlreadyExists): ${server.url}: image ${uuid} exists\n`);
    assert.equal(server.published.get(uuid)?.manifest['state'], 'active', 'what was there stays');
  });

  it('publishes in the channel of the URL', async () => {
    await publish(manifest, `${server.url}/?channel=dev`);
    assert.equal(server.published.get(uuid)?.channel, 'dev');
    assert.ok(server.requests.every((line) => line.includes('?channel=dev&')));
  });

  for (const endpoint of ['put', 'activate'] as const) {
    it(`removes what is on the server when ${endpoint} fails, and tells the first error`, async () => {
      server.fail(endpoint, { kind: 'status', status: 422, body: JSON.stringify({ code: 'ValidationFailed', message: 'no', errors: [{ field: 'files', code: 'Invalid', message: 'bad' }] }) }); // prettier-ignore
      await assert.rejects(publish(), {
        code: 'ValidationFailed',
        message: `${server.url}: no\n    files: Invalid: bad`,
      });
      assert.equal(server.published.size, 0);
    });
  }

  it('says so when it cannot remove it', async () => {
    server.fail('put', { kind: 'status', status: 503 });
    server.fail('delete', { kind: 'status', status: 500 });
    const error = await publish().catch((thrown: unknown) => thrown as Error & { lines: string[] });
    assert.ok(error instanceof Error && 'lines' in error);
    assert.equal(
      error.lines.at(-1),
      `Warning: Could not delete partially published image ${uuid}: InternalError: the server is on fire`,
    );
  });

  it('refuses a server that got something else than was sent', async () => {
    for (const [field, value] of [
      ['sha1', 'f'.repeat(40)],
      ['size', 3],
    ] as const) {
      const files = [{ ...(manifest['files'] as object[])[0], [field]: value }];
      server.fail('put', { kind: 'answer', json: { ...manifest, files } });
      const expected = String((manifest['files'] as Record<string, unknown>[])[0]?.[field]);
      await assert.rejects(publish(), { code: 'UploadError', message: new RegExp(`${field} expected to be ${expected}, but was ${value}`) }); // prettier-ignore
      assert.equal(server.published.size, 0);
    }
  });

  it('refuses a file of another length than the manifest says before anything is sent', async () => {
    writeFileSync(join(host.root, 'f'), 'short');
    await assert.rejects(publish(), { code: 'UploadError', message: /size expected to be \d+, but was 5/ });
    await assert.rejects(publish({ ...manifest, files: undefined }), { code: 'InvalidManifest' });
    rmSync(join(host.root, 'f'));
    mkdirSync(join(host.root, 'f'));
    await assert.rejects(publish({ ...manifest, files: [{ compression: 'none' }] }), { code: 'UploadError', message: /is not a regular file$/ }); // prettier-ignore
    await assert.rejects(publish({ ...manifest, uuid: '../../x' }), { code: 'InvalidUUID' });
    assert.deepEqual(server.requests, []);
  });

  it('sends nothing twice that may have arrived', async () => {
    server.fail('import', { kind: 'reset' });
    await assert.rejects(publish(), { code: 'InternalError', message: 'socket hang up' });
    assert.deepEqual(server.requests, [`POST /images/${uuid}?action=import`]);
  });

  it('does not follow redirects', async () => {
    server.fail('import', { kind: 'redirect', to: 'http://127.0.0.1:1/' });
    await assert.rejects(publish(), { code: 'ClientError', message: /refusing redirect/ });
  });

  it('names a server that is not there', async () => {
    await assert.rejects(publish(manifest, 'http://127.0.0.1:1'), {
      code: 'ClientError',
      message: 'http://127.0.0.1:1: Error: connect ECONNREFUSED 127.0.0.1:1',
    });
  });
});
