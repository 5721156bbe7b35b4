/** A pool that is full: what users are told, and that nothing is left behind. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

describe('where the zones are written down and nothing fits any more', () => {
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
