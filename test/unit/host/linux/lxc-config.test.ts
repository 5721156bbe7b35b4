/** Zone configurations in the words of liblxc. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import type { VnicSpec } from '../../../../lib/host/links.js';
import { parseCgroupMounts } from '../../../../lib/host/linux/cgroups.js';
import {
  lxcConfig, zoneHostname, zoneSources, zoneTmpfsMiB, type LxcFacts, type LxcVnic,
} from '../../../../lib/host/linux/lxc-config.js'; // prettier-ignore
import { zoneConfig, type TestZone } from '../../../zone-root.js';

const v1 = parseCgroupMounts('cgroup /c/cpu cgroup rw,cpu 0 0\ncgroup /c/devices cgroup rw,devices 0 0\n', '');
const v2 = parseCgroupMounts('cgroup2 /c cgroup2 rw 0 0\n', 'cpu io memory pids');

const facts = (more: Partial<LxcFacts> = {}): LxcFacts => ({
  root: '/zones/z/root', firstId: 2_147_483_648, layout: v1, groups: { zone: 'g/z', monitor: 'g/m', pivot: 'g/p' },
  limits: [], sources: [], lockedBytes: undefined, vnics: [], seccompProfile: '/run/seccomp',
  appArmorProfile: 'unconfined', lxcfs: undefined, ...more,
}); // prettier-ignore

const spec: VnicSpec = {
  physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', vlanId: 0, addresses: [], gateways: [], mtu: undefined,
  allowIpSpoofing: false, allowMacSpoofing: false, allowDhcpSpoofing: false, allowedIps: [],
}; // prettier-ignore

function vnic(last: number, addresses: readonly string[], gateways: readonly string[], more = {}): LxcVnic {
  const physical = `net${last}`;
  const mac = `2:8:20:0:0:${last}`;
  return {
    spec: { ...spec, physical, mac, ...more }, primary: false, carrier: 'br0', hostName: `v${last}`,
    addressing: { addresses, gateways, resolvers: [] },
  }; // prettier-ignore
}

/** Lines whose key begins with `key`, without `lxc.`. */
function lines(key: string, zone: TestZone = {}, more: Partial<LxcFacts> = {}): readonly string[] {
  const text = lxcConfig(zoneConfig('z', zone), facts(more));
  return text.split('\n').filter((line) => line.startsWith(`lxc.${key}`)).map((line) => line.slice(4)); // prettier-ignore
}

const invalid = (error: unknown) => codeOf(error) === 'ZoneInvalid';

describe('a container', () => {
  it('has its root idmapped and a range of ids of its own', () => {
    assert.deepEqual(lines('rootfs'), ['rootfs.path = dir:/zones/z/root', 'rootfs.options = idmap=container']);
    assert.deepEqual(lines('idmap'), ['idmap = u 0 2147483648 65536', 'idmap = g 0 2147483648 65536']);
  });

  it('runs the init of the configuration with its arguments', () => {
    assert.deepEqual(lines('init'), ['init.cmd = /sbin/init']);
    const zone = { attrs: { 'init-name': '/native/init' }, attributes: { bootargs: '-m verbose' } };
    assert.deepEqual(lines('init', zone), ['init.cmd = /native/init -m verbose']);
    for (const init of ['init', '/a b', '/a"b', "/a'b", '/a\\b', '']) {
      assert.throws(() => lines('', { attrs: { 'init-name': init } }), invalid, init);
    }
  });

  it('is called by its host name, else by its own', () => {
    assert.deepEqual(lines('uts'), ['uts.name = z']);
    assert.equal(zoneHostname(zoneConfig('z', { attrs: { hostname: 'web' } })), 'web');
    assert.equal(zoneHostname(zoneConfig('z', { attrs: { hostname: 'x'.repeat(100) } })).length, 64);
  });

  it('lets no value begin another line', () => {
    for (const zone of [
      { attrs: { hostname: 'a\nlxc.init.cmd = /bin/sh' } },
      { attributes: { bootargs: 'x\rlxc.idmap = u 0 0 1' } },
    ]) {
      assert.throws(() => lines('', zone), invalid);
    }
  });

  it('lacks the capabilities that limit_priv takes away', () => {
    const dropped = lines('cap.drop', {
      attributes: { limitpriv: 'default,!net_rawaccess,-FILE_CHOWN,proc_clock_highres' },
    });
    assert.match(dropped[0] ?? '', /sys_module.* net_raw chown$/);
  });

  it('may open a few devices only, on both versions of control groups', () => {
    assert.equal(lines('cgroup.devices')[0], 'cgroup.devices.deny = a');
    assert.equal(lines('cgroup2.devices', {}, { layout: v2 })[0], 'cgroup2.devices.deny = a');
    assert.ok(
      lines('cgroup.devices')
        .slice(1)
        .every((line) => line.includes('allow = c ')),
    );
  });

  it('starts with limits, but not with the absence of limits', () => {
    const limits = [
      { controller: 'cpu', file: 'cpu.shares', value: '512' },
      { controller: 'cpu', file: 'cpu.cfs_quota_us', value: '-1' },
    ] as const;
    assert.deepEqual(lines('cgroup.cpu', {}, { limits }), ['cgroup.cpu.shares = 512']);
    assert.deepEqual(lines('prlimit', {}, { lockedBytes: 65536 }), ['prlimit.memlock = 65536']);
  });
});

describe('mounts', () => {
  it('are a tmpfs of the size of `tmpfs`, and none for 0', () => {
    assert.match(lines('mount.entry', { attrs: { tmpfs: '64' } })[0] ?? '', /tmpfs tmp tmpfs .*size=64m/);
    assert.ok(
      !lines('mount.entry', { attrs: { tmpfs: '0' } })
        .join()
        .includes(' tmp '),
    );
    assert.equal(zoneTmpfsMiB(zoneConfig('z', { attrs: { tmpfs: '12; x' } })), undefined);
  });

  it('are those of lxcfs where it runs', () => {
    assert.equal(
      lines('mount.entry', {}, { lxcfs: '/var/lib/lxcfs' }).filter((line) => line.includes('lxcfs')).length,
      7,
    );
  });

  const lofs = (special: string, directory: string, ...options: string[]) => ({
    kind: 'filesystem', attributes: { special, directory, type: 'lofs' },
    children: options.map((name) => ({ kind: 'fsoption', attributes: { name } })),
  }); // prettier-ignore
  const dataset = (name: string) => ({ kind: 'dataset', attributes: { name }, children: [] });

  it('of the host are taken from where zone-start puts them, in the order of the configuration', () => {
    const resources = [lofs('/opt/x', '/srv/with blank', 'ro'), dataset('zones/z/data'), lofs('/etc/f', '/etc/f')];
    const sources = [
      { place: '/s/0', isDirectory: true }, { place: '/s/1', isDirectory: true }, { place: '/s/2', isDirectory: false },
    ]; // prettier-ignore
    assert.deepEqual(lines('mount.entry', { resources }, { sources }).slice(1), [
      'mount.entry = /s/0 srv/with\\040blank none bind,idmap=container,create=dir 0 0',
      'mount.entry = /s/1 zones/z/data none bind,idmap=container,create=dir 0 0',
      'mount.entry = /s/2 etc/f none bind,idmap=container,create=file 0 0',
    ]);
  });

  it('of the host follow no link where a guest could have made one', () => {
    const resources = [lofs('/opt/x', '/a', 'ro', 'nodevices'), lofs('/zones/other/d', '/b'), dataset('zones/z/data')];
    const at = (path: string) => `/root${path}`;
    assert.deepEqual(zoneSources(zoneConfig('z', { resources }), at), [
      { flags: ['ro', 'nodev'], base: '', path: '/opt/x' },
      { flags: [], base: '/root/zones/', path: 'other/d' },
      { flags: [], base: '/root/', path: 'zones/z/data' },
    ]);
  });

  it('neither begin nor end outside', () => {
    for (const source of ['relative', '/zones/../etc', '/zones/a/../../etc', '/a\tb', '/a\nb', '/']) {
      assert.throws(
        () => zoneSources(zoneConfig('z', { resources: [lofs(source, '/a')] }), (path) => path),
        invalid,
        source,
      );
    }
    for (const target of ['/', '..', '/a/../../b', '']) {
      assert.throws(() => lines('', { resources: [lofs('/a', target)] }), invalid, target);
    }
  });

  it('of other types are made by the kernel, with options that are words', () => {
    const other = (type: string, name: string) => ({
      kind: 'filesystem', attributes: { special: 'swap', directory: '/x', type },
      children: [{ kind: 'fsoption', attributes: { name } }],
    }); // prettier-ignore
    const found = lines('mount.entry', { resources: [other('tmpfs', 'size=10m')] });
    assert.equal(found.at(-1), 'mount.entry = swap x tmpfs size=10m,create=dir 0 0');
    assert.throws(() => lines('', { resources: [other('tmp fs', 'a')] }), invalid);
    assert.throws(() => lines('', { resources: [other('tmpfs', 'a,b c')] }), invalid);
  });
});

describe('the network', () => {
  it('is empty without vnics', () => {
    assert.deepEqual(lines('net'), ['net.0.type = empty']);
  });

  it('has a veth for each vnic, with addresses and broadcast', () => {
    const vnics = [vnic(0, ['10.0.0.5/20', 'fd00::5/64', 'dhcp', 'addrconf'], [], { mtu: 1400 })];
    assert.deepEqual(lines('net.0', {}, { vnics }), [
      'net.0.type = veth', 'net.0.link = br0', 'net.0.veth.pair = v0', 'net.0.name = net0',
      'net.0.hwaddr = 02:08:20:00:00:00', 'net.0.mtu = 1400', 'net.0.flags = up',
      'net.0.ipv4.address = 10.0.0.5/20 10.0.15.255', 'net.0.ipv6.address = fd00::5/64',
    ]); // prettier-ignore
  });

  it('has one default route of each family: that of the primary vnic, else the first', () => {
    const vnics = [vnic(0, [], ['10.0.0.1', 'fd00::1']), vnic(1, [], ['10.1.0.1', '10.1.0.2'])];
    const gateways = (list: readonly LxcVnic[]) =>
      lines('net', {}, { vnics: list }).filter((line) => /gateway/.test(line));
    assert.deepEqual(gateways(vnics), ['net.0.ipv4.gateway = 10.0.0.1', 'net.0.ipv6.gateway = fd00::1']);
    const primary = vnics.map((each, index) => ({ ...each, primary: index === 1 }));
    assert.deepEqual(gateways(primary), ['net.0.ipv6.gateway = fd00::1', 'net.1.ipv4.gateway = 10.1.0.1']);
  });

  it('leaves the route of IPv4 to the client of a vnic with a lease where that is the primary one', () => {
    const vnics = [vnic(0, ['dhcp'], ['10.0.0.1', 'fd00::1']), vnic(1, ['10.1.0.5/24'], ['10.1.0.1'])];
    const gateways = (list: readonly LxcVnic[]) =>
      lines('net', {}, { vnics: list }).filter((line) => /gateway/.test(line));
    assert.deepEqual(gateways(vnics), ['net.0.ipv6.gateway = fd00::1', 'net.1.ipv4.gateway = 10.1.0.1']);
    const primary = vnics.map((each, index) => ({ ...each, primary: index === 0 }));
    assert.deepEqual(gateways(primary), ['net.0.ipv6.gateway = fd00::1']);
  });
});
