/** Running programs of the system. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf } from '../../../lib/errors.js';
import { runProgram } from '../../../lib/host/exec.js';

describe('a program', () => {
  it('gets its input, and gives status and output', async () => {
    assert.deepEqual(await runProgram('sh', ['-c', 'cat; echo told >&2; exit 3'], { input: 'given' }), {
      status: 3,
      stdout: 'given',
      stderr: 'told\n',
    });
  });

  it('has no more time than it is given, whatever it has started', async () => {
    const run = runProgram('sh', ['-c', 'sleep 20 & wait'], { timeoutMs: 100 });
    const first = await Promise.race([run.catch((error: unknown) => codeOf(error)), sleep(10_000, 'still there')]);
    assert.equal(first, 'TimedOut');
  });

  it('that prints without end is ended', async () => {
    await assert.rejects(runProgram('sh', ['-c', 'yes & wait']), (error) => codeOf(error) === 'HostFailed');
  });

  it('that is missing is named, with its package', async () => {
    await assert.rejects(runProgram('no-such-program', [], { package: 'some-package' }), (error) => {
      assert.equal(codeOf(error), 'LibraryMissing');
      assert.match(String(error), /no-such-program/);
      return true;
    });
  });
});
