/** Errors of imgadm as they are printed, and as `-E` records them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorLine, recordedError } from '../../../../lib/cli/imgadm/report.js';
import { SmartadmError } from '../../../../lib/errors.js';

describe('an error of imgadm', () => {
  it('is recorded with the message that is printed, its hint included', () => {
    const error = new SmartadmError('NoSpace', 'cannot install image', { cause: new Error('full'), hint: 'make room' });
    const message = 'cannot install image: full (make room)';
    assert.equal(errorLine(error, 'import', false), `imgadm import: error (NoSpace): ${message}\n`);
    const recorded = recordedError(error);
    assert.deepEqual([recorded.message, (recorded as { code?: string }).code], [message, 'NoSpace']);
  });
});
