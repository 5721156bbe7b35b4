/** Every export of dladm.node with good and bad arguments, on the stand-in for libdladm. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeNewVnic } from '../../lib/host/native-dladm.js';
import { IllumosRoot } from '../stand-ins/root.js';

const dladm = loadNative('dladm');
let root = new IllumosRoot();
/** The physical link that every root has. */
let e1000g0 = 0;

beforeEach(async () => {
  root.remove();
  root = new IllumosRoot();
  root.addLink(1, { name: 'e1000g0', class: 1, flags: 3, mac: '00:50:56:00:00:01' });
  e1000g0 = await dladm.resolve('e1000g0');
});
after(() => {
  root.remove();
});

const code = (expected: string) => (error: unknown) => codeOf(error) === expected;
const refuses = (work: Promise<unknown>, status: string) => assert.rejects(work, code(`DLADM_STATUS_${status}`));
const bytes = (mac: string) => Uint8Array.from(mac.split(':').map((byte) => Number.parseInt(byte, 16)));
const vnic = (more: Partial<NativeNewVnic> = {}): NativeNewVnic => ({
  name: 'net0', over: e1000g0, macType: 'fixed', mac: bytes('02:08:20:00:00:01'), ...more,
}); // prettier-ignore

describe('links', () => {
  it('finds every function it knows in the library', () => {
    assert.deepEqual(dladm.missingFunctions(), []);
  });

  it('are listed with all that is known of them, by zone and by class', async () => {
    root.run('web', 7, 4);
    const id = await dladm.createVnic(
      vnic({ vlanId: 5, temporary: true, properties: [['mtu', ['1400']], ['zone', ['web']]] }), // prettier-ignore
    );
    const phys = {
      id: e1000g0, name: 'e1000g0', class: 'phys', media: 4, active: true, persistent: true, transient: false, zone: undefined,
      over: undefined, mac: undefined, vlanId: undefined, mtu: 1500,
    }; // prettier-ignore
    const net0 = {
      id, name: 'net0', class: 'vnic', media: 4, active: true, persistent: false, transient: true, zone: 'web', over: e1000g0,
      mac: '02:08:20:00:00:01', vlanId: 5, mtu: 1400,
    }; // prettier-ignore
    assert.deepEqual(await dladm.links(), [phys, net0]);
    assert.deepEqual(await dladm.links({ zone: 'web' }), [net0]);
    assert.deepEqual(await dladm.links({ zone: '' }), [phys]);
    assert.deepEqual(await dladm.links({ classes: ['phys', 'etherstub'] }), [phys]);
    await refuses(dladm.links({ classes: ['nope' as 'phys'] }), 'BADARG');
    assert.throws(() => dladm.links({ zone: 7 as unknown as string }), TypeError);
    assert.throws(() => dladm.links('web' as unknown as { zone: string }), TypeError);
  });

  it('are found by name in their own zone only', async () => {
    root.run('web', 7, 4);
    const id = await dladm.createVnic(vnic({ temporary: true, properties: [['zone', ['web']]] }));
    assert.equal(await dladm.resolve('net0', 'web'), id);
    await refuses(dladm.resolve('net0'), 'NOTFOUND');
    await refuses(dladm.resolve('e1000g0', 'web'), 'NOTFOUND');
    // The library itself would look among the links of the global zone.
    await refuses(dladm.resolve('e1000g0', 'nobody'), 'NOTFOUND');
    for (const name of ['', 'net', '0net0', 'net-0', `n${'e'.repeat(40)}0`]) {
      await refuses(dladm.resolve(name), 'LINKINVAL');
    }
    assert.throws(() => dladm.resolve('net\0' + '0'), TypeError);
    assert.throws(() => (dladm.resolve as () => unknown)(), TypeError);
  });

  it('get another name', async () => {
    root.run('web', 7, 4);
    const id = await dladm.createVnic(vnic({ name: 'tmp0', temporary: true, properties: [['zone', ['web']]] }));
    await dladm.createVnic(
      vnic({ name: 'net1', mac: bytes('02:08:20:00:00:02'), temporary: true, properties: [['zone', ['web']]] }),
    );
    await refuses(dladm.rename('web', 'tmp0', 'net1'), 'EXIST');
    await dladm.rename('web', 'tmp0', 'net0');
    assert.equal(await dladm.resolve('net0', 'web'), id);
    await refuses(dladm.rename('web', 'tmp0', 'net2'), 'NOTFOUND');
    await refuses(dladm.rename('web', 'net0', 'bad'), 'LINKINVAL');
    await refuses(dladm.rename('nobody', 'net0', 'net5'), 'NOTFOUND');
    await dladm.rename(undefined, 'e1000g0', 'uplink0');
    assert.equal(await dladm.resolve('uplink0'), e1000g0);
  });
});

describe('vnics', () => {
  it('have the MAC asked for, or one that nobody has', async () => {
    await dladm.createVnic(vnic());
    const one = await dladm.createVnic({ name: 'net1', over: e1000g0, macType: 'random' });
    const two = await dladm.createVnic({ over: e1000g0, macType: 'auto' });
    const vrrp = await dladm.createVnic({ name: 'net2', over: e1000g0, macType: 'vrrp', vrid: 9 });
    const macs = new Map((await dladm.links()).map((link) => [link.id, link.mac]));
    assert.match(String(macs.get(one)), /^02:08:20:/);
    assert.notEqual(macs.get(one), macs.get(two));
    assert.equal(macs.get(vrrp), '00:00:5e:00:01:09');
    await refuses(dladm.createVnic(vnic({ name: 'net3' })), 'INVALIDMACADDRINUSE');
    await refuses(dladm.createVnic(vnic({ mac: bytes('03:08:20:00:00:01'), name: 'net3' })), 'INVALIDMACADDR');
    await refuses(dladm.createVnic(vnic({ mac: bytes('00:00:00:00:00:00'), name: 'net3' })), 'INVALIDMACADDR');
    await refuses(dladm.createVnic(vnic({ mac: bytes('02:08'), name: 'net3' })), 'INVALIDMACADDRTYPE');
    await refuses(dladm.createVnic({ name: 'net3', over: e1000g0, macType: 'fixed' }), 'INVALIDMACADDRTYPE');
    await refuses(dladm.createVnic(vnic({ macType: 'odd' as 'auto' })), 'INVALIDMACADDRTYPE');
    await refuses(dladm.createVnic({ name: 'net3', over: e1000g0, macType: 'factory' }), 'MACFACTORYNOTSUP');
    await refuses(dladm.createVnic({ name: 'net3', over: e1000g0, macType: 'vrrp' }), 'BADARG');
  });

  it('are refused where they cannot be', async () => {
    const id = await dladm.createVnic(vnic());
    await refuses(dladm.createVnic(vnic({ mac: bytes('02:08:20:00:00:02') })), 'EXIST');
    await refuses(dladm.createVnic({ name: 'net1', over: id, macType: 'auto' }), 'BADARG');
    await refuses(dladm.createVnic(vnic({ name: 'net1', over: 99 })), 'BADARG');
    await refuses(dladm.createVnic(vnic({ name: 'bad' })), 'LINKINVAL');
    await refuses(dladm.createVnic(vnic({ name: 'net1', vlanId: 1, mac: bytes('02:08:20:00:00:02') })), 'LINKBUSY');
    const stub = await dladm.createEtherstub('stub0', false);
    await refuses(dladm.createVnic({ name: 'net1', over: stub, macType: 'auto' }), 'PERSIST_ON_TEMP');
    for (const bad of [
      { vlanId: 4095 }, { vlanId: -1 }, { vlanId: 1.5 }, { over: -1 }, { over: 'e1000g0' }, { mac: 'text' }, { vrid: 256 },
      { properties: {} }, { properties: [['mtu']] }, { properties: [['mtu', '1400']] }, { temporary: 1 }, { name: 7 },
    ]) {
      assert.throws(() => dladm.createVnic({ ...vnic(), ...bad } as NativeNewVnic), (e) => e instanceof TypeError || e instanceof RangeError, JSON.stringify(bad));
    } // prettier-ignore
  });

  it('are not there when one of their properties cannot be set, and the property is named', async () => {
    const failing = dladm.createVnic(vnic({ properties: [['mtu', ['1400']], ['zone', ['nobody']]] })); // prettier-ignore
    await assert.rejects(failing, (error) => {
      assert.equal(codeOf(error), 'DLADM_STATUS_BADVAL');
      assert.match((error as Error).message, /dladm_vnic_create net0: invalid value: .*zone/);
      return true;
    });
    assert.deepEqual((await dladm.links()).map((link) => link.name), ['e1000g0']); // prettier-ignore
    const many = Array.from({ length: 33 }, (_, at) => [`p${at}`, ['1']] as const);
    await refuses(dladm.createVnic(vnic({ properties: many })), 'TOOMANYELEMENTS');
    await refuses(
      dladm.createVnic(vnic({ properties: [['cpus', Array.from({ length: 65 }, () => '1')]] })),
      'BADVALCNT',
    );
  });

  it('and etherstubs are deleted once nobody uses them', async () => {
    root.run('web', 7, 4);
    const stub = await dladm.createEtherstub('stub0', true);
    const id = await dladm.createVnic({
      name: 'net0', over: stub, macType: 'auto', temporary: true, properties: [['zone', ['web']]],
    }); // prettier-ignore
    await refuses(dladm.deleteVnic(stub, true), 'LINKBUSY');
    await refuses(dladm.deleteVnic(id, false), 'LINKBUSY');
    root.stop('web');
    await dladm.deleteVnic(id, false);
    await dladm.deleteVnic(stub, true);
    await refuses(dladm.deleteVnic(stub, true), 'NOTFOUND');
    await refuses(dladm.deleteVnic(e1000g0, true), 'BADARG');
    await refuses(dladm.createEtherstub('stub', false), 'LINKINVAL');
    await refuses(dladm.createEtherstub('e1000g0', false), 'EXIST');
    assert.throws(() => dladm.deleteVnic(-1, false), RangeError);
    assert.throws(() => dladm.deleteVnic(1, 'no' as unknown as boolean), TypeError);
  });
});

describe('properties of links', () => {
  it('are read, set and set back', async () => {
    const id = await dladm.createVnic(vnic());
    const get = (name: string) => dladm.property(id, name, 'current');
    assert.deepEqual(await get('allowed-ips'), []);
    await dladm.setProperty(id, 'allowed-ips', ['10.0.0.5', '10.1.0.0/16', 'fd00::1'], false);
    assert.deepEqual(await get('allowed-ips'), ['10.0.0.5', '10.1.0.0/16', 'fd00::1']);
    await dladm.setProperty(id, 'protection', ['mac-nospoof', 'ip-nospoof'], true);
    assert.deepEqual(await dladm.property(id, 'protection', 'persistent'), ['mac-nospoof', 'ip-nospoof']);
    await dladm.setProperty(id, 'allowed-ips', [], false);
    assert.deepEqual(await get('allowed-ips'), []);
    assert.deepEqual(await dladm.property(id, 'mtu', 'default'), ['1500']);
    assert.deepEqual(await dladm.property(id, 'state', 'permitted'), ['r-']);
    assert.deepEqual(await dladm.property(id, 'priority', 'modifiable'), ['low,medium,high']);
  });

  it('take only what they can be', async () => {
    const id = await dladm.createVnic(vnic({ temporary: true }));
    const set = (name: string, ...values: string[]) => dladm.setProperty(id, name, values, false);
    await refuses(set('nope', '1'), 'NOTFOUND');
    await refuses(set('speed', '1'), 'BADARG');
    await refuses(set('state', 'up'), 'PROPRDONLY');
    await refuses(set('mtu', '20'), 'INVALID_MTU');
    await refuses(set('mtu', 'wide'), 'BADVAL');
    await refuses(set('mtu', '1400', '1500'), 'BADVALCNT');
    await refuses(set('maxbw', '10K'), 'MINMAXBW');
    await refuses(set('protection', 'none'), 'BADVAL');
    await refuses(set('allowed-ips', '10.0.0.1/8'), 'BADVAL');
    await set('cpus', '0', '1');
    await refuses(set('pool', 'p'), 'POOLCPU');
    await refuses(set('allowed-ips', ...Array.from({ length: 33 }, (_, at) => `10.0.0.${at}`)), 'BADVALCNT');
    await refuses(dladm.setProperty(id, 'mtu', ['1400'], true), 'TEMPONLY');
    await refuses(dladm.property(id, 'zone', 'persistent'), 'TEMPONLY');
    await refuses(dladm.property(id, 'nope', 'current'), 'NOTFOUND');
    await refuses(dladm.property(99, 'mtu', 'current'), 'NOTFOUND');
    await refuses(dladm.setProperty(99, 'mtu', ['1400'], false), 'NOTFOUND');
    assert.throws(() => dladm.property(id, 'mtu', 'now' as 'current'), TypeError);
    assert.throws(() => dladm.setProperty(id, 'mtu', '1400' as unknown as string[], false), TypeError);
  });
});

describe('simnets and aggregations', () => {
  it('are made, connected, asked and deleted', async () => {
    const [one, two] = [await dladm.createSimnet('sim0', false), await dladm.createSimnet('sim1', false)];
    await dladm.connectSimnet(one, two);
    await dladm.connectSimnet(one, 0);
    const on = await dladm.createVnic({ name: 'net0', over: one, macType: 'auto', temporary: true });
    await refuses(dladm.deleteSimnet(one, false), 'LINKBUSY');
    await dladm.deleteVnic(on, false);
    await dladm.deleteSimnet(one, false);
    await refuses(dladm.deleteSimnet(one, false), 'NOTFOUND');
    await refuses(dladm.deleteSimnet(e1000g0, false), 'BADARG');
    await refuses(dladm.connectSimnet(99, 0), 'NOTFOUND');
    await refuses(dladm.createSimnet('sim1', false), 'EXIST');
    await refuses(dladm.createSimnet('sim', false), 'LINKINVAL');
    const kept = await dladm.createSimnet('sim2', true);
    await refuses(dladm.connectSimnet(two, kept), 'PERSIST_ON_TEMP');
    root.addLink(40, { name: 'aggr0', class: 4, flags: 3, mac: '00:50:56:00:00:09', ports: 'e1000g0,sim1' });
    assert.deepEqual(await dladm.aggregation(40), {
      ports: [e1000g0, two], policy: ['L4'], mac: '00:50:56:00:00:09', lacpMode: 'active', lacpTimer: 'short',
    }); // prettier-ignore
    await refuses(dladm.aggregation(e1000g0), 'BADARG');
    await refuses(dladm.aggregation(99), 'NOTFOUND');
  });
});

describe('failures', () => {
  it('carry the name of every status that the library knows, with its words', async () => {
    for (let status = 1; status <= 87; status += 1) {
      root.write('/system/links-refuse', `dladm_open ${status}\n`);
      await assert.rejects(dladm.links(), (error) => {
        const name = codeOf(error) ?? '';
        assert.match(name, /^DLADM_STATUS_[A-Z0-9_]+$/);
        assert.equal(name === 'DLADM_STATUS_UNKNOWN', status === 87);
        assert.match((error as Error).message, /^dladm_open: \S/);
        return true;
      });
    }
  });

  it('of every function are passed on', async () => {
    const id = await dladm.createVnic(vnic());
    const sim = await dladm.createSimnet('sim0', false);
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      dladm_walk_datalink_id: () => dladm.links(),
      dladm_datalink_id2info: () => dladm.links(),
      dladm_name2info: () => dladm.resolve('net0'),
      dladm_vnic_create: () => dladm.createVnic(vnic({ name: 'net1' })),
      dladm_vnic_delete: () => dladm.deleteVnic(id, true),
      dladm_rename_link: () => dladm.rename(undefined, 'net0', 'net7'),
      dladm_get_linkprop: () => dladm.property(id, 'mtu', 'current'),
      dladm_set_linkprop: () => dladm.setProperty(id, 'mtu', ['1400'], false),
      dladm_simnet_create: () => dladm.createSimnet('sim5', false),
      dladm_simnet_delete: () => dladm.deleteSimnet(sim, false),
      dladm_simnet_modify: () => dladm.connectSimnet(sim, 0),
      dladm_aggr_info: () => dladm.aggregation(id),
    };
    for (const [name, call] of Object.entries(calls)) {
      root.write('/system/links-refuse', `${name} 13\n`);
      await refuses(call(), 'DENIED');
    }
  });

  it('do not come of a thousand calls at once', async () => {
    const id = await dladm.createVnic(vnic());
    const all = await Promise.all(Array.from({ length: 1000 }, () => dladm.property(id, 'mtu', 'current')));
    assert.ok(all.every(([mtu]) => mtu === '1500'));
  });
});
