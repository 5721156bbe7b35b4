/** The ranges of ids of zones. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstZoneId, nextDebugId } from '../../../../lib/host/linux/zone-ids.js';

describe('the range of a zone', () => {
  it('begins at a multiple of 65536 above what others use, and ends within 32 bits', () => {
    for (const id of ['000000', 'abcdef', 'ffffff']) {
      for (const debugId of [0, 1, 99, 0x7ffd, 0x7fff, 2 ** 31, Number.MAX_SAFE_INTEGER - 2 ** 24]) {
        const first = firstZoneId(id, debugId);
        assert.ok(first >= 2 ** 31 && first % 65_536 === 0 && first + 65_536 < 2 ** 32 - 65_536, `${first}`);
      }
    }
  });

  it('is another for every zone of a root', () => {
    const all = Array.from({ length: 0x7ffe }, (_, debugId) => firstZoneId('123456', debugId));
    assert.equal(new Set(all).size, all.length);
    assert.notEqual(firstZoneId('000000', 1), firstZoneId('000001', 1));
  });

  it('is refused for what is no debug id', () => {
    for (const debugId of [-1, 1.5, Number.NaN, 2 ** 60])
      assert.throws(() => firstZoneId('000000', debugId), RangeError);
  });
});

describe('the next debug id', () => {
  it('follows the last', () => {
    assert.equal(nextDebugId('000000', 0, [], ''), 1);
    assert.equal(nextDebugId('000000', 41, [1, 41], ''), 42);
  });

  it('passes over ranges of other zones and of /etc/subuid', () => {
    assert.equal(nextDebugId('000000', 0, [1, 2, -1], ''), 3);
    const first = firstZoneId('000000', 1);
    assert.equal(nextDebugId('000000', 0, [], `user:100000:65536\nroot:${first + 5}:10\n# x\nbad\n`), 2);
    assert.equal(nextDebugId('000000', 0, [], `root:${first}:131072\n`), 3);
  });

  it('comes round when all have been used', () => {
    assert.equal(firstZoneId('000000', 1), firstZoneId('000000', 1 + 0x7ffe));
    assert.equal(nextDebugId('000000', 0x7ffe, [1], ''), 0x7ffe + 2);
  });
});
