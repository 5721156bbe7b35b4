/** Every export of kstat.node with good and bad arguments, on the stand-in for libkstat. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../lib/errors.js';
import { loadNative } from '../../lib/host/native.js';
import { IllumosRoot } from '../stand-ins/root.js';

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

  it('says why it cannot read', async () => {
    root.write('/system/kstat-refuse', '13\n');
    await assert.rejects(kstat.read({}), (error) => codeOf(error) === 'EACCES');
  });

  it('takes nothing but queries', () => {
    for (const bad of [
      undefined,
      null,
      'zones',
      { module: 7 },
      { instance: '7' },
      { instance: -1 },
      { name: 'a\0b' },
    ]) {
      assert.throws(() => kstat.read(bad as { module: string }), (e) => e instanceof TypeError || e instanceof RangeError, JSON.stringify(bad)); // prettier-ignore
    }
  });

  it('answers a thousand calls at once', async () => {
    const all = await Promise.all(Array.from({ length: 1000 }, () => kstat.read({ module: 'vmm' })));
    assert.ok(all.every((found) => found.length === 1));
  });
});
