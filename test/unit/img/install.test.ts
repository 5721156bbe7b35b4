/** Installing from files, and removing again. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { installedAncestry } from '../../../lib/img/ancestry.js';
import { deleteImage } from '../../../lib/img/delete.js';
import { installImage } from '../../../lib/img/install.js';
import { listImages } from '../../../lib/img/list.js';
import type { Dataset } from '../../../lib/host/datasets.js';
import { childrenOf, imageDatasets } from '../../../lib/img/store.js';
import { acquireLock } from '../../../lib/lock.js';
import { bzip2, gzip, xz } from '../../compressed.js';
import { keptNarration, openImageHost, servedImage, streamText, type ImageHost } from '../../image-host.js';

const uuid = '0764d78e-3472-11e5-8949-4f31abea4e05';
const child = '1764d78e-3472-11e5-8949-4f31abea4e05';

describe('install', () => {
  let host: ImageHost;
  let file: string;
  beforeEach(() => {
    host = openImageHost();
    file = join(host.root, 'image');
  });
  afterEach(() => host.close());

  const records = () => host.files('/var/imgadm/images');

  async function install(
    data: Buffer,
    more: Readonly<Record<string, unknown>> = {},
    id = uuid,
  ): Promise<readonly string[]> {
    writeFileSync(file, data);
    const { manifest } = servedImage(id, 'base', data, more);
    const narration = keptNarration();
    await installImage(host.context(), { manifest, file, pool: 'zones' }, narration);
    return narration.lines;
  }
  const compressed = (data: Buffer, compression: string) => ({
    files: [{ compression, size: data.length, sha1: createHash('sha1').update(data).digest('hex') }],
  });

  it('makes the dataset with @final and the record', async () => {
    assert.deepEqual(await install(streamText(['snap'])), [
      `Installing image ${uuid} (base@1.0.0)`,
      `Installed image ${uuid} (base@1.0.0)`,
    ]);
    assert.deepEqual(await host.names(), [`zones/${uuid}`, `zones/${uuid}@final`]);
    const record = readFileSync(join(host.root, `var/imgadm/images/zones-${uuid}.json`), 'utf8');
    assert.ok(record.endsWith('}\n'));
    assert.deepEqual(Object.keys(JSON.parse(record) as object), ['manifest', 'zpool']);
  });

  it('says so when the image is there', async () => {
    await install(streamText());
    assert.deepEqual(await install(streamText()), [`Image ${uuid} (base 1.0.0) is already installed, skipping`]);
  });

  for (const [name, pack] of Object.entries({ none: (data: Buffer) => data, gzip, bzip2, xz })) {
    it(`takes compression ${name}`, async () => {
      const data = pack(streamText(['final'], 'x'.repeat(2_000_000)));
      await install(data, compressed(data, name));
      assert.deepEqual(await host.names(), [`zones/${uuid}`, `zones/${uuid}@final`]);
    });

    it(`refuses a file cut off in the middle with compression ${name}`, async () => {
      const whole = pack(streamText(['final'], 'x'.repeat(2_000_000)));
      const data = whole.subarray(0, name === 'none' ? 5 : whole.length - 5);
      await assert.rejects(install(data, compressed(data, name)), { code: /^(?:UncompressionError|StreamInvalid)$/ });
      assert.deepEqual(await host.names(), []);
      assert.deepEqual(records(), []);
    });
  }

  it('refuses a file that expands beyond all bounds', async () => {
    const { decompress } = await import('../../../lib/img/codec.js');
    const { Readable } = await import('node:stream');
    const bomb = await decompress(Readable.from([gzip(Buffer.alloc(3_000_000))]), 'gzip', 2_000_000);
    await assert.rejects(bomb.resume().toArray(), { code: 'UncompressionError', message: /expands to more than 2000000 bytes/ }); // prettier-ignore
  });

  it('refuses a file that is not the one of the manifest', async () => {
    const files = [{ sha1: '0'.repeat(40), size: 16, compression: 'none' }];
    await assert.rejects(install(streamText(), { files }), {
      code: 'DownloadError',
      message: /^image file checksum \(sha1\) error: manifest says "0{40}", .* is "[0-9a-f]{40}"$/,
    });
    await assert.rejects(install(Buffer.from('junk'), { files: [{ ...files[0], size: 4 }] }), {
      code: 'DownloadError',
    });
    await assert.rejects(install(streamText(), { files: [{ ...files[0], size: 17 }] }), {
      message: `image file size error: manifest says 17 bytes, ${file} is 16 bytes`,
    });
    assert.deepEqual(await host.names(), []);
    assert.deepEqual(records(), []);
  });

  it('names every fault of a manifest, before anything is made', async () => {
    await assert.rejects(install(streamText(), { name: undefined, requirements: { zip: 1 }, foo: 2 }), {
      code: 'ManifestValidation',
      message: 'invalid manifest: name (MissingParameter), zip (unsupported requirement "zip"), foo',
    });
    await assert.rejects(install(streamText(), { files: undefined }), { code: 'InvalidManifest' });
    await assert.rejects(install(streamText(), { v: undefined }), {
      code: 'InvalidManifest',
      message: 'manifest is invalid',
    });
    await assert.rejects(install(streamText(), { uuid: 'x' }), { code: 'InvalidUUID', message: 'invalid uuid: "x"' });
    await assert.rejects(install(streamText(), { uuid: '../../etc' }), { code: 'InvalidUUID' });
    assert.deepEqual(await host.names(), []);
  });

  it('keeps channels, and takes the time for a missing date', async () => {
    await install(streamText(), { channels: ['dev'], published_at: undefined });
    const [image] = await listImages(host.context());
    assert.deepEqual(image?.manifest.channels, ['dev']);
    assert.match(image.manifest.published_at ?? '', /^\d{4}-.*\.\d{3}Z$/);
  });

  it('takes an incremental image only on its origin', async () => {
    await assert.rejects(install(streamText(), { origin: uuid }, child), { code: 'OriginNotInstalled', exitStatus: 3 });
    await install(streamText());
    await install(streamText(), { origin: uuid }, child);
    assert.equal((await host.datasets.find(`zones/${child}`))?.origin, `zones/${uuid}@final`);
    const chain = await installedAncestry(host.context(), 'zones', child);
    assert.deepEqual(chain.map(({ manifest }) => manifest.uuid), [child, uuid]); // prettier-ignore
    assert.deepEqual(await childrenOf(host.context(), 'zones', uuid), {
      snapshots: [`zones/${uuid}@final`],
      clones: [`zones/${child}`],
    });
  });

  it('refuses a pool that there is not, and a name that is no pool', async () => {
    writeFileSync(file, streamText());
    const { manifest } = servedImage(uuid, 'base', streamText());
    await assert.rejects(installImage(host.context(), { manifest, file, pool: 'nowhere' }, keptNarration()), { code: 'PoolNotFound' }); // prettier-ignore
    await assert.rejects(installImage(host.context(), { manifest, file, pool: '../x' }, keptNarration()), { code: 'Usage' }); // prettier-ignore
  });

  describe('delete', () => {
    it('removes dataset and record, once', async () => {
      await install(streamText());
      await deleteImage(host.context(), 'zones', uuid);
      assert.deepEqual(await host.names(), []);
      assert.deepEqual(records(), []);
      await assert.rejects(deleteImage(host.context(), 'zones', uuid), { code: 'ImageNotInstalled', exitStatus: 3 });
    });

    it('refuses while something was made from the image', async () => {
      await install(streamText());
      await install(streamText(), { origin: uuid }, child);
      await host.datasets.clone(`zones/${uuid}@final`, 'zones/one');
      await assert.rejects(deleteImage(host.context(), 'zones', uuid), {
        code: 'ImageHasDependentClones',
        message: `image "${uuid}" has dependent clones: zones/${child} and 1 others...`,
      });
      await deleteImage(host.context(), 'zones', child);
      await host.datasets.destroy('zones/one');
      await deleteImage(host.context(), 'zones', uuid);
    });

    it('refuses a dataset that is no image', async () => {
      await install(streamText());
      await host.datasets.clone(`zones/${uuid}@final`, `zones/${child}`);
      await assert.rejects(deleteImage(host.context(), 'zones', child), { code: 'ImageNotInstalled' });
      assert.ok((await host.names()).includes(`zones/${child}`));
    });

    it('is not kept from its work by what a killed import left', async () => {
      await install(streamText());
      await host.datasets.clone(`zones/${uuid}@final`, `zones/${child}-partial`);
      await deleteImage(host.context(), 'zones', uuid);
      assert.deepEqual(await host.names(), []);
    });

    it('waits for whoever works on the image', async () => {
      await install(streamText());
      const lock = await acquireLock(join(host.root, `var/run/img.${uuid}.import.lock`));
      const deleting = deleteImage(host.context(), 'zones', uuid);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.ok((await host.names()).includes(`zones/${uuid}`));
      lock.release();
      await deleting;
      assert.deepEqual(await host.names(), []);
    });
  });

  it('knows images of pools with digits in their names', () => {
    const dataset = { name: `data2.x/${uuid}`, type: 'filesystem', properties: {} } as unknown as Dataset;
    const found = imageDatasets(host.context(), [dataset], new Set());
    assert.deepEqual(found.map(({ pool }) => pool), ['data2.x']); // prettier-ignore
  });

  it('lists images of all pools with their clones, and damaged records as orphans', async () => {
    await install(streamText());
    await host.datasets.clone(`zones/${uuid}@final`, `zones/${child}`);
    await host.datasets.create(`tank/${child}`);
    await host.datasets.snapshot(`tank/${child}@final`);
    mkdirSync(join(host.root, 'var/imgadm/images'), { recursive: true });
    writeFileSync(join(host.root, `var/imgadm/images/tank-${child}.json`), '{"manifest":');
    const images = await listImages(host.context());
    assert.deepEqual(images.map(({ zpool, manifest, clones }) => [zpool, manifest.name, clones]).sort(), [
      ['tank', undefined, 0],
      ['zones', 'base', 1],
    ]); // prettier-ignore
  });
});
