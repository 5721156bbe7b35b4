/** Chance. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { randomBelow, randomBytes, randomUuid } from '../../lib/random.js';

describe('chance', () => {
  it('gives as many bytes as asked for, other ones each time', () => {
    for (const size of [0, 1, 16, 5000]) assert.equal(randomBytes(size).length, size);
    assert.notDeepEqual(randomBytes(16), randomBytes(16));
  });

  it('makes UUIDs of version 4', () => {
    const made = Array.from({ length: 500 }, randomUuid);
    for (const uuid of made) assert.match(uuid, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    assert.equal(new Set(made).size, made.length);
  });

  it('makes numbers below a limit, all of them', () => {
    const seen = new Set(Array.from({ length: 400 }, () => randomBelow(5)));
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4]);
    assert.equal(randomBelow(1), 0);
  });
});
