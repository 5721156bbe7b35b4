/** Every export of zonecfg.node with good and bad arguments, on the stand-in for libzonecfg. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeZoneChange, NativeZonecfg } from '../../lib/host/native-zonecfg.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { inLackingProcess } from './lacking.js';

const zonecfg = loadNative('zonecfg');
const uuid = '11111111-2222-4333-8444-555555555555';
let root = new IllumosRoot();

beforeEach(() => {
  root.remove();
  root = new IllumosRoot();
});
after(() => {
  root.remove();
});

function code(expected: string) {
  return (error: unknown) => codeOf(error) === expected;
}

/** A configured zone. */
async function make(name: string, steps: readonly NativeZoneChange[] = []): Promise<void> {
  const document = await zonecfg.open({ template: 'SUNWblank', name });
  await document.change([
    { set: 'zonepath', value: `/zones/${name}` },
    { set: 'brand', value: 'joyent-minimal' },
    { set: 'ip-type', value: 'exclusive' },
    ...steps,
  ]);
  await document.assignDebugId();
  await document.save();
  document.close();
}

async function edit(name: string, steps: readonly NativeZoneChange[]): Promise<void> {
  const document = await zonecfg.open({ zone: name });
  try {
    await document.change(steps);
    await document.save();
  } finally {
    document.close();
  }
}

describe('open', () => {
  it('finds every function it knows in the library', () => {
    assert.deepEqual(zonecfg.missingFunctions(), []);
  });

  it('says what is missing or damaged', async () => {
    await assert.rejects(zonecfg.open({ zone: 'nope' }), code('Z_NO_ZONE'));
    await assert.rejects(zonecfg.open({ snapshot: 'nope' }), code('Z_NO_ZONE'));
    await assert.rejects(zonecfg.open({ file: '/nope.xml' }), code('Z_MISC_FS'));
    await assert.rejects(zonecfg.open({ template: 'nope', name: 'a' }), code('Z_NO_ZONE'));
    root.write('/etc/zones/bad.xml', '<zone name="bad"/>');
    await assert.rejects(zonecfg.open({ zone: 'bad' }), code('Z_INVALID_DOCUMENT'));
  });

  it('lets no name lead out of the folder of zones', async () => {
    for (const name of ['../x', 'a/b', '', 'n'.repeat(64), 'a\nb']) {
      await assert.rejects(zonecfg.open({ zone: name }), code('Z_BOGUS_ZONE_NAME'), name);
      await assert.rejects(zonecfg.open({ template: name, name: 'a' }), code('Z_BOGUS_ZONE_NAME'), name);
      await assert.rejects(zonecfg.open({ template: 'SUNWblank', name }), code('Z_BOGUS_ZONE_NAME'), name);
      await assert.rejects(zonecfg.destroy(name, true), code('Z_BOGUS_ZONE_NAME'), name);
    }
    for (const name of ['global', 'SUNWx', '_a', 'a b', 'ü']) {
      await assert.rejects(zonecfg.open({ template: 'SUNWblank', name }), code('Z_BOGUS_ZONE_NAME'), name);
    }
  });

  it('refuses a new zone of a name in use, which saving would reset', async () => {
    await make('a');
    await assert.rejects(zonecfg.open({ template: 'SUNWblank', name: 'a' }), code('Z_NAME_IN_USE'));
  });

  it('reads the snapshot of a running zone, and will not save it', async () => {
    await make('a');
    await zonecfg.setState('a', 'installed');
    root.write('/zones/a/x', '');
    root.startZoneadmd('a');
    assert.deepEqual(await zonecfg.callZoneadmd('a', 'boot', '', false), { result: 0, messages: '' });
    const snapshot = await zonecfg.open({ snapshot: 'a' });
    assert.equal(await snapshot.get('name'), 'a');
    await assert.rejects(snapshot.save(), code('Z_INVAL'));
    snapshot.close();
  });

  it('wants a source', () => {
    const { open } = zonecfg as unknown as Record<string, (source?: unknown) => unknown>;
    for (const bad of [undefined, null, 'a', 1, [], {}, { zone: 1 }, { template: 'x' }, { file: '' }]) {
      assert.throws(() => open?.(bad), TypeError);
    }
  });
});

describe('a document', () => {
  it('has the properties of the zone', async () => {
    await make('a', [
      { set: 'autoboot', value: true },
      { set: 'bootargs', value: '-v' },
      { set: 'pool', value: 'p' },
      { set: 'scheduling-class', value: 'FSS' },
      { set: 'limitpriv', value: 'default,sys_time' },
      { set: 'hostid', value: '0xdeadbeef' },
      { set: 'fs-allowed', value: 'ufs,pcfs' },
    ]);
    const document = await zonecfg.open({ zone: 'a' });
    assert.equal(await document.get('name'), 'a');
    assert.equal(await document.get('zonepath'), '/zones/a');
    assert.equal(await document.get('brand'), 'joyent-minimal');
    assert.equal(await document.get('autoboot'), true);
    assert.equal(await document.get('ip-type'), 'exclusive');
    assert.equal(await document.get('debugid'), 1);
    assert.equal(await document.get('bootargs'), '-v');
    assert.equal(await document.get('pool'), 'p');
    assert.equal(await document.get('scheduling-class'), 'FSS');
    assert.equal(await document.get('limitpriv'), 'default,sys_time');
    assert.equal(await document.get('hostid'), '0xdeadbeef');
    assert.equal(await document.get('fs-allowed'), 'ufs,pcfs');
    await document.change([{ set: 'pool', value: null }, { set: 'hostid', value: null }, { set: 'brand', value: null }]); // prettier-ignore
    assert.equal(await document.get('pool'), undefined);
    assert.equal(await document.get('hostid'), undefined);
    assert.equal(await document.get('brand'), 'joyent');
    document.close();
  });

  it('refuses values that the library refuses, by its codes', async () => {
    const document = await zonecfg.open({ template: 'SUNWblank', name: 'a' });
    const refused: [NativeZoneChange, string][] = [
      [{ set: 'zonepath', value: 'zones/a' }, 'Z_BAD_PROPERTY'],
      [{ set: 'zonepath', value: null }, 'Z_CLEAR_DISALLOW'],
      [{ set: 'name', value: null }, 'Z_CLEAR_DISALLOW'],
      [{ set: 'name', value: 'global' }, 'Z_BOGUS_ZONE_NAME'],
      [{ set: 'hostid', value: 'xyz' }, 'Z_INVALID_PROPERTY'],
      [{ set: 'hostid', value: '0x123456789' }, 'Z_TOO_BIG'],
      [{ set: 'fs-allowed', value: ',ufs' }, 'Z_INVALID_PROPERTY'],
      [{ limit: 'nonsense', value: 1n }, 'Z_ALIAS_DISALLOW'],
      [{ clear: 'nonsense' }, 'Z_NO_RESOURCE_TYPE'],
      [{ remove: 'attr', value: { name: 'x', type: 'string', value: '1' } }, 'Z_NO_RESOURCE_ID'],
      [{ remove: 'pset', value: {} }, 'Z_NO_RESOURCE_ID'],
      [{ add: 'rctl', value: {} }, 'Z_INVAL'],
      [{ add: 'attr', value: { name: 'n'.repeat(256), type: 'string' } }, 'Z_TOO_BIG'],
      [{ add: 'attr', value: { name: 'n', type: 'string', value: 'v'.repeat(2048) } }, 'Z_TOO_BIG'],
      [{ add: 'network', value: { mac: '0'.repeat(20) } }, 'Z_TOO_BIG'],
      [{ add: 'network', value: { physical: 'p', properties: [['n', 'v'.repeat(1024)]] } }, 'Z_TOO_BIG'],
      [{ add: 'device', value: { match: 'm'.repeat(1024) } }, 'Z_TOO_BIG'],
      [{ add: 'dataset', value: { name: 'd'.repeat(256) } }, 'Z_TOO_BIG'],
      [{ add: 'filesystem', value: { type: 't'.repeat(16) } }, 'Z_TOO_BIG'],
      [{ add: 'admin', value: { user: 'u'.repeat(32) } }, 'Z_TOO_BIG'],
    ];
    for (const [step, expected] of refused) {
      await assert.rejects(
        document.change([step]),
        code(expected),
        JSON.stringify(step, (_, v: unknown) => String(v)),
      );
    }
    document.close();
  });

  it('refuses at once what would end the process or make a file that nobody can read', async () => {
    const document = await zonecfg.open({ template: 'SUNWblank', name: 'a' });
    const loose = document as unknown as { change: (steps: unknown) => Promise<void> };
    for (const bad of [
      { add: 'attr', value: { name: 'a', type: 'text', value: '1' } },
      { add: 'attr', value: { name: 'a', value: '1' } },
      { add: 'attr', value: { name: 'a', type: 'string', value: '\u0001' } },
      { add: 'attr', value: { name: 'a', type: 'string', value: '\ufffe' } },
      { add: 'attr', value: { name: 'a', type: 'string', value: 'x\ud800' } },
      { add: 'attr', value: { name: 'a', type: 'string', value: 'x\u0000' } },
      { replace: 'attr', value: { name: 'a' }, with: { name: 'a', type: 'STRING' } },
      { add: 'network', value: { properties: [['a']] } },
      { add: 'network', value: { properties: 'a' } },
      { add: 'rctl', value: { name: 'r', values: [1] } },
      { add: 'nonsense', value: {} },
      { add: 'attr' },
      { set: 'bootargs', value: '\u001f' },
      { set: 'autoboot', value: 'yes' },
      { set: 'ip-type', value: 'both' },
      { set: 'nonsense', value: 'x' },
      { limit: 'swap', value: 1 },
      {},
      null,
    ]) {
      assert.throws(() => loose.change([bad]), TypeError, JSON.stringify(bad));
    }
    assert.throws(() => loose.change([{ limit: 'swap', value: -1n }]), RangeError);
    assert.throws(() => loose.change('x'), TypeError);
    document.close();
  });

  it('adds, finds, replaces and removes resources of every kind', async () => {
    await make('a', [
      { add: 'attr', value: { name: 'x', type: 'uint', value: '1' } },
      { add: 'network', value: { physical: 'net0', mac: '2:8:20:0:0:1', globalNic: 'admin', vlanId: '5', properties: [['ip', 'dhcp']] } },
      { add: 'device', value: { match: '/dev/x', properties: [['boot', 'true']] } },
      { add: 'rctl', value: { name: 'zone.max-lofi', values: [{ privilege: 'privileged', limit: '5', action: 'deny' }] } },
      { add: 'dataset', value: { name: 'zones/a/data' } },
      { add: 'filesystem', value: { special: '/opt', dir: '/mnt', type: 'lofs', options: ['ro', 'nodevices'] } },
      { add: 'pset', value: { min: '1', max: '4', importance: '2' } },
      { add: 'admin', value: { user: 'op', auths: 'login' } },
      { add: 'security-flags', value: { default: 'aslr', lower: 'none', upper: 'all' } },
    ]); // prettier-ignore
    const document = await zonecfg.open({ zone: 'a' });
    assert.deepEqual(await document.find('attr', { name: 'x' }), { name: 'x', type: 'uint', value: '1' });
    assert.deepEqual(await document.find('network', { mac: '02:08:20:00:00:01' }), {
      physical: 'net0', mac: '2:8:20:0:0:1', globalNic: 'admin', vlanId: '5', properties: [['ip', 'dhcp']],
    }); // prettier-ignore
    assert.deepEqual(await document.list('device'), [{ match: '/dev/x', properties: [['boot', 'true']] }]);
    assert.deepEqual(await document.list('rctl'), [
      { name: 'zone.max-lofi', values: [{ privilege: 'privileged', limit: '5', action: 'deny' }] },
    ]);
    assert.deepEqual(await document.list('dataset'), [{ name: 'zones/a/data' }]);
    assert.deepEqual(await document.find('filesystem', { dir: '/mnt' }), {
      special: '/opt', dir: '/mnt', type: 'lofs', options: ['ro', 'nodevices'],
    }); // prettier-ignore
    assert.deepEqual(await document.list('pset'), [{ min: '1', max: '4', importance: '2' }]);
    assert.deepEqual(await document.find('admin', { user: 'op' }), { user: 'op', auths: 'login' });
    assert.deepEqual(await document.list('security-flags'), [{ default: 'aslr', lower: 'none', upper: 'all' }]);
    assert.equal(await document.count('attr'), 1);
    assert.equal(await document.find('attr', { name: 'y' }), undefined);
    await document.change([
      { replace: 'attr', value: { name: 'x', type: 'uint', value: '1' }, with: { name: 'x', type: 'int', value: '-1' } },
      { replace: 'pset', value: {}, with: { min: '2', max: '3' } },
      { replace: 'admin', value: { user: 'op' }, with: { user: 'op', auths: 'manage' } },
      { remove: 'device', value: { match: '/dev/x' } },
      { remove: 'security-flags', value: { default: 'aslr', lower: 'none', upper: 'all' } },
      { clear: 'fs' },
    ]); // prettier-ignore
    assert.deepEqual(await document.list('attr'), [{ name: 'x', type: 'int', value: '-1' }]);
    assert.deepEqual(await document.list('pset'), [{ min: '2', max: '3' }]);
    assert.deepEqual(await document.list('admin'), [{ user: 'op', auths: 'manage' }]);
    assert.deepEqual(await document.list('device'), []);
    assert.equal(await document.find('security-flags', {}), undefined);
    await document.change([{ remove: 'pset', value: {} }]);
    assert.equal(await document.find('pset', {}), undefined);
    await document.save();
    document.close();
  });

  it('says when a search fits several', async () => {
    await make('a', [
      { add: 'attr', value: { name: 'x', type: 'string', value: '1' } },
      { add: 'attr', value: { name: 'x', type: 'string', value: '2' } },
    ]);
    const document = await zonecfg.open({ zone: 'a' });
    await assert.rejects(document.find('attr', { name: 'x' }), code('Z_INSUFFICIENT_SPEC'));
    document.close();
  });

  it('changes pset on a document that nothing else has touched', async () => {
    await make('a', [{ add: 'pset', value: { min: '1', max: '1' } }]);
    await edit('a', [{ replace: 'pset', value: {}, with: { min: '2', max: '2' } }]);
    await edit('a', [{ remove: 'pset', value: {} }]);
  });

  it('keeps limits under their aliases', async () => {
    await make('a', [{ limit: 'swap', value: 2n ** 64n - 1n }]);
    const document = await zonecfg.open({ zone: 'a' });
    assert.equal(await document.limit('swap'), 2n ** 64n - 1n);
    assert.equal(await document.limit('cpu-cap'), undefined);
    await assert.rejects(document.limit('nonsense'), code('Z_NO_PROPERTY_ID'));
    await document.change([{ limit: 'swap', value: null }]);
    assert.equal(await document.limit('swap'), undefined);
    document.close();
  });

  it('turns the cap of old systems into a limit', async () => {
    await make('a');
    const text = (root.read('/etc/zones/a.xml') as string).replace('/>\n', '><mcap physcap="268435456"/></zone>\n');
    root.write('/etc/zones/a.xml', text);
    const document = await zonecfg.open({ zone: 'a' });
    assert.equal(await document.fixObsolete(), true);
    assert.equal(await document.limit('physical'), 268435456n);
    assert.equal(await document.fixObsolete(), false);
    document.close();
  });

  it('is renamed by its name, and not onto another zone', async () => {
    await make('a');
    await make('b');
    await assert.rejects(edit('a', [{ set: 'name', value: 'b' }]), code('Z_NAME_IN_USE'));
    await edit('a', [{ set: 'name', value: 'c' }]);
    assert.deepEqual((await zonecfg.list()).map(({ name }) => name), ['global', 'c', 'b']); // prettier-ignore
    assert.equal(root.read('/etc/zones/a.xml'), undefined);
  });

  it('answers no call after it is closed, and may be closed twice', async () => {
    await make('a');
    const document = await zonecfg.open({ zone: 'a' });
    const inFlight = document.get('name');
    document.close();
    document.close();
    assert.equal(await inFlight, 'a');
    for (const call of [
      () => document.get('name'), () => document.change([]), () => document.list('attr'), () => document.find('attr', {}),
      () => document.count('attr'), () => document.limit('swap'), () => document.assignDebugId(),
      () => document.fixObsolete(), () => document.save(), () => document.notifyCreate(),
    ]) {
      assert.throws(call, code('ERR_CLOSED'));
    } // prettier-ignore
  });

  it('needs an index to be saved', async () => {
    const document = await zonecfg.open({ template: 'SUNWblank', name: 'a' });
    await assert.rejects(document.save(), code('Z_UPDATING_INDEX'));
    document.close();
  });

  it('announces a new zone', async () => {
    await make('a');
    const document = await zonecfg.open({ zone: 'a' });
    await document.notifyCreate();
    document.close();
    assert.deepEqual(root.files().events, [['a', '', 'configured']]);
  });
});

describe('zones by name', () => {
  it('are listed with brand, uuid and debug id', async () => {
    await make('a');
    await zonecfg.setUuid('a', '/zones/a', uuid.toUpperCase());
    assert.deepEqual(await zonecfg.list(), [
      { name: 'global', state: 'running', zonepath: '/', uuid: undefined, brand: '', ipType: 'shared', debugId: -1 },
      { name: 'a', state: 'configured', zonepath: '/zones/a', uuid, brand: 'joyent-minimal', ipType: 'exclusive', debugId: 1 },
    ]); // prettier-ignore
  });

  it('have a state, a uuid, a path and a brand', async () => {
    await make('a');
    assert.equal(await zonecfg.state('a'), 'configured');
    assert.equal(await zonecfg.uuid('a'), undefined);
    await zonecfg.setState('a', 'installed');
    assert.equal(await zonecfg.state('a'), 'installed');
    await zonecfg.setUuid('a', '', uuid);
    assert.equal(await zonecfg.uuid('a'), uuid);
    assert.equal(await zonecfg.nameOfUuid(uuid), 'a');
    assert.equal(await zonecfg.nameOfUuid(uuid.replace('1', '2')), undefined);
    assert.equal(await zonecfg.zonepath('a'), '/zones/a');
    assert.equal(await zonecfg.brand('a'), 'joyent-minimal');
    assert.equal(await zonecfg.defaultBrand(), 'joyent');
    assert.equal(await zonecfg.state('nope'), undefined);
  });

  it('fail by the library’s codes', async () => {
    await make('a');
    await assert.rejects(zonecfg.setState('nope', 'installed'), code('Z_UPDATING_INDEX'));
    await assert.rejects(zonecfg.setState('a', 'running' as 'installed'), code('Z_INVAL'));
    await assert.rejects(zonecfg.uuid('nope'), code('Z_NO_ZONE'));
    await assert.rejects(zonecfg.setUuid('a', '/zones/a', 'x'), code('Z_INVALID_PROPERTY'));
    await assert.rejects(zonecfg.setUuid('nope', '', uuid), code('Z_UPDATING_INDEX'));
    await assert.rejects(zonecfg.setUuid('a', '/p'.repeat(512), uuid), code('Z_TOO_BIG'));
    await assert.rejects(zonecfg.nameOfUuid('x'), code('Z_INVALID_PROPERTY'));
    await assert.rejects(zonecfg.zonepath('nope'), code('Z_NO_ZONE'));
    await assert.rejects(zonecfg.brand('nope'), code('Z_NO_ZONE'));
    await assert.rejects(zonecfg.destroy('nope', true), code('Z_NO_ZONE'));
    await assert.rejects(zonecfg.destroy('global', true), code('Z_BAD_ZONE_STATE'));
    await zonecfg.setState('a', 'installed');
    await assert.rejects(zonecfg.destroy('a', false), code('Z_BAD_ZONE_STATE'));
    await zonecfg.destroy('a', true);
    assert.equal(await zonecfg.state('a'), undefined);
  });

  it('are not destroyed by a file alone, whose state the library never read', async () => {
    await make('a');
    root.write('/etc/zones/index', 'global:installed:/\n');
    await assert.rejects(zonecfg.destroy('a', false), code('Z_NO_ZONE'));
  });

  it('are told from other words', async () => {
    for (const name of ['a', '0', 'a.b-c_d', uuid]) assert.equal(await zonecfg.isZoneName(name), true, name);
    for (const name of ['', 'global', 'SUNWx', '.a', 'a/b', 'n'.repeat(64)]) {
      assert.equal(await zonecfg.isZoneName(name), false, name);
    }
  });
});

describe('zones in the kernel', () => {
  it('have an id, a name and attributes', async () => {
    await make('a', [
      { set: 'hostid', value: 'ff' },
      { set: 'bootargs', value: '-v' },
      { add: 'network', value: { physical: 'net0' } },
    ]);
    root.run('a', 7, 4);
    root.addLink(700, { name: 'net0', class: 8, flags: 1, mac: '02:08:20:00:00:01', zone: 'a' });
    assert.deepEqual(await zonecfg.runningIds(), [0, 7]);
    assert.equal(await zonecfg.idOf('a'), 7);
    assert.equal(await zonecfg.nameOf(7), 'a');
    assert.equal(await zonecfg.state('a'), 'running');
    assert.deepEqual(await zonecfg.running(7), {
      name: 'a', root: '/zones/a/root', status: 'running', brand: 'joyent-minimal', initName: '/sbin/init',
      bootargs: '-v', schedulingClass: '', fsAllowed: '', uniqueId: 7000n, ipType: 'exclusive', initPid: 1007,
      hostid: 255, debugId: 1,
    }); // prettier-ignore
    assert.deepEqual(await zonecfg.datalinks(7), [700]);
    assert.equal(await zonecfg.idOf('nope'), undefined);
    assert.equal(await zonecfg.nameOf(9), undefined);
    assert.equal(await zonecfg.running(9), undefined);
    await assert.rejects(zonecfg.datalinks(9), code('EINVAL'));
  });

  it('take their limits while they run', async () => {
    await make('a', [{ limit: 'swap', value: 5n }]);
    await assert.rejects(zonecfg.applyRctls('a'), code('ESRCH'));
    await assert.rejects(zonecfg.applyRctls('nope'), code('Z_NO_ZONE'));
    root.run('a', 1, 4);
    await zonecfg.applyRctls('a');
    assert.equal(root.read('/system/rctls/a'), 'zone.max-swap 5 deny\n');
  });

  it('show what is mounted below a path', async () => {
    root.write('/system/mnttab', '/zones/a/root\n/zones/a/root/proc\n/zones/ab/root\n');
    assert.equal(await zonecfg.mountsUnder('/zones/a/root'), 2);
    assert.equal(await zonecfg.mountsUnder('/zones/b/root'), 0);
  });
});

describe('brands', () => {
  it('have their hooks with the zone filled in', async () => {
    const brand = await zonecfg.brandInfo('bhyve', 'a', '/zones/a');
    assert.equal(brand?.initName, '/usr/lib/brand/bhyve/zhyve');
    assert.equal(brand.hooks['boot'], '/usr/lib/brand/bhyve/boot a /zones/a');
    assert.equal(brand.hooks['query'], undefined);
    assert.equal(brand.installOptions, 'R:t:U:q:z:');
    assert.equal((await zonecfg.brandInfo('kvm', 'a', '/zones/a'))?.restartInit, false);
  });

  it('are undefined when missing, and no name leads out of their folder', async () => {
    for (const name of ['nope', '', '..', '../brand/lx', 'x'.repeat(255)]) {
      assert.equal(await zonecfg.brandInfo(name, 'a', '/zones/a'), undefined);
    }
  });
});

describe('zoneadmd', () => {
  it('moves a zone through its states', async () => {
    await make('a');
    await zonecfg.setState('a', 'installed');
    root.write('/zones/a/x', '');
    assert.equal(await zonecfg.pingZoneadmd('a'), false);
    assert.equal(await zonecfg.callZoneadmd('a', 'boot', '', false), undefined);
    root.startZoneadmd('a');
    assert.equal(await zonecfg.pingZoneadmd('a'), true);
    const call = (command: Parameters<NativeZonecfg['callZoneadmd']>[1]) =>
      zonecfg.callZoneadmd('a', command, '', true);
    assert.deepEqual(await call('reboot'), {
      result: -1, messages: "zone 'a': operation invalid in state 'installed'\n",
    }); // prettier-ignore
    assert.equal((await call('ready'))?.result, 0);
    assert.equal(await zonecfg.state('a'), 'ready');
    assert.equal((await call('boot'))?.result, 0);
    assert.equal(await zonecfg.state('a'), 'running');
    assert.deepEqual(await call('boot'), { result: 0, messages: "zone 'a': zone is already booted\n" });
    assert.equal((await call('reboot'))?.result, 0);
    assert.equal((await call('shutdown'))?.result, 0);
    assert.equal(await zonecfg.state('a'), 'installed');
    assert.equal((await call('forceboot'))?.result, 0);
    assert.equal((await call('halt'))?.result, 0);
    assert.equal((await call('note-uninstalling'))?.result, 0);
    assert.equal(await zonecfg.pingZoneadmd('a'), false);
  });

  it('passes on what went wrong', async () => {
    await make('a');
    await zonecfg.setState('a', 'installed');
    root.startZoneadmd('a');
    root.write('/system/refuse/a', 'could not run the hook\n');
    assert.deepEqual(await zonecfg.callZoneadmd('a', 'boot', '-v', false), {
      result: -1, messages: 'could not run the hook\n',
    }); // prettier-ignore
    await assert.rejects(zonecfg.callZoneadmd('a', 'boot', 'x'.repeat(256), false), code('Z_TOO_BIG'));
  });

  it('may leave while it is called', async () => {
    await make('a');
    root.startZoneadmd('a');
    root.write('/system/leaving/a', '');
    assert.equal(await zonecfg.callZoneadmd('a', 'boot', '', false), undefined);
  });
});

describe('arguments', () => {
  it('of the wrong type are refused by every function', () => {
    const loose = zonecfg as unknown as Record<string, (...args: unknown[]) => unknown>;
    const wrong: Record<string, unknown[][]> = {
      state: [[], [1], [null], ['a\0'], ['n'.repeat(256)]],
      setState: [['a'], [1, 'installed'], ['a', 1]],
      destroy: [['a'], ['a', 1], [undefined, true]],
      uuid: [[], [{}]],
      setUuid: [
        ['a', '/z'],
        ['a', '\u0001', uuid],
        ['a', '/z', 1],
      ],
      nameOfUuid: [[], [1]],
      zonepath: [[]],
      brand: [[]],
      isZoneName: [[], [1]],
      applyRctls: [[]],
      mountsUnder: [[], ['']],
      idOf: [[]],
      nameOf: [[], ['1'], [-1], [1.5], [2 ** 31]],
      running: [[], [-1]],
      datalinks: [[], [Number.NaN]],
      brandInfo: [[], ['lx'], ['lx', 'a'], ['lx', 'a', 1]],
      pingZoneadmd: [[]],
      callZoneadmd: [
        ['a', 'explode', '', false],
        ['a', 'boot', 1, false],
        ['a', 'boot', '', 1],
      ],
    };
    for (const [name, lists] of Object.entries(wrong)) {
      for (const args of lists) {
        assert.throws(
          () => loose[name]?.(...args),
          (error) => error instanceof TypeError || error instanceof RangeError,
          `${name} ${JSON.stringify(args)}`,
        );
      }
    }
  });
});

describe('many calls', () => {
  it('a thousand at once all come back', async () => {
    await make('a');
    const calls = Array.from({ length: 1000 }, async (_, i) => {
      if (i % 4 === 0) return zonecfg.state('a');
      if (i % 4 === 1) return (await zonecfg.list()).at(-1)?.state;
      if (i % 4 === 2) return (await zonecfg.open({ zone: 'nope' }).catch(codeOf)) === 'Z_NO_ZONE' ? 'configured' : '';
      const document = await zonecfg.open({ zone: 'a' });
      const name = await document.get('name');
      document.close();
      return name === 'a' ? 'configured' : name;
    });
    assert.deepEqual(new Set(await Promise.all(calls)), new Set(['configured']));
  });

  it('a thousand changes of one document at once all happen', async () => {
    await make('a');
    const document = await zonecfg.open({ zone: 'a' });
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) => document.change([{ add: 'dataset', value: { name: `zones/${i}` } }])),
    );
    assert.equal(await document.count('dataset'), 1000);
    document.close();
  });
});

describe('a library that lacks something', () => {
  it('is told of when the addon is loaded, where it lacks everything', () => {
    const program = 'codeOf(() => require(file)).then(console.log)';
    assert.equal(inLackingProcess({ addon: 'zonecfg', libraries: [] }, program), 'ENOENT zonecfg dlopen\n');
  });

  it('costs only those who need what it lacks, and ends no process', async () => {
    await make('a');
    const calls: Readonly<Record<string, readonly string[]>> = {
      zone_list_datalink: ['datalinks(0)'],
      // What others begin could not be ended.
      zonecfg_fini_handle: ["open({ zone: 'a' })", "applyRctls('a')"],
      endzoneent: ['list()'],
      brand_close: ["brandInfo('lx', 'a', '/zones/a')"],
    };
    for (const [lacking, needing] of Object.entries(calls)) {
      const program = `
        const addon = require(file);
        const ends = [() => addon.idOf('global'), ${needing.map((call) => `() => addon.${call}`).join(', ')}].map(codeOf);
        Promise.all(ends).then((all) => console.log([addon.missingFunctions(), ...all].join('\\n')));`;
      assert.equal(
        inLackingProcess({ addon: 'zonecfg', libraries: ['zonecfg'], functions: [lacking] }, program),
        [lacking, 'done', ...needing.map(() => `ENOSYS zonecfg ${lacking}`), ''].join('\n'),
      );
    }
  });
});
