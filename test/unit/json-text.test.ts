import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseJson } from '../../lib/json-text.js';

/** Text, and line and column of its fault. */
const faulty: readonly (readonly [text: string, line: number, column: number])[] = [
  ['', 1, 1],
  ['   \n', 2, 1],
  ['{', 1, 2],
  ['{"a": 1,}', 1, 9],
  ['{"a" 1}', 1, 6],
  ["{'a': 1}", 1, 2],
  ['[1, 2', 1, 6],
  ['[1 2]', 1, 4],
  ['[1,]', 1, 4],
  ['{"a": [1, {"b": tru}]}', 1, 17],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
  ['{"a": "x\ny"}', 1, 7],
  ['{"a": 01}', 1, 8],
  ['{} x', 1, 4],
  ['nul', 1, 1],
  ['{"a": 1]', 1, 8],
  ['[' + '['.repeat(100_000), 1, 100_002],
  ['\u{1f600}', 1, 1],
];

describe('parseJson', () => {
  it('returns what the text says', () => {
    assert.deepEqual(parseJson(' {"a": [1, "x\\n", null]} ', 'f'), { a: [1, 'x\n', null] });
  });

  for (const [text, line, column] of faulty) {
    it(`finds the fault in ${JSON.stringify(text.slice(0, 24))}`, () => {
      assert.throws(() => parseJson(text, 'f.json'), { code: 'InvalidJson', info: { source: 'f.json', line, column } });
    });
  }

  it('says it in one line', () => {
    assert.throws(() => parseJson('{"a": }', 'f.json'), {
      message: 'f.json, line 1, column 7: unexpected "}" in JSON',
    });
  });
});
