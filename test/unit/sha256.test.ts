/** Our SHA-256 beside that of OpenSSL. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sha256Hex } from '../../lib/sha256.js';

const theirs = (text: string) => createHash('sha256').update(text).digest('hex');

describe('sha256Hex', () => {
  it('is right around the ends of blocks', () => {
    for (const size of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]) {
      const text = 'a'.repeat(size);
      assert.equal(sha256Hex(text), theirs(text), `${size} bytes`);
    }
  });

  it('is right for any text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(fc.property(text, (value) => assert.equal(sha256Hex(value), theirs(value))));
  });
});
