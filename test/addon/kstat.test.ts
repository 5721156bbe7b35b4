/** Every export of kstat.node with good and bad arguments, on the stand-in for libkstat. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import type { NativeKstat } from '../../lib/host/native-dladm.js';
import { IllumosRoot } from '../stand-ins/root.js';
import { documentedCodes, endsAThousand, refusesWrongArguments, type ExportEntry } from './every-export.js';
import { inLackingProcess } from './lacking.js';

const kstat = loadNative('kstat');
let root = new IllumosRoot();

beforeEach(() => {
  root.remove();
  root = new IllumosRoot();
  root.write(
    '/system/kstats',
    [
      'link 0 z7_net0 net rbytes64=u64:18446744073709551615 link_state=u32:1 zonename=string:web',
      'vmm 3 vm misc vm_name=string:SYSbhyve-3 odd=odd:1 none=null: full=char:0123456789abcdef low=i32:-5 big=i64:-9',
      'raw unix 0 sysinfo misc',
      'gone cpu 0 cpu misc a=u32:1',
      `caps 7 ${'n'.repeat(40)} zone_caps value=u64:200`,
      '',
    ].join('\n'),
  );
});
after(() => {
  root.remove();
});

describe('kstat', () => {
  it('finds every function it knows in the library', () => {
    assert.deepEqual(kstat.missingFunctions(), []);
  });

  it('reads numbers and text of every kind', async () => {
    assert.deepEqual(await kstat.read({ module: 'vmm' }), [
      {
        module: 'vmm', instance: 3, name: 'vm', class: 'misc', snaptime: 1n,
        data: { vm_name: 'SYSbhyve-3', none: '', full: '0123456789abcdef', low: -5n, big: -9n },
      },
    ]); // prettier-ignore
    assert.deepEqual((await kstat.read({ name: 'z7_net0' }))[0]?.data, {
      rbytes64: 18446744073709551615n, link_state: 1n, zonename: 'web',
    }); // prettier-ignore
  });

  it('finds by module, instance, name and class, and leaves out what has just gone', async () => {
    root.run('web', 7, 4);
    const names = async (query: Parameters<typeof kstat.read>[0]) =>
      (await kstat.read(query)).map((each) => each.module);
    assert.deepEqual(await names({}), ['zones', 'link', 'vmm', 'unix', 'caps']);
    assert.deepEqual(await names({ instance: 7 }), ['zones', 'caps']);
    assert.deepEqual(await names({ instance: 7, class: 'zone_misc' }), ['zones']);
    assert.deepEqual(await names({ name: 'n'.repeat(30) }), ['caps']);
    assert.deepEqual(await names({ module: 'nope' }), []);
    assert.deepEqual((await kstat.read({ module: 'unix' }))[0]?.data, {});
  });

  it('fits what is at both ends of a number, and no part of a name', async () => {
    root.write('/system/kstats', 'm 2147483647 nm c a=i64:-9223372036854775808 b=i32:-2147483648 c=u32:4294967295\n');
    assert.deepEqual((await kstat.read({ instance: 2 ** 31 - 1 }))[0]?.data, {
      a: -(2n ** 63n), b: -(2n ** 31n), c: 2n ** 32n - 1n,
    }); // prettier-ignore
    assert.deepEqual(await kstat.read({ name: 'n' }), []);
  });

  it('leaves out what goes away before it is read', async () => {
    root.write('/system/kstats', 'gone a 0 x misc v=u32:1\nb 0 x misc v=u32:1\n');
    assert.deepEqual((await kstat.read({ name: 'x' })).map(({ module }) => module), ['b']); // prettier-ignore
  });

  it('of a library that lacks a function is refused, and ends no process', () => {
    for (const lacking of ['kstat_open', 'kstat_close', 'kstat_read']) {
      const program = `
        const addon = require(file);
        codeOf(() => addon.read({})).then((end) => console.log([addon.missingFunctions(), end].join('\\n')));`;
      assert.equal(
        inLackingProcess({ addon: 'kstat', libraries: ['kstat'], functions: [lacking] }, program),
        `${lacking}\nENOSYS kstat ${lacking}\n`,
      );
    }
    assert.equal(
      inLackingProcess({ addon: 'kstat', libraries: [] }, 'codeOf(() => require(file)).then(console.log)'),
      'ENOENT kstat dlopen\n',
    );
  });
});

const entries: Readonly<Record<keyof NativeKstat, ExportEntry>> = {
  read: {
    args: [{ module: 'zones', instance: 7, name: 'web', class: 'zone_misc' }],
    required: 1,
    fails: {
      EACCES: () => {
        root.write('/system/kstat-refuse', '13\n');
        return kstat.read({});
      },
      EIO: () => {
        root.write('/system/kstats', 'broken cpu 0 cpu misc a=u32:1\n');
        return kstat.read({ module: 'cpu' });
      },
    },
    prepare: () => {
      root.write('/system/kstats', 'broken cpu 0 cpu misc\nvmm 0 vm misc\n');
      return Promise.resolve();
    },
    many: (index) => kstat.read({ module: index % 2 === 0 ? 'vmm' : 'cpu' }),
    ends: { done: 500, EIO: 500 },
  },
  missingFunctions: { args: [], required: 0, fails: {}, many: () => kstat.missingFunctions(), ends: { done: 1000 } },
};

describe('the table of this test', () => {
  it('has all that kstat.node exports', () => {
    assert.deepEqual(Object.keys(entries).sort(), Object.keys(kstat).sort());
  });
});

const documented = documentedCodes('native-dladm.ts', 'NativeKstat');

for (const [name, entry] of Object.entries(entries)) {
  describe(name, () => {
    it('fails as its documentation says, and says of what', async () => {
      for (const code of documented.get(name) ?? []) assert.ok(code in entry.fails, `nothing shows ${code}`);
      for (const [code, fail] of Object.entries(entry.fails)) {
        await assert.rejects(async () => await fail(), (error: Error & { library?: string }) => codeOf(error) === code && error.library === 'kstat', code); // prettier-ignore
        root.write('/system/kstat-refuse', '');
      }
    });

    it('refuses arguments of the wrong type and length', () => {
      refusesWrongArguments(kstat, name, entry);
    });

    it('ends as it should a thousand times at once', () => endsAThousand(entry));
  });
}
