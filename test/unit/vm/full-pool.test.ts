import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { codeOf, describeError, SmartadmError } from '../../../lib/errors.js';
import { hostError } from '../../../lib/host/errors.js';
import type { Host } from '../../../lib/host/host.js';
import { sayingWhereFull } from '../../../lib/vm/full-pool.js';

const root = mkdtempSync(join(tmpdir(), 'smartadm-full-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});
const host = { at: () => root } as unknown as Host;
const use = { doing: 'update', uuid: 'U', dataset: 'zones/U' };

async function failureOf(error: Error): Promise<SmartadmError> {
  const failed = await sayingWhereFull(host, use, () => Promise.reject(error)).catch((failure: unknown) => failure);
  assert.ok(failed instanceof SmartadmError);
  return failed;
}

describe('no space left', () => {
  it('is told with the VM, the pool and dataset, what was being done, and what helps', async () => {
    const system = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    for (const error of [system, hostError('NoSpace', 'cannot take snapshot', { cause: system })]) {
      const failure = await failureOf(error);
      assert.equal(codeOf(failure), 'NoSpace');
      assert.match(
        describeError(failure),
        /^cannot update VM U: no space is left in pool zones for dataset zones\/U: /,
      );
      assert.match(String(failure.hint), /delete-snapshot/);
    }
  });

  it('of a quota is told as that, with the command that raises it', async () => {
    const failure = await failureOf(Object.assign(new Error('EDQUOT'), { code: 'EDQUOT' }));
    assert.match(describeError(failure), /^cannot update VM U: the quota of dataset zones\/U is used up: /);
    assert.equal(failure.hint, 'raise it with: vmadm update U quota=GIB');
  });

  it('is no other failure', async () => {
    const other = hostError('DatasetBusy', 'x');
    await assert.rejects(
      sayingWhereFull(host, use, () => Promise.reject(other)),
      (error) => error === other,
    );
    assert.equal(await sayingWhereFull(host, use, () => Promise.resolve(7)), 7);
  });
});
