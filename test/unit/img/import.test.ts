/** Imports from a real HTTP server into fake datasets. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { bzip2, gzip, xz } from '../../compressed.js';
import { importImage } from '../../../lib/img/import.js';
import { hostError } from '../../../lib/host/errors.js';
import { acquireLock } from '../../../lib/lock.js';
import { createLog } from '../../../lib/log.js';
import { keptNarration, openImageHost, quickConnection, servedImage, streamText, type ImageHost } from '../../image-host.js'; // prettier-ignore
import { openImgapiServer, type ImgapiServer } from '../../imgapi-server.js';

const base = '0764d78e-3472-11e5-8949-4f31abea4e05';
const child = '1764d78e-3472-11e5-8949-4f31abea4e05';
const grandchild = '2764d78e-3472-11e5-8949-4f31abea4e05';
const large = '3764d78e-3472-11e5-8949-4f31abea4e05';
const filling = randomBytes(300_000).toString('base64');

const images = [
  servedImage(base, 'base', streamText(), { published_at: '2015-07-26T00:00:00.000Z' }),
  servedImage(child, 'child', streamText(['snap'], 'child'), { origin: base }),
  servedImage(grandchild, 'grandchild', streamText(), { origin: child, state: 'active' }),
  servedImage(large, 'large', streamText(['final'], filling)),
  servedImage('4764d78e-3472-11e5-8949-4f31abea4e05', 'off', streamText(), { state: 'disabled' }),
  servedImage('5764d78e-3472-11e5-8949-4f31abea4e05', 'two', streamText(['a', 'b'])),
  servedImage('6764d78e-3472-11e5-8949-4f31abea4e05', 'lone', streamText(), { origin: '99999999-3472-11e5-8949-4f31abea4e05' }), // prettier-ignore
  servedImage('7764d78e-3472-11e5-8949-4f31abea4e05', 'loop', streamText(), { origin: '7764d78e-3472-11e5-8949-4f31abea4e05' }), // prettier-ignore
  servedImage('8764d78e-3472-11e5-8949-4f31abea4e05', 'nosum', streamText(['final'], filling), { files: [{ compression: 'none' }] }), // prettier-ignore
  servedImage('9764d78e-3472-11e5-8949-4f31abea4e05', 'newer', streamText(), { requirements: { min_platform: { '7.0': '20990101T000000Z' } } }), // prettier-ignore
  servedImage('a764d78e-3472-11e5-8949-4f31abea4e05', 'lossy', streamText(['lossy'])),
  servedImage('b764d78e-3472-11e5-8949-4f31abea4e05', 'odd', streamText(), { files: 'none' }),
  servedImage('c764d78e-3472-11e5-8949-4f31abea4e05', 'layer', streamText(), { type: 'docker' }),
  servedImage('d764d78e-3472-11e5-8949-4f31abea4e05', 'junk', Buffer.from('this is no stream at all')),
];
const named = (name: string) => images.find(({ manifest }) => manifest['name'] === name)?.manifest.uuid ?? '';

describe('import', () => {
  let server: ImgapiServer;
  let host: ImageHost;
  before(async () => {
    server = await openImgapiServer(images);
  });
  after(() => server.close());
  beforeEach(() => {
    host = openImageHost();
    server.forget();
  });
  afterEach(() => host.close());

  const records = () => host.files('/var/imgadm/images');
  const downloads = () => host.files('/var/tmp/.imgadm-downloads');
  /** Where each request for a file began; no number without a range. What had arrived but not been taken is asked for again. */
  const offsets = () =>
    server.requests.filter((line) => line.includes('/file')).map((line) => Number(/ bytes=(\d+)-$/.exec(line)?.[1]));

  async function run(
    arg: string,
    more: { pool?: string; zstream?: boolean; channel?: string; log?: Parameters<ImageHost['context']>[0] } = {},
  ): Promise<readonly string[]> {
    const narration = keptNarration();
    const { pool = 'zones', zstream = false, channel, log = {} } = more;
    const sources = [{ type: 'imgapi' as const, url: server.url }];
    try {
      await importImage(
        host.context(log),
        { arg, pool, sources, connection: quickConnection, zstream, channel },
        narration,
      );
    } catch (error) {
      throw Object.assign(error as Error, { lines: narration.lines });
    }
    return narration.lines;
  }

  async function assertNothingLeft(): Promise<void> {
    assert.deepEqual(await host.names(), []);
    assert.deepEqual(records(), []);
    assert.deepEqual(downloads(), []);
  }

  it('installs an image and what it builds on, base first', async () => {
    const lines = await run(child);
    assert.deepEqual(lines.filter((line) => !line.startsWith('Downloaded')), [
      `Importing ${child} (child@1.0.0) from "${server.url}"`,
      `Gather image ${child} ancestry`,
      'Must download and install 2 images (36.0 B)',
      `Imported image ${base} (base@1.0.0)`,
      `Imported image ${child} (child@1.0.0)`,
    ]); // prettier-ignore
    // Which comes first depends on the network.
    assert.deepEqual(lines.filter((line) => line.startsWith('Downloaded')).sort(), [
      `Downloaded image ${base} (16.0 B)`,
      `Downloaded image ${child} (20.0 B)`,
    ]); // prettier-ignore
    assert.deepEqual(await host.names(), [`zones/${base}`, `zones/${base}@final`, `zones/${child}`, `zones/${child}@final`]); // prettier-ignore
    assert.equal((await host.datasets.find(`zones/${child}`))?.origin, `zones/${base}@final`);
    assert.deepEqual(records(), [`zones-${base}.json`, `zones-${child}.json`]);
    assert.deepEqual(downloads(), []);
  });

  it('says so and asks nobody when the image is there', async () => {
    await run(base);
    server.requests.length = 0;
    assert.deepEqual(await run(base), [`Image ${base} (base 1.0.0) is already installed, skipping`]);
    assert.deepEqual(server.requests, []);
    assert.deepEqual((await run(base, { pool: 'tank' })).at(-1), `Imported image ${base} (base@1.0.0)`);
  });

  it('names origins that are there', async () => {
    await run(base);
    const lines = await run(grandchild);
    assert.ok(lines.includes(`Image ${base} already installed`));
    assert.ok(lines.includes(`Must download and install 2 images (36.0 B)`));
  });

  for (const [fault, code] of [
    [{ kind: 'corrupt' }, 'DownloadError'],
    [{ kind: 'longer', bytes: 5 }, 'DownloadError'],
    [{ kind: 'noLength' }, 'DownloadError'],
    [{ kind: 'status', status: 500 }, 'InternalError'],
    [{ kind: 'status', status: 404, body: '<html>', type: 'text/html' }, 'NotFoundError'],
    [{ kind: 'redirect', to: 'ftp://127.0.0.1/x' }, 'ClientError'],
    [{ kind: 'redirect', to: 'https://127.0.0.1:1/x' }, 'ClientError'],
  ] as const) {
    it(`leaves nothing behind when the file comes with fault ${JSON.stringify(fault)}`, async () => {
      server.fail('file', fault);
      await assert.rejects(run(large), { code });
      await assertNothingLeft();
    });
  }

  it('tells the checksum, not the damage that follows from it', async () => {
    server.fail('file', { kind: 'corrupt' });
    const error = await run(named('base')).then(
      () => undefined,
      (thrown: unknown) => thrown as Error & { lines: string[] },
    );
    const sha1 = createHash('sha1').update(streamText()).digest('hex');
    assert.match(error?.message ?? '', new RegExp(`^image ${base} file checksum \\(sha1\\) error: expected "${sha1}"`));
    assert.equal(error?.lines.at(-1), `Aborting (${error?.message ?? ''})`);
  });

  it('follows redirects of the same scheme, but not in a circle', async () => {
    server.fail('image', { kind: 'redirect', to: `/images/${base}` });
    await run(base);
    server.fail('image', { kind: 'redirect', to: `/images/${child}` }, 100);
    await assert.rejects(run(child), { code: 'ClientError', message: /redirects too often/ });
  });

  it('resumes a broken transfer with a range', async () => {
    server.fail('file', { kind: 'cut', afterBytes: 100_000 });
    server.fail('file', { kind: 'cut', afterBytes: 150_000 });
    await run(large);
    const [none, first = 0, second = 0] = offsets();
    assert.ok(Number.isNaN(none) && first > 0 && first <= 100_000 && second > first && second <= 250_000);
  });

  it('resumes a stalled transfer', async () => {
    server.fail('file', { kind: 'stall', afterBytes: 100_000 });
    await run(large);
    const from = offsets().at(-1) ?? 0;
    assert.ok(from > 0 && from <= 100_000);
  });

  it('goes on from the beginning where the server knows no ranges', async () => {
    server.fail('file', { kind: 'cut', afterBytes: 100_000 });
    server.fail('file', { kind: 'noRange' });
    await run(large);
    assert.deepEqual(records(), [`zones-${large}.json`]);
  });

  it('refuses another part than was asked for', async () => {
    server.fail('file', { kind: 'cut', afterBytes: 100_000 });
    server.fail('file', { kind: 'wrongRange' });
    await assert.rejects(run(large), { code: 'DownloadError', message: /another part/ });
    await assertNothingLeft();
  });

  it('keeps the part of a transfer that it gave up, and goes on from it', async () => {
    server.fail('file', { kind: 'cut', afterBytes: 100_000 });
    server.fail('file', { kind: 'cut', afterBytes: 0 }, 5);
    await assert.rejects(run(large), { code: 'DownloadError', message: /download failed after \d+ bytes/ });
    assert.deepEqual(downloads(), [`${large}.file.partial`]);
    assert.deepEqual(await host.names(), []);
    server.requests.length = 0;
    await run(large);
    const from = offsets().at(-1) ?? 0;
    assert.ok(from > 0 && from <= 100_000);
    assert.deepEqual(downloads(), []);
  });

  it('starts anew when the part of an earlier run does not fit', async () => {
    mkdirSync(join(host.root, 'var/tmp/.imgadm-downloads'), { recursive: true });
    writeFileSync(join(host.root, `var/tmp/.imgadm-downloads/${large}.file.partial`), Buffer.alloc(1000));
    const lines = await run(large);
    assert.equal(lines.at(-1), `Imported image ${large} (large@1.0.0)`);
    assert.deepEqual(downloads(), []);
  });

  it('starts anew when the server has no such part as is there', async () => {
    mkdirSync(join(host.root, 'var/tmp/.imgadm-downloads'), { recursive: true });
    writeFileSync(join(host.root, `var/tmp/.imgadm-downloads/${large}.file.partial`), Buffer.alloc(1000));
    server.fail('file', { kind: 'status', status: 416 });
    const lines = await run(large);
    assert.equal(lines.at(-1), `Imported image ${large} (large@1.0.0)`);
    assert.deepEqual(offsets(), [1000, NaN]);
  });

  for (const name of ['large', 'nosum']) {
    it(`asks for the file of ${name} five times in all when the server is gone`, async () => {
      server.fail('file', { kind: 'reset' }, 100);
      await assert.rejects(run(named(name)), { code: 'DownloadError', message: /download failed after 0 bytes/ });
      assert.equal(offsets().length, 5);
      await assertNothingLeft();
    });
  }

  it('keeps no part where no checksum could tell whether it fits', async () => {
    server.fail('file', { kind: 'cut', afterBytes: 1000 }, 1);
    await assert.rejects(run(named('nosum')), { code: 'DownloadError' });
    await assertNothingLeft();
  });

  it('checks the MD5 of the answer where the manifest has no checksum', async () => {
    server.fail('file', { kind: 'corrupt' });
    await assert.rejects(run(named('nosum')), { message: /Content-MD5 error: expected/ });
    await run(named('nosum'));
  });

  it('uses a file that is there already if it is the right one, and replaces others', async () => {
    const folder = join(host.root, 'var/tmp/.imgadm-downloads');
    const messages: string[] = [];
    const log = createLog('x', {}, (line) => messages.push((JSON.parse(line) as { msg: string }).msg));
    mkdirSync(folder, { recursive: true });
    const file = images.find(({ manifest }) => manifest.uuid === large)?.file ?? Buffer.alloc(0);
    for (const [content, message, requested] of [
      [file, 'using pre-downloaded image file (checksum match)', false],
      [file.subarray(1), 'unexpected size for pre-downloaded image', true],
      [Buffer.alloc(file.length), 'unexpected checksum for pre-downloaded image', true],
    ] as const) {
      writeFileSync(join(folder, `${large}.file`), content);
      server.requests.length = 0;
      await run(large, { log: { log } });
      assert.equal(messages.at(-1), message);
      assert.equal(server.requests.some((line) => line.includes('/file')), requested); // prettier-ignore
      assert.deepEqual(downloads(), []);
      await host.datasets.destroy(`zones/${large}`, { recursive: true });
    }
  });

  it('refuses a download folder that others can write to', async () => {
    mkdirSync(join(host.root, 'var/tmp/.imgadm-downloads'), { recursive: true, mode: 0o777 });
    const { chmodSync } = await import('node:fs');
    chmodSync(join(host.root, 'var/tmp/.imgadm-downloads'), 0o777);
    await assert.rejects(run(base), { code: 'InternalError', message: /only its owner/ });
  });

  it('takes only active images, and says which it did not find', async () => {
    await assert.rejects(run(named('off')), {
      code: 'ActiveImageNotFound',
      message: `an active image "${named('off')}" was not found in image sources`,
    });
    await assert.rejects(run('99999999-3472-11e5-8949-4f31abea4e05'), { code: 'ActiveImageNotFound' });
    await assert.rejects(run('No Image'), { code: 'Usage', message: 'invalid image-id arg: "No Image"' });
    await assert.rejects(run('busybox:latest'), { code: 'ActiveImageNotFound' });
  });

  it('refuses manifests that cannot be acted on', async () => {
    await assert.rejects(run(named('lone')), { code: 'OriginNotFoundInSource' });
    await assert.rejects(run(named('loop')), { code: 'InvalidManifest', message: /circle/ });
    await assert.rejects(run(named('odd')), { code: 'InvalidManifest' });
    await assert.rejects(run(named('layer')), { code: 'NotSupported' });
    server.fail('image', { kind: 'answer', json: images[1]?.manifest });
    await assert.rejects(run(base), { code: 'InvalidManifest', message: /asked for image/ });
    server.fail('image', { kind: 'answer', json: ['no', 'manifest'] });
    await assert.rejects(run(base), { code: 'InvalidManifest' });
    server.fail('image', { kind: 'wrongMd5' });
    await assert.rejects(run(base), { code: 'BadDigest' });
    await assertNothingLeft();
  });

  it('minds the platform on SmartOS only', async () => {
    host.close();
    host = openImageHost({ os: 'smartos', sdcVersion: '7.0', liveImage: '20260101T000000Z' });
    await assert.rejects(run(named('newer')), { code: 'MinPlatform' });
    host.close();
    host = openImageHost({ os: 'linux' });
    await run(named('newer'));
  });

  it('demands exactly one snapshot', async () => {
    await assert.rejects(run(named('two')), {
      code: 'UnexpectedNumberOfSnapshots',
      message: `image "${named('two')}" has an unexpected number of snapshots (2): @a, @b`,
    });
    assert.deepEqual(await host.names(), []);
    assert.deepEqual(records(), []);
    // What was right about it need not be fetched again.
    assert.deepEqual(downloads(), [`${named('two')}.file`]);
  });

  it('warns of what a stream lacks', async () => {
    const lines = await run(named('lossy'));
    assert.ok(lines.includes(`WARN warning: image ${named('lossy')}: /etc: its owner is missing`));
  });

  it('refuses what is no stream, with a typed error', async () => {
    await assert.rejects(run(named('junk')), { code: 'StreamInvalid' });
    assert.deepEqual(await host.names(), []);
    assert.deepEqual(records(), []);
  });

  it('takes a stream of unknown length with zstream', async () => {
    server.fail('file', { kind: 'noLength' });
    assert.ok((await run(base, { zstream: true })).includes('Must download and install 1 image'));
  });

  for (const method of ['create', 'snapshot', 'rename', 'list', 'pools', 'find'] as const) {
    it(`leaves nothing behind when ${method} fails`, async () => {
      host.datasets.failNext(method, hostError('HostFailed', 'made to fail'));
      await assert.rejects(run(base), { code: 'HostFailed' });
      assert.deepEqual(await host.names(), []);
      assert.deepEqual(records(), []);
      assert.equal((await run(base)).at(-1), `Imported image ${base} (base@1.0.0)`);
    });
  }

  it('removes what a killed import left, its own or of another image', async () => {
    await host.datasets.create(`zones/${base}-partial`);
    await host.datasets.create(`zones/${large}-partial`);
    await host.datasets.snapshot(`zones/${large}-partial@final`);
    mkdirSync(join(host.root, 'var/imgadm/images'), { recursive: true });
    writeFileSync(join(host.root, `var/imgadm/images/zones-${child}.json`), '{}');
    writeFileSync(join(host.root, `var/imgadm/images/gone-${child}.json`), '{}');
    await run(base);
    assert.deepEqual(await host.names(), [`zones/${base}`, `zones/${base}@final`]);
    assert.deepEqual(records(), [`gone-${child}.json`, `zones-${base}.json`]);
  });

  it('has let go of the file it took by the time an image can be seen: nobody looks for it any more', async () => {
    const real = host.host.datasets;
    const seen: (readonly string[])[] = [];
    (host.host as { datasets: unknown }).datasets = {
      ...real,
      rename: async (from: string, to: string) => {
        if (to === `zones/${base}` || to === `zones/${child}`) seen.push(downloads());
        await real.rename(from, to);
      },
    };
    await run(child);
    assert.deepEqual(seen.map((files) => files.filter((file) => !file.startsWith(child))), [[], []]); // prettier-ignore
    assert.deepEqual(seen[1], []);
  });

  it('leaves alone what another import is at', async () => {
    await host.datasets.create(`zones/${large}-partial`);
    const lock = await acquireLock(join(host.root, `var/run/img.${large}.import.lock`));
    await run(base);
    lock.release();
    assert.ok((await host.names()).includes(`zones/${large}-partial`));
  });

  it('waits for another import of the same image and finds its result', async () => {
    server.fail('file', { kind: 'slow', bytesPerSecond: 250_000 });
    const [first, second, third] = await Promise.all([run(large), run(large), run(large)]);
    const all = [first, second, third].map((lines) => lines.at(-1)).sort();
    assert.deepEqual(all, [
      `Image ${large} (large@1.0.0) was imported while waiting on lock`,
      `Image ${large} (large@1.0.0) was imported while waiting on lock`,
      `Imported image ${large} (large@1.0.0)`,
    ]);
    assert.ok([first, second, third].flat().includes(`Waiting for image ${large} import lock`));
    assert.equal(server.requests.filter((line) => line.includes('/file')).length, 1);
  });

  it('takes everything back when it is interrupted', async () => {
    const abort = new AbortController();
    server.fail('file', { kind: 'slow', bytesPerSecond: 100_000 });
    const importing = run(large, { log: { signal: abort.signal } });
    const part = join(host.root, `var/tmp/.imgadm-downloads/${large}.file.partial`);
    const interrupting = setInterval(() => {
      if (existsSync(part) && statSync(part).size > 0) abort.abort(new Error('interrupted'));
    }, 10);
    await assert.rejects(importing, { message: 'interrupted' });
    clearInterval(interrupting);
    assert.deepEqual(await host.names(), []);
    assert.deepEqual(downloads(), [`${large}.file.partial`]);
  });

  it('asks in a channel', async () => {
    const inDev = await openImgapiServer([{ ...images[0], channels: ['dev'] } as (typeof images)[0]]);
    try {
      const narration = keptNarration();
      const request = { arg: base, pool: 'zones', connection: quickConnection, zstream: false };
      const url = `${inDev.url}/?channel=dev`;
      await importImage(host.context(), { ...request, sources: [{ type: 'imgapi', url }] }, narration);
      assert.equal(narration.lines[0], `Importing ${base} (base@1.0.0) from "${url}"`);
      const plain = [{ type: 'imgapi' as const, url: inDev.url }];
      await importImage(host.context(), { ...request, pool: 'tank', sources: plain, channel: 'dev' }, narration);
      assert.ok(narration.lines.includes(`Importing ${base} (base@1.0.0) from "${inDev.url}", channel "dev"`));
    } finally {
      await inDev.close();
    }
  });

  it('decompresses gzip, bzip2 and xz, and refuses damaged ones', async () => {
    const uuids = [1, 2, 3].map((n) => `e764d78e-3472-11e5-8949-4f31abea4e0${n}`);
    const packed = [gzip, bzip2, xz].map((pack) => pack(streamText(['final'], filling)));
    const kinds = ['gzip', 'bzip2', 'xz'];
    const served = uuids.flatMap((uuid, at) => {
      const file = packed[at] ?? Buffer.alloc(0);
      const damaged = Buffer.from(file);
      damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 0xff;
      const fileOf = (data: Buffer) => [{ size: data.length, sha1: createHash('sha1').update(data).digest('hex'), compression: kinds[at] }]; // prettier-ignore
      return [
        servedImage(uuid, 'good', file, { files: fileOf(file) }),
        servedImage(uuid.replace('e764', 'f764'), 'bad', damaged, { files: fileOf(damaged) }),
      ];
    });
    const compressing = await openImgapiServer(served);
    try {
      const sources = [{ type: 'imgapi' as const, url: compressing.url }];
      const importOne = (arg: string) =>
        importImage(
          host.context(),
          { arg, pool: 'zones', sources, connection: quickConnection, zstream: false },
          keptNarration(),
        );
      for (const uuid of uuids) {
        await importOne(uuid);
        // What comes out of a damaged block may be told first.
        await assert.rejects(importOne(uuid.replace('e764', 'f764')), {
          code: /^(?:UncompressionError|StreamInvalid)$/,
        });
      }
      assert.equal((await host.names()).length, 6);
    } finally {
      await compressing.close();
    }
  });
});
