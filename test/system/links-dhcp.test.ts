/** Leases of a DHCP server that is not this host's, on the real kernel: zones and vnics on a bridge that leads to it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VnicSpec } from '../../lib/host/links.js';
import { addonFile, loadNative } from '../../lib/host/native.js';
import { silentLog } from '../../lib/log.js';
import { newNamespace, newNetwork, startDnsmasq, startObedient, type TestNamespace } from '../dhcp-server.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { makeZoneRoot, openTestZones, zoneConfig } from '../zone-root.js';

inOwnNetworkNamespace(import.meta.url);

const netlink = loadNative('netlink');
const { root, at, links, zones, close } = openTestZones(silentLog, {
  external: { bridge: 'extbr' },
  other: { bridge: 'othbr' },
});
const namespaces: TestNamespace[] = [];
const folder = mkdtempSync(join(tmpdir(), 'smartadm-dhcp-'));

after(async () => {
  await close();
  namespaces.forEach((each) => {
    each.close();
  });
  rmSync(folder, { recursive: true, force: true });
});

/** What became true within a while; fails with `what` when it did not. */
async function becomes<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    const found = await probe();
    if (found !== undefined) return found;
    await sleep(50);
  }
  assert.fail(what);
}

/** Process ids of the clients of this root, and of what they run. */
function clientProcesses(): readonly { readonly pid: number; readonly program: string; readonly text: string }[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const text = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const parent = Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]);
        return [{ pid: Number(name), program: text.split(' ', 1)[0]?.split('/').at(-1) ?? '', text, parent }];
      } catch {
        return [];
      }
    });
  const clients = all.filter((each) => each.program === 'zone-lease' && each.text.includes(root));
  return [...clients, ...all.filter((each) => clients.some((client) => client.pid === each.parent))];
}

async function v4(pid: number, link = 'net0'): Promise<readonly string[]> {
  const all = await netlink.addresses(link, { pid });
  return all.map((address) => address.cidr).filter((cidr) => !cidr.includes(':'));
}

const guarded = (address: string) =>
  spawnSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).stdout.includes(`. ${address}`);

describe('a zone on a network with a server of its own', () => {
  const name = 'z1';
  let network: TestNamespace;
  let granted: () => number;
  let address = '';

  before(async () => {
    network = await newNetwork('extbr', '192.0.2.1/24');
    namespaces.push(network);
    granted = startDnsmasq(network, '192.0.2.100,192.0.2.110', folder);
    makeZoneRoot(at(`/zones/${name}`));
    mkdirSync(at(`/zones/${name}/config`));
    writeFileSync(at(`/zones/${name}/config/routes.json`), '{"172.16.0.0/12": "192.0.2.9"}');
    const properties = { ips: 'dhcp', primary: 'true' };
    const vnics = [
      { physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', properties: { ips: 'dhcp' } },
      { physical: 'net1', nicTag: 'external', mac: '2:8:20:0:0:2', properties },
    ];
    // With something of the host mounted, the zone's monitor has mounts of its own.
    const special = '/zones/shared';
    mkdirSync(at(special));
    const lofs = { kind: 'filesystem', attributes: { special, directory: '/srv', type: 'lofs' }, children: [] };
    await zones.configure(zoneConfig(name, { vnics, resources: [lofs] }), '11111111-1111-4111-8111-111111111111');
    await zones.mark(name, 'installed');
  });

  const init = async () => (await zones.runtime(name))?.pid ?? 0;

  it('has an address of that server when its boot is over, the route of its primary vnic and both name servers', async () => {
    await zones.boot(name);
    const [cidr = ''] = await v4(await init(), 'net1');
    assert.match(cidr, /^192\.0\.2\.1\d\d\/24$/);
    address = cidr.split('/')[0] ?? '';
    const routes = (await netlink.routes({ pid: await init() })).filter((route) => route.destination === 'default');
    assert.deepEqual(
      routes.map(({ gateway, link }) => ({ gateway, link })),
      [{ gateway: '192.0.2.1', link: 'net1' }],
    );
    const { stdout } = await zones.exec(name, ['cat', '/etc/resolv.conf']);
    assert.match(stdout, /nameserver 10\.\d+\.\d+\.1\nnameserver 192\.0\.2\.1\n/);
  });

  it('has its other routes, to gateways that only the lease leads to', async () => {
    const routes = (await netlink.routes({ pid: await init() })).filter((route) => route.gateway === '192.0.2.9');
    assert.deepEqual(routes, [{ destination: '172.16.0.0/12', family: 'inet', gateway: '192.0.2.9', link: 'net1' }]);
  });

  it('is reached at it, and can use no other', async () => {
    assert.ok(network.reaches(address));
    assert.equal((await zones.exec(name, ['ping', '-c', '1', '-W', '2', '192.0.2.1'])).status, 0);
    await zones.exec(name, ['ip', 'addr', 'add', '192.0.2.50/24', 'dev', 'net1']);
    assert.notEqual(
      (await zones.exec(name, ['ping', '-c', '1', '-W', '1', '-I', '192.0.2.50', '192.0.2.1'])).status,
      0,
    );
    assert.ok(!network.reaches('192.0.2.50'));
    await zones.exec(name, ['ip', 'addr', 'del', '192.0.2.50/24', 'dev', 'net1']);
  });

  it('does not see its client, which has little of root, and renews', async () => {
    assert.ok(!(await zones.exec(name, ['ps'])).stdout.includes('udhcpc'));
    const client = clientProcesses().find((each) => each.program === 'udhcpc');
    assert.ok(client !== undefined);
    const status = readFileSync(`/proc/${client.pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
    assert.match(status, /^CapEff:\t0000000000002c00$/m);
    for (const { pid } of clientProcesses()) {
      assert.equal(readlinkSync(`/proc/${pid}/ns/mnt`), readlinkSync('/proc/self/ns/mnt'));
    }
    const before_ = granted();
    process.kill(client.pid, 'SIGUSR1');
    await becomes('the lease is not renewed', () => (granted() > before_ ? true : undefined));
    assert.deepEqual(await v4(await init(), 'net1'), [`${address}/24`]);
  });

  it('keeps its guard when that is set up anew, and its name servers when it is changed', async () => {
    const config = await zones.config(name);
    await zones.refresh(name, config);
    assert.ok(network.reaches(address));
    assert.match((await zones.exec(name, ['cat', '/etc/resolv.conf'])).stdout, /nameserver 192\.0\.2\.1\n/);
  });

  it('has it again after a reboot from inside', async () => {
    const old = await init();
    await zones.exec(name, ['reboot', '-f']).catch(() => undefined);
    const fresh = await becomes('it does not reboot', async () => {
      const pid = await init();
      return pid > 0 && pid !== old ? pid : undefined;
    });
    await becomes('it has no address', async () => ((await v4(fresh, 'net1')).length > 0 ? true : undefined));
    assert.deepEqual(await v4(fresh, 'net1'), [`${address}/24`]);
    assert.ok(network.reaches(address));
    assert.equal(clientProcesses().length, 2);
  });

  it('has no client when it has stopped, by itself or by command', async () => {
    await zones.exec(name, ['poweroff', '-f']).catch(() => undefined);
    await becomes('a client stays', () => (clientProcesses().length === 0 ? true : undefined));
    await becomes('it does not stop', async () => ((await zones.find(name))?.state === 'installed' ? true : undefined));
    await zones.boot(name);
    assert.equal(clientProcesses().length, 2);
    assert.ok(guarded(address));
    await zones.halt(name);
    assert.deepEqual(clientProcesses(), []);
    assert.ok(!guarded(address));
  });
});

describe('a lease', () => {
  const mac = '2:8:20:0:0:a';
  const spec: VnicSpec = {
    physical: 'net0', nicTag: 'other', mac, vlanId: 0, addresses: ['dhcp'], gateways: [], mtu: undefined,
    allowIpSpoofing: false, allowMacSpoofing: false, allowDhcpSpoofing: false, allowedIps: [],
  }; // prettier-ignore
  let network: TestNamespace;
  let guest: TestNamespace;
  let answer: ReturnType<typeof startObedient>;

  before(async () => {
    network = await newNetwork('othbr', '192.0.2.1/24');
    guest = await newNamespace();
    namespaces.push(network, guest);
    answer = startObedient(network);
  });

  const has = (cidrs: readonly string[]) =>
    becomes(`it has not ${cidrs.join()}`, async () =>
      String(await v4(guest.pid)) === String(cidrs) ? true : undefined,
    );

  /** Datagrams sent in a namespace by sockets for those. */
  const sent = (from: TestNamespace) =>
    Number(from.run('cat', '/proc/self/net/snmp').stdout.split('\nUdp: ')[2]?.split(' ')[3]);

  /** Has the client ask at once. */
  const renew = () => {
    const client = clientProcesses().find((each) => each.program === 'udhcpc');
    assert.ok(client !== undefined);
    process.kill(client.pid, 'SIGUSR1');
  };

  it('that nobody gives is not waited for for ever, and nobody else than a server can give one', async () => {
    const neighbour = await newNamespace();
    namespaces.push(neighbour);
    await links.plug('z3', { ...spec, mac: '2:8:20:0:0:b', addresses: ['192.0.2.9/24'] }, neighbour.pid);
    await links.plug('z2', spec, guest.pid);
    assert.equal(clientProcesses().length, 2);
    for (const forger of [guest, neighbour]) {
      forger.run('ip', 'route', 'add', 'default', 'dev', 'net0');
      startObedient(forger)({ unasked: mac, address: '192.0.2.66', seconds: 100 });
      await becomes('nothing is sent', () => (sent(forger) > 0 ? true : undefined));
    }
    await sleep(200);
    assert.deepEqual(await v4(guest.pid), []);
    assert.ok(!guarded('192.0.2.66'));
    guest.run('ip', 'route', 'del', 'default');
    answer({ unasked: mac, address: '192.0.2.66', seconds: 1 });
    await has(['192.0.2.66/24']);
    assert.ok(guarded('192.0.2.66'));
    await has([]);
  });

  it('comes whenever a server gives one', async () => {
    answer({ address: '192.0.2.20', seconds: 4 });
    await has(['192.0.2.20/24']);
    assert.ok(network.reaches('192.0.2.20'));
    assert.deepEqual((await links.addressing('z2', spec)).resolvers, ['192.0.2.1', '192.0.2.2']);
  });

  it('that is not renewed is given up, by the guest and by its guard', async () => {
    answer({});
    await has([]);
    assert.ok(!guarded('192.0.2.20'));
  });

  it('for another address takes the place of the old one', async () => {
    answer({ address: '192.0.2.20', seconds: 600 });
    renew();
    await has(['192.0.2.20/24']);
    answer({ address: '192.0.2.21', seconds: 600 });
    renew();
    await has(['192.0.2.21/24']);
    assert.ok(guarded('192.0.2.21') && !guarded('192.0.2.20'));
    assert.ok(network.reaches('192.0.2.21'));
  });

  it('is asked for again by a client that was killed', async () => {
    const old = clientProcesses().find((each) => each.program === 'udhcpc')?.pid ?? 0;
    process.kill(old, 'SIGKILL');
    await becomes('it does not come back', () =>
      clientProcesses().some((each) => each.program === 'udhcpc' && each.pid !== old) ? true : undefined,
    );
    assert.deepEqual(await v4(guest.pid), ['192.0.2.21/24']);
  });

  it('ends with its vnic', async () => {
    await links.unplug('z2', 'net0');
    assert.deepEqual(clientProcesses(), []);
    assert.ok(!guarded('192.0.2.21'));
    assert.ok(!readdirSync(at('/var/run/smartadm/vnics')).includes('z2'));
  });

  it('is asked for by a client that the host may lack', () => {
    const program = addonFile('zone-lease', '');
    const vnic = ['net0', 'v0', '02:08:20:00:00:01', join(folder, 'net0'), 't', join(folder, 'lock'), 'lease', join(folder, 'routes')]; // prettier-ignore
    const script = 'mount -t tmpfs tmpfs /usr/sbin; exec "$@"';
    const argv = ['--mount', 'sh', '-ec', script, 'sh', program, String(process.pid), ...vnic];
    const { status, stdout } = spawnSync('unshare', argv, { encoding: 'utf8' });
    assert.deepEqual([status, stdout], [3, 'there is no program udhcpc\n']);
    const wrong = [[], ['1'], ['x', ...vnic], ['0', ...vnic], ['1', 'net0', 'v0', '02:08', ...vnic.slice(3)]];
    for (const args of wrong) assert.equal(spawnSync(program, args).status, 2);
  });
});
