/** A machine put onto another image, on a real host. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const webImage = 'd41f6a90-0c3b-4b7e-8a15-96e2c7d85f31';

describe('reprovision', () => {
  let host: TestHost;
  const uuid = randomUUID();
  const reprovision = (image: string) =>
    host.vmadm(['reprovision', uuid], { input: JSON.stringify({ image_uuid: image }) });
  const get = async () => JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
    await host.install('busybox-web-1.0.0');
    const made = payload({
      uuid, alias: 'phoenix', delegate_dataset: true, quota: 2, tags: { keep: 'me' },
      customer_metadata: { note: 'kept' }, nics: [{ nic_tag: 'stub0', ips: ['10.3.0.2/24'] }],
    }); // prettier-ignore
    await host.ok('vmadm', ['create'], { input: JSON.stringify(made) });
    await host.inside(uuid, 'echo old > /mine');
  });
  after(() => host.close());

  it('replaces the root and keeps identity, metadata, nics, quota and delegated data', async () => {
    await host.inside(uuid, `echo precious > /zones/${uuid}/data/file`);
    const before = await get();
    const done = await reprovision(webImage);
    assert.deepEqual(done, { status: 0, stdout: '', stderr: `Successfully reprovisioned VM ${uuid}\n` });
    const after = await get();
    assert.equal(after['image_uuid'], webImage);
    assert.equal(after['state'], 'running');
    for (const kept of ['alias', 'tags', 'customer_metadata', 'nics', 'quota', 'datasets', 'create_timestamp']) {
      assert.deepEqual(after[kept], before[kept], kept);
    }
    assert.equal((await host.inside(uuid, 'ls /mine')).status, 1);
    assert.match((await host.inside(uuid, 'cat /var/www/index.html')).stdout, /./);
    assert.equal((await host.inside(uuid, `cat /zones/${uuid}/data/file`)).stdout, 'precious\n');
    assert.deepEqual(
      readdirSync(host.at('/zones')).filter((name) => name.includes('reprovisioning')),
      [],
    );
  });

  it('refuses what the original refuses, and changes nothing', async () => {
    const missing = await host.vmadm(['reprovision', uuid], { input: '{}' });
    assert.equal(missing.stderr, `Failed to reprovision VM ${uuid}: payload is missing image_uuid\n`);
    const unknown = await reprovision(randomUUID());
    assert.match(unknown.stderr, /ImageNotInstalled/);
    const nobody = await host.vmadm(['reprovision', randomUUID()], { input: '{}' });
    assert.match(nobody.stderr, /not found\n$/);
    assert.equal((await get())['image_uuid'], webImage);
  });

  it('killed at any moment is completed by the next call', async () => {
    for (const afterMs of [60, 150, 250, 350, 500, 700]) {
      const child = host.start('vmadm', ['reprovision', uuid]);
      child.stdin?.end(JSON.stringify({ image_uuid: busyboxImage }));
      const ended = new Promise((resolve) => child.on('exit', resolve));
      await sleep(afterMs);
      child.kill('SIGKILL');
      await ended;
      const done = await reprovision(webImage);
      assert.equal(done.status, 0, `killed after ${afterMs} ms: ${done.stderr}`);
      assert.equal((await host.inside(uuid, `cat /zones/${uuid}/data/file`)).stdout, 'precious\n');
    }
    await host.ok('vmadm', ['delete', uuid]);
    assert.ok(!existsSync(host.at(`/zones/${uuid}`)));
    assert.deepEqual(
      readdirSync(host.at('/zones')).filter((name) => name.includes(uuid)),
      [],
    );
  });
});
