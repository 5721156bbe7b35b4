/** Whether guests are run by the processor: asked once between two boots of the machine. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findAcceleration } from '../../../../lib/host/linux/hvm-acceleration.js';
import { silentLog } from '../../../../lib/log.js';

describe('acceleration', () => {
  let root: string;
  let file: string;
  const warnings: unknown[] = [];
  const at = (path: string) => join(root, path);
  const log = { ...silentLog, warn: (...all: unknown[]) => void warnings.push(all) };
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'smartadm-kvm-'));
    file = at('/var/run/smartadm/kvm');
    mkdirSync(at('/var/run/smartadm'), { recursive: true });
    warnings.length = 0;
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('is found out by running a guest, and remembered with one warning where there is none', async () => {
    const found = await findAcceleration({ at, log });
    assert.equal(readFileSync(file, 'utf8'), `${boot} ${found === undefined ? 'no' : 'yes'}\n`);
    assert.equal(warnings.length, found === undefined ? 1 : 0);
    assert.equal(await findAcceleration({ at, log }), found);
    assert.equal(warnings.length, found === undefined ? 1 : 0);
  });

  it('is as remembered from this boot, and not from another', async () => {
    writeFileSync(file, `${boot} yes\n`);
    assert.equal(await findAcceleration({ at, log }), '/dev/kvm');
    writeFileSync(file, `${boot} no\n`);
    assert.equal(await findAcceleration({ at, log }), undefined);
    writeFileSync(file, '00000000-0000-0000-0000-000000000000 yes\n');
    await findAcceleration({ at, log });
    assert.ok(readFileSync(file, 'utf8').startsWith(`${boot} `));
  });
});
