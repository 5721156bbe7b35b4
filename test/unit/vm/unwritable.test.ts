import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { codeOf, describeError, SmartadmError } from '../../../lib/errors.js';
import { hostError } from '../../../lib/host/errors.js';
import type { Host } from '../../../lib/host/host.js';
import { sayingWhereUnwritable, type Writing } from '../../../lib/vm/unwritable.js';

const root = mkdtempSync(join(tmpdir(), 'smartadm-full-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});
const host = { at: () => root } as unknown as Host;
const use = { doing: 'update', uuid: 'U', dataset: 'zones/U' };

async function failureOf(error: Error, writing: Writing = use): Promise<SmartadmError> {
  const failed = await sayingWhereUnwritable(host, writing, () => Promise.reject(error)).catch(
    (failure: unknown) => failure,
  );
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

  it('where configurations are kept is told as that, with both ways out', async () => {
    const system = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const writing = { doing: 'stop', uuid: 'U', otherwise: 'end it' };
    const failure = await failureOf(system, writing);
    assert.equal(
      describeError(failure),
      `cannot stop VM U: the file system that holds ${root} is full: ${system.message}`,
    );
    assert.equal(failure.hint, 'make room there and try again; end it');
  });

  it('is no other failure', async () => {
    const other = hostError('DatasetBusy', 'x');
    await assert.rejects(
      sayingWhereUnwritable(host, use, () => Promise.reject(other)),
      (error) => error === other,
    );
    assert.equal(await sayingWhereUnwritable(host, use, () => Promise.resolve(7)), 7);
  });
});

describe('a file system that is read-only', () => {
  it('is told with the folder of the file that cannot be written, and what helps', async () => {
    const system = { code: 'EROFS', path: '/etc/zones/.U.xml.1.2.new' };
    const failure = await failureOf(Object.assign(new Error('EROFS: read-only file system, open'), system));
    assert.equal(codeOf(failure), 'HostFailed');
    assert.match(describeError(failure), /^cannot update VM U: the file system that holds \/etc\/zones is read-only: /);
    assert.equal(failure.hint, 'mount it for writing and try again');
  });

  it('is passed on as it is where it may be any', async () => {
    const other = Object.assign(new Error('EROFS'), { code: 'EROFS' });
    await assert.rejects(
      sayingWhereUnwritable(host, use, () => Promise.reject(other)),
      (error) => error === other,
    );
  });
});
