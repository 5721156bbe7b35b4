/** Images for which there is no room: in the pool, and where downloads are kept. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imagesIn, openImgapiServer, type ImgapiServer } from '../imgapi-server.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage as busybox, openTestHost, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const web = 'd41f6a90-0c3b-4b7e-8a15-96e2c7d85f31';
const volume = '2c8f5e17-9b60-4d3a-b1f4-70a9e63d84c2';
const fixtures = fileURLToPath(new URL('../fixtures/images', import.meta.url));

describe('without room for it, an image', () => {
  let host: TestHost;
  let server: ImgapiServer;

  before(async () => {
    spawnSync('ip', ['link', 'set', 'lo', 'up']);
    host = openTestHost();
    const file = host.at('/etc/smartadm/config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"sizeGiB":4', '"sizeGiB":1'));
    server = await openImgapiServer(imagesIn(fixtures));
    await host.ok('imgadm', ['sources', '-d', 'https://images.smartos.org']);
    await host.ok('imgadm', ['sources', '-a', server.url]);
    // Makes the pool.
    await host.install('busybox-1.35.0');
    await host.ok('imgadm', ['delete', busybox]);
  });
  after(async () => {
    await server.close();
    await host.close();
  });
  afterEach(async () => {
    for (const uuid of [web, busybox, volume]) await host.run('imgadm', ['delete', uuid]);
  });

  const below = (folder: string) => readdirSync(host.at(folder)).filter((name) => !/^(\.|fill)/.test(name));

  /** Nothing can be seen of any image, or stands in the way of the next import. */
  async function assertNothing(): Promise<void> {
    assert.equal(await host.ok('imgadm', ['list', '-H']), '');
    assert.deepEqual(below('/zones'), []);
    assert.deepEqual(below('/var/imgadm/images'), []);
  }

  /** Leaves some KiB in the pool. Returns what makes room again. */
  function fill(): () => void {
    const files: string[] = [];
    for (const size of ['1G', '64M', '16M', '1M', '64K', '4K']) {
      for (let made = 0; made < 100; ++made) {
        const name = join(host.at('/zones'), `fill-${size}-${made}`);
        if (spawnSync('fallocate', ['-l', size, name]).status !== 0) break;
        files.push(name);
      }
    }
    return () => files.forEach((name) => rmSync(name));
  }

  for (const [what, uuid] of [
    ['of a zone with its origin', web],
    ['of a volume', volume],
  ] as const) {
    it(`${what} is not imported, and nothing of it stays in the pool`, async () => {
      const makeRoom = fill();
      const done = await host.run('imgadm', ['import', '-q', uuid]);
      makeRoom();
      assert.equal(done.status, 1, done.stdout);
      assert.match(done.stderr, /^imgadm import: error \(\w+\): [^\n]*no space is left in pool zones[^\n]*\n$/i);
      await assertNothing();
      assert.equal((await host.run('imgadm', ['import', '-q', uuid])).status, 0);
    });
  }

  it('file is not installed, and nothing of it stays', async () => {
    const makeRoom = fill();
    const file = join(fixtures, 'busybox-1.35.0');
    const done = await host.run('imgadm', ['install', '-m', `${file}.imgmanifest`, '-f', `${file}.zfs.gz`]);
    makeRoom();
    assert.equal(done.status, 1);
    assert.match(done.stderr, /^imgadm install: error \(\w+\): [^\n]*no space is left in pool zones[^\n]*\n$/i);
    await assertNothing();
  });

  it('is not downloaded; what has arrived is used once there is room', async () => {
    const folder = host.at('/var/tmp/.imgadm-downloads');
    mkdirSync(folder, { recursive: true });
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'none', folder]).status, 0);
    try {
      const done = await host.run('imgadm', ['import', '-q', busybox]);
      assert.equal(done.status, 1);
      assert.match(done.stderr, /^imgadm import: error \(\w+\): [^\n]*no space[^\n]*\n$/i);
      await assertNothing();
      const parts = readdirSync(folder);
      assert.ok(parts.every((name) => statSync(join(folder, name)).size <= 256 * 1024));
      spawnSync('mount', ['-o', 'remount,size=64m', folder]);
      assert.equal((await host.run('imgadm', ['import', '-q', busybox])).status, 0);
      assert.deepEqual(readdirSync(folder), []);
    } finally {
      spawnSync('umount', [folder]);
    }
  });
});
