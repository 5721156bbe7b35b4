/** Links on the real kernel, in network namespaces of the test's own: carriers, guards, NAT, DHCP, live vnics. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import type { VnicSpec } from '../../lib/host/links.js';
import type { NicTagConfig } from '../../lib/host/linux/config.js';
import { createLinuxLinks, type LinuxLinks } from '../../lib/host/linux/links.js';
import { loadNative } from '../../lib/host/native.js';
import { inOwnNetworkNamespace } from '../netns.js';

inOwnNetworkNamespace(import.meta.url);

const netlink = loadNative('netlink');
const roots: string[] = [];
const made: LinuxLinks[] = [];
const guests: ChildProcess[] = [];

function newRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'smartadm-links-'));
  chmodSync(root, 0o755);
  mkdirSync(join(root, 'var'));
  roots.push(root);
  return root;
}

function open(root: string, tags: Readonly<Record<string, NicTagConfig>>): LinuxLinks {
  const links = createLinuxLinks({ root, at: (path) => join(root, path), tags });
  made.push(links);
  return links;
}

/** A process in a network namespace of its own: what a zone's init is to the links. */
async function newGuest(): Promise<number> {
  const guest = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up; echo ready; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  guests.push(guest);
  await new Promise((resolve) => guest.stdout.once('data', resolve));
  assert.ok(guest.pid !== undefined);
  return guest.pid;
}

function inside(pid: number, ...argv: string[]) {
  return spawnSync('nsenter', [`--net=/proc/${pid}/ns/net`, ...argv], { encoding: 'utf8', timeout: 20_000 });
}

/** Whether an echo comes back within a second, with nothing remembered about the way. */
function reaches(pid: number, address: string, ...options: string[]): boolean {
  inside(pid, 'ip', 'neigh', 'flush', 'all');
  return inside(pid, 'busybox', 'ping', '-c', '1', '-W', '1', ...options, address).status === 0;
}

/** The same, with patience for neighbours that remember an old MAC and for duplicate address detection. */
function getsThrough(pid: number, address: string, ...options: string[]): boolean {
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline) if (reaches(pid, address, ...options)) return true;
  return false;
}

function commandOf(pid: number): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
}

function vnic(last: number, more: Partial<VnicSpec> = {}): VnicSpec {
  return {
    physical: 'net0',
    nicTag: 'admin',
    mac: `02:8:20:0:0:${last.toString(16)}`,
    vlanId: 0,
    addresses: [`10.55.0.${last}/24`],
    gateways: ['10.55.0.1'],
    mtu: undefined,
    allowIpSpoofing: false,
    allowMacSpoofing: false,
    allowDhcpSpoofing: false,
    allowedIps: [],
    ...more,
  };
}

before(() => {
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
});

after(async () => {
  for (const guest of guests) guest.kill('SIGKILL');
  for (const links of made) await links.removeAll();
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

describe('a carrier', () => {
  it('is a bridge with an address, NAT, forwarding and a DHCP server, made once by twenty at a time', async () => {
    const root = newRoot();
    const all = Array.from({ length: 20 }, () => open(root, { admin: {} }));
    const names = new Set(await Promise.all(all.map((links) => links.ensureCarrier('admin', 0))));
    assert.equal(names.size, 1);
    const [name = ''] = names;
    const link = await netlink.findLink(name);
    assert.deepEqual([link?.kind, link?.up], ['bridge', true]);
    const addresses = (await netlink.addresses(name)).filter((address) => !address.linkLocal);
    assert.equal(addresses.length, 1);
    assert.match(addresses[0]?.cidr ?? '', /^10\.\d+\.\d+\.1\/20$/);
    assert.match(spawnSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).stdout, /masquerade/);
    assert.equal(readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim(), '1');
    const pid = Number(readFileSync(join(root, 'var/run/smartadm/dhcp', name, 'pid'), 'utf8'));
    assert.ok(existsSync(`/proc/${pid}`));
  });

  it('comes back as it was when its server or its address was lost, with the same network', async () => {
    const root = newRoot();
    const name = await open(root, { admin: {} }).ensureCarrier('admin', 0);
    const before_ = (await netlink.addresses(name)).map((address) => address.cidr);
    const pidFile = join(root, 'var/run/smartadm/dhcp', name, 'pid');
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
    await open(root, { admin: {} }).ensureCarrier('admin', 0);
    assert.ok(existsSync(`/proc/${Number(readFileSync(pidFile, 'utf8'))}`));
    await netlink.deleteLink(name);
    assert.equal(await open(root, { admin: {} }).ensureCarrier('admin', 0), name);
    const cidrs = (await netlink.addresses(name)).map((address) => address.cidr);
    assert.ok(before_.every((cidr) => cidr.startsWith('fe80') || cidrs.includes(cidr)));
  });

  it('of another root has another name and another network', async () => {
    const one = open(newRoot(), { admin: {} });
    const two = open(newRoot(), { admin: {} });
    const [a, b] = await Promise.all([one.ensureCarrier('admin', 0), two.ensureCarrier('admin', 0)]);
    assert.notEqual(a, b);
    const first = (await netlink.addresses(a)).map((address) => address.cidr);
    assert.ok(!(await netlink.addresses(b)).some((address) => first.includes(address.cidr)));
    assert.notEqual(one.hostName('z', 'net0'), two.hostName('z', 'net0'));
    assert.ok(one.hostName('z', 'net0').length <= 15);
  });

  it('of an etherstub has no part of the host in it', async () => {
    const links = open(newRoot(), { stub0: { etherstub: true } });
    const name = await links.ensureCarrier('stub0', 0);
    assert.deepEqual(await netlink.addresses(name), []);
    const tags = await links.nicTags();
    assert.deepEqual(tags, [{ name: 'stub0', kind: 'etherstub', link: name, mtu: 1500 }]);
    assert.equal((await links.list()).find((link) => link.name === name)?.kind, 'etherstub');
    const tagged = await links.ensureCarrier('stub0', 7);
    assert.notEqual(tagged, name);
  });

  it('on a bridge of the host is that bridge, which must exist', async () => {
    const links = open(newRoot(), { external: { bridge: 'hostbr0' } });
    await assert.rejects(links.ensureCarrier('external', 0), (error) => codeOf(error) === 'LinkNotFound');
    await netlink.createBridge('hostbr0');
    assert.equal(await links.ensureCarrier('external', 0), 'hostbr0');
  });

  it('takes an uplink that the host does not use itself, and refuses one that it does', async () => {
    await netlink.createVeth('up0', { name: 'up0peer' });
    const links = open(newRoot(), { external: { uplink: 'up0' } });
    const name = await links.ensureCarrier('external', 0);
    assert.equal((await netlink.findLink('up0'))?.master, name);
    await netlink.createVeth('up1', { name: 'up1peer' });
    await netlink.addAddress('up1', '198.51.100.7/24');
    const busy = open(newRoot(), { external: { uplink: 'up1' } });
    await assert.rejects(busy.ensureCarrier('external', 0), (error) => codeOf(error) === 'ConfigInvalid');
    assert.equal((await netlink.findLink('up1'))?.master, '');
  });

  it('with a VLAN on an uplink needs 802.1Q of the kernel and says so', async () => {
    await netlink.createVeth('up2', { name: 'up2peer' });
    const links = open(newRoot(), { external: { uplink: 'up2' } });
    try {
      const name = await links.ensureCarrier('external', 12);
      assert.ok((await netlink.links()).some((link) => link.master === name && link.kind === 'vlan'));
    } catch (error) {
      assert.equal(codeOf(error), 'Unsupported');
    }
  });

  it('of a tag that is not configured is refused', async () => {
    const links = open(newRoot(), { admin: {} });
    for (const tag of ['external', '__proto__', 'constructor']) {
      await assert.rejects(links.ensureCarrier(tag, 0), (error) => codeOf(error) === 'NicTagNotFound');
    }
  });

  it('never takes over a network that the host reaches otherwise', async () => {
    await netlink.createBridge('elsewhere');
    await netlink.addAddress('elsewhere', '10.56.0.1/24');
    await netlink.changeLink('elsewhere', { up: true });
    const links = open(newRoot(), { admin: { subnet: '10.56.0.0/16' } });
    await assert.rejects(links.ensureCarrier('admin', 0), (error) => codeOf(error) === 'AddressInvalid');
  });
});

describe('vnics', () => {
  const tags = { admin: { subnet: '10.55.0.0/24' } };
  let links: LinuxLinks;
  let root: string;
  let good: number;
  let bad: number;

  before(async () => {
    root = newRoot();
    links = open(root, tags);
    [good, bad] = [await newGuest(), await newGuest()];
    await links.plug('good', vnic(11), good);
    await links.plug('bad', vnic(12), bad);
  });

  it('reach each other and the host, over IPv6 link-local addresses too', async () => {
    assert.ok(getsThrough(good, '10.55.0.12'));
    assert.ok(getsThrough(good, '10.55.0.1'));
    const list = await links.list();
    assert.ok(list.some((link) => link.kind === 'vnic' && link.zone === 'good' && link.up));
    assert.ok(getsThrough(good, 'fe80::8:20ff:fe00:c%net0', '-6'));
  });

  it('cannot send under another MAC', async () => {
    inside(bad, 'ip', 'link', 'set', 'net0', 'address', '02:08:20:00:00:99');
    assert.ok(!reaches(bad, '10.55.0.11'));
    await links.guard('bad', vnic(12, { allowMacSpoofing: true }));
    assert.ok(getsThrough(bad, '10.55.0.11'));
    await links.guard('bad', vnic(12));
    assert.ok(!reaches(bad, '10.55.0.11'));
    inside(bad, 'ip', 'link', 'set', 'net0', 'address', '02:08:20:00:00:0c');
    assert.ok(getsThrough(bad, '10.55.0.11'));
  });

  it('cannot send from another IPv4 address unless it is allowed', async () => {
    inside(bad, 'ip', 'addr', 'add', '10.55.0.77/24', 'dev', 'net0');
    const from = (probe: typeof reaches) => probe(bad, '10.55.0.11', '-I', '10.55.0.77');
    assert.ok(!from(reaches));
    for (const change of [
      { allowedIps: ['10.55.0.77'] },
      { allowedIps: ['10.55.0.64/26', '10.55.0.0/24'] },
      { allowedIps: ['0.0.0.0/0', '::/0'] },
      { allowIpSpoofing: true },
      { allowDhcpSpoofing: true },
    ]) {
      // prettier-ignore
      await links.guard('bad', vnic(12, change));
      assert.ok(from(getsThrough), JSON.stringify(change));
      await links.guard('bad', vnic(12));
      assert.ok(!from(reaches), `after ${JSON.stringify(change)}`);
    }
    inside(bad, 'ip', 'addr', 'del', '10.55.0.77/24', 'dev', 'net0');
  });

  it('cannot claim the address of another by ARP', () => {
    const poison = () => {
      inside(good, 'ip', 'neigh', 'flush', 'dev', 'net0');
      inside(good, 'ip', 'neigh', 'add', '10.55.0.1', 'lladdr', '02:00:00:00:00:01', 'nud', 'stale', 'dev', 'net0');
      inside(bad, 'ip', 'addr', 'add', '10.55.0.1/32', 'dev', 'net0');
      inside(bad, 'busybox', 'arping', '-A', '-c', '2', '-w', '2', '-I', 'net0', '-s', '10.55.0.1', '10.55.0.11');
      inside(bad, 'ip', 'addr', 'del', '10.55.0.1/32', 'dev', 'net0');
      return inside(good, 'ip', 'neigh', 'show', '10.55.0.1').stdout;
    };
    assert.doesNotMatch(poison(), /02:08:20:00:00:0c/);
    spawnSync('nft', ['flush', 'ruleset']);
    assert.match(poison(), /02:08:20:00:00:0c/, 'without a guard the attack works, so the test can tell');
  });

  it('are guarded again after somebody flushed the packet filter', async () => {
    await links.guard('good', vnic(11));
    inside(bad, 'ip', 'addr', 'add', '10.55.0.77/24', 'dev', 'net0');
    assert.ok(!reaches(bad, '10.55.0.11', '-I', '10.55.0.77'), 'the other one, too');
    inside(bad, 'ip', 'addr', 'del', '10.55.0.77/24', 'dev', 'net0');
    assert.ok(getsThrough(bad, '10.55.0.11'));
  });

  it('cannot send from another IPv6 address nor advertise one', async () => {
    inside(good, 'ip', 'addr', 'add', 'fd00:55::11/64', 'dev', 'net0', 'nodad');
    inside(bad, 'ip', 'addr', 'add', 'fd00:55::12/64', 'dev', 'net0', 'nodad');
    await links.guard('good', vnic(11, { allowedIps: ['fd00:55::11'] }));
    assert.ok(!reaches(bad, 'fd00:55::11', '-6'));
    await links.guard('bad', vnic(12, { allowedIps: ['fd00:55::/64'] }));
    assert.ok(getsThrough(bad, 'fd00:55::11', '-6'));
    await links.guard('bad', vnic(12));
  });

  it('cannot answer DHCP unless allowed to', async () => {
    const client = await newGuest();
    await links.plug('client', vnic(13, { addresses: [], gateways: [] }), client);
    const folder = newRoot();
    const rogue = () =>
      inside(bad, 'dnsmasq', '--conf-file=/dev/null', '--port=0', '--interface=net0', '--bind-interfaces',
        '--dhcp-range=10.55.0.200,10.55.0.210,1h', `--pid-file=${folder}/pid`, `--dhcp-leasefile=${folder}/leases`,
        '--user=root', '--dhcp-authoritative', '--no-ping'); // prettier-ignore
    assert.equal(rogue().status, 0);
    // The host's own server is silenced, so that the rogue has the field to itself.
    const own = Number(
      readFileSync(join(root, 'var/run/smartadm/dhcp', await links.ensureCarrier('admin', 0), 'pid'), 'utf8'),
    );
    process.kill(own, 'SIGSTOP');
    const ask = () =>
      inside(client, 'busybox', 'udhcpc', '-i', 'net0', '-n', '-q', '-t', '2', '-T', '1', '-s', '/bin/true');
    try {
      assert.notEqual(ask().status, 0);
      await links.guard('bad', vnic(12, { allowDhcpSpoofing: true }));
      assert.equal(ask().status, 0);
    } finally {
      process.kill(own, 'SIGCONT');
      process.kill(Number(readFileSync(`${folder}/pid`, 'utf8')), 'SIGTERM');
    }
    await links.guard('bad', vnic(12));
    await links.unplug('client', 'net0');
  });

  it('with dhcp get an address of the network, the same one a client of their own is given', async () => {
    const spec = vnic(14, { addresses: ['dhcp'], gateways: [] });
    const guest = await newGuest();
    await links.plug('leased', spec, guest);
    const { addresses, gateways, resolvers } = await links.addressing('leased', spec);
    assert.match(addresses[0] ?? '', /^10\.55\.0\.(1[3-9]\d|12[89]|2\d\d)\/24$/);
    assert.deepEqual([gateways, resolvers], [['10.55.0.1'], ['10.55.0.1']]);
    assert.ok(getsThrough(guest, '10.55.0.1'));
    const lease = inside(guest, 'busybox', 'udhcpc', '-i', 'net0', '-n', '-q', '-s', '/bin/true');
    assert.equal(lease.status, 0, lease.stderr);
    assert.ok(lease.stderr.includes(`lease of ${addresses[0]?.split('/')[0] ?? 'none'} `), lease.stderr);
    await links.forget('leased');
    assert.deepEqual((await links.addressing('leased', spec)).addresses, addresses, 'and again the next time');
  });

  it('without an address may ask for one by DHCP and use it', async () => {
    const guest = await newGuest();
    await links.plug('asking', vnic(15, { addresses: [], gateways: [] }), guest);
    const lease = inside(guest, 'busybox', 'udhcpc', '-i', 'net0', '-n', '-q', '-s', '/bin/true');
    const address = /lease of ([\d.]+) /.exec(lease.stderr)?.[1];
    assert.ok(address !== undefined, lease.stderr);
    inside(guest, 'ip', 'addr', 'add', `${address}/24`, 'dev', 'net0');
    assert.ok(getsThrough(guest, '10.55.0.11'));
  });

  it('leave the host under its address', async () => {
    // A second machine on a link of the host, which knows no way to the guests.
    const outside = await newGuest();
    await netlink.createVeth('wan0', { name: 'eth0', namespace: { pid: outside } });
    await netlink.addAddress('wan0', '203.0.113.1/24');
    await netlink.changeLink('wan0', { up: true });
    await netlink.addAddress('eth0', '203.0.113.2/24', { pid: outside });
    await netlink.changeLink('eth0', { up: true }, { pid: outside });
    // The rules were flushed above; a carrier that is made anew brings them back.
    await netlink.changeLink(await links.ensureCarrier('admin', 0), { up: false });
    await open(root, tags).ensureCarrier('admin', 0);
    inside(good, 'ip', 'route', 'replace', 'default', 'via', '10.55.0.1');
    assert.ok(getsThrough(good, '203.0.113.2'));
    assert.ok(!reaches(outside, '10.55.0.11'));
  });

  it('come and go on a running zone', async () => {
    const guest = await newGuest();
    const first = vnic(21);
    const second = vnic(22, {
      physical: 'net1',
      addresses: ['10.66.0.2/24', 'fd00:66::2/64'],
      gateways: ['10.66.0.1'],
      mtu: 1400,
    });
    await links.plug('live', first, guest);
    await links.plug('live', second, guest);
    const inner = await netlink.findLink('net1', { pid: guest });
    assert.deepEqual([inner?.mtu, inner?.mac, inner?.up], [1400, '02:08:20:00:00:16', true]);
    const cidrs = (await netlink.addresses('net1', { pid: guest })).map((address) => address.cidr);
    assert.ok(cidrs.includes('10.66.0.2/24') && cidrs.includes('fd00:66::2/64'));
    const defaults = (await netlink.routes({ pid: guest })).filter((route) => route.destination === 'default');
    assert.deepEqual(
      defaults.map((route) => route.link),
      ['net0'],
      'the first keeps the default route',
    );
    await assert.rejects(links.plug('live', first, guest), (error) => codeOf(error) === 'LinkExists');
    assert.ok(getsThrough(guest, '10.55.0.1'), 'which harms nobody');
    await links.unplug('live', 'net1');
    await links.unplug('live', 'net1');
    assert.equal(await netlink.findLink('net1', { pid: guest }), undefined);
    assert.equal(await netlink.findLink(links.hostName('live', 'net1')), undefined);
    assert.ok(getsThrough(guest, '10.55.0.1'));
    await links.forget('live');
    await links.forget('live');
    assert.equal(await netlink.findLink('net0', { pid: guest }), undefined);
  });

  it('are refused with names and addresses that are none, leaving nothing', async () => {
    const count = (await netlink.links()).length;
    const rejected = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);
    await rejected(links.plug('../up', vnic(31), good), 'InvalidName');
    await rejected(links.plug('zone', vnic(31, { physical: 'net0/../../x' }), good), 'InvalidName');
    await rejected(links.plug('zone', vnic(31, { mac: '02:08:20" accept #' }), good), 'AddressInvalid');
    await rejected(links.plug('zone', vnic(31, { allowedIps: ['1.2.3.4; drop'] }), good), 'AddressInvalid');
    await rejected(links.plug('zone', vnic(31, { nicTag: 'none' }), good), 'NicTagNotFound');
    await assert.rejects(links.plug('zone', vnic(31, { physical: 'net9' }), 2 ** 22 + 9));
    assert.equal((await netlink.links()).length, count);
    assert.ok(!existsSync(join(root, 'var/run/smartadm/vnics/zone')));
  });

  it('and carriers of one root go without touching those of another', async () => {
    const other = open(newRoot(), { admin: {} });
    await other.ensureCarrier('admin', 0);
    const bridge = await links.ensureCarrier('admin', 0);
    const pid = Number(readFileSync(join(root, 'var/run/smartadm/dhcp', bridge, 'pid'), 'utf8'));
    await links.removeAll();
    await links.removeAll();
    const left = await netlink.links();
    assert.ok(!left.some((link) => link.name === bridge || link.name === links.hostName('good', 'net0')));
    assert.equal(commandOf(pid), '');
    assert.ok(left.some((link) => link.kind === 'bridge'));
    assert.ok((await netlink.findLink(await other.ensureCarrier('admin', 0)))?.up);
  });
});
