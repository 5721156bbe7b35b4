/** What is written into the `/etc` of a zone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { hostError } from '../../../../lib/host/errors.js';
import { identityFiles, writeIdentity } from '../../../../lib/host/linux/zone-identity.js';
import type { ZoneRoot } from '../../../../lib/host/zone-root.js';
import { zoneConfig } from '../../../zone-root.js';

const textOf = (attrs: Readonly<Record<string, string>>, offered: readonly string[], path: string) =>
  identityFiles(zoneConfig('z', { attrs }), offered).find((file) => file.path === path)?.text;

/** A root in memory. `full` says whether a write finds no space. */
function memoryRoot(files: Map<string, string>, full = false): ZoneRoot {
  return {
    kindOf: (path) => Promise.resolve(path === '/etc' ? 'directory' : files.has(path) ? 'file' : undefined),
    read: (path) => Promise.resolve(files.get(path)),
    write(path, text) {
      if (full) return Promise.reject(hostError('NoSpace', 'full'));
      files.set(path, text);
      return Promise.resolve();
    },
    makeDirectory: () => Promise.resolve(),
    removeDirectory: () => Promise.resolve(),
  };
}

describe('resolv.conf', () => {
  it('names the configured resolvers, else those that are offered, once each', () => {
    const header = '# AUTOMATIC ZONE CONFIG\n';
    const file = '/etc/resolv.conf';
    assert.equal(
      textOf({ resolvers: '192.0.2.1,fd00::1' }, ['10.0.0.1'], file),
      `${header}nameserver 192.0.2.1\nnameserver fd00::1\n`,
    );
    assert.equal(textOf({}, ['10.0.0.1', '10.0.0.1'], file), `${header}nameserver 10.0.0.1\n`);
    assert.equal(textOf({ 'dns-domain': 'a.b' }, ['10.0.0.1'], file), `${header}search a.b\nnameserver 10.0.0.1\n`);
    assert.equal(textOf({}, [], file), undefined);
  });

  it('holds nothing but addresses and names', () => {
    assert.equal(textOf({ resolvers: 'x\noptions evil,192.0.2.1', 'dns-domain': 'a\nb' }, [], '/etc/resolv.conf'),
      '# AUTOMATIC ZONE CONFIG\nnameserver 192.0.2.1\n'); // prettier-ignore
  });
});

describe('the files', () => {
  it('are none for a docker zone', () => {
    assert.deepEqual(identityFiles(zoneConfig('z', { attrs: { docker: 'true', resolvers: '192.0.2.1' } }), []), []);
  });

  it('are written where they differ, and hosts only where it is missing', async () => {
    const files = new Map([['/etc/hosts', 'mine']]);
    const wanted = identityFiles(zoneConfig('z', { attrs: { hostname: 'web' } }), []);
    await writeIdentity(memoryRoot(files), wanted, () => assert.fail());
    assert.deepEqual([...files], [['/etc/hosts', 'mine'], ['/etc/hostname', 'web\n']]); // prettier-ignore
    // Nothing differs now, so nothing needs space.
    await writeIdentity(memoryRoot(files, true), wanted, () => assert.fail());
  });

  it('that find no space are told of, and are no reason not to boot', async () => {
    const told: string[] = [];
    const wanted = identityFiles(zoneConfig('z'), ['10.0.0.1']);
    await writeIdentity(memoryRoot(new Map(), true), wanted, (path, error) => {
      assert.equal(codeOf(error), 'NoSpace');
      told.push(path);
    });
    assert.deepEqual(told, ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf']);
  });
});
