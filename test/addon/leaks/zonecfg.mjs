// Asks zonecfg.node for everything, well and badly, for a run under valgrind: ADDON.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { noted, report } from './every-call.mjs';

const zonecfg = noted(createRequire(import.meta.url)(process.argv[2]), 'zonecfg', 'document');
const root = process.env.SMARTADM_STAND_IN_ROOT;
const uuid = '11111111-2222-4333-8444-555555555555';

/** Failures are as welcome as success. */
async function tried(call) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}

/** A good one of each kind, one that is too long, and one that is no such thing. */
const long = 'n'.repeat(5000);
const resources = {
  attr: [{ name: 'a', type: 'string', value: 'ü' }, { name: long, type: 'string' }, { name: 'a', type: 'text' }],
  network: [
    { physical: 'net0', mac: '2:8:20:0:0:1', vlanId: '5', globalNic: 'admin', properties: [['ip', 'dhcp'], ['mtu', '1500']] },
    { physical: 'net0', properties: [['a', 'b'], ['c', long]] },
    { properties: [['a']] },
  ],
  device: [{ match: '/dev/x', properties: [['boot', 'true']] }, { match: long }, { match: 7 }],
  filesystem: [
    { special: '/a', dir: '/b', type: 'lofs', raw: '/c', options: ['ro', 'nodevices'] }, { dir: '/b', options: ['ro', long] }, { options: [7] },
  ],
  rctl: [
    { name: 'zone.max-swap', values: [{ privilege: 'privileged', limit: '1', action: 'deny' }] },
    { name: 'zone.max-swap', values: [{ privilege: long, limit: '1', action: 'deny' }] },
    { name: 'zone.max-swap', values: [1] },
  ],
  dataset: [{ name: 'zones/a' }, { name: long }, {  name: null }],
  pset: [{ min: '1', max: '2', importance: '3' }, { min: long }, { max: 1 }],
  admin: [{ user: 'u', auths: 'login' }, { user: long }, []],
  'security-flags': [{ default: 'aslr', lower: 'none', upper: 'all' }, { lower: long }, 'x'],
}; // prettier-ignore
const properties = [
  'name', 'zonepath', 'brand', 'pool', 'bootargs', 'scheduling-class', 'limitpriv', 'hostid', 'fs-allowed', 'autoboot',
  'ip-type', 'debugid', 'nope',
]; // prettier-ignore

async function edit(document) {
  for (const [kind, [good, ...bad]] of Object.entries(resources)) {
    await document.change([{ add: kind, value: good }]);
    for (const value of bad) await tried(() => document.change([{ add: kind, value }]));
    await document.list(kind);
    for (const fields of [good, ...bad, {}]) await tried(() => document.find(kind, fields));
    await tried(() => document.change([{ replace: kind, value: good, with: good }]));
    await tried(() => document.change([{ remove: kind, value: good }, { remove: kind, value: good }])); // prettier-ignore
    await document.change([{ add: kind, value: good }]);
  }
  await tried(() => document.find('network', { mac: '02:08:20:00:00:01' }));
  for (const property of properties) await tried(() => document.get(property));
  for (const value of ['a b', '', long, '\u0001', null, 7]) {
    for (const set of properties) if (set !== 'name' || value !== null) await tried(() => document.change([{ set, value }]));
  } // prettier-ignore
}

for (let round = 0; round < 3; round += 1) {
  const name = `zone${round}`;
  const document = await zonecfg.open({ template: 'SUNWblank', name });
  await edit(document);
  await document.change([
    { set: 'zonepath', value: `/zones/${name}` }, { set: 'brand', value: 'joyent-minimal' }, { set: 'limitpriv', value: 'default' },
    { set: 'ip-type', value: 'exclusive' }, { set: 'hostid', value: 'ff' }, { set: 'fs-allowed', value: 'ufs' }, { clear: 'attr' },
    { limit: 'cpu-cap', value: 100n }, { limit: 'cpu-cap', value: null }, { limit: 'cpu-shares', value: 5n },
  ]); // prettier-ignore
  for (const property of properties) await tried(() => document.get(property));
  for (const alias of ['swap', 'cpu-shares', 'nope']) await tried(() => document.limit(alias));
  await document.count('net');
  await document.assignDebugId();
  await document.fixObsolete();
  await document.save();
  await document.save();
  await document.notifyCreate();
  // One is closed, while it works; the others are left to the garbage collector.
  const last = document.list('network');
  if (round === 0) document.close();
  await last;
  if (round === 0) await tried(() => document.get('name'));
  for (const source of [{ zone: 'nope' }, { zone: 'damaged' }, { zone: name }, { snapshot: name }, { file: `/etc/zones/${name}.xml` }, { template: 'SUNWblank', name }, {}]) {
    await tried(async () => (await zonecfg.open(source)).save());
  } // prettier-ignore
  await zonecfg.list();
  for (const each of [name, 'nope', '../x', 7]) {
    for (const ask of ['state', 'uuid', 'zonepath', 'brand', 'isZoneName', 'idOf', 'pingZoneadmd', 'applyRctls']) await tried(() => zonecfg[ask](each)); // prettier-ignore
    await tried(() => zonecfg.setUuid(each, '', uuid));
    await tried(() => zonecfg.setState(each, 'installed'));
  }
  for (const each of [uuid, 'x', uuid.replace('1', '2')]) await tried(() => zonecfg.nameOfUuid(each));
  await zonecfg.defaultBrand();
  for (const brand of ['lx', 'bhyve', 'nope', '..']) await zonecfg.brandInfo(brand, name, '/zones/x');
  await tried(() => zonecfg.brandInfo('lx', name, long));
  await zonecfg.mountsUnder('/zones');
  zonecfg.missingFunctions();
  // What zoneadmd says fits into a page, or does not, or is nothing.
  mkdirSync(`${root}/zones/${name}`, { recursive: true });
  mkdirSync(`${root}/system/refuse`, { recursive: true });
  mkdirSync(`${root}/system/leaving`, { recursive: true });
  mkdirSync(`${root}/system/links`, { recursive: true });
  await zonecfg.callZoneadmd(name, 'boot', '', false);
  writeFileSync(`${root}/var/run/zones/${name}.zoneadmd_door`, '');
  writeFileSync(`${root}/system/refuse/${name}`, 'no\n'.repeat(5000));
  await zonecfg.callZoneadmd(name, 'boot', '', false);
  rmSync(`${root}/system/refuse/${name}`);
  await zonecfg.callZoneadmd(name, 'ready', '-v', true);
  appendFileSync(
    `${root}/system/links/70${round}`,
    `name=net9\nclass=8\nflags=1\nmac=02:08:20:00:00:01\nzone=${name}\n`,
  );
  for (const id of [...(await zonecfg.runningIds()), 99]) {
    await zonecfg.running(id);
    await zonecfg.nameOf(id);
    await tried(() => zonecfg.datalinks(id));
  }
  await tried(() => zonecfg.applyRctls(name));
  await zonecfg.callZoneadmd(name, 'halt', '', false);
  await tried(() => zonecfg.callZoneadmd(name, 'halt', 'x'.repeat(256), false));
  writeFileSync(`${root}/system/leaving/${name}`, '');
  await zonecfg.callZoneadmd(name, 'halt', '', false);
  await zonecfg.destroy(name, true);
  await tried(() => zonecfg.destroy(name, true));
  globalThis.gc?.();
}
process.stdout.write(`${report()}\n`);
