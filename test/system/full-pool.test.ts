/** A pool that is full: what users are told, and that nothing is left behind. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

describe('in a full pool', () => {
  let host: TestHost;
  const uuid = randomUUID();
  /** More than fits beside what the file system keeps of small files. */
  const much = { x: 'y'.repeat(900_000) };

  before(async () => {
    host = openTestHost();
    const file = host.at('/etc/smartadm/config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"sizeGiB":4', '"sizeGiB":1'));
    await host.install('busybox-1.35.0');
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, autoboot: false, quota: 0 })) });
    for (const size of ['1G', '64M', '16M', '1M', '64K', '4K']) {
      for (let made = 0; made < 100; ++made) {
        const name = join(host.at('/zones'), `fill-${size}-${made}`);
        if (spawnSync('fallocate', ['-l', size, name]).status !== 0) break;
      }
    }
  });
  after(() => host.close());

  it('create says so and leaves nothing', async () => {
    const other = randomUUID();
    const input = JSON.stringify(payload({ uuid: other, autoboot: false, customer_metadata: much }));
    const { status, stderr } = await host.vmadm(['create'], { input });
    assert.equal(status, 1);
    assert.ok(stderr.startsWith(`cannot create VM ${other}: no space is left in pool zones for dataset zones/${other}: `), stderr); // prettier-ignore
    assert.match(stderr, /\(vmadm delete-snapshot, .* make room\)\n$/);
    assert.ok(!existsSync(host.at(`/zones/${other}`)));
    assert.deepEqual(readdirSync(host.at('/etc/zones')).filter((name) => name.includes(other)), []); // prettier-ignore
    assert.ok(!readFileSync(host.at('/etc/zones/index'), 'utf8').includes(other));
  });

  it('update says so and changes nothing', async () => {
    const before_ = await host.ok('vmadm', ['get', uuid]);
    const input = JSON.stringify({ alias: 'other', set_customer_metadata: much });
    const { status, stderr } = await host.vmadm(['update', uuid], { input });
    assert.equal(status, 1);
    assert.ok(stderr.startsWith(`cannot update VM ${uuid}: no space is left in pool zones for dataset zones/${uuid}: `), stderr); // prettier-ignore
    assert.equal(await host.ok('vmadm', ['get', uuid]), before_);
    assert.deepEqual(readdirSync(host.at(`/zones/${uuid}/config`)).sort(), ['metadata.json', 'routes.json', 'tags.json']); // prettier-ignore
  });

  it('delete makes room', async () => {
    await host.ok('vmadm', ['delete', uuid]);
  });
});

describe('where the zones are written down and nothing can be written any more', () => {
  it('stop and delete say where and why that is, and what helps', async () => {
    const host = openTestHost();
    try {
      await host.install('busybox-1.35.0');
      const folder = host.at('/etc/zones');
      mkdirSync(folder, { recursive: true });
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=755', 'none', folder]);
      const uuid = randomUUID();
      await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, autoboot: true })) });
      const other = randomUUID();
      await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid: other, autoboot: false })) });
      const fill = join(folder, 'fill');
      spawnSync('dd', ['if=/dev/zero', `of=${fill}`, 'bs=4k']);
      const refused = async (command: string, words: string, reason: string, help: string) => {
        const { status, stderr } = await host.vmadm([command, uuid]);
        assert.equal(status, 1);
        assert.ok(stderr.startsWith(`${words} VM ${uuid}: the file system that holds ${folder} is ${reason}: `), stderr); // prettier-ignore
        assert.ok(stderr.endsWith(` (${help})\n`), stderr);
      };
      const force = `vmadm stop -F ${uuid} ends it all the same`;
      await refused('stop', 'cannot stop', 'full', `make room there and try again; ${force}`);
      rmSync(fill);
      spawnSync('mount', ['-o', 'remount,ro', folder]);
      await refused('stop', 'cannot stop', 'read-only', `mount it for writing and try again; ${force}`);
      await host.ok('vmadm', ['stop', '-F', uuid]);
      await refused('delete', 'Failed to delete', 'read-only', 'mount it for writing and try again');
      spawnSync('mount', ['-o', 'remount,rw', folder]);
      spawnSync('dd', ['if=/dev/zero', `of=${fill}`, 'bs=4k']);
      await refused('delete', 'Failed to delete', 'full', 'make room there and try again');
      rmSync(fill);
      await host.ok('vmadm', ['delete', uuid]);
      assert.equal(await host.ok('vmadm', ['list', '-Ho', 'uuid']), `${other}\n`);
    } finally {
      spawnSync('umount', [host.at('/etc/zones')]);
      await host.close();
    }
  });

  it('create says where that is, and leaves nothing', async () => {
    const host = openTestHost();
    try {
      await host.install('busybox-1.35.0');
      const folder = host.at('/etc/zones');
      mkdirSync(folder, { recursive: true });
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,mode=755', 'none', folder]);
      writeFileSync(join(folder, 'fill'), Buffer.alloc(16 * 1024));
      const uuid = randomUUID();
      const { status, stderr } = await host.vmadm(['create'], { input: JSON.stringify(payload({ uuid })) });
      assert.equal(status, 1);
      assert.ok(stderr.startsWith(`cannot create VM ${uuid}: the file system that holds ${folder} is full: `), stderr);
      assert.deepEqual(readdirSync(folder), ['fill']);
      assert.ok(!existsSync(host.at(`/zones/${uuid}`)));
    } finally {
      spawnSync('umount', [host.at('/etc/zones')]);
      await host.close();
    }
  });
});
