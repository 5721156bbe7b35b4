/** Zone configurations on disk. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { zoneStore, type ZoneStore } from '../../../../lib/host/linux/zone-store.js';
import { checkZoneName } from '../../../../lib/host/zone-name.js';
import { zoneConfig } from '../../../zone-root.js';

describe('the store of zones', () => {
  let root: string;
  let store: ZoneStore;
  const at = (path: string) => join(root, path);
  const index = () => readFileSync(at('/etc/zones/index'), 'utf8');
  const rejects = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'smartadm-store-'));
    store = zoneStore({ id: '123456', at });
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('is empty where there is nothing', async () => {
    assert.deepEqual(await store.entries(), []);
    assert.equal(await store.entry('a'), undefined);
    await rejects(store.config('a'), 'ZoneNotFound');
    await rejects(store.mark('a', 'installed'), 'ZoneNotFound');
    await store.remove('a');
  });

  it('writes the files that SmartOS writes', async () => {
    await store.configure(zoneConfig('a'), '54f1cc77-68f1-42ab-acac-5c4f64f5d6e0');
    assert.equal(index(), 'a:configured:/zones/a:54f1cc77-68f1-42ab-acac-5c4f64f5d6e0:lx:ex:1\n');
    assert.equal(readFileSync(at('/etc/zones/did.txt'), 'utf8'), '1\n');
    assert.match(
      readFileSync(at('/etc/zones/a.xml'), 'utf8'),
      /<zone name="a" zonepath="\/zones\/a" .*debugid="1"\/>\n$/,
    );
    assert.equal(statSync(at('/var/run/zones')).mode & 0o777, 0o700);
    assert.equal(statSync(at('/var/run')).mode & 0o777, 0o755);
  });

  it('leaves lines of others, and does not believe a last line that is half written', async () => {
    mkdirSync(at('/etc/zones'), { recursive: true });
    writeFileSync(at('/etc/zones/index'), '# comment\nglobal:installed:/\nb:configured:/zones/b::lx:ex:7');
    assert.deepEqual(await store.entries(), []);
    assert.equal(await store.entry('b'), undefined);
    await store.configure(zoneConfig('a'));
    assert.match(index(), /^# comment\nglobal:installed:\/\nb:configured:\/zones\/b::lx:ex:7\na:configured/);
  });

  it('gives every zone a debug id of its own, and none again', async () => {
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => store.configure(zoneConfig(name))));
    const ids = (await store.entries()).map((entry) => entry.debugId);
    assert.deepEqual([...ids].sort(), [1, 2, 3, 4, 5]);
    await store.remove('e');
    await store.configure(zoneConfig('e'));
    assert.equal((await store.entry('e'))?.debugId, 6);
    await store.configure(zoneConfig('f', { attributes: { debugid: '99' } }));
    assert.equal((await store.entry('f'))?.debugId, 99);
  });

  it('marks, and removes file and line', async () => {
    await store.configure(zoneConfig('a'));
    await store.mark('a', 'installed');
    assert.equal((await store.entry('a'))?.state, 'installed');
    await store.remove('a');
    assert.equal(index(), '');
    assert.deepEqual(readdirSync(at('/etc/zones')).sort(), ['did.txt', 'index']);
  });

  it('says when a file is damaged, or describes another zone', async () => {
    await store.configure(zoneConfig('a'));
    writeFileSync(at('/etc/zones/a.xml'), '<zone name="a">');
    await rejects(store.config('a'), 'ZoneInvalid');
    await store.configure(zoneConfig('b'));
    writeFileSync(at('/etc/zones/a.xml'), readFileSync(at('/etc/zones/b.xml')));
    await rejects(store.config('a'), 'ZoneInvalid');
  });

  it('takes no names that lead elsewhere', () => {
    for (const name of ['', '.', '..', 'a/b', '../a', 'global', 'SUNWx', 'a\0', 'ä', '-a', 'a b', 'x'.repeat(64)]) {
      assert.throws(() => checkZoneName(name), (error) => codeOf(error) === 'InvalidName', name); // prettier-ignore
    }
    for (const name of ['a', '54f1cc77-68f1-42ab-acac-5c4f64f5d6e0', 'x'.repeat(63), 'A_b.c-d']) checkZoneName(name);
  });
});
