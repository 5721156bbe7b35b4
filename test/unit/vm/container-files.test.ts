/** The files that a container gets from its host. */
import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { Host } from '../../../lib/host/host.js';
import { mountContainerFiles } from '../../../lib/vm/container-files.js';
import type { VmSpec } from '../../../lib/vm/spec.js';

const top = mkdtempSync(join(tmpdir(), 'smartadm-container-'));
after(() => {
  rmSync(top, { recursive: true, force: true });
});

interface Given {
  readonly properties?: object;
  readonly metadata?: object;
  readonly nics?: readonly object[];
  readonly brand?: string;
}

function container({ properties, metadata, nics = [], brand = 'lx' }: Given = {}) {
  const root = mkdtempSync(join(top, 'root-'));
  mkdirSync(join(root, 'zones/vm/root'), { recursive: true });
  const at = (path: string) => join(root, path);
  const spec = {
    uuid: 'the-uuid', zonepath: '/zones/vm', brand, nics,
    properties: { docker: true, ...properties }, internal_metadata: metadata ?? {},
  } as unknown as VmSpec; // prettier-ignore
  const mount = () => mountContainerFiles({ at } as unknown as Host, spec, { attributes: {}, resources: [] });
  return { at, mount, text: (name: string) => readFileSync(at(`/zones/vm/config/${name}`), 'utf8') };
}

describe('files of a container', () => {
  it('are none for other machines', async () => {
    assert.deepEqual((await container({ properties: { docker: false } }).mount()).resources, []);
  });

  it('name its servers and where to search', async () => {
    const properties = { resolvers: ['8.8.8.8', '2001:db8::1'], dns_domain: 'local' };
    const { mount, text } = container({ properties, metadata: { 'docker:dnssearch': '["a.example", 7]' } });
    await mount();
    assert.equal(text('resolv.conf'), 'nameserver 8.8.8.8\nnameserver 2001:db8::1\nsearch a.example local\n');
  });

  it('name its own addresses, the last one first, and those of others', async () => {
    const { mount, text } = container({
      properties: { hostname: 'web' },
      nics: [{ ips: ['1.1.1.1/24'] }, { primary: true, ips: ['dhcp', '10.0.0.1/24', '10.0.0.2/24'] }],
      metadata: { 'docker:extraHosts': '["db:fd00::2"]', 'docker:linkHosts': '10.0.0.9\tlinked\n' },
    });
    await mount();
    assert.equal(text('hostname'), 'web\n');
    assert.match(text('hosts'), /^10\.0\.0\.2\tweb\n10\.0\.0\.1\tweb\n127\.0\.0\.1\tlocalhost\n/);
    assert.match(text('hosts'), /ip6-allrouters\nfd00::2\tdb\n10\.0\.0\.9\tlinked\n$/);
  });

  it('are refused when metadata is not what it should be', async () => {
    for (const hosts of ['{', '{}', '["name"]', '[{}]']) {
      await assert.rejects(container({ metadata: { 'docker:extraHosts': hosts } }).mount(), {
        code: 'PayloadInvalid',
        message: /^invalid "docker:extraHosts" internal_metadata: /,
      });
    }
  });

  it('are mounted where the brand or the metadata wants them, never outside of the root', async () => {
    const directories = async (given: Given) =>
      (await container(given).mount()).resources.map(({ attributes }) => attributes['directory']);
    assert.deepEqual(await directories({ brand: 'joyent-minimal' }), [
      '/etc/resolv.conf',
      '/etc/inet/hosts',
      '/etc/hostname',
    ]);
    assert.deepEqual(await directories({ metadata: { 'docker:hostsFile': '../../../x/hosts' } }), [
      '/etc/resolv.conf',
      '/x/hosts',
      '/etc/hostname',
    ]);
  });

  it('replace a link of the image by a file, and leave a file alone', async () => {
    const { at, mount } = container();
    const outside = join(mkdtempSync(join(top, 'outside-')), 'hosts');
    writeFileSync(outside, 'outside');
    mkdirSync(at('/zones/vm/root/etc'));
    symlinkSync(outside, at('/zones/vm/root/etc/hosts'));
    writeFileSync(at('/zones/vm/root/etc/hostname'), 'kept');
    await mount();
    assert.equal(readFileSync(outside, 'utf8'), 'outside');
    assert.ok(lstatSync(at('/zones/vm/root/etc/hosts')).isFile());
    assert.equal(readFileSync(at('/zones/vm/root/etc/hostname'), 'utf8'), 'kept');
  });

  it('are refused where a folder is in the way', async () => {
    const { at, mount } = container();
    mkdirSync(at('/zones/vm/root/etc/hosts'), { recursive: true });
    await assert.rejects(mount(), { code: 'ZoneInvalid', message: '/etc/hosts is not a file' });
  });
});
