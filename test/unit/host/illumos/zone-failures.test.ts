/** Codes of libzonecfg in those of every host. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SmartadmError, describeError, hasCode } from '../../../../lib/errors.js';
import { zoneFailure } from '../../../../lib/host/illumos/zone-failures.js';

describe('what libzonecfg says', () => {
  const told = (code: string) => zoneFailure(new SmartadmError(code, 'said so'), 'cannot do it');

  it('of a value that cannot be one is that the zone is not valid', () => {
    for (const code of ['Z_BAD_PROPERTY', 'Z_INVALID_PROPERTY', 'Z_TOO_BIG', 'Z_INVAL']) {
      assert.ok(hasCode(told(code), 'ZoneInvalid'), code);
    }
  });

  it('of an index that it cannot write is not that there is no such zone, which some would not mind', () => {
    assert.ok(hasCode(told('Z_UPDATING_INDEX'), 'HostFailed'));
  });

  it('is printed once, behind what failed', () => {
    assert.equal(describeError(told('Z_TOO_BIG')), 'cannot do it: said so');
  });
});
