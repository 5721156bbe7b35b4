/** vmadm setup: the pool and the network where somebody wants them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { inOwnNetworkNamespace } from '../netns.js';
import { openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

describe('setup', () => {
  let host: TestHost;
  let config: string;
  const loops: string[] = [];
  beforeEach(() => {
    host = openTestHost();
    config = host.at('/etc/smartadm/config.json');
    rmSync(config);
  });
  afterEach(async () => {
    await host.close();
    for (const loop of loops.splice(0)) spawnSync('losetup', ['-d', loop]);
  });

  const settings = () => JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>;
  const lines = (text: string) => text.trimEnd().split('\n');
  const addresses = () => spawnSync('ip', ['-4', '-o', 'addr'], { encoding: 'utf8' }).stdout;

  async function refused(args: readonly string[], message: RegExp, status = 1): Promise<void> {
    const done = await host.vmadm(['setup', ...args]);
    assert.equal(done.status, status, done.stdout);
    assert.match(done.stderr, message);
    assert.equal(done.stdout, '');
  }

  /** An empty device of 512 MiB. */
  function device(): string {
    const file = host.at('/disk');
    writeFileSync(file, '');
    truncateSync(file, 2 ** 29);
    const loop = spawnSync('losetup', ['-f', '--show', file], { encoding: 'utf8' }).stdout.trim();
    loops.push(loop);
    return loop;
  }

  it('without a wish makes what the first command would make, and says where', async () => {
    const first = await host.ok('vmadm', ['setup']);
    assert.match(lines(first)[0] ?? '', /^pool zones: [\d.]+ GiB, [\d.]+ GiB free, on .*\/var\/lib\/smartadm\/zones\.btrfs, mounted at .*\/zones$/); // prettier-ignore
    assert.match(lines(first)[1] ?? '', /^nic tag admin: bridge \S+, which this host serves as 10\.[\d.]+\/20$/);
    assert.ok(!existsSync(config));
    assert.equal(lines(await host.ok('vmadm', ['setup']))[1], lines(first)[1]);
  });

  it('makes a pool of the size and a network of the addresses that are wished, as often as it is asked', async () => {
    const wish = ['setup', '--file', '/pool', '--size', '1', '--subnet', '10.99.8.0/24'];
    const made = await host.ok('vmadm', wish);
    assert.match(made, /^pool zones: 1\.0 GiB, .* on .*\/pool, /);
    assert.match(made, /serves as 10\.99\.8\.0\/24\n$/);
    assert.match(addresses(), / 10\.99\.8\.1\/24 /);
    assert.deepEqual(settings(), {
      pools: { zones: { driver: 'btrfs', file: '/pool', sizeGiB: 1 } },
      nicTags: { admin: { subnet: '10.99.8.0/24' } },
    });
    assert.equal(lines(await host.ok('vmadm', wish))[1], lines(made)[1]);
  });

  it('uses a device that is empty, and none that holds anything', async () => {
    const loop = device();
    assert.equal(spawnSync('mkfs.ext4', ['-q', loop]).status, 0);
    await refused(['-d', loop], /^cannot [^\n]*it holds ext4, which is not overwritten\n$/);
    assert.ok(!existsSync(config));
    spawnSync('wipefs', ['-a', loop]);
    assert.match(await host.ok('vmadm', ['setup', '-d', loop]), new RegExp(`^pool zones: 0\\.5 GiB, .* on ${loop}, `));
    await host.install('busybox-1.35.0');
  });

  it('does not move a pool, nor the network under a machine that runs', async () => {
    await host.install('busybox-1.35.0');
    const nics = [{ nic_tag: 'admin', ips: ['dhcp'], primary: true }];
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ nics })) });
    await refused(
      ['-d', device()],
      /^pool zones is kept on .*zones\.btrfs already: it is not moved to \/dev\/loop\d+\n$/,
    );
    await refused(['-s', '7'], /already: its size stays as it is\n$/);
    await refused(
      ['-n', '10.99.9.0/24'],
      /^cannot change the network of nic tag "admin" while machines use the host's \(stop [-0-9a-f]{36}\)\n$/,
    );
    assert.ok(!existsSync(config));
    const uuid = (await host.ok('vmadm', ['list', '-H', '-o', 'uuid'])).trim();
    await host.ok('vmadm', ['stop', '-F', uuid]);
    await host.ok('vmadm', ['setup', '-n', '10.99.9.0/24']);
    await host.ok('vmadm', ['start', uuid]);
    assert.match((await host.inside(uuid, 'ip -4 -o addr')).stdout, / 10\.99\.9\.\d+\/24 /);
  });

  it('takes a bridge of the host, which has to be there', async () => {
    await refused(['-b', 'br77'], /^link br77 of nic tag "admin" does not exist\n$/);
    assert.ok(!existsSync(config));
    spawnSync('ip', ['link', 'add', 'br77', 'type', 'bridge']);
    assert.match(await host.ok('vmadm', ['setup', '-b', 'br77']), /\nnic tag admin: bridge br77\n$/);
    assert.deepEqual(settings(), { nicTags: { admin: { bridge: 'br77' } } });
    assert.match(await host.ok('vmadm', ['setup']), /\nnic tag admin: bridge br77\n$/);
    spawnSync('ip', ['link', 'delete', 'br77']);
  });

  it('that fails leaves no pool that the configuration does not name, and the network as it was', async () => {
    const first = await host.ok('vmadm', ['setup', '-f', '/first', '-s', '1']);
    const before = settings();
    await refused(['-b', 'br77'], /^link br77 of nic tag "admin" does not exist\n$/);
    assert.deepEqual(settings(), before);
    assert.equal(lines(await host.ok('vmadm', ['setup']))[1], lines(first)[1]);
    await host.goDown();
    rmSync(host.at('/first'));
    rmSync(config);
    const loop = device();
    await refused(['-d', loop, '-b', 'br77'], /^link br77 of nic tag "admin" does not exist\n$/);
    assert.ok(!existsSync(config));
    assert.equal(spawnSync('blkid', ['-p', loop]).status, 2);
  });

  it('refuses what makes no sense, and changes nothing', async () => {
    await refused(['-d', '/dev/null', '-f', '/x'], /^--device and --file do not go together\n/, 2);
    await refused(['-d', '/dev/null'], /^cannot use \/dev\/null for a pool: it is not a block device\n$/);
    await refused(['-n', '10.1.2.0/31'], /10\.1\.2\.0\/31/);
    await refused(['-s', '0.2'], /sizeGiB must be >= 1/);
    await refused(['everything'], /everything/, 2);
    assert.ok(!existsSync(config));
    assert.ok(!existsSync(host.at('/var/lib/smartadm/zones.btrfs')));
  });
});
