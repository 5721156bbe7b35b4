/** Layers of container images become datasets of an illumos host. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { IllumosHost } from '../stand-ins/host.js';
import { zfsEvents } from '../stand-ins/pool.js';
import { file, folder, symlink, tar, type TarEntry } from '../tar.js';

const base = 'd0000000-0000-4000-8000-000000000001';
const top = 'd0000000-0000-4000-8000-000000000002';
let host: IllumosHost;

before(() => {
  host = new IllumosHost();
});
after(() => {
  host.remove();
});

/** Installs an image whose file is a layer. */
async function install(uuid: string, entries: readonly TarEntry[], origin?: string) {
  const archive = gzipSync(tar(entries));
  const sha1 = createHash('sha1').update(archive).digest('hex');
  const manifest = {
    v: 2, uuid, owner: '00000000-0000-0000-0000-000000000000', name: 'docker-layer', version: uuid.slice(-4), state: 'active',
    disabled: false, public: false, published_at: '2026-01-01T00:00:00.000Z', type: 'docker', os: 'linux',
    files: [{ sha1, size: archive.length, compression: 'gzip' }], ...(origin === undefined ? {} : { origin }),
  }; // prettier-ignore
  host.write(`/tmp/${uuid}.imgmanifest`, JSON.stringify(manifest));
  host.write(`/tmp/${uuid}.gz`, { b64: archive.toString('base64') });
  const at = (name: string) => join(host.path, 'tmp', name);
  return host.command('imgadm', ['install', '-m', at(`${uuid}.imgmanifest`), '-f', at(`${uuid}.gz`)]);
}

describe('a layer on illumos', () => {
  const root = (uuid: string) => join(host.path, 'zones', uuid, 'root');

  it('becomes a dataset, and what is on top of it a clone', async () => {
    const first = await install(base, [
      folder('etc', { mode: 0o750, uid: 3, gid: 4 }), file('etc/hello', 'one'), file('gone', 'x'), symlink('link', '/etc'),
    ]); // prettier-ignore
    assert.equal(first.status, 0, first.stderr);
    const { mode, uid, gid } = lstatSync(join(root(base), 'etc'));
    assert.deepEqual([mode & 0o7777, uid, gid], [0o750, 3, 4]);

    const second = await install(top, [file('.wh.gone'), file('link/hello', 'two')], base);
    assert.equal(second.status, 0, second.stderr);
    assert.deepEqual(readdirSync(root(top)).sort(), ['etc', 'link']);
    assert.equal(readFileSync(join(root(top), 'etc/hello'), 'utf8'), 'two');
    assert.equal(readFileSync(join(root(base), 'etc/hello'), 'utf8'), 'one');
    assert.ok(zfsEvents(host).some((event) => event.startsWith(`clone zones/${base}@final `)));
    assert.ok(zfsEvents(host).some((event) => /^snapshot .*@final$/.test(event)));
  });

  it('that leads out of its tree leaves nothing', async () => {
    const uuid = 'd0000000-0000-4000-8000-000000000003';
    const { status, stderr } = await install(uuid, [file('a', '1'), file('../outside', 'bad')]);
    assert.equal(status, 1);
    assert.match(stderr, /goes upwards/);
    assert.deepEqual(readdirSync(join(host.path, 'zones')).filter((name) => name.startsWith(uuid)), []); // prettier-ignore
    assert.ok(!existsSync(join(host.path, 'zones/outside')));
  });
});
