/** How guests of machines come to their addresses: firmware that boots from the network asks for one as any guest does. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../lib/log.js';
import { newNetwork, startDnsmasq, type TestNamespace } from '../dhcp-server.js';
import { openTestMachines } from '../machines.js';
import { inOwnNetworkNamespace } from '../netns.js';

inOwnNetworkNamespace(import.meta.url);

describe('a guest that asks for its address', () => {
  let tested: ReturnType<typeof openTestMachines>;
  let network: TestNamespace;
  let granted: () => number;
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-dhcp-'));

  before(async () => {
    tested = openTestMachines(silentLog, { served: { subnet: '198.51.100.0/24' }, external: { bridge: 'extbr' } });
    network = await newNetwork('extbr', '192.0.2.1/24');
    granted = startDnsmasq(network, '192.0.2.100,192.0.2.100', folder);
  });
  after(async () => {
    await tested.close();
    network.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await holds())) {
      if (Date.now() > deadline) assert.fail(`waited in vain until ${what}`);
      await sleep(50);
    }
  }

  async function bootFromNetwork(name: string, nicTag: string, mac: string, ips: string): Promise<void> {
    const vm = await tested.install(name, { vnics: [{ physical: 'net0', nicTag, mac, properties: { ips } }] });
    await tested.hvm.prepare(vm, { order: 'n' });
    await tested.zones.boot(name);
  }

  it('is given the one that its NIC is configured with, which nobody else is', async () => {
    await bootFromNetwork('static', 'served', '2:8:20:0:1:1', '198.51.100.7/24');
    const bridge = await tested.links.ensureCarrier('served', 0);
    const leases = tested.at(`/var/run/smartadm/dhcp/${bridge}/leases`);
    await until('it has a lease', () => / 02:08:20:00:01:01 198\.51\.100\.7 /.test(readFileSync(leases, 'utf8')));
    await tested.zones.halt('static');
  });

  it('may use the one that a server of another network gives it', async () => {
    await bootFromNetwork('leased', 'external', '2:8:20:0:1:2', 'dhcp');
    await until('it has a lease', () => granted() > 0);
    const isLetThrough = () =>
      spawnSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }).stdout.includes('. 192.0.2.100');
    await until('the guard knows', isLetThrough);
    await tested.zones.halt('leased');
    assert.ok(!isLetThrough());
  });
});
