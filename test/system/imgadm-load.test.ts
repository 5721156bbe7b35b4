/** imgadm under load: many imports at once, an image larger than memory should ever see, disks that are full. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { servedImage } from '../image-host.js';
import { imagesIn, openImgapiServer, type ImgapiServer, type ServedImage } from '../imgapi-server.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { entryOf, FilesystemWriter, Fixed, Mode } from '../zfs-stream/filesystem.js';
import { busyboxImage, openTestHost, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const samples = imagesIn(fileURLToPath(new URL('../fixtures/images', import.meta.url)));
const sample = (name: string): ServedImage =>
  samples.find(({ manifest }) => manifest['name'] === name) ?? assert.fail();

/** Five images and one more on top of each, of the same files under other uuids. */
const crowd = [1, 2, 3, 4, 5].flatMap((n): ServedImage[] => {
  const base = `${n}0000000-0000-4000-8000-000000000000`;
  const child = base.replace('0000-0000', '1111-0000');
  const { manifest, file } = sample('busybox');
  const web = sample('busybox-web');
  return [
    { manifest: { ...manifest, uuid: base }, file },
    { manifest: { ...web.manifest, uuid: child, origin: base }, file: web.file },
  ];
});
const imports = 40;

const large = 'a764d78e-3472-11e5-8949-4f31abea4e05';
const largeFiles = 300;
const largeFileBytes = 2 ** 20;

/** Files that do not compress. */
function largeImage(): ServedImage {
  const writer = new FilesystemWriter();
  const content = randomBytes(largeFileBytes * 2);
  const number = (file: number): number => Fixed.first + 1 + file;
  const files = Array.from({ length: largeFiles }, (_, file) => file);
  writer.directory(
    Fixed.root,
    [['root', entryOf(Fixed.first, Mode.directory)]], // prettier-ignore
  );
  writer.directory(
    Fixed.first,
    files.map((file) => [`file-${file}`, entryOf(number(file), Mode.file)]),
  );
  for (const file of files) {
    const from = file * 1009;
    writer.file(number(file), content.subarray(from, from + largeFileBytes), { parent: Fixed.first });
  }
  const packed = gzipSync(writer.end().take(), { level: 0 });
  const sha1 = createHash('sha1').update(packed).digest('hex');
  return servedImage(large, 'large', packed, { files: [{ sha1, size: packed.length, compression: 'gzip' }] });
}

describe('imgadm under load', () => {
  let host: TestHost;
  let server: ImgapiServer;
  before(async () => {
    spawnSync('ip', ['link', 'set', 'lo', 'up']);
    host = openTestHost();
    server = await openImgapiServer([...samples, ...crowd, largeImage()]);
    await host.ok('imgadm', ['sources', '-f', '-a', server.url]);
    await host.ok('imgadm', ['sources', '-d', 'https://images.smartos.org']);
  });
  after(async () => {
    await server.close();
    await host.close();
  });
  afterEach(async () => {
    await host.ok('imgadm', ['vacuum', '-f']);
  });

  const below = (folder: string) => (existsSync(host.at(folder)) ? readdirSync(host.at(folder)) : []).sort();
  const images = () => below('/zones').filter((name) => !name.startsWith('.'));

  function assertNothing(): void {
    assert.deepEqual(images(), []);
    assert.deepEqual(below('/var/imgadm/images'), []);
    assert.deepEqual(below('/var/tmp/.imgadm-downloads'), []);
  }

  it(`imports ${crowd.length} images ${imports} times at once, and fetches each once`, async () => {
    server.forget();
    const uuids = Array.from({ length: imports }, (_, at) => crowd[at % crowd.length]?.manifest.uuid ?? '');
    const done = await Promise.all(uuids.map((uuid) => host.run('imgadm', ['import', uuid])));
    assert.deepEqual(done.filter(({ status }) => status !== 0).map(({ stderr }) => stderr), []); // prettier-ignore
    assert.deepEqual(images(), crowd.map(({ manifest }) => manifest.uuid).sort());
    const fetched = server.requests.filter((line) => line.includes('/file')).sort();
    assert.deepEqual(fetched, crowd.map(({ manifest }) => `GET /images/${manifest.uuid}/file`).sort());
    assert.deepEqual(below('/var/tmp/.imgadm-downloads'), []);
    const listed = await host.ok('imgadm', ['list', '-H', '-o', 'uuid,name']);
    assert.equal(listed.trim().split('\n').length, crowd.length);
    assert.ok(!listed.includes('-  -'), 'each has its record');
  });

  it(`needs little memory for an image of ${largeFiles} MiB`, async () => {
    const child = host.start('imgadm', ['import', '-q', large]);
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout?.resume();
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    let peakMiB = 0;
    while (child.exitCode === null && child.signalCode === null) {
      const status = existsSync(`/proc/${child.pid}/status`) ? readFileSync(`/proc/${child.pid}/status`, 'utf8') : '';
      peakMiB = Math.max(peakMiB, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
      await sleep(20);
    }
    assert.equal(await ended, 0, errors);
    assert.equal(statSync(host.at(`/zones/${large}/root/file-299`)).size, largeFileBytes);
    assert.ok(peakMiB > 0 && peakMiB < 200, `${peakMiB} MiB`);
  });

  it('says that the disk is full, and leaves nothing', async () => {
    const folder = host.at('/var/tmp/.imgadm-downloads');
    mkdirSync(folder, { recursive: true });
    // Room for the folder and no more than a part of the file.
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=200k,mode=0700', 'tmpfs', folder]).status, 0);
    try {
      const { status, stderr } = await host.run('imgadm', ['import', busyboxImage]);
      assert.equal(status, 1);
      assert.match(stderr, /^imgadm import: error \(NoSpace\): .*cannot store the file of image/);
      assertNothing();
    } finally {
      spawnSync('umount', [folder]);
    }
  });
});
