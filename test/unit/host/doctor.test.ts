/** An examination finds what is missing, on this host and on a stand-in for illumos, and changes nothing. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { SmartadmError } from '../../../lib/errors.js';
import type { Finding } from '../../../lib/host/finding.js';
import { examineIllumos } from '../../../lib/host/illumos/doctor.js';
import { addonFile, loadNative, type NativeModules } from '../../../lib/host/native.js';
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

  /** What the archive for SmartOS has, by the names under which an examination tells of it. */
  const packed = () => {
    const program = readFileSync(join(import.meta.dirname, '../../../bin/package-smartos.mjs'), 'utf8');
    const [, list = ''] = /^const addons = \[(.*)\];$/m.exec(program) ?? [];
    return [...list.matchAll(/'(\w+)'/g)].map(([, name = '']) => name as keyof NativeModules);
  };
  const subjectsOf = (name: string) => [`lib${name}`, `${name}.node`];
  const contents = (folder: string) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort();
  const inSystem = async (work: (system: IllumosRoot) => Promise<void>) => {
    const system = new IllumosRoot();
    try {
      await work(system);
    } finally {
      system.remove();
    }
  };

  it('tells of every addon that the host loads, and of what codec.node needs beside it', () =>
    inSystem(async (system) => {
      // Those that illumos has, where they are not the same.
      const own = (name: string) => [`${name}-illumos`, name].map((file) => addonFile(file)).find(existsSync) ?? name;
      const load = ((name: keyof NativeModules) =>
        createRequire(import.meta.url)(own(name)) as never) as typeof loadNative;
      const findings = await examineIllumos(system.path, system.path, load);
      const libraries = findings.filter(({ area }) => area === 'library');
      for (const name of packed()) {
        const told = libraries.filter(({ subject }) => subjectsOf(name).includes(subject));
        assert.deepEqual(told.map(({ state }) => state), ['right'], name); // prettier-ignore
      }
      assert.equal(libraries.length, packed().length + 2);
      for (const name of ['liblz4', 'libzstd']) assert.equal(of(findings, name)?.state, 'right');
    }));

  it('says of any addon that it does not load, why, and what would help', () =>
    inSystem(async (system) => {
      for (const broken of packed()) {
        const load: typeof loadNative = (name) => {
          if (name !== broken) return loadNative(name);
          throw new SmartadmError('LibraryMissing', `cannot load addon ${name}`, { cause: new Error('no such file') });
        };
        const findings = await examineIllumos(system.path, system.path, load);
        const wrong = findings.filter(({ area, state }) => area === 'library' && state !== 'right');
        assert.deepEqual(wrong.map(({ state, found }) => [state, found]), [['wrong', `cannot load addon ${broken}: no such file`]]); // prettier-ignore
        assert.ok(subjectsOf(broken).includes(wrong[0]?.subject ?? ''));
      }
    }));

  it('names functions that a library lacks', () =>
    inSystem(async (system) => {
      const load = ((name: keyof NativeModules) =>
        name === 'zonecfg'
          ? { missingFunctions: () => ['zonecfg_set_did', 'zone_list'] }
          : loadNative(name)) as typeof loadNative;
      const found = of(await examineIllumos(system.path, system.path, load), 'libzonecfg');
      assert.deepEqual([found?.state, found?.found], ['wrong', 'without zonecfg_set_did, zone_list']);
    }));

  it('says what cannot be unpacked without a library that codec.node looks for', () =>
    inSystem(async (system) => {
      const missing = () => {
        throw new SmartadmError('LibraryMissing', 'no such library');
      };
      const load = ((name: keyof NativeModules) =>
        name === 'codec' ? { decompressLz4: missing, openZstd: missing } : loadNative(name)) as typeof loadNative;
      const findings = await examineIllumos(system.path, system.path, load);
      assert.equal(of(findings, 'codec.node')?.state, 'right');
      for (const name of ['liblz4', 'libzstd']) assert.deepEqual([of(findings, name)?.state, of(findings, name)?.found], ['absent', 'no such library']); // prettier-ignore
    }));

  it('has a remedy for all that is not right, and makes nothing', () =>
    inSystem(async (system) => {
      const before = contents(system.path);
      for (const { state, remedy, subject } of await examineIllumos(system.path, system.path)) {
        assert.equal(remedy !== undefined, state !== 'right', subject);
      }
      assert.deepEqual(contents(system.path), before);
    }));
});
