/** Making machines at the same time, killed half way, from damaged payloads: on a real host, by the commands alone. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage, openTestHost, payload, type TestHost } from './test-host.js';
import { tracesOf } from './traces.js';

inOwnNetworkNamespace(import.meta.url);

describe('create', () => {
  let host: TestHost;
  const nics = [{ nic_tag: 'admin', ips: ['dhcp'], primary: true }];
  const create = (more: Record<string, unknown>) => host.vmadm(['create'], { input: JSON.stringify(payload(more)) });
  const uuids = async () => (await host.ok('vmadm', ['list', '-H', '-o', 'uuid'])).split('\n').filter(Boolean);
  const removeAll = () => uuids().then((all) => Promise.all(all.map((uuid) => host.ok('vmadm', ['delete', uuid]))));

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
  });
  afterEach(removeAll);
  after(() => host.close());

  it('of one uuid twice at once: one wins, the other says so', async () => {
    const uuid = randomUUID();
    const both = await Promise.all([create({ uuid }), create({ uuid })]);
    assert.deepEqual(both.map((done) => done.status).sort(), [0, 1]);
    const loser = both.find((done) => done.status === 1);
    assert.equal(loser?.stderr, `VM with UUID ${uuid} already exists\n`);
    assert.deepEqual(await uuids(), [uuid]);
  });

  it('of twenty machines at once makes and runs them all, each with an address of its own', async () => {
    const all = Array.from({ length: 20 }, (_, at) => create({ alias: `m${at}`, nics }));
    for (const done of await Promise.all(all)) assert.equal(done.status, 0, done.stderr);
    const running = (await host.ok('vmadm', ['lookup', 'state=running'])).split('\n').filter(Boolean);
    assert.equal(running.length, 20);
    const addresses = await Promise.all(
      running.map(
        async (uuid) =>
          (await host.inside(uuid, "ip -4 -o addr | sed -n 's/.*inet \\([0-9.]*\\).* scope global.*/\\1/p'")).stdout,
      ),
    );
    assert.equal(new Set(addresses).size, 20);
    await removeAll();
    assert.deepEqual(tracesOf(host), []);
  });

  it('killed at any moment leaves nothing that delete cannot remove', async () => {
    const took = await timeOf(() => create({ nics }));
    await removeAll();
    for (let at = 0; at < 24; at += 1) {
      const uuid = randomUUID();
      const child = host.start('vmadm', ['create']);
      child.stdin?.end(JSON.stringify(payload({ uuid, nics })));
      const ended = new Promise((resolve) => child.on('exit', resolve));
      await sleep((took * 1.1 * at) / 24);
      child.kill('SIGKILL');
      await ended;
      const listed = await uuids();
      assert.ok(listed.every((each) => each === uuid));
      const deleted = await host.vmadm(['delete', uuid]);
      if (listed.length > 0 || deleted.status !== 0)
        assert.equal(deleted.status, listed.length > 0 ? 0 : 1, deleted.stderr);
      assert.deepEqual(tracesOf(host), [], `killed after ${Math.round((took * 1.1 * at) / 24)} ms`);
    }
    const done = await create({ nics });
    assert.equal(done.status, 0, done.stderr);
  });

  it('killed between its two writes leaves a configuration that delete removes, and create replaces', async () => {
    const uuid = randomUUID();
    assert.equal((await create({ uuid, autoboot: false })).status, 0);
    const written = readFileSync(host.at(`/etc/zones/${uuid}.xml`));
    await removeAll();
    writeFileSync(host.at(`/etc/zones/${uuid}.xml`), written);
    assert.deepEqual(await uuids(), []);
    assert.equal((await create({ uuid, autoboot: false })).status, 0);
    await removeAll();
    writeFileSync(host.at(`/etc/zones/${uuid}.xml`), written);
    await host.ok('vmadm', ['delete', uuid]);
    assert.deepEqual(tracesOf(host), []);
    assert.equal((await create({ uuid, autoboot: false })).status, 0);
    writeFileSync(host.at('/etc/zones/index'), 'global:installed:/\n');
    await host.ok('vmadm', ['delete', uuid]);
    assert.deepEqual(tracesOf(host), [], 'its datasets go with it, too');
    const again = await host.vmadm(['delete', uuid]);
    assert.deepEqual([again.status, again.stderr], [1, `Failed to delete VM ${uuid}: VM ${uuid} not found\n`]);
  });

  it('refuses what is no payload with one line, and changes nothing', async () => {
    const bad: [what: string, input: string, message: RegExp][] = [
      ['nothing', '', /^Invalid JSON payload: standard input, line 1, column 1: /],
      ['half of it', '{\n  "brand": "lx",\n  "alias": ', /line 3, column 12: /],
      ['an array', '[]', /object/],
      ['null', 'null', /object/],
      ['a word', '"lx"', /object/],
      ['depth', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, /object/],
      ['ten megabytes', `{"alias": "${'x'.repeat(10 * 1024 * 1024)}`, /Invalid JSON payload: /],
      ['a prototype', `{"__proto__": {"brand": "lx"}, "image_uuid": "${randomUUID()}"}`, /./],
      ['an unknown brand', JSON.stringify(payload({ brand: 'zen' })), /brand/],
      ['an unknown image', JSON.stringify(payload({ image_uuid: randomUUID() })), /image/],
      ['wrong types', JSON.stringify(payload({ max_physical_memory: 'much', nics: 'many' })), /max_physical_memory|nics/],
      ['an unknown nic tag', JSON.stringify(payload({ nics: [{ nic_tag: 'nowhere', ips: ['dhcp'] }] })), /nowhere/],
      ['depth inside', `{"brand":"lx","image_uuid":"${String(payload()['image_uuid'])}","tags":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`, /tags/],
    ]; // prettier-ignore
    for (const [what, input, message] of bad) {
      const done = await host.vmadm(['create'], { input });
      assert.ok(done.status === 1 || done.status === 2, `${what}: ${done.status} ${done.stderr.slice(0, 200)}`);
      assert.match(done.stderr, message, what);
      assert.equal(done.stdout, '', what);
      assert.ok(
        done.stderr.split('\n').length <= 12 && done.stderr.length < 2000,
        `${what}: ${done.stderr.slice(0, 300)}`,
      );
    }
    assert.deepEqual(await uuids(), []);
    assert.deepEqual(tracesOf(host), []);
  });

  it('refuses an image for another kernel, and says why', async () => {
    const file = fileURLToPath(new URL('../fixtures/images/busybox-1.35.0', import.meta.url));
    const manifest = JSON.parse(readFileSync(`${file}.imgmanifest`, 'utf8')) as Record<string, unknown>;
    const foreign = { ...manifest, uuid: randomUUID(), os: 'smartos', type: 'zone-dataset', requirements: {} };
    writeFileSync(host.at('/foreign.imgmanifest'), JSON.stringify(foreign));
    await host.ok('imgadm', ['install', '-m', host.at('/foreign.imgmanifest'), '-f', `${file}.zfs.gz`]);
    const done = await create({ brand: 'joyent', image_uuid: foreign.uuid });
    assert.equal(done.status, 1);
    assert.match(done.stderr, /^[^\n]*smartos[^\n]*\n$/);
    assert.deepEqual(await uuids(), []);
    await host.ok('imgadm', ['delete', foreign.uuid]);
  });

  it('from an image that has links and pipes where the platform keeps files: they are gone', async () => {
    const [number = ''] = readdirSync(host.at('/zones/.smartadm/snapshots'));
    const image = host.at(`/zones/.smartadm/snapshots/${number}/final`);
    const setReadOnly = (value: boolean) => spawnSync('btrfs', ['property', 'set', image, 'ro', String(value)]);
    setReadOnly(false);
    symlinkSync(host.at('/etc'), join(image, 'config'));
    for (const name of ['lastexited', 'lastbooted']) spawnSync('mkfifo', [join(image, name)]);
    setReadOnly(true);
    const uuid = randomUUID();
    assert.equal((await create({ uuid, autoboot: false, tags: { a: 1 } })).status, 0);
    const vm = JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
    assert.deepEqual([vm['tags'], vm['exit_timestamp']], [{ a: 1 }, undefined]);
    const again = await host.vmadm(['reprovision', uuid], { input: JSON.stringify({ image_uuid: busyboxImage }) });
    assert.equal(again.stderr, `Successfully reprovisioned VM ${uuid}\n`);
    assert.deepEqual((JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>)['tags'], { a: 1 });
    setReadOnly(false);
    for (const name of ['config', 'lastexited', 'lastbooted']) rmSync(join(image, name));
    setReadOnly(true);
  });

  it('refuses an address that another machine has', async () => {
    const nic = (mac: string) => ({ nic_tag: 'stub0', ips: ['10.77.0.5/24'], mac });
    const first = await create({ nics: [nic('02:00:00:00:00:01')] });
    assert.equal(first.status, 0, first.stderr);
    const second = await create({ nics: [nic('02:00:00:00:00:02')] });
    assert.equal(second.status, 1);
    assert.match(second.stderr, /^Conflict detected with another vm/);
    assert.equal((await uuids()).length, 1);
  });

  it('that cannot boot is taken back', async () => {
    const done = await create({ nics, init_name: '/no/such/program' });
    if (done.status !== 0) assert.deepEqual(await uuids(), []);
    await removeAll();
    assert.deepEqual(tracesOf(host), []);
  });

  it('without autoboot leaves a stopped machine', async () => {
    const uuid = randomUUID();
    const done = await create({ uuid, autoboot: false });
    assert.equal(done.status, 0, done.stderr);
    assert.equal(await host.ok('vmadm', ['list', '-p', '-o', 'state,uuid']), `stopped:${uuid}\n`);
  });
});

async function timeOf(work: () => Promise<{ status: number; stderr: string }>): Promise<number> {
  const start = Date.now();
  const done = await work();
  assert.equal(done.status, 0, done.stderr);
  return Date.now() - start;
}
