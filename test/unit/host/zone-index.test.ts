/** The zone index; the cases are recordings of libzonecfg. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SmartadmError } from '../../../lib/errors.js';
import { parseIndex, removeFromIndex, upsertIndex, type ZoneIndexEntry } from '../../../lib/host/zone-index.js';

const u = '11111111-2222-4333-8444-555555555555';
const entry = (over: Partial<ZoneIndexEntry>): ZoneIndexEntry => ({
  name: 'a', state: 'installed', zonepath: '/zones/a', uuid: undefined, brand: 'joyent', ipType: 'exclusive', debugId: 5, ...over,
}); // prettier-ignore

void describe('zone index', () => {
  void test('entries of seven fields and of old systems are read', () => {
    const text = `global:installed:/\na:installed:/zones/a:${u}:joyent:ex:5\nb:configured:/zones/b::lx:sh:6\nc:configured:\nd:configured\n`;
    assert.deepEqual(parseIndex(text), [
      entry({ name: 'global', zonepath: '/', brand: undefined, ipType: 'shared', debugId: -1 }),
      entry({ uuid: u }),
      entry({ name: 'b', state: 'configured', zonepath: '/zones/b', brand: 'lx', ipType: 'shared', debugId: 6 }),
      entry({ name: 'c', state: 'configured', zonepath: '', brand: undefined, ipType: 'shared', debugId: -1 }),
      entry({ name: 'd', state: 'configured', zonepath: '', brand: undefined, ipType: 'shared', debugId: -1 }),
    ]);
  });

  void test('malformed, overlong and unfinished lines are passed over and kept', () => {
    const text = `# c\na:bogus:/zones/a::joyent:ex:5\nb::/zones/b\n:installed:/x\nc\n\n${'n'.repeat(64)}:installed:/zones/n\nd:INSTALLED:/zones/d\np:configured:/zones/${'p'.repeat(1200)}\ne:installed:/zones/e:${u}:joyent:ex:1\nf:installed:/zones/f`;
    const damaged: number[] = [];
    const entries = parseIndex(text, (line) => damaged.push(line));
    assert.deepEqual(entries, [entry({ name: 'e', zonepath: '/zones/e', uuid: u, debugId: 1 })]);
    assert.deepEqual(damaged, [2, 3, 4, 5, 7, 8, 9, 11]);
    const changed = upsertIndex(text, entry({ name: 'e', zonepath: '/zones/e', state: 'incomplete', debugId: 1 }));
    assert.equal(changed, `${text.replace('e:installed:/zones/e', 'e:incomplete:/zones/e')}\n`);
  });

  void test('an update replaces a line whose state was not readable, in place', () => {
    assert.equal(
      upsertIndex('global:installed:/\na:bogus:/zones/a::joyent:ex:5\nb:configured:/b\n', entry({ uuid: u })),
      `global:installed:/\na:installed:/zones/a:${u}:joyent:ex:5\nb:configured:/b\n`,
    );
  });

  void test('an entry without uuid keeps what stood there, even when it is none', () => {
    assert.equal(
      upsertIndex('a:configured:/zones/a:not-a-uuid:joyent:ex:5\n', entry({})),
      'a:installed:/zones/a:not-a-uuid:joyent:ex:5\n',
    );
    assert.equal(parseIndex('a:configured:/zones/a:not-a-uuid:joyent:ex:5\n')[0]?.uuid, undefined);
  });

  void test('a new entry goes last and is never glued to an unfinished line', () => {
    assert.equal(upsertIndex('', entry({ state: 'configured' })), 'a:configured:/zones/a::joyent:ex:5\n');
    assert.equal(
      upsertIndex('b:configured:/b', entry({ uuid: u })),
      `b:configured:/b\na:installed:/zones/a:${u}:joyent:ex:5\n`,
    );
  });

  void test('names are compared whole', () => {
    const text =
      'ab:configured:/zones/ab::joyent:ex:1\na:configured:/zones/a::joyent:ex:2\nabc:configured:/zones/abc::joyent:ex:3\n';
    assert.equal(removeFromIndex(text, 'ab'), text.slice(text.indexOf('a:')));
    assert.equal(removeFromIndex(text, 'b'), text);
  });

  void test('a path with a colon is quoted and read back', () => {
    const text = upsertIndex('', entry({ zonepath: '/zones/x:y', uuid: u }));
    assert.equal(text, `a:installed:"/zones/x:y":${u}:joyent:ex:5\n`);
    assert.deepEqual(parseIndex(text), [entry({ zonepath: '/zones/x:y', uuid: u })]);
  });

  void test('the last three fields are left out without a brand', () => {
    assert.equal(upsertIndex('', entry({ brand: undefined, uuid: u })), `a:installed:/zones/a:${u}\n`);
  });

  void test('global is neither changed nor removed, comments stay', () => {
    const text = '# zone index\nglobal:installed:/\n';
    assert.equal(upsertIndex(text, entry({ name: 'global' })), text);
    assert.equal(removeFromIndex(text, 'global'), text);
    assert.equal(removeFromIndex(text, '# zone index'), text);
  });

  for (const bad of [
    { name: 'a:b' },
    { name: '' },
    { name: '#a' },
    { name: 'x'.repeat(64) },
    { zonepath: `/${'x'.repeat(1200)}` },
    { zonepath: '/a\nb' },
  ]) {
    void test(`refuses an entry with ${JSON.stringify(bad).slice(0, 40)}`, () => {
      assert.throws(
        () => upsertIndex('', entry(bad)),
        (error) => error instanceof SmartadmError && error.code === 'ZoneInvalid',
      );
    });
  }
});
