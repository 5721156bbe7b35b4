/** Files and arguments of the DHCP clients of vnics. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { leasedElement } from '../../../../lib/host/linux/guard.js';
import { leaseClients, parseLeases } from '../../../../lib/host/linux/lease-clients.js';
import { vnicRecords } from '../../../../lib/host/linux/vnic-records.js';

const vnic = { zone: 'z', physical: 'net0', link: 'v0', mac: '02:08:20:00:00:01' };

describe('leases', () => {
  it('are read from lines of address, router and name servers', () => {
    assert.deepEqual(parseLeases('192.0.2.5/24 192.0.2.1 192.0.2.1,192.0.2.2\n192.0.2.6/32 - -\n'), [
      { address: '192.0.2.5/24', resolvers: ['192.0.2.1', '192.0.2.2'] },
      { address: '192.0.2.6/32', resolvers: [] },
    ]);
  });

  it('that are damaged count for nothing', () => {
    assert.deepEqual(parseLeases('\nx y z\n192.0.2.5/33 - -\n192.0.2.5/24 - 1.2.3.4\\nsearch\n192.0.2.5/24\n'), []);
  });

  it('let their address through, without its network', () => {
    assert.deepEqual(leasedElement('v0', '192.0.2.5/24'), { set: 'v4', element: '"v0" . 192.0.2.5' });
  });
});

describe('a client', () => {
  it('is told the vnic, its files, its guard and the route', () => {
    const clients = leaseClients({
      folder: '/run/vnics',
      table: 't',
      lock: '/run/lock',
      routes: (zone) => `/run/zones/${zone}/routes`,
    });
    const args = ['net0', 'v0', '02:08:20:00:00:01', '/run/vnics/z/net0', 't', '/run/lock'];
    assert.deepEqual(clients.arguments(vnic, 'lease'), [...args, 'lease', '/run/zones/z/routes']);
    assert.deepEqual(clients.arguments(vnic, 'none'), [...args, 'none', '/run/zones/z/routes']);
    assert.deepEqual(clients.arguments(vnic, { gateway: '192.0.2.9' }), [...args, '192.0.2.9', '/run/zones/z/routes']);
  });

  it('is no other process that has got its number, and its files go with the vnic', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smartadm-leases-'));
    try {
      mkdirSync(join(folder, 'z'));
      for (const name of ['net0.lease', 'net0.client', '.net0.lease']) {
        writeFileSync(join(folder, 'z', name), `${process.pid}\n`);
      }
      const clients = leaseClients({
        folder,
        table: 't',
        lock: join(folder, 'lock'),
        routes: (zone) => join(folder, zone, 'routes'),
      });
      await clients.stop('z', 'net0');
      assert.deepEqual(await clients.leases('z', 'net0'), []);
      await vnicRecords(folder).remove('z', 'net0');
      assert.deepEqual(readdirSync(folder), []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
