/** The layout of `vmadm list`. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { colonLines, table } from '../../../lib/cli/vmadm/table.js';

const columns = [
  { header: 'A', width: 3 },
  { header: 'BEE', width: 4 },
];

it('columns are padded, what is longer shifts its line, and nothing trails', () => {
  assert.equal(table(columns, [['x', ''], ['longer', 'y'], ['', '']], true), 'A    BEE\nx    -\nlonger  y\n-    -\n'); // prettier-ignore
  assert.equal(table(columns, [], false), '');
});

it('programs get values between colons, and a header only when asked for', () => {
  assert.equal(
    colonLines(
      columns,
      [
        ['a:b', ''],
        ['', 'y '],
      ],
      false,
    ),
    'a:b:\n:y\n',
  );
  assert.equal(colonLines(columns, [], true), 'A:BEE\n');
});
