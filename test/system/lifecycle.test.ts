/** The life of a zone on a real host, by the commands alone. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { eventually, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

describe('a zone', () => {
  let host: TestHost;
  const uuid = '11111111-2222-4333-8444-555555555555';
  const state = async (): Promise<string> =>
    (await host.ok('vmadm', ['list', '-H', '-o', 'state', `uuid=${uuid}`])).trim();
  const create = (more: Record<string, unknown> = {}) =>
    host.vmadm(['create'], { input: JSON.stringify(payload({ uuid, ...more })) });

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
  });
  after(() => host.close());

  it('is created and runs, and the first bytes on standard error say so', async () => {
    const done = await create({
      alias: 'web',
      hostname: 'inner',
      nics: [{ nic_tag: 'admin', ips: ['dhcp'], primary: true }],
      tags: { role: 'web', weight: 3 },
      customer_metadata: { greeting: 'hello' },
    });
    assert.deepEqual(done, { status: 0, stdout: '', stderr: `Successfully created VM ${uuid}\n` });
    assert.equal(await state(), 'running');
  });

  it('has a pid 1, a host name and a network stack of its own, and does not see the processes of the host', async () => {
    const ps = await host.inside(uuid, 'cat /proc/1/comm; ps | wc -l; hostname; ls /sys/class/net');
    const [init, processes, hostname, ...links] = ps.stdout.trim().split('\n');
    assert.equal(init, 'init');
    assert.ok(Number(processes) < 20, `sees ${String(processes)} processes`);
    assert.equal(hostname, 'inner');
    assert.ok(links.includes('lo'));
    assert.ok(links.some((link) => /^(eth|net)0$/.test(link)));
  });

  it('reaches the host by the address it was given', async () => {
    const gateway = await host.inside(uuid, "ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'");
    assert.match(gateway.stdout, /^\d+\.\d+\.\d+\.\d+\n$/);
    const ping = await host.inside(uuid, `ping -c 1 -W 2 ${gateway.stdout.trim()}`);
    assert.equal(ping.status, 0, ping.stdout + ping.stderr);
  });

  it('is found by alias, tag and address', async () => {
    for (const filter of ['alias=web', 'tags.role=web', 'alias=~^w', 'nics.*.nic_tag=admin']) {
      assert.equal(await host.ok('vmadm', ['lookup', filter]), `${uuid}\n`, filter);
    }
    assert.equal(await host.ok('vmadm', ['lookup', 'alias=nobody']), '');
  });

  it('is shown whole by get, as JSON', async () => {
    const vm = JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
    assert.equal(vm['alias'], 'web');
    assert.equal(vm['state'], 'running');
    assert.equal(vm['quota'], 1);
    assert.deepEqual(vm['tags'], { role: 'web', weight: 3 });
    assert.deepEqual(vm['customer_metadata'], { greeting: 'hello' });
    assert.equal(typeof vm['pid'], 'number');
    assert.equal(vm['zfs_filesystem'], `zones/${uuid}`);
  });

  it('changes while it runs', async () => {
    const changes = ['alias=db', 'hostname=other', 'max_lwps=300', 'cpu_cap=50', 'max_physical_memory=96', 'quota=2'];
    const done = await host.vmadm(['update', uuid, ...changes]);
    assert.deepEqual(done, { status: 0, stdout: '', stderr: `Successfully updated VM ${uuid}\n` });
    assert.equal((await host.inside(uuid, 'hostname')).stdout, 'other\n');
    const vm = JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
    const { alias, hostname, max_lwps: lwps, cpu_cap: cap, max_physical_memory: memory, quota } = vm;
    assert.deepEqual([alias, hostname, lwps, cap, memory, quota], ['db', 'other', 300, 50, 96, 2]);
  });

  it('gets and loses tags, metadata and nics while it runs', async () => {
    const change = (changes: unknown) => host.ok('vmadm', ['update', uuid], { input: JSON.stringify(changes) });
    await change({ set_tags: { tier: 1 }, remove_tags: ['weight'], set_customer_metadata: { more: 'yes' } });
    await change({ add_nics: [{ nic_tag: 'stub0', ips: ['10.9.0.2/24'], mac: '02:00:00:00:00:09' }] });
    const vm = JSON.parse(await host.ok('vmadm', ['get', uuid])) as Record<string, unknown>;
    assert.deepEqual(vm['tags'], { role: 'web', tier: 1 });
    assert.deepEqual(vm['customer_metadata'], { greeting: 'hello', more: 'yes' });
    assert.match((await host.inside(uuid, 'ip -4 addr')).stdout, /10\.9\.0\.2\/24/);
    await change({ remove_nics: ['02:00:00:00:00:09'] });
    assert.doesNotMatch((await host.inside(uuid, 'ip -4 addr')).stdout, /10\.9\.0\.2/);
  });

  it('reboots by command, and by itself', async () => {
    const boots = async () =>
      (JSON.parse(await host.ok('vmadm', ['get', uuid])) as { boot_timestamp?: string }).boot_timestamp;
    const first = await host.ok('vmadm', ['lookup', '-j', '-o', 'pid', `uuid=${uuid}`]);
    const done = await host.vmadm(['reboot', uuid]);
    assert.equal(done.stderr, `Successfully completed reboot for VM ${uuid}\n`);
    const second = await host.ok('vmadm', ['lookup', '-j', '-o', 'pid', `uuid=${uuid}`]);
    assert.notEqual(second, first);
    await host.inside(uuid, 'reboot -f');
    await eventually('the reboot from inside', async () => {
      const third = await host.ok('vmadm', ['lookup', '-j', '-o', 'pid', `uuid=${uuid}`, 'state=running']);
      return third !== '[]\n' && third !== second;
    });
    assert.notEqual(await boots(), undefined);
    assert.equal(await state(), 'running');
  });

  it('stops by itself, and list tells at once', async () => {
    await host.inside(uuid, 'poweroff -f');
    await eventually('the poweroff from inside', async () => (await state()) === 'stopped', 2000);
    const again = await host.vmadm(['stop', uuid]);
    assert.deepEqual([again.status, again.stderr], [0, `VM ${uuid} is already not 'running' (currently: stopped)\n`]);
  });

  it('starts again with what was changed', async () => {
    assert.equal((await host.vmadm(['start', uuid])).stderr, `Successfully started VM ${uuid}\n`);
    assert.equal((await host.inside(uuid, 'hostname')).stdout, 'other\n');
    const again = await host.vmadm(['start', uuid]);
    assert.deepEqual(
      [again.status, again.stderr],
      [0, `Unable to start VM ${uuid}: VM ${uuid} is already 'running'\n`],
    );
  });

  it('is shut down by stop, and ended by stop -F', async () => {
    assert.equal((await host.vmadm(['stop', uuid])).stderr, `Successfully completed stop for VM ${uuid}\n`);
    assert.equal(await state(), 'stopped');
    await host.ok('vmadm', ['start', uuid]);
    assert.equal((await host.vmadm(['stop', uuid, '-F'])).stderr, `Successfully completed stop for VM ${uuid}\n`);
    assert.equal(await state(), 'stopped');
  });

  it('runs again after the host has been down, if it ran before', async () => {
    await host.ok('vmadm', ['start', uuid]);
    const sleeper = JSON.stringify(payload({ alias: 'sleeper', autoboot: false }));
    await host.ok('vmadm', ['create'], { input: sleeper });
    await host.goDown();
    assert.equal(await state(), 'stopped');
    const done = await host.vmadm(['autoboot']);
    assert.deepEqual(done, { status: 0, stdout: '', stderr: `Successfully started VM ${uuid}\n` });
    assert.equal(await state(), 'running');
    assert.deepEqual(await host.vmadm(['autoboot']), { status: 0, stdout: '', stderr: '' });
    await host.ok('vmadm', ['delete', (await host.ok('vmadm', ['lookup', 'alias=sleeper'])).trim()]);
    await host.ok('vmadm', ['stop', '-F', uuid]);
  });

  it('keeps its image from being deleted', async () => {
    const refused = await host.run('imgadm', ['delete', String(payload()['image_uuid'])]);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /^imgadm delete: error \(ImageHasDependentClones\): image /);
  });

  it('is deleted without a trace', async () => {
    await host.ok('vmadm', ['start', uuid]);
    assert.equal((await host.vmadm(['delete', uuid])).stderr, `Successfully deleted VM ${uuid}\n`);
    assert.equal(await host.ok('vmadm', ['list', '-H']), '');
    assert.ok(!existsSync(host.at(`/zones/${uuid}`)));
    assert.ok(!existsSync(host.at(`/etc/zones/${uuid}.xml`)));
    assert.deepEqual(
      readdirSync('/sys/class/net').filter((link) =>
        readFileSync(`/sys/class/net/${link}/ifalias`, 'utf8').includes(uuid),
      ),
      [],
    );
    const gone = await host.vmadm(['get', uuid]);
    assert.deepEqual([gone.status, gone.stderr], [1, `zoneadm: ${uuid}: No such zone configured\n`]);
  });
});
