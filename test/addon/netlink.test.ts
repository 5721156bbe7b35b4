/** Every export of netlink.node with good and bad arguments, in network namespaces of the test's own. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeNetlink } from '../../lib/host/native-linux.js';
import { inOwnNetworkNamespace } from '../netns.js';

inOwnNetworkNamespace(import.meta.url);

const netlink = loadNative('netlink');
let other: ChildProcess;
let pid: number;

/** A process that only keeps a second network namespace alive. */
before(async () => {
  other = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  pid = other.pid ?? 0;
  await new Promise((resolve) => other.stdout?.once('data', resolve));
});

after(() => {
  other.kill('SIGKILL');
});

function code(expected: string) {
  return (error: unknown) => codeOf(error) === expected;
}

function ip(...args: string[]): string {
  const done = spawnSync('ip', args, { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
}

describe('links', () => {
  it('holds lo in a fresh namespace, and no link of the machine', async () => {
    const links = await netlink.links();
    assert.ok(links.some((link) => link.name === 'lo' && link.loopback && link.kind === ''));
    assert.equal(await netlink.findLink('eth0'), undefined);
  });

  it('creates a bridge with its MAC and MTU, found under its name and by ip(8)', async () => {
    await netlink.createBridge('br-one', { mac: '02:00:00:00:00:01', mtu: 1400 });
    const link = await netlink.findLink('br-one');
    assert.deepEqual(
      { ...link, index: 0 },
      {
        index: 0, name: 'br-one', kind: 'bridge', up: false, loopback: false, mtu: 1400, mac: '02:00:00:00:00:01',
        master: '', alias: '',
      }, // prettier-ignore
    );
    assert.match(ip('-d', 'link', 'show', 'br-one'), /bridge/);
  });

  it('refuses a second link of one name with EEXIST', async () => {
    await assert.rejects(netlink.createBridge('br-one'), code('EEXIST'));
  });

  it('refuses names that are no names of links with EINVAL', async () => {
    for (const name of ['', 'a name', 'slash/', 'sixteen-bytes-lo', '..', 'co:lon', 'tab\t']) {
      await assert.rejects(netlink.createBridge(name), code('EINVAL'), name);
      await assert.rejects(netlink.findLink(name), code('EINVAL'), name);
    }
  });

  it('refuses a MAC that is none', async () => {
    for (const mac of ['', '02:00:00:00:00', '02-00-00-00-00-01', '02:00:00:00:00:0g', '02:00:00:00:00:011']) {
      await assert.rejects(netlink.createBridge('br-mac', { mac }), code('EINVAL'), mac);
    }
    await assert.rejects(netlink.createBridge('br-mac', { mac: '01:00:00:00:00:01' }), code('EADDRNOTAVAIL'));
    assert.equal(await netlink.findLink('br-mac'), undefined);
  });

  it('creates a veth pair whose other end is born in the namespace of a process', async () => {
    await netlink.createVeth('near', { name: 'far', mac: '02:00:00:00:00:0f', namespace: { pid } }, { mtu: 1300 });
    const near = await netlink.findLink('near');
    const far = await netlink.findLink('far', { pid });
    assert.equal(near?.kind, 'veth');
    assert.equal(near.mtu, 1300);
    assert.deepEqual([far?.mac, far?.mtu], ['02:00:00:00:00:0f', 1300]);
    assert.equal(await netlink.findLink('far'), undefined);
  });

  it('leaves nothing when the other name of a pair is taken', async () => {
    await assert.rejects(netlink.createVeth('near2', { name: 'far', namespace: { pid } }), code('EEXIST'));
    assert.equal(await netlink.findLink('near2'), undefined);
  });

  it('changes state, MTU, MAC, alias, bridge and name', async () => {
    await netlink.changeLink('near', {
      up: true, mtu: 1280, mac: '02:00:00:00:00:0a', alias: 'some words', master: 'br-one',
    }); // prettier-ignore
    const changed = await netlink.findLink('near');
    assert.deepEqual(
      [changed?.up, changed?.mtu, changed?.mac, changed?.alias, changed?.master],
      [true, 1280, '02:00:00:00:00:0a', 'some words', 'br-one'],
    );
    assert.equal((await netlink.links()).find((link) => link.name === 'near')?.master, 'br-one');
    await netlink.changeLink('near', { up: false, master: '' });
    await netlink.changeLink('near', { name: 'nearer' });
    const renamed = await netlink.findLink('nearer');
    assert.deepEqual([renamed?.up, renamed?.master], [false, '']);
    await netlink.changeLink('nearer', { name: 'near' });
  });

  it('moves a link into another namespace and sees it there by process and by descriptor', async () => {
    await netlink.createBridge('mover');
    const fd = openSync(`/proc/${pid}/ns/net`, 'r');
    try {
      await assert.rejects(netlink.changeLink('mover', { namespace: { fd } }), code('EINVAL'), 'bridges do not move');
      await netlink.createVeth('moving', { name: 'moved-to' });
      await netlink.changeLink('moving', { namespace: { fd } });
      assert.equal(await netlink.findLink('moving'), undefined);
      assert.equal((await netlink.findLink('moving', { fd }))?.name, 'moving');
      assert.ok((await netlink.links({ pid })).some((link) => link.name === 'moving'));
      await netlink.deleteLink('moved-to');
      assert.equal(await netlink.findLink('moving', { fd }), undefined);
    } finally {
      closeSync(fd);
    }
    await netlink.deleteLink('mover');
  });

  it('never leaves a thread of ours behind in another namespace', async () => {
    await Promise.all(Array.from({ length: 40 }, (_, i) => netlink.links(i % 2 === 0 ? { pid } : undefined)));
    const seen = await Promise.all(Array.from({ length: 16 }, () => netlink.findLink('br-one')));
    assert.ok(seen.every((link) => link !== undefined));
  });

  it('deletes, and says ENODEV for what is not there', async () => {
    await netlink.createBridge('gone');
    await netlink.deleteLink('gone');
    await assert.rejects(netlink.deleteLink('gone'), code('ENODEV'));
    await assert.rejects(netlink.changeLink('gone', { up: true }), code('ENODEV'));
    await assert.rejects(netlink.changeLink('near', { master: 'gone' }), code('ENODEV'));
  });

  it('creates 802.1Q links, or says EOPNOTSUPP where the kernel has none', async () => {
    await netlink.createVeth('trunk', { name: 'trunk-end' });
    try {
      await netlink.createVlan('trunk.7', 'trunk', 7);
      assert.equal((await netlink.findLink('trunk.7'))?.kind, 'vlan');
    } catch (error) {
      assert.equal(codeOf(error), 'EOPNOTSUPP');
      assert.equal(await netlink.findLink('trunk.7'), undefined);
    }
    await assert.rejects(netlink.createVlan('x.7', 'nowhere', 7), code('ENODEV'));
  });

  it('lists more links than fit into one message', async () => {
    await netlink.createBridge('many');
    for (let i = 0; i < 150; i += 1) {
      await netlink.createVeth(`m${i}a`, { name: `m${i}b` });
      await netlink.changeLink(`m${i}a`, { master: 'many' });
    }
    assert.equal((await netlink.links()).filter((link) => link.master === 'many').length, 150);
  });
});

describe('addresses and routes', () => {
  it('adds and lists addresses of both families', async () => {
    await netlink.changeLink('near', { up: true });
    await netlink.addAddress('near', '10.9.8.1/24');
    await netlink.addAddress('near', 'fd00:9::1/64');
    const cidrs = (await netlink.addresses('near')).map((address) => address.cidr);
    assert.ok(cidrs.includes('10.9.8.1/24') && cidrs.includes('fd00:9::1/64'), cidrs.join());
    assert.match(ip('-4', 'addr', 'show', 'near'), /10\.9\.8\.1\/24 brd 10\.9\.8\.255/);
    await assert.rejects(netlink.addAddress('near', '10.9.8.1/24'), code('EEXIST'));
    assert.ok((await netlink.addresses()).some((address) => address.cidr === '10.9.8.1/24'));
  });

  it('configures the far end in the other namespace without being there', async () => {
    await netlink.addAddress('far', '10.9.8.2/24', { pid });
    await netlink.changeLink('far', { up: true }, { pid });
    await netlink.addRoute({ destination: 'default', gateway: '10.9.8.1', link: 'far' }, { pid });
    assert.deepEqual(
      (await netlink.routes({ pid })).filter((route) => route.family === 'inet'),
      [
        { destination: 'default', family: 'inet', gateway: '10.9.8.1', link: 'far' },
        { destination: '10.9.8.0/24', family: 'inet', gateway: '', link: 'far' },
      ],
    );
    assert.ok(!(await netlink.routes()).some((route) => route.gateway === '10.9.8.1'));
    await netlink.deleteRoute({ destination: 'default', gateway: '10.9.8.1' }, { pid });
    await assert.rejects(netlink.deleteRoute({ destination: 'default', gateway: '10.9.8.1' }, { pid }), code('ESRCH'));
    await netlink.addRoute({ destination: '10.77.0.0/16', link: 'far' }, { pid });
    assert.ok((await netlink.routes({ pid })).some((route) => route.destination === '10.77.0.0/16'));
  });

  it('refuses what is no address, no network or no route with EINVAL', async () => {
    for (const cidr of [
      '',
      '10.0.0.1',
      '10.0.0.1/33',
      '10.0.0.1/',
      '10.0.0.1/x',
      '10.0.0/8',
      'fd00::1/129',
      '1.2.3.4/-1',
    ]) {
      await assert.rejects(netlink.addAddress('near', cidr), code('EINVAL'), cidr);
      await assert.rejects(netlink.addRoute({ destination: cidr, link: 'near' }), code('EINVAL'), cidr);
    }
    await assert.rejects(netlink.addRoute({ destination: 'default' }), code('EINVAL'));
    await assert.rejects(netlink.addRoute({ destination: '10.0.0.0/8', gateway: 'fd00::1' }), code('EINVAL'));
    await assert.rejects(netlink.addAddress('nowhere', '10.0.0.1/8'), code('ENODEV'));
    await assert.rejects(netlink.addresses('nowhere'), code('ENODEV'));
  });
});

describe('arguments', () => {
  const wrong: readonly [string, (loose: Loose) => unknown, ErrorConstructor?][] = [
    ['a name that is no string', (loose) => loose.findLink(7)],
    ['no name', (loose) => loose.deleteLink()],
    ['a name with a zero byte', (loose) => loose.findLink('a\0b')],
    ['a name without end', (loose) => loose.findLink('x'.repeat(1e6)), RangeError],
    ['options that are no object', (loose) => loose.createBridge('x', 'fast')],
    ['an MTU that is no integer', (loose) => loose.createBridge('x', { mtu: 1500.5 }), RangeError],
    ['an MTU out of range', (loose) => loose.createBridge('x', { mtu: 2 ** 40 }), RangeError],
    ['an MTU of NaN', (loose) => loose.createBridge('x', { mtu: Number.NaN }), RangeError],
    ['no peer', (loose) => loose.createVeth('x')],
    ['a peer without name', (loose) => loose.createVeth('x', {})],
    ['VLAN 0', (loose) => loose.createVlan('x', 'near', 0), RangeError],
    ['VLAN 4095', (loose) => loose.createVlan('x', 'near', 4095), RangeError],
    ['up that is no boolean', (loose) => loose.changeLink('near', { up: 1 })],
    ['no change', (loose) => loose.changeLink('near')],
    ['a namespace of nothing', (loose) => loose.links({})],
    ['a namespace of two kinds', (loose) => loose.links({ pid: 1, fd: 1 })],
    ['a negative pid', (loose) => loose.links({ pid: -1 }), RangeError],
    ['a route that is no object', (loose) => loose.addRoute('default')],
    ['an address that is no string', (loose) => loose.addAddress('near', 10)],
    ['null for a name', (loose) => loose.changeLink(null, {})],
  ];
  for (const [what, call, kind = TypeError] of wrong) {
    it(`refuses ${what} at once with a ${kind.name}`, () => {
      assert.throws(() => call(netlink as unknown as Loose), kind);
    });
  }

  it('says what is wrong with a namespace that is not there', async () => {
    await assert.rejects(netlink.links({ pid: 2 ** 22 + 5 }), code('ENOENT'));
    await assert.rejects(netlink.links({ fd: 999_999 }), code('EBADF'));
    const fd = openSync('/dev/null', 'r');
    await assert.rejects(netlink.links({ fd }), code('EINVAL'));
    closeSync(fd);
  });

  it('names the library and the operation in its errors', async () => {
    await assert.rejects(netlink.deleteLink('nowhere'), (error: Error & { library?: string; operation?: string }) => {
      assert.equal(error.library, 'rtnetlink');
      assert.equal(error.operation, 'delete link');
      return true;
    });
  });
});

type Loose = Record<keyof NativeNetlink, (...args: unknown[]) => unknown>;
