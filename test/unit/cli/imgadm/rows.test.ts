import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFilter, rowOf, sortRows } from '../../../../lib/cli/imgadm/rows.js';
import { fieldList, renderTable } from '../../../../lib/cli/imgadm/table.js';

describe('a filter', () => {
  const row = { name: 'base', ok: true, word: 'true', tags: { role: 'os', list: ['a', 'bc'] }, n: 12, none: null };
  const matches = (text: string) => parseFilter(text)(row);

  it('compares whole values as text, booleans as booleans', () => {
    assert.deepEqual(['name=base', 'name=bas', 'n=12', 'ok=true', 'ok=false', 'word=true', 'name='].map(matches), [
      true, false, true, true, false, false, false,
    ]); // prettier-ignore
  });
  it('looks for parts of text and members of lists', () => {
    assert.deepEqual(['name=~as', 'tags.list=~a', 'tags.list=~b', 'n=~1', 'name=~'].map(matches), [true, true, false, false, true]); // prettier-ignore
  });
  it('walks into objects, and never out of them', () => {
    assert.deepEqual(['tags.role=os', 'tags.x.y=1', 'none=null', 'name.length=4', '__proto__.x=1', 'constructor=~O'].map(matches), [true, false, false, false, false, false]); // prettier-ignore
  });
  it('needs a field and a value', () => {
    assert.throws(() => parseFilter('name'), { code: 'Usage', message: 'invalid filter: "name" (must be of the form "field=value")' }); // prettier-ignore
  });
});

describe('rows', () => {
  it('sort by several fields, what is missing first, and stay as they are otherwise', () => {
    const rows = [{ a: '10', b: 1 }, { a: '9', b: 2 }, { b: 3 }, { a: 'x', b: 4 }, { a: '9', b: 5 }];
    const order = (...fields: string[]) => sortRows(rows, fields).map(({ b }) => b);
    assert.deepEqual(order('a'), [3, 2, 5, 1, 4]);
    assert.deepEqual(order('-a', '-b'), [4, 1, 5, 2, 3]);
    assert.deepEqual(order('nothing'), [1, 2, 3, 4, 5]);
    assert.throws(() => order(''), { message: 'zero-length sort field: ' });
  });
  it('are compared with what servers may say of a field, whatever its members are called', () => {
    const odd = JSON.parse('{"toString":1,"valueOf":{}}') as object;
    assert.deepEqual(sortRows([{ a: 'x' }, { a: odd }, { a: [odd] }], ['a']).map(({ a }) => a), [odd, [odd], 'x']); // prettier-ignore
    assert.ok(!parseFilter('a=x')({ a: odd }));
  });
  it('have no fields that are missing in the manifest', () => {
    assert.deepEqual(rowOf({ manifest: { uuid: 'x' } }), { uuid: 'x' });
    assert.deepEqual(rowOf({ manifest: { published_at: 7, files: 'x', tags: null, type: 'docker' } }), { published_at: 7, files: 'x', tags: null, type: 'docker' }); // prettier-ignore
  });
});

describe('a table', () => {
  const rows = [
    { a: 'long value', b: null, c: [1] },
    { a: 'x', b: 5 },
  ];
  it('pads all columns but the last', () => {
    assert.equal(
      renderTable(rows, { columns: ['a', 'b', 'c'], header: true }),
      'A           B  C\nlong value  -  [1]\nx           5  -\n',
    );
    assert.equal(renderTable(rows, { columns: ['b'], header: false }), '-\n5\n');
  });
  it('is nothing without rows', () => assert.equal(renderTable([], { columns: ['a'], header: true }), ''));
  it('shows no members that are not its own', () => {
    assert.equal(renderTable([{}], { columns: ['toString', '__proto__'], header: false }), '-  -\n');
  });
  it('names its columns in a list with spaces', () => assert.deepEqual(fieldList(' a, b ,'), ['a', 'b', '']));
});
