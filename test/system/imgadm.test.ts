/** imgadm as built, with the sample images, on a real btrfs pool and a real server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, lstatSync, openSync, readSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imagesIn, openImgapiServer, type ImgapiServer } from '../imgapi-server.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage as busybox, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const web = 'd41f6a90-0c3b-4b7e-8a15-96e2c7d85f31';
const volume = '2c8f5e17-9b60-4d3a-b1f4-70a9e63d84c2';
const images = imagesIn(fileURLToPath(new URL('../fixtures/images', import.meta.url)));

describe('imgadm', () => {
  let host: TestHost;
  let server: ImgapiServer;
  before(async () => {
    spawnSync('ip', ['link', 'set', 'lo', 'up']);
    host = openTestHost();
    server = await openImgapiServer(images);
    await host.ok('imgadm', ['sources', '-d', 'https://images.smartos.org']);
    await host.ok('imgadm', ['sources', '-a', server.url]);
  });
  after(async () => {
    await server.close();
    await host.close();
  });

  const lines = (text: string) => text.trimEnd().split('\n');
  const below = (folder: string) => (existsSync(host.at(folder)) ? readdirSync(host.at(folder)) : []).sort();

  async function removeAll(): Promise<void> {
    for (const uuid of [web, busybox, volume]) await host.run('imgadm', ['delete', uuid]);
  }

  /** What there is of images besides those that are installed. */
  async function assertNothingBut(...uuids: string[]): Promise<void> {
    const listed = lines(await host.ok('imgadm', ['list', '-H', '-o', 'uuid'])).filter((uuid) => uuid !== '');
    assert.deepEqual(listed.sort(), [...uuids].sort());
    assert.deepEqual(below('/zones').filter((name) => !name.startsWith('.')), [...uuids].sort()); // prettier-ignore
    assert.deepEqual(below('/var/imgadm/images'), uuids.map((uuid) => `zones-${uuid}.json`).sort());
    assert.deepEqual(below('/var/tmp/.imgadm-downloads'), []);
  }

  it('imports an image after the one it builds on', async () => {
    const { status, stdout, stderr } = await host.run('imgadm', ['import', web]);
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.deepEqual(lines(stdout).filter((line) => !line.startsWith('Downloaded')), [
      `Importing ${web} (busybox-web@1.0.0) from "${server.url}"`,
      `Gather image ${web} ancestry`,
      'Must download and install 2 images (1.0 MiB)',
      `Imported image ${busybox} (busybox@1.35.0)`,
      `Imported image ${web} (busybox-web@1.0.0)`,
    ]); // prettier-ignore
    const root = host.at(`/zones/${web}/root`);
    assert.ok(lstatSync(join(root, 'bin/busybox')).isFile());
    assert.ok(existsSync(join(root, 'var/www/index.html')));
    assert.ok(!existsSync(host.at(`/zones/${busybox}/root/var/www/index.html`)));
    await assertNothingBut(web, busybox);
  });

  it('shows what is installed as its callers expect', async () => {
    const [image] = JSON.parse(await host.ok('imgadm', ['list', '-j', 'name=busybox'])) as Record<string, unknown>[];
    assert.deepEqual(Object.keys(image ?? {}), ['manifest', 'zpool', 'source', 'cloneNames', 'clones']);
    assert.deepEqual(image?.['cloneNames'], [`zones/${web}`]);
    const known = JSON.parse(await host.ok('imgadm', ['get', '-P', 'zones', '-r', web])) as Record<string, unknown>;
    assert.deepEqual(known['children'], { snapshots: [`zones/${web}@final`], clones: [] });
    assert.deepEqual(known['manifest'], images.find(({ manifest }) => manifest.uuid === web)?.manifest);
    assert.equal(
      await host.ok('imgadm', ['ancestry', web]),
      'UUID                                  NAME         VERSION  PUBLISHED\n' +
        `${web}  busybox-web  1.0.0    2026-11-23T17:00:00Z\n` +
        `${busybox}  busybox      1.35.0   2026-11-23T17:00:00Z\n`,
    );
  });

  it('says that an image is there already', async () => {
    const text = await host.ok('imgadm', ['import', '-q', web]);
    assert.equal(text, `Image ${web} (busybox-web 1.0.0) is already installed, skipping\n`);
  });

  it('installs a volume from a file, sparse and of its size', async () => {
    const { manifest, file } = images.find((image) => image.manifest.uuid === volume) ?? assert.fail();
    writeFileSync(join(host.root, 'm'), JSON.stringify(manifest));
    writeFileSync(join(host.root, 'f'), file);
    const text = await host.ok('imgadm', ['install', '-m', join(host.root, 'm'), '-f', join(host.root, 'f')]);
    assert.equal(
      text,
      `Installing image ${volume} (echo-volume@1.0.0)\nInstalled image ${volume} (echo-volume@1.0.0)\n`,
    );
    const disk = statSync(host.at(`/zones/${volume}/disk.raw`));
    assert.equal(disk.size, 10 * 2 ** 30);
    assert.ok(disk.blocks * 512 < 2 ** 20);
    const end = Buffer.alloc(11);
    const descriptor = openSync(host.at(`/zones/${volume}/disk.raw`), 'r');
    readSync(descriptor, end, 0, end.length, disk.size - 4096);
    closeSync(descriptor);
    assert.equal(end.toString(), 'end of disk');
  });

  it('does not remove what a machine or another image was made from', async () => {
    const refused = await host.run('imgadm', ['delete', busybox]);
    assert.equal(refused.stderr, `imgadm delete: error (ImageHasDependentClones): image "${busybox}" has dependent clones: zones/${web}\n`); // prettier-ignore
    assert.equal(refused.status, 1);
    const created = await host.vmadm(['create'], {
      input: JSON.stringify(payload({ image_uuid: web, autoboot: false })),
    });
    const vm = created.stderr.trim().split(' ').at(-1) ?? '';
    assert.match((await host.run('imgadm', ['delete', web])).stderr, new RegExp(`has dependent clones: zones/${vm}`));
    assert.match((await host.run('imgadm', ['delete', vm])).stderr, /error \(ImageNotInstalled\)/);
    await host.vmadm(['delete', vm]);
    assert.equal(await host.ok('imgadm', ['delete', web]), `Deleted image ${web}\n`);
    await removeAll();
    await assertNothingBut();
  });

  for (const [fault, code] of [
    [{ kind: 'corrupt' }, 'DownloadError'],
    [{ kind: 'longer', bytes: 1 }, 'DownloadError'],
    [{ kind: 'status', status: 503 }, 'InternalError'],
  ] as const) {
    it(`leaves nothing behind after fault ${JSON.stringify(fault)}`, async () => {
      server.forget();
      server.fail('file', fault);
      const { status, stderr } = await host.run('imgadm', ['import', busybox]);
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(`^imgadm import: error \\(${code}\\): .*\\n$`));
      await assertNothingBut();
    });
  }

  it('ends as other programs do where nobody reads on, with its work undone', async () => {
    await removeAll();
    const cut = host.start('imgadm', ['import', busybox]);
    let said = '';
    cut.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    cut.stdout?.destroy();
    assert.equal(await new Promise((resolve) => cut.on('close', resolve)), 128 + constants.signals.SIGPIPE);
    assert.equal(said, '');
    await assertNothingBut();
  });

  it('resumes a broken transfer', async () => {
    server.forget();
    server.fail('file', { kind: 'cut', afterBytes: 500_000 });
    await host.ok('imgadm', ['import', busybox]);
    // What had arrived but was not taken yet when the connection broke is asked for again.
    const from = Number(/ bytes=(\d+)-$/.exec(server.requests.at(-1) ?? '')?.[1]);
    assert.ok(from > 0 && from <= 500_000, String(from));
    await removeAll();
  });

  it('lets two imports of one image share the work', async () => {
    server.forget();
    const both = await Promise.all([host.run('imgadm', ['import', web]), host.run('imgadm', ['import', web])]);
    assert.deepEqual(both.map(({ status }) => status), [0, 0]); // prettier-ignore
    assert.equal(server.requests.filter((line) => line.includes('/file')).length, 2);
    await assertNothingBut(web, busybox);
    await removeAll();
  });
});
