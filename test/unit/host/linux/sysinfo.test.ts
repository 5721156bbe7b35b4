/** Facts about this machine. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createLinuxSysinfo } from '../../../../lib/host/linux/sysinfo.js';

describe('sysinfo', () => {
  const root = mkdtempSync(join(tmpdir(), 'smartadm-sysinfo-'));
  after(() => {
    rmSync(root, { recursive: true });
  });
  const at = (path: string) => join(root, path);
  const open = () => createLinuxSysinfo({ at, zpool: 'zones' });

  it('says what the machine is', async () => {
    const facts = await open().read();
    assert.match(facts.uuid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual([facts.os, facts.zpool], ['linux', 'zones']);
    assert.notEqual(facts.liveImage, '');
    assert.ok(!('sdcVersion' in facts));
  });

  it('keeps the identity of the machine, whoever asks first', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => open().read()));
    assert.equal(new Set(all.map((facts) => facts.uuid)).size, 1);
    const file = at('/var/lib/smartadm/machine-uuid');
    if (existsSync(file)) assert.equal((await open().read()).uuid, all[0]?.uuid);
  });

  it('reads once', async () => {
    const reader = open();
    assert.equal(await reader.read(), await reader.read());
  });
});
