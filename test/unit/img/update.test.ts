/** Bringing records up to date with a real HTTP server. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { changedFields, updateImages } from '../../../lib/img/update.js';
import { keptNarration, openImageHost, quickConnection, servedImage, streamText, type ImageHost } from '../../image-host.js'; // prettier-ignore
import { openImgapiServer, type ImgapiServer } from '../../imgapi-server.js';

const known = '0764d78e-3472-11e5-8949-4f31abea4e05';
const other = '1764d78e-3472-11e5-8949-4f31abea4e05';
const off = '2764d78e-3472-11e5-8949-4f31abea4e05';

describe('update', () => {
  let server: ImgapiServer;
  let host: ImageHost;
  const offered = servedImage(known, 'base', streamText(), { requirements: { networks: [], ssh_key: true } });
  before(async () => {
    server = await openImgapiServer([offered, servedImage(off, 'off', streamText(), { state: 'disabled' })]);
  });
  after(() => server.close());
  beforeEach(() => {
    host = openImageHost();
    server.forget();
    mkdirSync(join(host.root, 'var/imgadm/images'), { recursive: true });
  });
  afterEach(() => host.close());

  const recordPath = (uuid: string) => join(host.root, `var/imgadm/images/zones-${uuid}.json`);
  const recorded = (uuid: string) => JSON.parse(readFileSync(recordPath(uuid), 'utf8')) as Record<string, unknown>;

  async function have(uuid: string, manifest: object | undefined, snapshots: readonly string[] = ['final']) {
    await host.datasets.create(`zones/${uuid}`);
    for (const snapshot of snapshots) await host.datasets.snapshot(`zones/${uuid}@${snapshot}`);
    const record = { manifest: { uuid, ...manifest }, zpool: 'zones' };
    if (manifest !== undefined) writeFileSync(recordPath(uuid), JSON.stringify(record));
  }

  async function update(more: { uuids?: readonly string[]; dryRun?: boolean } = {}): Promise<readonly string[]> {
    const narration = keptNarration();
    const sources = [{ type: 'imgapi' as const, url: server.url }];
    const request = { uuids: [], dryRun: false, sources, connection: quickConnection, ...more };
    await updateImages(host.context(), request, narration);
    return narration.lines;
  }

  it('adds what is not known, and has nothing to say the second time', async () => {
    await have(known, undefined);
    const line = `Added manifest info for image ${known} from "${server.url}"`;
    assert.deepEqual(await update({ dryRun: true }), [line]);
    assert.throws(() => recorded(known), { code: 'ENOENT' });
    assert.deepEqual(await update(), [line]);
    assert.deepEqual(recorded(known), { manifest: offered.manifest, zpool: 'zones', source: server.url });
    assert.deepEqual(await update(), []);
  });

  it('names the fields that changed', async () => {
    await have(known, {
      ...offered.manifest,
      os: undefined,
      name: 'old',
      extra: 1,
      requirements: { networks: [], min_ram: 3 },
    });
    const line = `Updated 5 manifest fields for image ${known} from "${server.url}": name, requirements.ssh_key, requirements.min_ram, os, extra`; // prettier-ignore
    const [found = ''] = await update({ dryRun: true });
    assert.deepEqual(found.split(': ')[0], line.split(': ')[0]);
    assert.deepEqual((found.split(': ')[1] ?? '').split(', ').sort(), (line.split(': ')[1] ?? '').split(', ').sort());
    assert.equal((recorded(known)['manifest'] as Record<string, unknown>)['name'], 'old');
    await update();
    assert.deepEqual(recorded(known)['manifest'], offered.manifest);
  });

  it('takes the order of fields for no difference', () => {
    assert.deepEqual(changedFields({ a: { x: 1, y: 2 }, b: 1 }, { b: 1, a: { y: 2, x: 1 } }), []);
    assert.deepEqual(changedFields({ requirements: { a: 1 }, z: 1 }, { y: 2 }), ['requirements', 'z', 'y']);
  });

  it('skips what no source has, silently for layers of Docker images, and takes disabled ones', async () => {
    await have(other, { name: 'x', version: '1' });
    assert.deepEqual(await update(), [`warning: Could not find image ${other} in image sources (skipping)`]);
    writeFileSync(recordPath(other), JSON.stringify({ manifest: { uuid: other, type: 'docker' }, zpool: 'zones' }));
    assert.deepEqual(await update(), []);
    await have(off, undefined);
    assert.deepEqual(await update({ uuids: [off] }), [`Added manifest info for image ${off} from "${server.url}"`]);
  });

  it('refuses uuids that are not installed before anything is done', async () => {
    await have(known, undefined);
    await assert.rejects(update({ uuids: [known, other, 'x'] }), {
      code: 'Usage',
      message: `no installed image with the given UUID(s): ${other}, x`,
    });
    assert.deepEqual(server.requests, []);
  });

  it('names the snapshot that the image came with @final', async () => {
    await have(known, offered.manifest, ['a', 'b']);
    const warning = `WARN imgadm: warn: cannot determine original snapshot for image "${known}" (source info has no "dataset_guid")`;
    assert.deepEqual(await update(), [warning]);
    const guid = String((await host.datasets.find(`zones/${known}@b`))?.guid);
    const files = [{ ...(offered.manifest['files'] as object[])[0], dataset_guid: guid }];
    const answer = { kind: 'answer', json: { ...offered.manifest, files } } as const;
    server.fail('image', answer, 2);
    const line = `Renamed image ${known} original snapshot from zones/${known}@b to zones/${known}@final`;
    assert.equal((await update({ dryRun: true })).at(-1), line);
    assert.equal(await host.datasets.find(`zones/${known}@final`), undefined, 'a dry run renames nothing');
    assert.equal((await update()).at(-1), line);
    assert.notEqual(await host.datasets.find(`zones/${known}@final`), undefined);
  });

  it('says which snapshot is missing', async () => {
    await have(known, offered.manifest, []);
    const message = `image "${known}" is missing its original snapshot`;
    await assert.rejects(update(), { code: 'ImageMissingOriginalSnapshot', message });
    await host.datasets.snapshot(`zones/${known}@x`);
    const files = [{ ...(offered.manifest['files'] as object[])[0], dataset_guid: '12345' }];
    server.fail('image', { kind: 'answer', json: { ...offered.manifest, files } });
    await assert.rejects(update(), {
      code: 'ImageMissingOriginalSnapshot',
      message: `${message} (expected a snapshot with guid 12345)`,
    });
  });

  it('stops at a source that fails', async () => {
    await have(known, undefined);
    server.fail('image', { kind: 'status', status: 503 });
    await assert.rejects(update(), { code: 'InternalError' });
  });

  it('is a command', async () => {
    await have(known, undefined);
    writeFileSync(join(host.root, 'var/imgadm/imgadm.conf'), JSON.stringify({ sources: [{ type: 'imgapi', url: server.url }], upgradedToVer: '3.0.0' })); // prettier-ignore
    const { exit, stdout, stderr } = await host.run(['update', known]);
    assert.deepEqual([exit, stdout, stderr], [0, `Added manifest info for image ${known} from "${server.url}"\n`, '']);
    const unknown = await host.run(['update', other]);
    assert.equal(unknown.exit, 1);
    assert.equal(unknown.stderr, `imgadm update: error (Usage): no installed image with the given UUID(s): ${other}\n`);
    writeFileSync(join(host.root, 'var/imgadm/imgadm.conf'), JSON.stringify({ sources: [], upgradedToVer: '3.0.0' }));
    assert.equal(
      (await host.run(['update'])).stderr,
      'imgadm update: error (NoSources): imgadm has no configured sources\n',
    );
  });
});
