/** Changes between values, where the recorded ones do not reach. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diff } from '../../../lib/vm/diff.js';

const paths = (before: unknown, after: unknown) =>
  diff(before, after).map(({ prettyPath, action }) => `${prettyPath} ${action}`);

describe('changes', () => {
  it('have paths in which members with dots and brackets cannot be taken for two', () => {
    const after = { customer_metadata: { 'a.b': { c: 1 }, 'x[0]': 2 } };
    const before = { customer_metadata: { 'a.b': {} } };
    assert.deepEqual(paths(before, after), ['customer_metadata[a.b].c added', 'customer_metadata[x\\[0\\]] added']);
  });

  it('are found in members that objects inherit elsewhere', () => {
    const before = JSON.parse('{"__proto__":{"a":1},"constructor":1}') as unknown;
    const after = JSON.parse('{"__proto__":{"a":2},"toString":1}') as unknown;
    assert.deepEqual(paths(before, after), ['__proto__.a changed', 'constructor removed', 'toString added']);
  });

  it('do not tell a member that is undefined from one that is missing', () => {
    assert.deepEqual(paths({ a: undefined, b: 1 }, { b: undefined, a: 1 }), ['b removed', 'a added']);
    assert.deepEqual(paths({ a: undefined }, {}), []);
  });

  it('pair each element of an array once, also where two have the same identity', () => {
    const nic = (ip: string) => ({ mac: 'm', ip });
    const changes = diff({ nics: [nic('1'), nic('2')] }, { nics: [nic('3')] }, { map: { nics: 'mac' } });
    assert.deepEqual(
      changes.map(({ prettyPath, action, ident }) => [prettyPath, action, ident]),
      [
        ['nics.*', 'removed', undefined],
        ['nics.*.ip', 'changed', 'm'],
      ],
    );
  });
});
