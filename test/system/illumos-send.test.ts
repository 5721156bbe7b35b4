/** VMs move from one illumos host to another, datasets and all. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IllumosHost } from '../stand-ins/host.js';

const images = join(import.meta.dirname, '../fixtures/images');
let from: IllumosHost;
let to: IllumosHost;

async function ok(
  host: IllumosHost,
  program: 'vmadm' | 'imgadm',
  args: readonly string[],
  input: string | Buffer = '',
) {
  const ran = await host.command(program, args, input);
  assert.equal(ran.status, 0, `${program} ${args.join(' ')}: ${ran.stderr}`);
  return ran;
}

function manifest(name: string): { readonly uuid: string } {
  return JSON.parse(readFileSync(join(images, `${name}.imgmanifest`), 'utf8')) as { readonly uuid: string };
}

const get = async (host: IllumosHost, uuid: string) =>
  JSON.parse((await ok(host, 'vmadm', ['get', uuid])).stdout) as Record<string, unknown>;

before(async () => {
  [from, to] = [new IllumosHost(), new IllumosHost()];
  for (const host of [from, to]) {
    for (const name of ['busybox-1.35.0', 'echo-volume-1.0.0']) {
      const file = join(images, name);
      await ok(host, 'imgadm', ['install', '-m', `${file}.imgmanifest`, '-f', `${file}.zfs.gz`]);
    }
  }
});
after(() => {
  from.remove();
  to.remove();
});

describe('a VM sent to another illumos host', () => {
  it('has its files and its delegated dataset there, and runs', async () => {
    const uuid = 'c0000000-0000-4000-8000-0000000000a1';
    const payload = {
      brand: 'lx', kernel_version: '4.3.0', uuid, image_uuid: manifest('busybox-1.35.0').uuid, max_physical_memory: 256, quota: 5,
      delegate_dataset: true, autoboot: false, tags: { a: 1 },
    }; // prettier-ignore
    await ok(from, 'vmadm', ['create'], JSON.stringify(payload));
    writeFileSync(`${from.path}/zones/${uuid}/root/mark`, 'hello');
    const { bytes } = await ok(from, 'vmadm', ['send', uuid]);
    await ok(to, 'vmadm', ['receive'], bytes);
    assert.equal(readFileSync(`${to.path}/zones/${uuid}/root/mark`, 'utf8'), 'hello');
    const vm = await get(to, uuid);
    assert.deepEqual([vm['state'], vm['quota'], vm['tags']], ['stopped', 5, { a: 1 }]);
    assert.deepEqual(vm['datasets'], [`zones/${uuid}/data`]);
    await ok(to, 'vmadm', ['start', uuid]);
    assert.equal((await get(to, uuid))['state'], 'running');
    await ok(to, 'vmadm', ['delete', uuid]);
  });

  it('has its disks there', async () => {
    const uuid = 'c0000000-0000-4000-8000-0000000000a2';
    const disks = [
      { image_uuid: manifest('echo-volume-1.0.0').uuid, model: 'virtio', boot: true },
      { size: 64, model: 'virtio' },
    ];
    const payload = { brand: 'bhyve', uuid, ram: 128, vcpus: 1, autoboot: false, disks };
    await ok(from, 'vmadm', ['create'], JSON.stringify(payload));
    const { bytes } = await ok(from, 'vmadm', ['send', uuid]);
    await ok(to, 'vmadm', ['receive'], bytes);
    const [here, there] = [await get(from, uuid), await get(to, uuid)];
    const sizes = (vm: Record<string, unknown>) => (vm['disks'] as { size: number }[]).map(({ size }) => size);
    assert.deepEqual(sizes(there), sizes(here));
    await ok(to, 'vmadm', ['delete', uuid]);
  });
});
