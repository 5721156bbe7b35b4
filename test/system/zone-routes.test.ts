/** Routes of running zones on the real kernel: at boot, after a reboot from inside, when they change, when they cannot. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inOwnNetworkNamespace } from '../netns.js';
import { makeZoneRoot, openTestZones, zoneConfig, type TestZone } from '../zone-root.js';

inOwnNetworkNamespace(import.meta.url);

const { at, zones, close } = openTestZones();
after(close);

const vnic = (last: number, ips: string, mac = `2:8:20:0:0:${last.toString(16)}`) => ({
  physical: `net${last}`, nicTag: 'stub0', mac, properties: { ips },
}); // prettier-ignore

function setRoutes(name: string, routes: Readonly<Record<string, string>>): void {
  mkdirSync(at(`/zones/${name}/config`), { recursive: true });
  writeFileSync(join(at(`/zones/${name}`), 'config/routes.json'), JSON.stringify(routes));
}

async function boot(name: string, zone: TestZone, routes: Readonly<Record<string, string>>): Promise<void> {
  makeZoneRoot(at(`/zones/${name}`));
  setRoutes(name, routes);
  await zones.configure(zoneConfig(name, zone));
  await zones.mark(name, 'installed');
  await zones.boot(name);
}

/** The routes inside that are not those of the zone's own networks. */
async function routesOf(name: string): Promise<readonly string[]> {
  const { stdout } = await zones.exec(name, ['ip', 'route']);
  const lines = stdout.split('\n').map((line) => line.trim().replace(/ +/g, ' '));
  return lines.filter((line) => line !== '' && !line.includes('proto kernel') && !line.includes(' src ')).sort();
}

async function update(
  name: string,
  from: TestZone,
  to: TestZone,
  routes: Readonly<Record<string, string>>,
): Promise<void> {
  setRoutes(name, routes);
  await zones.configure(zoneConfig(name, to));
  await zones.refresh(name, zoneConfig(name, from));
}

describe('routes of a zone', () => {
  it('are there when it has booted, and again when it has rebooted itself', async () => {
    const zone = { vnics: [vnic(0, '10.44.0.5/24'), vnic(1, '10.45.0.5/24')] };
    await boot('still', zone, { '172.16.0.0/12': '10.44.0.1', '172.31.0.7': 'nics[1]', '192.168.7.0/24': '10.99.0.1' });
    const expected = ['172.16.0.0/12 via 10.44.0.1 dev net0', '172.31.0.7 dev net1 scope link'];
    assert.deepEqual(await routesOf('still'), expected);
    const before = await zones.runtime('still');
    await zones.exec('still', ['reboot', '-f']).catch(() => undefined);
    for (let tries = 0; tries < 500; ++tries) {
      const now = await zones.runtime('still');
      if (now !== undefined && now.bootedAt !== before?.bootedAt) break;
      await sleep(20);
    }
    let found = await routesOf('still');
    // They come right after init has been started.
    for (let tries = 0; tries < 50 && found.length < 2; ++tries) {
      await sleep(20);
      found = await routesOf('still');
    }
    assert.deepEqual(found, expected);
    await zones.halt('still');
  });

  it('change while it runs, with what it is told of them', async () => {
    const zone = { vnics: [vnic(0, '10.46.0.5/24')] };
    await boot('live', zone, { '172.16.0.0/12': '10.46.0.1', '172.20.0.0/16': '10.46.0.2' });
    await update('live', zone, zone, { '172.20.0.0/16': '10.46.0.9', '172.21.0.0/16': 'macs[02:08:20:00:00:00]' });
    const expected = ['172.20.0.0/16 via 10.46.0.9 dev net0', '172.21.0.0/16 dev net0 scope link'];
    assert.deepEqual(await routesOf('live'), expected);
    await update('live', zone, zone, {});
    assert.deepEqual(await routesOf('live'), []);
    await zones.halt('live');
  });

  it('come back with a vnic that was made anew, and one that came to nothing comes true with its network', async () => {
    const routes = { '172.16.0.0/12': '10.47.0.1', '172.30.0.0/16': '10.48.0.1' };
    const zone = { vnics: [vnic(0, '10.47.0.5/24')] };
    await boot('plugged', zone, routes);
    assert.deepEqual(await routesOf('plugged'), ['172.16.0.0/12 via 10.47.0.1 dev net0']);
    const more = { vnics: [vnic(0, '10.47.0.6/24'), vnic(1, '10.48.0.5/24')] };
    await update('plugged', zone, more, routes);
    const expected = ['172.16.0.0/12 via 10.47.0.1 dev net0', '172.30.0.0/16 via 10.48.0.1 dev net1'];
    assert.deepEqual(await routesOf('plugged'), expected);
    await zones.halt('plugged');
  });

  it('are as before when another part of a change is refused', async () => {
    const zone = { vnics: [vnic(0, '10.49.0.5/24')] };
    await boot('kept', zone, { '172.16.0.0/12': '10.49.0.1' });
    // No such tag: the second vnic cannot be plugged.
    const bad = { vnics: [vnic(0, '10.49.0.5/24'), { ...vnic(1, '10.50.0.5/24'), nicTag: 'nowhere' }] };
    await assert.rejects(update('kept', zone, bad, { '172.17.0.0/16': '10.49.0.1' }));
    setRoutes('kept', { '172.16.0.0/12': '10.49.0.1' });
    await zones.configure(zoneConfig('kept', zone));
    assert.deepEqual(await routesOf('kept'), ['172.16.0.0/12 via 10.49.0.1 dev net0']);
    await zones.halt('kept');
  });
});
