import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseRouteLines, readZoneRoutes, routeLines, zoneRoutes } from '../../../../lib/host/linux/zone-routes.js';
import { zoneConfig } from '../../../zone-root.js';

const config = zoneConfig('z', {
  vnics: [
    { physical: 'net0', nicTag: 'admin', mac: '2:8:20:0:0:1', properties: { ips: '10.1.0.5/24,fd00::5/64' } },
    { physical: 'net1', nicTag: 'admin', mac: '2:8:20:0:0:2', properties: { ips: 'dhcp' } },
    { physical: 'net2', nicTag: 'admin', mac: '2:8:20:0:a:3', properties: { ip: '10.2.0.5', netmask: '255.255.0.0' } },
  ],
});

describe('routes of a zone', () => {
  it('lead by a gateway, or directly over the vnic that is meant by index, MAC or its own address', () => {
    const routes = {
      '192.168.0.0/16': '10.1.0.1',
      '172.16.1.7': 'nics[0]',
      '172.17.0.0/16': 'macs[02:08:20:00:0A:03]',
      '172.18.0.0/16': '10.2.0.5',
    };
    assert.deepEqual(zoneRoutes(config, routes), [
      { destination: '192.168.0.0/16', gateway: '10.1.0.1' },
      { destination: '172.16.1.7/32', link: 'net0' },
      { destination: '172.17.0.0/16', link: 'net2' },
      { destination: '172.18.0.0/16', link: 'net2' },
    ]);
  });

  it('have no bits of a host in their destination', () => {
    assert.deepEqual(zoneRoutes(config, { '172.16.9.9/12': '10.1.0.1' }), [
      { destination: '172.16.0.0/12', gateway: '10.1.0.1' },
    ]);
  });

  it('over a vnic that is missing, or that has no address of its own, are left out', () => {
    const routes = { '10.8.0.0/16': 'nics[1]', '10.9.0.0/16': 'nics[7]', '10.10.0.0/16': 'macs[2:8:20:0:0:9]' };
    assert.deepEqual(zoneRoutes(config, routes), []);
  });

  it('that are no routes, as a damaged file may have them, are left out', () => {
    const routes = { 'x': '10.1.0.1', '10.0.0.0/99': '10.1.0.1', '10.3.0.0/16': 'y\tz', '10.4.0.0/16': 7 as unknown as string, '10.5.0.0/16': 'fd00::1' }; // prettier-ignore
    assert.deepEqual(zoneRoutes(config, routes), []);
  });

  it('of a machine are for the guest in it', () => {
    const machine = { ...config, attributes: { ...config.attributes, brand: 'bhyve' } };
    assert.deepEqual(zoneRoutes(machine, { '172.18.0.0/16': '10.1.0.1' }), []);
  });

  it('are written as lines and read again', () => {
    const routes = [
      { destination: '192.168.0.0/16', gateway: '10.1.0.1' },
      { destination: '172.16.1.7/32', link: 'net0' },
    ];
    assert.equal(routeLines(routes), '192.168.0.0/16\t10.1.0.1\t-\n172.16.1.7/32\t-\tnet0\n');
    assert.deepEqual(parseRouteLines(routeLines(routes)), routes);
    assert.deepEqual(parseRouteLines(''), []);
  });
});

describe('the file of routes', () => {
  const place = mkdtempSync(join(tmpdir(), 'smartadm-routes-'));
  after(() => {
    rmSync(place, { recursive: true, force: true });
  });

  it('is read where there is one, and says nothing when it is no object of JSON', async () => {
    assert.deepEqual(await readZoneRoutes(place), {});
    mkdirSync(join(place, 'config'));
    for (const [text, routes] of [
      ['{"10.0.0.0/8": "nics[0]"}', { '10.0.0.0/8': 'nics[0]' }],
      ['{"10.0.0.0/8": ', {}],
      ['null', {}],
      ['[1]', {}],
    ] as const) {
      writeFileSync(join(place, 'config/routes.json'), text);
      assert.deepEqual(await readZoneRoutes(place), routes);
    }
  });
});
