// Asks zonecfg.node for everything, well and badly, for a run under valgrind: ADDON.
import { createRequire } from 'node:module';

const zonecfg = createRequire(import.meta.url)(process.argv[2]);
const tried = (promise) => promise.catch(() => undefined);

for (let round = 0; round < 3; round += 1) {
  const name = `zone${round}`;
  const document = await zonecfg.open({ template: 'SUNWblank', name });
  await document.change([
    { set: 'zonepath', value: `/zones/${name}` },
    { set: 'limitpriv', value: 'default' },
    { add: 'attr', value: { name: 'a', type: 'string', value: 'ü' } },
    {
      add: 'network',
      value: {
        physical: 'net0',
        mac: '2:8:20:0:0:1',
        properties: [
          ['ip', 'dhcp'],
          ['mtu', '1500'],
        ],
      },
    },
    { add: 'device', value: { match: '/dev/x', properties: [['boot', 'true']] } },
    { add: 'filesystem', value: { special: '/a', dir: '/b', type: 'lofs', options: ['ro', 'nodevices'] } },
    {
      add: 'rctl',
      value: { name: 'zone.max-swap', values: [{ privilege: 'privileged', limit: '1', action: 'deny' }] },
    },
  ]);
  for (const kind of [
    'attr',
    'network',
    'device',
    'filesystem',
    'rctl',
    'dataset',
    'pset',
    'admin',
    'security-flags',
  ]) {
    await document.list(kind);
    await tried(document.find(kind, {}));
  }
  for (const property of ['limitpriv', 'hostid', 'autoboot', 'ip-type', 'debugid']) await document.get(property);
  await tried(document.change([{ add: 'attr', value: { name: 'n'.repeat(300), type: 'string' } }]));
  await tried(document.find('network', { mac: '02:08:20:00:00:01' }));
  await document.limit('swap');
  await document.assignDebugId();
  await document.save();
  document.close();
  await tried(zonecfg.open({ zone: 'nope' }));
  await tried(zonecfg.open({ zone: 'damaged' }));
  await zonecfg.list();
  await zonecfg.setState(name, 'installed');
  await zonecfg.brandInfo('lx', name, '/zones/x');
  await zonecfg.brandInfo('nope', name, '/zones/x');
  await zonecfg.runningIds();
  await zonecfg.running(0);
  await tried(zonecfg.applyRctls(name));
  await zonecfg.callZoneadmd(name, 'boot', '', false);
  await zonecfg.destroy(name, true);
  globalThis.gc?.();
}
process.stdout.write('exercised\n');
