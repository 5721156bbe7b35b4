/** Images from a real registry, on a real btrfs pool; machines of them run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { digestOf, gzipLayer, openTestRegistry, plainLayer, zstdLayer, type TestRegistry } from '../docker-images.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { openRegistryServer } from '../registry-server.js';
import { file, folder, symlink, tar } from '../tar.js';
import { busyboxImage, eventually, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const base = tar([
  folder('./'), folder('etc', { mtime: 7000 }), file('etc/passwd', 'root:x:0:0::/:/bin/sh\napp:x:7:8::/home/app:/bin/sh\n'),
  file('etc/gone', '1'), file('opt/old/a', '1'), file('su', 'x', { mode: 0o4755, uid: 7 }),
]); // prettier-ignore
const middle = tar([
  file('etc/.wh.gone'),
  file('opt/old/.wh..wh..opq'),
  file('opt/old/b', '2'),
  symlink('link', 'etc'),
]);
const top = tar([file('link/added', 'through the link'), file('README', 'read me')]);
const hostile = tar([symlink('out', '/'), file('../../../../escaped', 'bad')]);

describe('images of a registry', () => {
  let host: TestHost;
  let registry: TestRegistry;
  before(async () => {
    spawnSync('ip', ['link', 'set', 'lo', 'up']);
    host = openTestHost();
    registry = await openTestRegistry(5000);
    const config = { Cmd: ['-l'], Entrypoint: ['/bin/ls'], Env: ['A=b'], WorkingDir: '/etc', User: 'app' };
    const three = { layers: [gzipLayer(base), zstdLayer(middle), plainLayer(top)], config };
    registry.push('team/three:1', [three]);
    registry.push('listed:1', [{ ...three, architecture: 'arm64', layers: [gzipLayer(top)] }, three]);
    registry.push('two:1', [{ layers: [gzipLayer(base), gzipLayer(middle)], config }], 'v2s2');
    registry.push('arm:1', [
      { ...three, architecture: 'arm64' },
      { ...three, architecture: 's390x' },
    ]);
    registry.push('hostile:1', [{ layers: [gzipLayer(base), gzipLayer(hostile)] }]);
    await host.ok('imgadm', ['sources', '-d', 'https://images.smartos.org']);
  });
  after(async () => {
    await registry.close();
    await host.close();
  });

  const lines = (text: string) => text.trimEnd().split('\n');
  const images = async () => JSON.parse(await host.ok('imgadm', ['list', '-j'])) as { manifest: { uuid: string; origin?: string; tags: Record<string, unknown> }; source: string }[]; // prettier-ignore

  it('are found once the source is there', async () => {
    assert.equal(
      await host.ok('imgadm', ['sources', '-a', `http://${registry.name}`, '-t', 'docker']),
      `Added "docker" image source "http://${registry.name}"\n`,
    );
    const shown = JSON.parse(await host.ok('imgadm', ['show', `${registry.name}/team/three:1`])) as Record<string, unknown>; // prettier-ignore
    assert.equal(shown['type'], 'docker');
    assert.equal(shown['published_at'], '2024-05-06T07:08:09.123Z');
    assert.equal(await host.ok('imgadm', ['avail', '-H']), '');
    const missing = await host.run('imgadm', ['show', `${registry.name}/team/three:2`]);
    assert.match(missing.stderr, /error \(ImageNotFound\)/);
  });

  it('are imported, each layer over the one below', async () => {
    const name = `${registry.name}/team/three:1`;
    const said = lines(await host.ok('imgadm', ['import', name]));
    const uuid = said[0]?.split(' ')[1] ?? '';
    assert.deepEqual(said.slice(0, 3), [
      `Importing ${uuid} (${name}) from "http://${registry.name}"`,
      `Gather image ${uuid} ancestry`,
      'Must download and install 3 images',
    ]);
    assert.equal(said.filter((line) => line.startsWith('Imported image')).length, 3);
    const root = host.at(`/zones/${uuid}/root`);
    const text = (path: string) => readFileSync(join(root, path), 'utf8');
    assert.ok(!existsSync(join(root, 'etc/gone')));
    assert.deepEqual(readdirSync(join(root, 'opt/old')), ['b']);
    assert.equal(text('etc/added'), 'through the link');
    assert.ok(lstatSync(join(root, 'link')).isSymbolicLink());
    assert.deepEqual([statSync(join(root, 'su')).mode & 0o7777, statSync(join(root, 'su')).uid], [0o4755, 7]);
    const all = await images();
    assert.equal(all.length, 3);
    const own = all.find(({ manifest }) => manifest.uuid === uuid) ?? assert.fail();
    assert.equal(own.manifest.tags['docker:repo'], `${registry.name}/team/three`);
    assert.equal(own.manifest.tags['docker:tag:1'], true);
    assert.equal(lines(await host.ok('imgadm', ['ancestry', '-H', uuid])).length, 3);
    const listed = lines(await host.ok('imgadm', ['list', '--docker', '-H']));
    assert.deepEqual(listed.map((line) => line.split(/\s+/).slice(0, 3)), [[uuid, `${registry.name}/team/three`, '1']]); // prettier-ignore
    assert.match(await host.ok('imgadm', ['import', name]), /^Image .* is already installed from http/);
  });

  it('share the layers that they share', async () => {
    const said = await host.ok('imgadm', ['import', `${registry.name}/two:1`]);
    assert.match(said, /^Image [-0-9a-f]{36} already installed$/m);
    assert.match(said, /^Must download and install 1 image/m);
  });

  it('are chosen from a list by the processor, or none is', async () => {
    const shown = (name: string) => host.run('imgadm', ['show', `${registry.name}/${name}`]);
    assert.equal((await shown('listed:1')).status, process.arch === 'x64' ? 0 : 1);
    if (process.arch !== 'x64') return;
    const plain = JSON.parse((await shown('team/three:1')).stdout) as { uuid: string };
    const listed = JSON.parse((await shown('listed:1')).stdout) as { uuid: string };
    assert.equal(listed.uuid, plain.uuid);
    assert.match((await shown('arm:1')).stderr, /error \(InvalidDockerInfo\): no linux-amd64 platform found in manifest list: linux-arm64,linux-s390x/); // prettier-ignore
  });

  it('with a layer that wants to get out are refused, and leave no half', async () => {
    const before = (await images()).length;
    const { status, stderr } = await host.run('imgadm', ['import', `${registry.name}/hostile:1`]);
    assert.equal(status, 1);
    assert.match(stderr, /error \(StreamInvalid\): .*goes upwards/);
    assert.equal((await images()).length, before);
    assert.ok(!existsSync(host.at('/escaped')) && !existsSync('/escaped'));
    assert.deepEqual(readdirSync(host.at('/var/tmp/.imgadm-downloads')), []);
    assert.deepEqual(readdirSync(host.at('/zones')).filter((name) => name.includes('partial')), []); // prettier-ignore
  });

  it('with a layer that is not what its manifest says are refused, but for the layers below', async () => {
    const layers = ['1', '2', '3'].map((text) => plainLayer(tar([file('a', text), file('b', 'x'.repeat(100_000))])));
    const lying = await openRegistryServer({ '1': { layers } });
    try {
      lying.answer(`/blobs/${digestOf(layers[1]?.bytes ?? Buffer.of())}`, (_, response) => {
        response.writeHead(200, { 'content-length': layers[1]?.bytes.length }).end(layers[2]?.bytes);
      });
      await host.ok('imgadm', ['sources', '-a', lying.url, '-t', 'docker']);
      const before = (await images()).length;
      const { status, stderr } = await host.run('imgadm', ['import', `${lying.name}/app:1`]);
      assert.equal(status, 1);
      assert.match(stderr, /error \(DownloadError\): .*checksum \(sha256\) error/);
      assert.equal((await images()).length, before + 1);
      assert.deepEqual(readdirSync(host.at('/zones')).filter((name) => name.includes('partial')), []); // prettier-ignore
      lying.answer(`/blobs/${digestOf(layers[1]?.bytes ?? Buffer.of())}`, undefined);
      await host.ok('imgadm', ['import', `${lying.name}/app:1`]);
      assert.equal((await images()).length, before + 3);
      assert.deepEqual(readdirSync(host.at('/var/tmp/.imgadm-downloads')), []);
      await host.ok('imgadm', ['sources', '-d', lying.url]);
    } finally {
      await lying.close();
    }
  });

  it('that share layers are imported at the same time, each layer fetched once', async () => {
    const layer = (text: string) => plainLayer(tar([file('f', text), file('g', randomBytes(300_000))]));
    const [one, two, ...tops] = ['one', 'two', 'x', 'y', 'z'].map(layer);
    assert.ok(one !== undefined && two !== undefined);
    const shared = await openRegistryServer(
      Object.fromEntries(tops.map((top, at) => [`${at}`, { layers: [one, two, top] }])),
    );
    try {
      await host.ok('imgadm', ['sources', '-a', shared.url, '-t', 'docker']);
      const before = (await images()).length;
      await Promise.all(
        [0, 1, 2, 0, 1, 2, 0, 1].map((tag) => host.ok('imgadm', ['import', `${shared.name}/app:${tag}`])),
      );
      assert.equal((await images()).length, before + 5);
      for (const { bytes } of [one, two, ...tops]) {
        assert.equal(shared.requests.filter((path) => path.endsWith(`/blobs/${digestOf(bytes)}`)).length, 1);
      }
      await host.ok('imgadm', ['sources', '-d', shared.url]);
    } finally {
      await shared.close();
    }
  });

  it('are what machines run: their command, environment, folder and user', async () => {
    await host.install('busybox-1.35.0');
    const busybox = readFileSync(host.at(`/zones/${busyboxImage}/root/bin/busybox`));
    const passwd = 'root:x:0:0::/root:/bin/sh\napp:x:7:8::/home/app:/bin/sh\n';
    const files = [folder('tmp', { mode: 0o1777 }), file('bin/busybox', busybox, { mode: 0o755 }), symlink('bin/sh', 'busybox')]; // prettier-ignore
    const words = [file('etc/passwd', passwd), file('etc/group', 'app:x:8:\nmore:x:9:root,app\n')];
    const config = {
      Entrypoint: ['sh', '-c', 'busybox id > /tmp/seen; pwd >> /tmp/seen; echo "$0|$A|$HOME" >> /tmp/seen; exec busybox sleep 10000'],
      Cmd: ['two words\nand lines'], Env: ['A=1 2\n3', 'PATH=/bin'], WorkingDir: '/srv/app', User: 'app',
    }; // prettier-ignore
    registry.push('runs:1', [{ layers: [gzipLayer(tar(files)), gzipLayer(tar(words))], config }]);
    const said = await host.ok('imgadm', ['import', `${registry.name}/runs:1`]);
    const image = said.split(' ')[1];
    const created = await host.vmadm(['create'], {
      input: JSON.stringify(payload({ image_uuid: image, docker: true })),
    });
    assert.equal(created.status, 0, created.stderr);
    const vm = created.stderr.trim().split(' ').at(-1) ?? '';
    const seen = async () => (await host.inside(vm, 'busybox cat /tmp/seen')).stdout;
    const expected = 'uid=7(app) gid=8(app)\n/srv/app\ntwo words\nand lines|1 2\n3|/home/app\n';
    await eventually('the end of what the command writes', async () => (await seen()).includes('/home/app'));
    // Not every liblxc gives a zone's init the groups that it is told.
    assert.equal((await seen()).replace(' groups=9(more)', ''), expected);
    assert.equal((await host.inside(vm, 'busybox cat /proc/1/comm')).stdout.trim(), 'busybox');
    await host.vmadm(['delete', vm]);
  });

  it('survive that their import is killed, again and again', async () => {
    const noise = () => gzipLayer(tar([file('noise', randomBytes(6_000_000))]));
    // What was complete, but not sound, is kept for another try.
    const downloads = () => readdirSync(host.at('/var/tmp/.imgadm-downloads')).sort();
    const before = downloads();
    registry.push('large:1', [{ layers: [noise(), noise(), noise()] }]);
    const name = `${registry.name}/large:1`;
    for (let count = 0; count < 5; count += 1) {
      const child = host.start('imgadm', ['import', name]);
      const over = new Promise((resolve) => child.once('exit', resolve));
      setTimeout(() => child.kill('SIGKILL'), 400 + Math.random() * 1500);
      await over;
    }
    await host.ok('imgadm', ['import', name]);
    // What is left of an image that came to be is removed by the import of another.
    registry.push('last:1', [{ layers: [gzipLayer(tar([file('last', '1')]))] }]);
    await host.ok('imgadm', ['import', `${registry.name}/last:1`]);
    const left = readdirSync(host.at('/zones')).filter((each) => each.includes('partial'));
    assert.deepEqual([left, downloads()], [[], before]);
    const records = readdirSync(host.at('/var/imgadm/images'));
    assert.equal(records.length, (await images()).length);
  });

  it('are deleted from the top', async () => {
    const [layer] = (await images()).filter(({ manifest }) => manifest.origin === undefined);
    assert.match((await host.run('imgadm', ['delete', layer?.manifest.uuid ?? ''])).stderr, /ImageHasDependentClones/);
    await host.ok('imgadm', ['vacuum', '-f']);
    assert.deepEqual(await images(), []);
  });
});
