/** The configured sources: the file, its upgrade, adding, deleting, replacing, asking. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../../lib/errors.js';
import { readConfig, sourcesOf } from '../../../lib/img/config.js';
import { loadConfig } from '../../../lib/img/load-config.js';
import { addSource, deleteSources, describeSource, replaceSources } from '../../../lib/img/sources/edit.js';
import { findInSources, listSources, openSources } from '../../../lib/img/sources/search.js';
import type { SourceConfig } from '../../../lib/img/sources/source.js';
import { normalizeSourceUrl } from '../../../lib/img/sources/url.js';
import { openImageHost, quickConnection, servedImage, streamText, type ImageHost } from '../../image-host.js';
import { openImgapiServer, type ImgapiServer } from '../../imgapi-server.js';

const uuid = '0764d78e-3472-11e5-8949-4f31abea4e05';
const silent = () => undefined;
const imgapi = (url: string): SourceConfig => ({ type: 'imgapi', url });

describe('source URLs', () => {
  for (const [given, normal] of [
    ['example.com:9999', 'http://example.com:9999'],
    ['https://images.smartos.org:443/', 'https://images.smartos.org'],
    ['http://Foo.COM:80/a/b/', 'http://foo.com/a/b'],
    ['https://x.com/?channel=exp', 'https://x.com?channel=exp'],
    ['https://x.com/a/?channel=exp&b=1', 'https://x.com/a?channel=exp&b=1'],
    ['HTTPS://X.com', 'https://x.com'],
    ['https://me:secret@x.com/', 'https://me:secret@x.com'],
    ['http://', 'http://'],
  ] as const) {
    it(`${given} is compared as ${normal}`, () => assert.equal(normalizeSourceUrl(given), normal));
  }
});

describe('sources', () => {
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

  const path = () => join(host.root, 'var/imgadm/imgadm.conf');
  const write = (text: string): void => {
    mkdirSync(join(host.root, 'var/imgadm'), { recursive: true });
    writeFileSync(path(), text);
  };
  const options = { connection: quickConnection, skipPing: true };
  const stored = async () => sourcesOf(await readConfig(host.context()));

  it('begin with the default one, in a file written by the first run', async () => {
    const config = await loadConfig(host.context(), silent);
    assert.equal(readFileSync(path(), 'utf8'), '{\n  "dockerImportSkipUuids": true,\n  "upgradedToVer": "3.0.0"\n}');
    assert.deepEqual(sourcesOf(config), [imgapi('https://images.smartos.org')]);
  });

  it('come from a file that keeps what we do not know', async () => {
    write('{"upgradedToVer":"3.0.0","own":[1],"sources":[]}');
    await addSource(host.context(), imgapi('a.example'), options);
    const text = readFileSync(path(), 'utf8');
    assert.deepEqual(Object.keys(JSON.parse(text) as object), ['dockerImportSkipUuids', 'upgradedToVer', 'own', 'sources']); // prettier-ignore
  });

  for (const [text, message] of [
    ['{', /is not valid JSON$/],
    ['[]', /is not valid JSON$/],
    ['{"upgradedToVer":"3.0.0","userAgentExtra":1}', /"userAgentExtra" in config file ".*" is not a string/],
    ['{"upgradedToVer":"3.0.0","sources":{}}', /"sources" in config file/],
    [
      '{"upgradedToVer":"3.0.0","sources":[{"type":"x","url":"u"}]}',
      /^type "x" for source url "u" is invalid: must be one of "imgapi", "dsapi", "docker"$/,
    ],
  ] as const) {
    it(`cannot be read from ${text}`, async () => {
      write(text);
      await assert.rejects(loadConfig(host.context(), silent), { code: 'ConfigError', message });
    }); // prettier-ignore
  }

  it('of version 1 get their types', async () => {
    write('{"sources":[{"url":"https://a/datasets/"},{"url":"https://b"}]}');
    const config = await loadConfig(host.context(), silent);
    assert.deepEqual(config.sources, [{ type: 'dsapi', url: 'https://a/datasets/' }, imgapi('https://b')]);
    assert.equal(config.upgradedToVer, '3.0.0');
  });

  it('of version 1 are taken over with what it knew of images', async () => {
    const legacy = join(host.root, 'var/db/imgadm');
    mkdirSync(legacy, { recursive: true });
    writeFileSync(join(legacy, 'sources.list'), '# mine\nhttps://old.example/datasets/ # that one\n\n');
    const old = { uuid, name: 'old', version: '1', creator_uuid: uuid, type: 'zone-dataset', os: 'smartos', _url: 'https://old' }; // prettier-ignore
    writeFileSync(join(legacy, `${uuid}.json`), JSON.stringify(old));
    await host.datasets.create(`zones/${uuid}`);
    await host.datasets.snapshot(`zones/${uuid}@final`);
    const told: string[] = [];
    const config = await loadConfig(host.context(), (line) => told.push(line));
    assert.deepEqual(told, [
      `Upgraded image ${uuid} data`,
      'Upgrade: imported image source "https://old.example/datasets/"',
    ]);
    assert.deepEqual(config.sources?.map(({ type }) => type), ['imgapi', 'dsapi']); // prettier-ignore
    const record = JSON.parse(readFileSync(join(host.root, `var/imgadm/images/zones-${uuid}.json`), 'utf8')) as { manifest: object; source: string }; // prettier-ignore
    assert.equal(record.source, 'https://old');
    assert.ok('owner' in record.manifest);
  });

  it('cannot be upgraded from a version that is none', async () => {
    for (const [version, shown] of [
      ['"new"', 'new'],
      ['3', '3'],
      ['{"toString":1}', '[object Object]'],
    ] as const) {
      write(`{"upgradedToVer":${version}}`);
      await assert.rejects(loadConfig(host.context(), silent), {
        code: 'UpgradeError',
        message: `could not determine appropriate upgrader: currVer=${shown} highestUpVer=3.0.0`,
      });
    }
  });

  it('are added once each, behind the default one that becomes explicit', async () => {
    const first = await addSource(host.context(), imgapi('http://A.example/'), options);
    assert.equal(first.changed, true);
    const again = await addSource(host.context(), imgapi('a.example'), options);
    assert.deepEqual(again, { changed: false, source: imgapi('http://A.example/') });
    await addSource(host.context(), { ...imgapi('a.example'), insecure: true }, options);
    assert.deepEqual((await stored()).map(describeSource), [
      '"imgapi" image source "https://images.smartos.org"',
      '"imgapi" image source "http://A.example/"',
      '"imgapi" image source "a.example" (insecure)',
    ]); // prettier-ignore
  });

  it('are added two at once without losing one', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => addSource(host.context(), imgapi(name), options)));
    assert.equal((await stored()).length, 4);
  });

  it('are pinged before they are added', async () => {
    await addSource(host.context(), imgapi(server.url), { ...options, skipPing: false });
    assert.deepEqual(server.requests, ['GET /ping']);
    server.fail('ping', { kind: 'status', status: 500, body: 'oh\nno', type: 'text/plain' });
    await assert.rejects(
      addSource(host.context(), { ...imgapi(server.url), insecure: true }, { ...options, skipPing: false }),
      {
        code: 'SourcePing',
        message: `unexpected ping error with "imgapi" image source "${server.url}": statusCode 500, response not JSON:\n    oh\n    no`,
      },
    );
    // Whatever a server calls its errors, it has not answered as it should.
    for (const [code, shown] of [
      ['ConfigError', 'ConfigError: no'],
      ['a\nb', 'ServiceUnavailableError: {"code":"a\\nb","message":"no"}'],
    ] as const) {
      server.fail('ping', { kind: 'status', status: 503, body: JSON.stringify({ code, message: 'no' }) });
      await assert.rejects(
        addSource(host.context(), { ...imgapi(server.url), insecure: true }, { ...options, skipPing: false }),
        { code: 'SourcePing', message: `unexpected ping error with "imgapi" image source "${server.url}": ${shown}` },
      );
    }
    server.fail('ping', { kind: 'answer', json: { ping: 'pong' } });
    await assert.rejects(addSource(host.context(), imgapi(`${server.url}?a=1`), { ...options, skipPing: false }), {
      code: 'SourcePing',
    });
    assert.equal((await stored()).length, 2);
  });

  it('are refused when they are no URLs', async () => {
    for (const url of ['http://', 'ftp://x', 'http://a b', 'file:///etc/passwd']) {
      await assert.rejects(addSource(host.context(), imgapi(url), options), { code: 'ConfigError' });
    }
  });

  it('are deleted by any spelling of their URL, whatever their type', async () => {
    await addSource(host.context(), { type: 'docker', url: 'https://images.smartos.org/' }, options);
    assert.equal((await deleteSources(host.context(), 'HTTPS://images.smartos.org:443')).length, 2);
    assert.deepEqual(await stored(), []);
    assert.deepEqual(await deleteSources(host.context(), 'https://nowhere'), []);
  });

  it('are there once, however often they stand in the edited list', async () => {
    const source = imgapi('https://a.example');
    await replaceSources(host.context(), [source, source, imgapi('https://b.example'), source], options);
    assert.deepEqual(await stored(), [source, imgapi('https://b.example')]);
  });

  it('are replaced as a list', async () => {
    write(JSON.stringify({ upgradedToVer: '3.0.0', sources: [imgapi('a'), imgapi('b')] }));
    const replace = (...urls: string[]) => replaceSources(host.context(), urls.map(imgapi), options);
    assert.deepEqual(await replace('a', 'b'), []);
    assert.deepEqual(await replace('b', 'a', 'b'), [{ kind: 'reorder' }]);
    assert.deepEqual(await replace('b', 'a', 'c'), [{ kind: 'reorder' }, { kind: 'add', source: imgapi('c') }]);
    assert.deepEqual(await replace('d', 'a', 'c'), [
      { kind: 'del', source: imgapi('b') },
      { kind: 'add', source: imgapi('d') },
    ]);
    await assert.rejects(replaceSources(host.context(), [imgapi('e'), imgapi('http://')], options), { code: 'ConfigError' }); // prettier-ignore
    assert.deepEqual((await stored()).map(({ url }) => url), ['d', 'a', 'c']); // prettier-ignore
  });

  describe('asked', () => {
    const open = (...urls: string[]) => openSources(urls.map(imgapi), quickConnection);
    const dead = 'http://127.0.0.1:1';

    it('in order, an error spoils what a later one has', async () => {
      const query = { arg: uuid, activeOnly: true };
      assert.equal((await findInSources(host.context(), await open(server.url, dead), query))?.image.uuid, uuid);
      await assert.rejects(findInSources(host.context(), await open(dead, server.url), query), {
        code: 'ECONNREFUSED',
        message: 'connect ECONNREFUSED 127.0.0.1:1',
      });
      await assert.rejects(findInSources(host.context(), await open(dead, dead), query), { code: 'MultiError' });
      await assert.rejects(open(), { code: 'NoSources' });
      server.fail('image', { kind: 'answer', json: { uuid: { toString: 1 } } });
      await assert.rejects(findInSources(host.context(), await open(server.url), query), { code: 'InvalidManifest' });
    });

    it('for all images, those that answer count and the others are told', async () => {
      const { images, error } = await listSources(host.context(), await open(dead, server.url));
      assert.deepEqual(images.map(({ source }) => source), [server.url]); // prettier-ignore
      assert.equal(error?.message, `${dead}: Error: connect ECONNREFUSED 127.0.0.1:1`);
      server.fail('list', { kind: 'reset' }, 5);
      const broken = await listSources(host.context(), await open(server.url));
      assert.deepEqual([codeOf(broken.error), broken.error?.message], ['InternalError', 'socket hang up']);
      server.fail('list', { kind: 'status', status: 422, body: JSON.stringify({ code: 'ValidationFailed', message: 'no', errors: [{ field: 'channel', code: 'Invalid', message: 'unknown channel: x' }] }) }); // prettier-ignore
      const refused = await listSources(host.context(), await open(server.url));
      assert.equal(refused.error?.message, `${server.url}: no\n    channel: Invalid: unknown channel: x`);
    });

    it('in the order of the configuration, whoever answers first, and apart though their URLs are the same', async () => {
      const slow = createServer((_, response) => {
        setTimeout(() => response.end(JSON.stringify([{ uuid, name: 'slow' }])), 100);
      });
      await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(slow.address() as { port: number }).port}`;
      try {
        const same = { ...imgapi(server.url), channel: 'dev' };
        const opened = await openSources([imgapi(url), same, imgapi(server.url)], {
          ...quickConnection,
          stallMs: 2000,
        });
        const { images, error } = await listSources(host.context(), opened);
        assert.equal(error, undefined);
        assert.deepEqual(images, [{ manifest: { uuid, name: 'slow' }, source: url }]);
        assert.deepEqual(server.requests.sort(), ['GET /images', 'GET /images?channel=dev']);
      } finally {
        slow.closeAllConnections();
        slow.close();
      }
    });

    it('telling what is waited for, and how often it is tried again', async () => {
      const notices: string[] = [];
      const connection = { ...quickConnection, notice: (line: string) => void notices.push(line) };
      const sources = await openSources([imgapi('http://127.0.0.1:1')], connection);
      await assert.rejects(findInSources(host.context(), sources, { arg: uuid, activeOnly: false }), {
        code: 'ECONNREFUSED',
      });
      assert.deepEqual(notices.length, 4);
      assert.equal(
        notices[0],
        'http://127.0.0.1:1 does not answer (connect ECONNREFUSED 127.0.0.1:1): trying again in 0.002 s, 4 more attempts',
      );
      assert.match(notices[3] ?? '', /, 1 more attempt$/);
    });

    it('page by page', async () => {
      const many = Array.from({ length: 2500 }, (_, at) => {
        const id = `0764d78e-3472-11e5-8949-${String(at).padStart(12, '0')}`;
        return servedImage(id, 'n', streamText(), { published_at: new Date(at * 1000).toISOString() });
      });
      const large = await openImgapiServer(many);
      try {
        const { images } = await listSources(host.context(), await open(large.url));
        assert.equal(images.length, 2500);
        assert.equal(large.requests.length, 3);
        assert.match(large.requests[1] ?? '', /\?marker=0764d78e-3472-11e5-8949-000000000999&limit=1000$/);
      } finally {
        await large.close();
      }
    });

    it('for all images, of which one is not lost because another is none', async () => {
      for (const none of [null, 7, { name: 'no uuid' }]) {
        server.fail('list', { kind: 'answer', json: [{ uuid, name: 'base' }, none] });
        const { images, error } = await listSources(host.context(), await open(server.url));
        assert.equal(error, undefined);
        assert.equal(images[0]?.manifest['uuid'], uuid);
      }
      const page = Array.from({ length: 999 }, (_, at) => ({ uuid: String(at) }));
      server.fail('list', { kind: 'answer', json: [null, ...page] });
      assert.equal((await listSources(host.context(), await open(server.url))).images.length, 1000);
    });

    it('page by page, which has to end', async () => {
      let next = 0;
      const endless = createServer((_, response) => {
        response.end(JSON.stringify(Array.from({ length: 1000 }, () => ({ uuid: String(next++) }))));
      });
      await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(endless.address() as { port: number }).port}`;
      try {
        const { images, error } = await listSources(host.context(), await open(url, server.url));
        assert.deepEqual([codeOf(error), error?.message], ['InternalError', `${url}: the list of images does not end`]);
        assert.deepEqual(images.map(({ source }) => source), [server.url]); // prettier-ignore
      } finally {
        endless.closeAllConnections();
        endless.close();
      }
    });

    it('with the headers of the protocol', async () => {
      await listSources(host.context(), await openSources([imgapi(server.url)], { ...quickConnection, userAgentExtra: 'x/1' })); // prettier-ignore
      const headers = server.lastHeaders;
      assert.equal(headers.accept, 'application/json');
      assert.equal(headers['accept-version'], '~2');
      assert.equal(headers['x-request-id'], 'test');
      assert.match(headers['user-agent'] ?? '', /^imgadm\/3\.9\.5 \(node\/[\d.]+; OpenSSL\/[^)]+\) x\/1$/);
      assert.ok(!Number.isNaN(Date.parse(headers.date ?? '')));
    });
  });
});
