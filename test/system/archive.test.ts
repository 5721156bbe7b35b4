/** What a deleted VM leaves when it is to leave something, and what a container's start counts. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

describe('archive_on_delete', () => {
  let host: TestHost;
  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
  });
  after(() => host.close());

  const make = (more: Record<string, unknown>) =>
    host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ archive_on_delete: true, ...more })) });

  it('keeps configuration, properties and logs, and nothing of the host', async () => {
    const uuid = randomUUID();
    await make({ uuid, alias: 'kept', tags: { a: 'b' } });
    mkdirSync(host.at(`/zones/${uuid}/logs`), { recursive: true });
    writeFileSync(host.at(`/zones/${uuid}/logs/platform.log.0`), 'platform\n');
    const logs = host.at(`/zones/${uuid}/root/var/log`);
    mkdirSync(logs, { recursive: true });
    writeFileSync(join(logs, 'triton.log'), 'triton\n');
    symlinkSync('/etc/passwd', join(logs, 'triton.log.1'));
    const whole = JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
    const xml = readFileSync(host.at(`/etc/zones/${uuid}.xml`), 'utf8');
    await host.ok('vmadm', ['delete', uuid]);
    assert.ok(!existsSync(host.at(`/zones/${uuid}`)));
    const folder = host.at(`/zones/archive/${uuid}`);
    assert.deepEqual(readdirSync(folder).sort(), ['config', 'console', 'cores', 'logs', 'platform', 'vm.json', 'zfs.dump', 'zone.xml']); // prettier-ignore
    assert.equal(readFileSync(join(folder, 'zone.xml'), 'utf8'), xml);
    const kept = JSON.parse(readFileSync(join(folder, 'vm.json'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual([kept['uuid'], kept['alias'], kept['tags']], [whole['uuid'], 'kept', { a: 'b' }]);
    assert.equal(readFileSync(join(folder, 'config/tags.json'), 'utf8'), '{\n  "a": "b"\n}');
    assert.deepEqual(readdirSync(join(folder, 'platform')), ['platform.log.0']);
    assert.deepEqual(readdirSync(join(folder, 'logs')), ['triton.log']);
    assert.match(readFileSync(join(folder, 'zfs.dump'), 'utf8'), new RegExp(`^zones/${uuid}\\tquota\\t1073741824\\t`, 'm')); // prettier-ignore
    assert.equal((await host.vmadm(['list', '-H'])).stdout, '');
  });

  it('does not follow where an image has put links for folders', async () => {
    const uuid = randomUUID();
    await make({ uuid, autoboot: false });
    mkdirSync(host.at(`/zones/${uuid}/root/var`), { recursive: true });
    const secret = host.at('/secret');
    mkdirSync(secret);
    writeFileSync(join(secret, 'triton.log'), 'secret\n');
    if (!existsSync(host.at(`/zones/${uuid}/root/var/log`)))
      symlinkSync(secret, host.at(`/zones/${uuid}/root/var/log`));
    symlinkSync(secret, host.at(`/zones/${uuid}/logs`));
    writeFileSync(join(secret, 'platform.log'), 'secret\n');
    await host.ok('vmadm', ['delete', uuid]);
    const folder = host.at(`/zones/archive/${uuid}`);
    assert.ok(!existsSync(join(folder, 'platform')) && !existsSync(join(folder, 'logs')));
  });

  it('that has been made already stays, and never keeps a VM from going', async () => {
    const uuid = randomUUID();
    mkdirSync(host.at(`/zones/archive/${uuid}`), { recursive: true });
    await make({ uuid, autoboot: false });
    await host.ok('vmadm', ['delete', uuid]);
    assert.deepEqual(readdirSync(host.at(`/zones/archive/${uuid}`)), []);
    const plain = randomUUID();
    await make({ uuid: plain, autoboot: false, archive_on_delete: false });
    await host.ok('vmadm', ['delete', plain]);
    assert.ok(!existsSync(host.at(`/zones/archive/${plain}`)));
  });

  it('starts of a container begin its count of restarts anew', async () => {
    const uuid = randomUUID();
    const internal_metadata = { 'docker:cmd': '["/bin/sleep","1000"]', 'docker:restartcount': 4 };
    await make({ uuid, docker: true, image_uuid: busyboxImage, autoboot: false, init_name: '/sbin/init', internal_metadata }); // prettier-ignore
    const count = async () =>
      (JSON.parse(await host.ok('vmadm', ['get', uuid])) as { internal_metadata: Record<string, unknown> })
        .internal_metadata['docker:restartcount'];
    assert.equal(await count(), 4);
    // Whatever becomes of the container: it has been started.
    await host.vmadm(['start', uuid]);
    assert.equal(await count(), 0);
    await host.ok('vmadm', ['delete', uuid]);
  });
});
