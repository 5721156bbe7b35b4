/** Each export of zonecfg.node and each method of a document: what its documentation says it fails with, wrong arguments, calls after the end, and a thousand at once. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeZonecfg, NativeZoneDocument, NativeZoneText } from '../../lib/host/native-zonecfg.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { documentedCodes, endsAThousand, refusesWrongArguments, type ExportEntry } from './every-export.js';

const zonecfg = loadNative('zonecfg');
const uuid = '11111111-2222-4333-8444-555555555555';
let root = new IllumosRoot();
/** Zone `a` is configured, with two networks that look alike, and in `document`; zone `b` runs, as 7. */
let document: NativeZoneDocument;

beforeEach(async () => {
  root.remove();
  root = new IllumosRoot();
  await make('a');
  await make('b');
  await zonecfg.setState('b', 'installed');
  await zonecfg.setUuid('b', '', uuid);
  root.run('b', 7, 4);
  document = await zonecfg.open({ zone: 'a' });
});
afterEach(() => {
  document.close();
});
after(() => {
  root.remove();
});

async function make(name: string): Promise<void> {
  const made = await zonecfg.open({ template: 'SUNWblank', name });
  await made.change([
    { set: 'zonepath', value: `/zones/${name}` },
    { set: 'brand', value: 'joyent-minimal' },
    { set: 'ip-type', value: 'exclusive' },
    { add: 'network', value: { physical: 'net0', globalNic: 'admin' } },
    { add: 'network', value: { physical: 'net1', globalNic: 'admin' } },
  ]);
  await made.save();
  made.close();
}

/** Has a function of the library fail: with a code of its own, or with an errno. */
function refuse(name: string, ...numbers: readonly number[]): void {
  root.write('/system/zones-refuse', `${name} ${numbers.join(' ')}\n`);
}

/** Of a zone whose file says something else of it. */
async function opened(edit: (text: string) => string, name = 'a'): Promise<NativeZoneDocument> {
  root.write(`/etc/zones/${name}.xml`, edit(root.read(`/etc/zones/${name}.xml`) as string));
  return zonecfg.open({ zone: name });
}

/** What comes of a document that lies anywhere, once it is saved. */
async function savedFrom(edit: (text: string) => string): Promise<void> {
  root.write('/tmp/from.xml', edit(root.read('/etc/zones/a.xml') as string));
  const from = await zonecfg.open({ file: '/tmp/from.xml' });
  await from.save().finally(() => {
    from.close();
  });
}

const long = 'n'.repeat(300);
const rctl = (privilege: string) => ({
  name: 'zone.max-swap', values: [{ privilege, limit: '1', action: 'deny' }],
}); // prettier-ignore
/** There is no such zone. */
const nobody = 'nobody';

const entries: Readonly<Record<keyof NativeZonecfg, ExportEntry>> = {
  open: {
    args: [{ zone: 'a' }],
    required: 1,
    fails: {
      Z_BOGUS_ZONE_NAME: () => zonecfg.open({ template: 'SUNWblank', name: 'global' }),
      Z_NAME_IN_USE: () => zonecfg.open({ template: 'SUNWblank', name: 'a' }),
      Z_NO_ZONE: () => zonecfg.open({ snapshot: 'a' }),
      Z_MISC_FS: () => zonecfg.open({ file: '/nope.xml' }),
      Z_INVALID_DOCUMENT: () => opened(() => '<zone/>'),
      Z_NOMEM: () => {
        refuse('zonecfg_init_handle', 11);
        return zonecfg.open({ zone: 'a' });
      },
    },
    many: async (index) => {
      const each = await zonecfg.open({ zone: index % 4 === 0 ? nobody : 'a' });
      each.close();
    },
    ends: { done: 750, Z_NO_ZONE: 250 },
  },
  list: { args: [], required: 0, fails: {}, many: () => zonecfg.list(), ends: { done: 1000 } },
  state: {
    args: ['a'],
    required: 1,
    fails: {
      Z_BOGUS_ZONE_NAME: () => zonecfg.state('../a'),
      // Asked of a zone that halts meanwhile, each time.
      EINVAL: () => {
        refuse('zone_get_state', 28, 22);
        return zonecfg.state('b');
      },
    },
    many: () => zonecfg.state('a'),
    ends: { done: 1000 },
  },
  setState: {
    args: ['a', 'installed'],
    required: 2,
    fails: {
      Z_UPDATING_INDEX: () => zonecfg.setState(nobody, 'installed'),
      Z_INVAL: () => zonecfg.setState('a', 'ready' as 'installed'),
      Z_LOCKING_FILE: () => {
        refuse('zone_set_state', 26);
        return zonecfg.setState('a', 'installed');
      },
    },
    many: (index) => zonecfg.setState(index % 2 === 0 ? 'a' : nobody, 'incomplete'),
    ends: { done: 500, Z_UPDATING_INDEX: 500 },
  },
  destroy: {
    args: ['a', true],
    required: 2,
    fails: {
      Z_NO_ZONE: () => zonecfg.destroy(nobody, true),
      Z_BAD_ZONE_STATE: () => zonecfg.destroy('b', true),
      Z_UPDATING_INDEX: () => {
        refuse('zonecfg_destroy', 25);
        return zonecfg.destroy('a', false);
      },
    },
    many: () => zonecfg.destroy('a', false),
    ends: { done: 1, Z_NO_ZONE: 999 },
  },
  uuid: {
    args: ['b'],
    required: 1,
    fails: { Z_NO_ZONE: () => zonecfg.uuid(nobody) },
    many: (index) => zonecfg.uuid(index % 2 === 0 ? 'b' : nobody),
    ends: { done: 500, Z_NO_ZONE: 500 },
  },
  setUuid: {
    args: ['a', '/zones/a', uuid],
    required: 3,
    fails: {
      Z_INVALID_PROPERTY: () => zonecfg.setUuid('a', '', `${uuid}0`),
      Z_BAD_PROPERTY: () => zonecfg.setUuid('a', 'zones/a', uuid),
      Z_TOO_BIG: () => zonecfg.setUuid('a', `/${'p'.repeat(1023)}`, uuid),
      Z_UPDATING_INDEX: () => zonecfg.setUuid(nobody, '', uuid),
    },
    many: (index) => zonecfg.setUuid('a', '', index % 2 === 0 ? uuid : 'x'),
    ends: { done: 500, Z_INVALID_PROPERTY: 500 },
  },
  nameOfUuid: {
    args: [uuid],
    required: 1,
    fails: { Z_INVALID_PROPERTY: () => zonecfg.nameOfUuid(uuid.replace('1', 'g')) },
    many: (index) => zonecfg.nameOfUuid(index % 2 === 0 ? uuid : ''),
    ends: { done: 500, Z_INVALID_PROPERTY: 500 },
  },
  zonepath: {
    args: ['a'],
    required: 1,
    fails: { Z_NO_ZONE: () => zonecfg.zonepath(nobody) },
    many: (index) => zonecfg.zonepath(index % 2 === 0 ? 'a' : nobody),
    ends: { done: 500, Z_NO_ZONE: 500 },
  },
  brand: {
    args: ['a'],
    required: 1,
    fails: {
      Z_NO_ZONE: () => zonecfg.brand(nobody),
      Z_INVALID_DOCUMENT: () => {
        root.write('/etc/zones/a.xml', '<zone');
        return zonecfg.brand('a');
      },
    },
    many: (index) => zonecfg.brand(index % 2 === 0 ? 'a' : nobody),
    ends: { done: 500, Z_NO_ZONE: 500 },
  },
  defaultBrand: {
    args: [],
    required: 0,
    fails: {
      Z_NO_ZONE: () => {
        rmSync(`${root.path}/etc/zones/SUNWdefault.xml`);
        return zonecfg.defaultBrand();
      },
    },
    many: () => zonecfg.defaultBrand(),
    ends: { done: 1000 },
  },
  isZoneName: { args: ['a'], required: 1, fails: {}, many: () => zonecfg.isZoneName('a'), ends: { done: 1000 } },
  applyRctls: {
    args: ['b'],
    required: 1,
    fails: {
      Z_NO_ZONE: () => zonecfg.applyRctls(nobody),
      ESRCH: () => zonecfg.applyRctls('a'),
      Z_INVALID_DOCUMENT: () => {
        root.write('/etc/zones/a.xml', '<zone');
        return zonecfg.applyRctls('a');
      },
      EPERM: () => {
        refuse('zonecfg_apply_rctls', 28, 1);
        return zonecfg.applyRctls('b');
      },
    },
    many: (index) => zonecfg.applyRctls(index % 2 === 0 ? 'b' : 'a'),
    ends: { done: 500, ESRCH: 500 },
  },
  mountsUnder: {
    args: ['/zones'],
    required: 1,
    fails: {
      EMFILE: () => {
        refuse('zonecfg_find_mounts', -1, 24);
        return zonecfg.mountsUnder('/zones');
      },
    },
    many: () => zonecfg.mountsUnder('/zones'),
    ends: { done: 1000 },
  },
  runningIds: {
    args: [],
    required: 0,
    fails: {
      EFAULT: () => {
        refuse('zone_list', -1, 14);
        return zonecfg.runningIds();
      },
    },
    many: () => zonecfg.runningIds(),
    ends: { done: 1000 },
  },
  idOf: { args: ['b'], required: 1, fails: {}, many: () => zonecfg.idOf('b'), ends: { done: 1000 } },
  nameOf: { args: [7], required: 1, fails: {}, many: () => zonecfg.nameOf(7), ends: { done: 1000 } },
  running: { args: [7], required: 1, fails: {}, many: () => zonecfg.running(7), ends: { done: 1000 } },
  datalinks: {
    args: [7],
    required: 1,
    fails: { EINVAL: () => zonecfg.datalinks(8) },
    many: (index) => zonecfg.datalinks(7 + (index % 2)),
    ends: { done: 500, EINVAL: 500 },
  },
  brandInfo: {
    args: ['joyent', 'a', '/zones/a'],
    required: 3,
    fails: {
      Z_TOO_BIG: () => zonecfg.brandInfo('joyent', 'a', `/${'p'.repeat(1023)}`),
      Z_BOGUS_ZONE_NAME: () => zonecfg.brandInfo('joyent', 'a/b', '/zones/a'),
    },
    many: (index) => zonecfg.brandInfo('joyent', index % 2 === 0 ? 'a' : '', '/zones/a'),
    ends: { done: 500, Z_BOGUS_ZONE_NAME: 500 },
  },
  pingZoneadmd: { args: ['a'], required: 1, fails: {}, many: () => zonecfg.pingZoneadmd('a'), ends: { done: 1000 } },
  callZoneadmd: {
    args: ['b', 'halt', '-v', true],
    required: 4,
    fails: {
      Z_TOO_BIG: () => zonecfg.callZoneadmd('b', 'boot', 'x'.repeat(256), false),
      EACCES: () => {
        root.startZoneadmd('b');
        refuse('door_call', -1, 13);
        return zonecfg.callZoneadmd('b', 'halt', '', false);
      },
    },
    prepare: async () => {
      await zonecfg.setState('a', 'installed');
      root.startZoneadmd('a');
    },
    many: (index) => zonecfg.callZoneadmd('a', 'halt', index % 2 === 0 ? '' : 'x'.repeat(256), false),
    ends: { done: 500, Z_TOO_BIG: 500 },
  },
  missingFunctions: { args: [], required: 0, fails: {}, many: () => zonecfg.missingFunctions(), ends: { done: 1000 } },
};

const set = (property: NativeZoneText, value: string | null) => document.change([{ set: property, value }]);

const methods: Readonly<Record<Exclude<keyof NativeZoneDocument, 'close'>, ExportEntry>> = {
  get: {
    args: ['hostid'],
    required: 1,
    fails: {
      Z_INVALID_PROPERTY: async () =>
        (await opened((text) => text.replace('brand=', 'hostid="x" brand='))).get('hostid'),
      Z_INVAL: async () => (await opened((text) => text.replace('"exclusive"', '"both"'))).get('ip-type'),
    },
    many: () => document.get('name'),
    ends: { done: 1000 },
  },
  change: {
    // No text that may be null as well: that takes it away.
    args: [
      [
        { set: 'autoboot', value: true },
        { set: 'ip-type', value: 'exclusive' },
        { clear: 'attr' },
        { add: 'attr', value: { name: 'x', type: 'string', value: '1' } },
        { add: 'network', value: { physical: 'p', address: 'a', allowedAddress: 'b', mac: 'm', vlanId: 'v', globalNic: 'g', defrouter: 'd', properties: [['ip', 'dhcp']] } },
        { add: 'device', value: { match: 'm', properties: [['boot', 'true']] } },
        { add: 'rctl', value: rctl('privileged') },
        { remove: 'dataset', value: { name: 'd' } },
        { remove: 'filesystem', value: { special: 's', dir: 'd', type: 't', raw: 'r', options: ['ro'] } },
        { replace: 'pset', value: { min: '1', max: '2', importance: '3' }, with: { min: '2', max: '2', importance: '4' } },
        { replace: 'admin', value: { user: 'u', auths: 'a' }, with: { user: 'u', auths: 'b' } },
        { add: 'security-flags', value: { default: 'd', lower: 'l', upper: 'u' } },
      ],
    ], // prettier-ignore
    required: 1,
    fails: {
      Z_TOO_BIG: () => document.change([{ add: 'dataset', value: { name: long } }]),
      Z_BAD_PROPERTY: () => set('zonepath', 'zones/a'),
      Z_INVALID_PROPERTY: () => set('fs-allowed', ','),
      Z_CLEAR_DISALLOW: () => set('zonepath', null),
      Z_BOGUS_ZONE_NAME: () => set('name', 'a b'),
      Z_NAME_IN_USE: () => set('name', 'b'),
      Z_BAD_ZONE_STATE: async () => (await zonecfg.open({ zone: 'b' })).change([{ set: 'name', value: 'c' }]),
      Z_ALIAS_DISALLOW: () => document.change([{ limit: 'nope', value: 1n }]),
      Z_NO_RESOURCE_TYPE: () => document.change([{ clear: 'nope' }]),
      Z_NO_RESOURCE_ID: () => document.change([{ remove: 'device', value: { match: 'nope' } }]),
      Z_INVAL: () => document.change([{ add: 'rctl', value: {} }]),
    },
    many: (index) =>
      document.change(index % 2 === 0 ? [{ add: 'dataset', value: { name: `d${index}` } }] : [{ clear: 'nope' }]),
    ends: { done: 500, Z_NO_RESOURCE_TYPE: 500 },
  },
  list: {
    args: ['network'],
    required: 1,
    fails: {
      Z_TOO_BIG: async () => (await opened((text) => text.replace('"net0"', `"${long}"`))).list('network'),
    },
    many: () => document.list('network'),
    ends: { done: 1000 },
  },
  find: {
    args: ['network', { physical: 'net0', properties: [['a', 'b']] }],
    required: 2,
    fails: {
      Z_INSUFFICIENT_SPEC: () => document.find('network', { globalNic: 'admin' }),
      Z_INVAL: () => document.find('rctl', {}),
      Z_TOO_BIG: () => document.find('network', { physical: long }),
    },
    many: (index) => document.find('network', index % 2 === 0 ? { physical: 'net0' } : {}),
    ends: { done: 500, Z_INSUFFICIENT_SPEC: 500 },
  },
  count: { args: ['net'], required: 1, fails: {}, many: () => document.count('net'), ends: { done: 1000 } },
  limit: {
    args: ['swap'],
    required: 1,
    fails: {
      Z_NO_PROPERTY_ID: () => document.limit('nope'),
      Z_ALIAS_DISALLOW: async () => {
        await document.change([
          { add: 'rctl', value: rctl('privileged') },
          { add: 'rctl', value: rctl('privileged') },
        ]);
        return document.limit('swap');
      },
    },
    many: (index) => document.limit(index % 2 === 0 ? 'swap' : 'nope'),
    ends: { done: 500, Z_NO_PROPERTY_ID: 500 },
  },
  assignDebugId: {
    args: [],
    required: 0,
    fails: {
      EISDIR: () => {
        mkdirSync(`${root.path}/etc/zones/did.txt`);
        return document.assignDebugId();
      },
    },
    many: () => document.assignDebugId(),
    ends: { done: 1000 },
  },
  fixObsolete: { args: [], required: 0, fails: {}, many: () => document.fixObsolete(), ends: { done: 1000 } },
  save: {
    args: [],
    required: 0,
    fails: {
      Z_INVAL: async () => {
        mkdirSync(`${root.path}/var/run/zones`, { recursive: true });
        root.write('/var/run/zones/b.snapshot.xml', root.read('/etc/zones/b.xml') ?? '');
        await (await zonecfg.open({ snapshot: 'b' })).save();
      },
      Z_BOGUS_ZONE_NAME: () => savedFrom((text) => text.replace('name="a"', 'name="../b"')),
      Z_NAME_IN_USE: () => savedFrom((text) => text),
      Z_INVALID_PROPERTY: async () => {
        const edited = await zonecfg.open({ zone: 'a' });
        await edited.change([{ set: 'brand', value: 'a:b' }]);
        await edited.save();
      },
      Z_MISC_FS: async () => (await opened((text) => text.replace('name="a"', 'name="c"'))).save(),
      Z_SAVING_FILE: () => {
        refuse('zonecfg_save', 5);
        return document.save();
      },
      Z_UPDATING_INDEX: () => {
        root.write('/etc/zones/index', '');
        return document.save();
      },
      // The last, as it leaves no configuration.
      Z_TEMP_FILE: () => {
        rmSync(`${root.path}/etc/zones`, { recursive: true });
        return document.save();
      },
    },
    many: () => document.save(),
    ends: { done: 1000 },
  },
  notifyCreate: { args: [], required: 0, fails: {}, many: () => document.notifyCreate(), ends: { done: 1000 } },
};

/** Claims that are made of every export and of every method. */
function suite(name: string, of: () => object, entry: ExportEntry, documented: readonly string[]): void {
  it('fails as its documentation says, and says of what', async () => {
    for (const code of documented) assert.ok(code in entry.fails, `nothing shows ${code}`);
    for (const [code, fail] of Object.entries(entry.fails)) {
      await assert.rejects(
        async () => await fail(),
        (error: Error & { library?: string; operation?: string }) =>
          codeOf(error) === code && error.library === 'zonecfg' && error.operation !== '' && error.message !== '',
        code,
      );
      rmSync(`${root.path}/system/zones-refuse`, { force: true });
    }
  });

  it('refuses arguments of the wrong type and length before anything is done', () => {
    const before = root.files();
    refusesWrongArguments(of(), name, entry);
    assert.deepEqual(root.files(), before);
  });

  it('ends as it should a thousand times at once', () => endsAThousand(entry));
}

describe('the tables of this test', () => {
  it('have all that zonecfg.node exports', () => {
    assert.deepEqual(Object.keys(entries).sort(), Object.keys(zonecfg).sort());
  });

  it('have all that a document can do', () => {
    assert.deepEqual([...Object.keys(methods), 'close'].sort(), Object.keys(document).sort());
  });
});

const ofAddon = documentedCodes('native-zonecfg.ts', 'NativeZonecfg');
const ofDocument = documentedCodes('native-zonecfg.ts', 'NativeZoneDocument');

for (const [name, entry] of Object.entries(entries)) {
  describe(name, () => {
    suite(name, () => zonecfg, entry, ofAddon.get(name) ?? []);
  });
}

for (const [name, entry] of Object.entries(methods)) {
  describe(`${name} of a document`, () => {
    suite(name, () => document, entry, ofDocument.get(name) ?? []);

    it('is no more once that is closed', () => {
      document.close();
      const call = (document as unknown as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>)[name];
      assert.throws(() => call?.(...entry.args), (error) => codeOf(error) === 'ERR_CLOSED'); // prettier-ignore
    });
  });
}

describe('close of a document', () => {
  it('may be called a thousand times, also while it is asked', async () => {
    const asked = Array.from({ length: 1000 }, () => document.get('name'));
    for (let i = 0; i < 1000; i += 1) document.close();
    assert.deepEqual(new Set(await Promise.all(asked)), new Set(['a']));
  });
});

describe('names of zones', () => {
  it('lead out of the folder of zones in no function that takes one', async () => {
    for (const bad of ['../a', 'a/b', '', 'n'.repeat(64), 'a\nb', '\u007f/x']) {
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        'open zone': () => zonecfg.open({ zone: bad }),
        'open template': () => zonecfg.open({ template: bad, name: 'c' }),
        'open name': () => zonecfg.open({ template: 'SUNWblank', name: bad }),
        'open snapshot': () => zonecfg.open({ snapshot: bad }),
        state: () => zonecfg.state(bad),
        setState: () => zonecfg.setState(bad, 'installed'),
        destroy: () => zonecfg.destroy(bad, true),
        uuid: () => zonecfg.uuid(bad),
        setUuid: () => zonecfg.setUuid(bad, '', uuid),
        zonepath: () => zonecfg.zonepath(bad),
        brand: () => zonecfg.brand(bad),
        applyRctls: () => zonecfg.applyRctls(bad),
        brandInfo: () => zonecfg.brandInfo('joyent', bad, '/zones/a'),
        pingZoneadmd: () => zonecfg.pingZoneadmd(bad),
        callZoneadmd: () => zonecfg.callZoneadmd(bad, 'halt', '', false),
      };
      for (const [name, call] of Object.entries(calls)) {
        await assert.rejects(call(), (error) => codeOf(error) === 'Z_BOGUS_ZONE_NAME', `${name} ${bad}`); // prettier-ignore
      }
      assert.equal(await zonecfg.isZoneName(bad), false);
      assert.equal(await zonecfg.idOf(bad), undefined);
    }
  });
});

describe('what is saved', () => {
  const index = () => root.read('/etc/zones/index');

  it('makes no line of the index but its own, whatever it says', async () => {
    const before = index();
    const evil = 'x\nevil:installed:/zones/evil';
    for (const [property, value] of [['zonepath', `/zones/${evil}`], ['brand', evil], ['brand', 'a:b'], ['zonepath', '/a"b:c']] as const) {
      const edited = await zonecfg.open({ zone: 'a' });
      await edited.change([{ set: property, value }]);
      await assert.rejects(edited.save(), (error) => codeOf(error) === 'Z_INVALID_PROPERTY', value);
      edited.close();
    } // prettier-ignore
    for (const path of [`/zones/${evil}`, '/a"b:c']) {
      await assert.rejects(zonecfg.setUuid('a', path, uuid), (error) => codeOf(error) === 'Z_BAD_PROPERTY'); // prettier-ignore
    }
    assert.equal(index(), before);
  });

  it('resets no zone that has come since a new one of its name was opened', async () => {
    const late = await zonecfg.open({ template: 'SUNWblank', name: 'c' });
    await late.change([{ set: 'zonepath', value: '/zones/other' }]);
    await make('c');
    await zonecfg.setState('c', 'installed');
    await assert.rejects(late.save(), (error) => codeOf(error) === 'Z_NAME_IN_USE');
    assert.equal(await zonecfg.state('c'), 'installed');
    assert.equal(await zonecfg.zonepath('c'), '/zones/c');
    late.close();
  });

  it('of a file is a new zone under the name inside, once', async () => {
    await savedFrom((text) => text.replace('name="a"', 'name="c"'));
    assert.equal(await zonecfg.state('c'), 'configured');
    await assert.rejects(savedFrom((text) => text.replace('name="a"', 'name="c"')), (error) => codeOf(error) === 'Z_NAME_IN_USE'); // prettier-ignore
  });

  it('may be saved again, new or not', async () => {
    const made = await zonecfg.open({ template: 'SUNWblank', name: 'c' });
    await made.change([{ set: 'zonepath', value: '/zones/c' }]);
    await made.save();
    await made.change([{ set: 'pool', value: 'p' }]);
    await made.save();
    made.close();
    const again = await zonecfg.open({ zone: 'c' });
    assert.equal(await again.get('pool'), 'p');
    again.close();
  });
});

describe('what is longer than usual', () => {
  it('is more zones and links than one call of the kernel gives', async () => {
    for (let id = 100; id < 300; id += 1) root.run(`zone${id}`, id, 4);
    for (let id = 1; id <= 40; id += 1) root.addLink(id, { name: `net${id}`, class: 8, flags: 1, mac: '02:08:20:00:00:01', zone: 'b' }); // prettier-ignore
    assert.equal((await zonecfg.runningIds()).length, 202);
    assert.equal((await zonecfg.datalinks(7)).length, 40);
  });

  it('is a hook that names a long zonepath more than once', async () => {
    const path = `/${'p'.repeat(1022)}`;
    const hooks = (await zonecfg.brandInfo('joyent', 'a', path))?.hooks;
    assert.ok(hooks?.['install']?.endsWith(path));
    const config = root.read('/usr/lib/brand/joyent/config.xml') as string;
    root.write('/usr/lib/brand/joyent/config.xml', config.replace(/(<install>[^<]*)/, '$1 %R %R %R'));
    const longer = (await zonecfg.brandInfo('joyent', 'a', path))?.hooks['install'] ?? '';
    assert.equal(longer.split(path).length - 1, 4);
  });

  it('is what zoneadmd says beyond a page', async () => {
    root.startZoneadmd('b');
    const messages = 'a hook has failed\n'.repeat(2000);
    root.write('/system/refuse/b', messages);
    for (let i = 0; i < 50; i += 1) assert.deepEqual(await zonecfg.callZoneadmd('b', 'halt', '', false), { result: -1, messages }); // prettier-ignore
  });
});

describe('a door', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  it('that goes after its daemon has answered, or is revoked, is as none', async () => {
    root.startZoneadmd('b');
    root.write('/system/vanishing/b', '');
    assert.equal(await zonecfg.callZoneadmd('b', 'halt', '', false), undefined);
    root.startZoneadmd('b');
    refuse('door_call', -1, 9);
    assert.equal(await zonecfg.callZoneadmd('b', 'halt', '', false), undefined);
  });

  it('that cannot be opened is an error', async () => {
    mkdirSync(`${root.path}/var/run/zones`, { recursive: true });
    server = createServer().listen(`${root.path}/var/run/zones/b.zoneadmd_door`);
    await new Promise((resolve) => server?.once('listening', resolve));
    await assert.rejects(zonecfg.callZoneadmd('b', 'halt', '', false), (error) => codeOf(error) === 'ENXIO'); // prettier-ignore
  });
});
