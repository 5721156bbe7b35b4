/** Commands that are killed half way: the next one goes on from there, and delete leaves nothing. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, payload, type TestHost } from './test-host.js';
import { tracesOf } from './traces.js';

inOwnNetworkNamespace(import.meta.url);

const moments = 6;

describe('a command that is killed', () => {
  let host: TestHost;
  let uuid: string;
  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
  });
  afterEach(() => host.run('vmadm', ['delete', uuid]));
  after(() => host.close());

  const nics = [{ nic_tag: 'admin', ips: ['dhcp'], primary: true }];
  const get = async (field: string) => (await host.ok('vmadm', ['list', '-H', '-o', field, `uuid=${uuid}`])).trim();
  const stopped = () => host.run('vmadm', ['stop', '-F', uuid]);
  const running = () => host.run('vmadm', ['start', uuid]);

  /**
   * Kills `args` at moments from its beginning to its end. Each time the machine is brought to where it begins by `from`
   * before, and after it `again` has to do what the command should have done.
   */
  async function killedAt(
    args: readonly string[],
    from: () => Promise<unknown>,
    again: () => Promise<unknown>,
  ): Promise<void> {
    uuid = randomUUID();
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, nics })) });
    const words = args.map((word) => word.replace('UUID', uuid));
    await from();
    const began = Date.now();
    await host.ok('vmadm', words);
    const took = Date.now() - began;
    for (let at = 0; at < moments; at += 1) {
      await from();
      const child = host.start('vmadm', words);
      child.stdin?.end();
      const ended = new Promise((resolve) => child.on('exit', resolve));
      const ms = Math.round((took * (at + 0.5)) / moments);
      await sleep(ms);
      child.kill('SIGKILL');
      await ended;
      await again().catch((error: unknown) => {
        throw new Error(`killed after ${ms} of ${took} ms`, { cause: error });
      });
    }
    await host.ok('vmadm', ['delete', uuid]);
    assert.deepEqual(tracesOf(host), []);
  }

  it('start: the machine can be started', () =>
    killedAt(['start', 'UUID'], stopped, async () => {
      await running();
      assert.equal(await get('state'), 'running');
      assert.equal((await host.inside(uuid, "ip -4 -o addr | grep 'scope global'")).status, 0);
    }));

  it('stop: the machine can be stopped', () =>
    killedAt(['stop', 'UUID', '-F'], running, async () => {
      await stopped();
      assert.equal(await get('state'), 'stopped');
    }));

  it('reboot: the machine runs, or can be started', () =>
    killedAt(['reboot', 'UUID', '-F'], running, async () => {
      await running();
      assert.equal(await get('state'), 'running');
    }));

  it('update: the machine is as before or as it should be, and can be updated', () =>
    killedAt(
      ['update', 'UUID', 'max_physical_memory=96'],
      () => host.ok('vmadm', ['update', uuid, 'max_physical_memory=64']),
      async () => {
        assert.match(await get('ram'), /^(64|96)$/);
        await host.ok('vmadm', ['update', uuid, 'max_physical_memory=96']);
        assert.equal(await get('ram'), '96');
      },
    ));

  it('create-snapshot: the snapshot is there or not, and can be removed or made', () =>
    killedAt(
      ['create-snapshot', 'UUID', 's'],
      () => host.run('vmadm', ['delete-snapshot', uuid, 's']),
      async () => {
        const vm = JSON.parse(await host.ok('vmadm', ['get', uuid])) as { snapshots: readonly unknown[] };
        if (vm.snapshots.length === 0) await host.ok('vmadm', ['create-snapshot', uuid, 's']);
        await host.ok('vmadm', ['delete-snapshot', uuid, 's']);
      },
    ));

  it('rollback-snapshot: the machine can be rolled back', () =>
    killedAt(
      ['rollback-snapshot', 'UUID', 'kept'],
      async () => {
        await host.run('vmadm', ['create-snapshot', uuid, 'kept']);
        await running();
        assert.equal((await host.inside(uuid, 'touch /later')).status, 0);
      },
      async () => {
        await host.ok('vmadm', ['rollback-snapshot', uuid, 'kept']);
        await running();
        assert.notEqual((await host.inside(uuid, 'test -e /later')).status, 0);
      },
    ));

  it('delete: the machine can be deleted, and nothing stays', async () => {
    uuid = randomUUID();
    const create = () => host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, nics })) });
    await create();
    const began = Date.now();
    await host.ok('vmadm', ['delete', uuid]);
    const took = Date.now() - began;
    for (let at = 0; at < moments; at += 1) {
      await create();
      const child = host.start('vmadm', ['delete', uuid]);
      const ended = new Promise((resolve) => child.on('exit', resolve));
      await sleep((took * (at + 0.5)) / moments);
      child.kill('SIGKILL');
      await ended;
      const listed = await host.ok('vmadm', ['list', '-H']);
      const done = await host.vmadm(['delete', uuid]);
      if (listed !== '') assert.equal(done.status, 0, done.stderr);
      assert.deepEqual(tracesOf(host), []);
    }
  });
});
