/** An examination finds what is missing, on this host and on a stand-in for illumos, and changes nothing. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Finding } from '../../../lib/host/finding.js';
import { examineIllumos } from '../../../lib/host/illumos/doctor.js';
import { examineHost } from '../../../lib/host/open.js';
import { IllumosRoot } from '../../stand-ins/root.js';

const root = mkdtempSync(join(tmpdir(), 'doctor-'));
after(() => {
  rmSync(root, { recursive: true });
});

const of = (findings: readonly Finding[], subject: string) => findings.find((each) => each.subject === subject);

describe('an examination of a Linux host', () => {
  it('finds the libraries that the addons were built with, and makes nothing', async () => {
    const findings = await examineHost(root);
    for (const name of ['lxc', 'btrfs', 'netlink']) assert.equal(of(findings, `${name}.node`)?.state, 'right');
    assert.equal(of(findings, join(root, '/etc/zones'))?.state, 'absent');
    assert.equal(of(findings, 'pool zones')?.found, `not mounted at ${join(root, 'zones')}`);
    assert.deepEqual(readdirSync(root), []);
  });

  it('has a remedy for all that is not right', async () => {
    for (const { state, remedy, subject } of await examineHost(root)) {
      assert.equal(remedy !== undefined, state !== 'right', subject);
    }
  });

  it('names a configuration that is wrong, and a folder that is none', async () => {
    mkdirSync(join(root, 'etc/smartadm'), { recursive: true });
    writeFileSync(join(root, 'etc/smartadm/config.json'), '{"pools": 7}');
    writeFileSync(join(root, 'etc/zones'), '');
    const findings = await examineHost(root);
    assert.match(of(findings, 'config.json')?.found ?? '', /pools/);
    assert.equal(of(findings, join(root, 'etc/zones'))?.state, 'wrong');
  });
});

describe('an examination of an illumos host', () => {
  it('finds libraries, what they lack, programs, daemons and paths', async () => {
    const system = new IllumosRoot();
    try {
      system.write('/tmp/.sysinfo.json', '{"Live Image": "20260101T000000Z"}');
      system.write('/usr/sbin/zoneadm', '');
      chmodSync(`${system.path}/usr/sbin/zoneadm`, 0o755);
      const findings = await examineIllumos(system.path, system.path);
      assert.equal(of(findings, 'platform')?.found, 'image 20260101T000000Z');
      for (const name of ['zonecfg', 'dladm', 'kstat'])
        assert.equal(of(findings, `lib${name}`)?.found, 'all functions');
      assert.equal(of(findings, '/usr/sbin/zoneadm')?.state, 'right');
      assert.equal(of(findings, '/usr/sbin/dladm')?.state, 'wrong');
      assert.equal(of(findings, 'brand lx')?.state, 'right');
      assert.equal(of(findings, 'dlmgmtd')?.state, 'wrong');
      assert.equal(of(findings, 'vminfod')?.state, 'absent');
      assert.equal(of(findings, '/etc/zones/index')?.state, 'right');
    } finally {
      system.remove();
    }
  });
});
