/** Each export of dladm.node: what its documentation says it fails with, wrong arguments, and a thousand calls at once. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeDladm, NativeNewVnic } from '../../lib/host/native-dladm.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { documentedCodes, endsAThousand, refusesWrongArguments, type ExportEntry } from './every-export.js';
import { inLackingProcess } from './lacking.js';

const dladm = loadNative('dladm');
let root = new IllumosRoot();
/** The physical link that every root has, and what a test finds on it; there is no link 99. */
const phys = 1;
const aggr = 40;
let vnic = 0;
let kept = 0;
let stub = 0;
let sim = 0;
let keptSim = 0;

const mac = (last: number) => Uint8Array.of(2, 8, 0x20, 0, last >> 8, last & 0xff);
const newVnic = (more: Partial<NativeNewVnic> = {}): NativeNewVnic => ({
  name: 'new0', over: phys, macType: 'fixed', mac: mac(0x1000), ...more,
}); // prettier-ignore

beforeEach(async () => {
  root.remove();
  root = new IllumosRoot();
  root.run('web', 7, 4);
  root.addLink(phys, { name: 'e1000g0', class: 1, flags: 3, mac: '00:50:56:00:00:01' });
  root.addLink(aggr, { name: 'aggr0', class: 4, flags: 3, mac: '00:50:56:00:00:09', ports: 'e1000g0' });
  // Its name is free again once it is the zone's.
  await dladm.createVnic({
    name: 'net0', over: phys, macType: 'fixed', mac: mac(2), temporary: true, properties: [['zone', ['web']]],
  }); // prettier-ignore
  vnic = await dladm.createVnic({ name: 'net0', over: phys, macType: 'fixed', mac: mac(1), temporary: true });
  kept = await dladm.createVnic({ name: 'net1', over: phys, macType: 'auto' });
  stub = await dladm.createEtherstub('stub0', false);
  sim = await dladm.createSimnet('sim0', false);
  keptSim = await dladm.createSimnet('sim1', true);
});
after(() => {
  root.remove();
});

const property: readonly [string, readonly string[]] = ['mtu', ['1400']];
const set = (name: string, ...values: readonly string[]) => dladm.setProperty(vnic, name, values, false);
const withProperties = (...properties: NonNullable<NativeNewVnic['properties']>) =>
  dladm.createVnic(newVnic({ properties, temporary: true }));

const entries: Readonly<Record<keyof NativeDladm, ExportEntry>> = {
  links: {
    args: [{ zone: '', classes: ['vnic', 'phys'] }],
    required: 0,
    fails: { DLADM_STATUS_BADARG: () => dladm.links({ classes: ['nope' as 'phys'] }) },
    many: () => dladm.links({ zone: '', classes: ['vnic'] }),
    ends: { done: 1000 },
  },
  resolve: {
    args: ['net0', 'web'],
    required: 1,
    fails: {
      DLADM_STATUS_NOTFOUND: () => dladm.resolve('net9'),
      DLADM_STATUS_LINKINVAL: () => dladm.resolve('net'),
    },
    many: (index) => dladm.resolve(index % 2 === 0 ? 'net1' : 'net9'),
    ends: { done: 500, DLADM_STATUS_NOTFOUND: 500 },
  },
  createVnic: {
    args: [
      {
        name: 'new0', over: 1, macType: 'fixed', mac: mac(0x1000), vlanId: 5, vrid: 7, inet6: false, properties: [property],
        temporary: true,
      },
    ], // prettier-ignore
    required: 1,
    fails: {
      DLADM_STATUS_EXIST: () => dladm.createVnic(newVnic({ name: 'net1' })),
      DLADM_STATUS_LINKINVAL: () => dladm.createVnic(newVnic({ name: 'bad' })),
      DLADM_STATUS_BADARG: () => dladm.createVnic(newVnic({ over: kept })),
      DLADM_STATUS_LINKBUSY: () => dladm.createVnic(newVnic({ vlanId: 1 })),
      DLADM_STATUS_PERSIST_ON_TEMP: () => dladm.createVnic(newVnic({ over: stub })),
      DLADM_STATUS_INVALIDMACADDRTYPE: () => dladm.createVnic(newVnic({ mac: mac(1).subarray(1) })),
      DLADM_STATUS_INVALIDMACADDR: () => dladm.createVnic(newVnic({ mac: new Uint8Array(6) })),
      DLADM_STATUS_INVALIDMACADDRINUSE: () => dladm.createVnic(newVnic({ mac: mac(1) })),
      DLADM_STATUS_MACFACTORYNOTSUP: () => dladm.createVnic({ name: 'new0', over: phys, macType: 'factory' }),
      DLADM_STATUS_TOOMANYELEMENTS: () => withProperties(...Array.from({ length: 33 }, () => property)),
    },
    many: () => dladm.createVnic(newVnic()),
    ends: { done: 1, DLADM_STATUS_EXIST: 999 },
  },
  createEtherstub: {
    args: ['stub1', true],
    required: 2,
    fails: {
      DLADM_STATUS_EXIST: () => dladm.createEtherstub('net1', false),
      DLADM_STATUS_LINKINVAL: () => dladm.createEtherstub('stub', false),
    },
    many: (index) => dladm.createEtherstub(`stub${index % 20}`, false),
    // One was there before.
    ends: { done: 19, DLADM_STATUS_EXIST: 981 },
  },
  deleteVnic: {
    args: [2, true],
    required: 2,
    fails: {
      DLADM_STATUS_BADARG: () => dladm.deleteVnic(phys, true),
      DLADM_STATUS_LINKBUSY: async () => {
        await dladm.createVnic(newVnic({ over: stub, temporary: true }));
        await dladm.deleteVnic(stub, false);
      },
      DLADM_STATUS_NOTFOUND: () => dladm.deleteVnic(99, false),
    },
    many: () => dladm.deleteVnic(vnic, false),
    ends: { done: 1, DLADM_STATUS_NOTFOUND: 999 },
  },
  rename: {
    args: ['web', 'net0', 'net2'],
    required: 3,
    fails: {
      DLADM_STATUS_NOTFOUND: () => dladm.rename('nobody', 'net0', 'net2'),
      DLADM_STATUS_EXIST: () => dladm.rename(undefined, 'net0', 'net1'),
      DLADM_STATUS_LINKINVAL: () => dladm.rename(undefined, 'net0', 'net'),
    },
    many: () => dladm.rename(undefined, 'net0', 'net2'),
    // Looked for is first whether the new name is taken.
    ends: { done: 1, DLADM_STATUS_EXIST: 999 },
  },
  property: {
    args: [2, 'mtu', 'current'],
    required: 3,
    fails: {
      DLADM_STATUS_NOTFOUND: () => dladm.property(99, 'mtu', 'current'),
      DLADM_STATUS_BADARG: () => dladm.property(vnic, 'speed', 'current'),
      DLADM_STATUS_TEMPONLY: () => dladm.property(kept, 'zone', 'persistent'),
    },
    many: () => dladm.property(vnic, 'allowed-ips', 'current'),
    ends: { done: 1000 },
  },
  setProperty: {
    args: [2, 'allowed-ips', ['10.0.0.1', '10.0.0.2'], false],
    required: 4,
    fails: {
      DLADM_STATUS_NOTFOUND: () => set('nope', '1'),
      DLADM_STATUS_BADARG: () => set('speed', '1'),
      DLADM_STATUS_PROPRDONLY: () => set('state', 'up'),
      DLADM_STATUS_BADVAL: () => set('protection', 'none'),
      DLADM_STATUS_BADVALCNT: () => set('mtu', '1400', '1500'),
      DLADM_STATUS_INVALID_MTU: () => set('mtu', '20'),
      DLADM_STATUS_MINMAXBW: () => set('maxbw', '10K'),
      DLADM_STATUS_POOLCPU: async () => {
        await set('cpus', '0');
        await set('pool', 'p');
      },
      DLADM_STATUS_TEMPONLY: () => dladm.setProperty(vnic, 'mtu', ['1400'], true),
    },
    many: (index) => set('allowed-ips', `10.0.${index >> 8}.${index & 255}`, '10.1.0.0/16'),
    ends: { done: 1000 },
  },
  createSimnet: {
    args: ['sim2', false],
    required: 2,
    fails: {
      DLADM_STATUS_EXIST: () => dladm.createSimnet('sim0', false),
      DLADM_STATUS_LINKINVAL: () => dladm.createSimnet('sim', false),
    },
    many: () => dladm.createSimnet('sim2', false),
    ends: { done: 1, DLADM_STATUS_EXIST: 999 },
  },
  deleteSimnet: {
    args: [2, false],
    required: 2,
    fails: {
      DLADM_STATUS_LINKBUSY: async () => {
        await dladm.createVnic(newVnic({ over: sim, temporary: true }));
        await dladm.deleteSimnet(sim, false);
      },
      DLADM_STATUS_NOTFOUND: () => dladm.deleteSimnet(99, false),
      DLADM_STATUS_BADARG: () => dladm.deleteSimnet(phys, false),
    },
    many: () => dladm.deleteSimnet(sim, false),
    ends: { done: 1, DLADM_STATUS_NOTFOUND: 999 },
  },
  connectSimnet: {
    args: [2, 0],
    required: 2,
    fails: {
      DLADM_STATUS_NOTFOUND: () => dladm.connectSimnet(99, 0),
      DLADM_STATUS_PERSIST_ON_TEMP: () => dladm.connectSimnet(sim, keptSim),
    },
    many: () => dladm.connectSimnet(sim, 0),
    ends: { done: 1000 },
  },
  aggregation: {
    args: [2],
    required: 1,
    fails: {
      DLADM_STATUS_NOTFOUND: () => dladm.aggregation(99),
      DLADM_STATUS_BADARG: () => dladm.aggregation(phys),
    },
    many: () => dladm.aggregation(aggr),
    ends: { done: 1000 },
  },
  missingFunctions: { args: [], required: 0, fails: {}, many: () => dladm.missingFunctions(), ends: { done: 1000 } },
};

const names = async () => (await dladm.links()).map(({ name, zone }) => `${zone ?? ''}/${name}`);
const descriptors = () => readdirSync('/proc/self/fd').length;

it('every export is in the table, with every code that its documentation names', () => {
  assert.deepEqual(Object.keys(dladm).sort(), Object.keys(entries).sort());
  const documented = documentedCodes('native-dladm.ts', 'NativeDladm');
  assert.deepEqual([...documented.keys()].sort(), Object.keys(entries).sort());
  for (const [name, codes] of documented) {
    const shown = Object.keys(entries[name as keyof NativeDladm].fails);
    assert.deepEqual(codes.filter((code) => !shown.includes(code)), [], name); // prettier-ignore
  }
});

for (const [name, entry] of Object.entries(entries)) {
  describe(name, () => {
    for (const [code, call] of Object.entries(entry.fails)) {
      it(`fails with ${code}`, async () => {
        await assert.rejects(Promise.resolve(call()), (error) => {
          const { library, errno } = error as Record<string, unknown>;
          assert.deepEqual([codeOf(error), library], [code, 'dladm']);
          assert.ok(typeof errno === 'number' && errno > 0 && errno < 87);
          return true;
        });
      });
    }

    it('refuses arguments of the wrong type and length before anything is done', async () => {
      const before = await names();
      refusesWrongArguments(dladm, name, entry);
      assert.deepEqual(await names(), before);
    });

    it('a thousand times at once ends as one after another would', async () => {
      const before = descriptors();
      await endsAThousand(entry);
      assert.equal(descriptors(), before);
    });
  });
}

describe('vnics', () => {
  const fails = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);

  it('take a MAC with the type that has one, and with no other', async () => {
    for (const macType of ['random', 'auto', 'factory', 'vrrp'] as const) {
      for (const length of [1, 3, 6, 7, 255]) {
        await fails(
          dladm.createVnic(newVnic({ macType, mac: new Uint8Array(length).fill(2), vrid: 9 })),
          'DLADM_STATUS_INVALIDMACADDRTYPE',
        );
      }
    }
    for (const length of [0, 5, 7, 255]) {
      await fails(
        dladm.createVnic(newVnic({ mac: new Uint8Array(length).fill(2) })),
        'DLADM_STATUS_INVALIDMACADDRTYPE',
      );
    }
  });

  it('that could not be taken back are not made', async () => {
    const before = await names();
    for (const name of ['zone', 'Zone']) {
      await fails(withProperties([name, ['web']], ['mtu', ['20']]), 'DLADM_STATUS_BADARG');
    }
    for (const [code, properties] of [
      ['NOTFOUND', [['nope', ['1']]]], ['BADARG', [['speed', ['1']]]], ['PROPRDONLY', [['state', ['up']]]],
      ['BADVAL', [property, ['zone', ['nobody']]]], ['BADVALCNT', [['mtu', ['1400', '1500']]]], ['INVALID_MTU', [['mtu', ['20']]]],
      ['MINMAXBW', [property, ['maxbw', ['1K']]]], ['POOLCPU', [['cpus', ['0']], ['pool', ['p']]]],
    ] as const) {
      await fails(withProperties(...properties), `DLADM_STATUS_${code}`);
    } // prettier-ignore
    assert.deepEqual(await names(), before);
  });

  it('have values of properties as long as the library has room for, and no longer', async () => {
    await set('pool', 'p'.repeat(2047));
    assert.deepEqual(await dladm.property(vnic, 'pool', 'current'), ['p'.repeat(2047)]);
    assert.throws(() => set('pool', 'p'.repeat(2048)), RangeError);
    assert.throws(() => withProperties(['pool', ['p'.repeat(2048)]]), RangeError);
    const most = Array.from({ length: 32 }, (_, index) => `fd00::${index}`);
    await set('allowed-ips', ...most);
    assert.deepEqual(await dladm.property(vnic, 'allowed-ips', 'current'), most);
  });
});

it('what goes wrong in any function of the library that is called is told, or costs only what that function would have told', async () => {
  const header = readFileSync(new URL('../../addon/src/illumos/dladm_library.h', import.meta.url), 'utf8');
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    dladm_open: () => dladm.links(),
    dladm_name2info: () => dladm.resolve('net0'),
    dladm_zname2info: () => dladm.resolve('net0', 'web'),
    dladm_datalink_id2info: () => dladm.links(),
    dladm_walk_datalink_id: () => dladm.links(),
    dladm_rename_link: () => dladm.rename(undefined, 'net0', 'net5'),
    dladm_vnic_create: () => dladm.createVnic(newVnic()),
    dladm_vnic_delete: () => dladm.deleteVnic(vnic, false),
    dladm_set_linkprop: () => set('mtu', '1400'),
    dladm_get_linkprop: () => dladm.property(vnic, 'mtu', 'current'),
    dladm_aggr_info: () => dladm.aggregation(aggr),
    dladm_simnet_create: () => dladm.createSimnet('sim5', false),
    dladm_simnet_delete: () => dladm.deleteSimnet(sim, false),
    dladm_simnet_modify: () => dladm.connectSimnet(sim, 0),
  };
  /** They have no status, or none that says more than what is there without it. */
  const others = [
    'dladm_close', 'dladm_errlist_init', 'dladm_errlist_reset', 'dladm_status2str', 'dladm_valid_linkname', 'dladm_vnic_info',
    'getzoneidbyname',
  ]; // prettier-ignore
  const known = [...header.matchAll(/F\((\w+)\)/g)].map(([, name = '']) => name).filter((name) => name !== 'F');
  assert.deepEqual([...Object.keys(calls), ...others].sort(), known.sort());
  const there = await names();
  // DENIED, IOERR, NOMEM, TRYAGAIN
  for (const [name, call] of Object.entries(calls)) {
    for (const [status, code] of [[13, 'DENIED'], [14, 'IOERR'], [7, 'NOMEM'], [27, 'TRYAGAIN']] as const) {
      root.write('/system/links-refuse', `${name} ${status}\n`);
      await assert.rejects(call(), (error) => {
        const { operation } = error as Record<string, unknown>;
        assert.deepEqual([codeOf(error), operation], [`DLADM_STATUS_${code}`, name]);
        return true;
      });
    } // prettier-ignore
  }
  root.write('/system/links-refuse', 'dladm_vnic_info 5\n');
  const link = (await dladm.links()).find(({ id }) => id === vnic);
  assert.deepEqual([link?.name, link?.mac, link?.over], ['net0', undefined, undefined]);
  root.write('/system/links-refuse', '');
  assert.deepEqual(await names(), there);
});

/** Where the library has no such function, only what needs it fails, and nothing ends the process. */
describe('a library without', () => {
  const header = readFileSync(new URL('../../addon/src/illumos/dladm_library.h', import.meta.url), 'utf8');
  const known = [...header.matchAll(/ F\((\w+)\)/g)].map(([, name = '']) => name);
  const program = `
    const dladm = require(file);
    const calls = [
      () => dladm.links(), () => dladm.resolve('net0', 'web'), () => dladm.resolve('net0'), () => dladm.rename(undefined, 'net0', 'net4'),
      () => dladm.createVnic({ name: 'net8', over: 1, macType: 'auto' }), () => dladm.createEtherstub('stub8', false),
      () => dladm.deleteVnic(99, false), () => dladm.property(1, 'mtu', 'current'), () => dladm.setProperty(1, 'mtu', [], false),
      () => dladm.createSimnet('sim8', false), () => dladm.deleteSimnet(99, false), () => dladm.connectSimnet(99, 0),
      () => dladm.aggregation(40), () => dladm.createEtherstub('stub8', false),
    ];
    (async () => {
      const ends = new Set();
      for (const call of calls) ends.add(await codeOf(call));
      console.log(dladm.missingFunctions().join(), [...ends].filter((end) => end.startsWith('ENOSYS')).join());
    })();`; // prettier-ignore
  // libzonecfg has it.
  for (const name of known.filter((each) => each !== 'getzoneidbyname')) {
    it(name, () => {
      const said = inLackingProcess({ addon: 'dladm', libraries: ['dladm', 'zonecfg'], functions: [name] }, program);
      assert.equal(said, `${name} ENOSYS dladm ${name}\n`);
    });
  }
});
