/** The disk for cloud-init: its files, its file system as others read it, and when it is written anew. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { quietProgress } from '../../../lib/cli/context.js';
import type { Context } from '../../../lib/context.js';
import type { Host } from '../../../lib/host/host.js';
import { silentLog } from '../../../lib/log.js';
import type { VmObject } from '../../../lib/schema/generated/vm.js';
import { fat16Image } from '../../../lib/vm/fat16.js';
import { refreshNocloud, seedFiles } from '../../../lib/vm/nocloud.js';
import { fakeDatasets } from '../../fakes/datasets.js';

const top = mkdtempSync(join(tmpdir(), 'smartadm-nocloud-'));
after(() => {
  rmSync(top, { recursive: true, force: true });
});

const uuid = '54f1cc77-68f1-42ab-acac-5c4f64f5d6e0';
const path = `/dev/zvol/rdsk/zones/${uuid}/disk1`;
const vm: VmObject = {
  uuid, zonename: uuid, brand: 'bhyve', zonepath: `/zones/${uuid}`, hostname: 'web1', resolvers: ['8.8.8.8', '1.1.1.1'],
  nics: [
    { interface: 'net0', mac: 'B2:00:00:00:00:01', primary: true, ips: ['10.0.0.2/24', 'addrconf'], gateways: ['10.0.0.1', 'fd00::1'] },
    { interface: 'net1', mac: 'b2:00:00:00:00:02', ips: ['dhcp'] },
    { interface: 'net2', mac: 'b2:00:00:00:00:03', ip: '10.1.0.2', netmask: '255.255.0.0' },
  ],
  disks: [{ path, size: 16, block_size: 512, model: 'virtio', zfs_filesystem: `zones/${uuid}/disk1` }],
  internal_metadata: { cloudinit_datasource: 'nocloud', cloudinit_nocloud_path: path },
}; // prettier-ignore

const textOf = (name: string, of: VmObject) =>
  seedFiles(of)
    .find((file) => file.name === name)
    ?.content.toString('utf8');

describe('files for cloud-init', () => {
  it('say who the guest is and how it is connected', () => {
    assert.equal(textOf('meta-data', vm), `# cloud-init meta-data\ninstance-id: ${uuid}\nlocal-hostname: web1\n`);
    assert.equal(
      textOf('network-config', vm),
      `version: 2
ethernets:
  net0:
    match:
      macaddress: "b2:00:00:00:00:01"
    set-name: net0
    dhcp6: true
    addresses:
      - 10.0.0.2/24
    gateway4: 10.0.0.1
    gateway6: fd00::1
    nameservers:
      addresses:
        - 8.8.8.8
        - 1.1.1.1
  net1:
    match:
      macaddress: "b2:00:00:00:00:02"
    set-name: net1
    dhcp4: true
  net2:
    match:
      macaddress: "b2:00:00:00:00:03"
    set-name: net2
    addresses:
      - 10.1.0.2/16
`,
    );
    assert.equal(textOf('user-data', vm), '#cloud-config\n{}\n');
    assert.equal(textOf('vendor-data', vm), undefined);
  });

  it('are what the metadata says, to the byte', () => {
    const customer_metadata = {
      'cloud-init:user-data': '#!/bin/sh\ntrue\n', 'cloud-init:vendor-data': 'v', 'cloud-init:network-config': 'n: é',
    }; // prettier-ignore
    const own = { ...vm, nics: [], customer_metadata };
    assert.equal(textOf('network-config', own), 'n: é');
    assert.equal(textOf('user-data', own), '#!/bin/sh\ntrue\n');
    assert.equal(textOf('vendor-data', own), 'v');
    assert.equal(textOf('network-config', { ...vm, nics: [] }), undefined);
  });

  it('call the guest by its alias, or by its uuid, and no name is more than a name', () => {
    const { hostname, ...nameless } = vm;
    assert.match(textOf('meta-data', { ...nameless, alias: 'a: b\nc' }) ?? '', /\nlocal-hostname: "a: b\\nc"\n$/);
    assert.match(textOf('meta-data', nameless) ?? '', new RegExp(`\nlocal-hostname: ${uuid}\n$`));
    assert.equal(hostname, 'web1');
  });
});

describe('the file system', { skip: existsSync('/usr/bin/mcopy') ? false : 'mtools is not installed' }, () => {
  const tool = (name: string, ...args: string[]) => {
    const done = spawnSync(name, args, { encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  };

  it('is read by others: label, long names, contents of any length', () => {
    const files = ['', 'x', 'y'.repeat(2048), 'z'.repeat(100_001)].map((text, index) => ({
      name: ['meta-data', 'a-file-with-a-rather-long-name.yaml', 'thirteen-char', 'user-data'][index] ?? '',
      content: Buffer.from(text),
    }));
    const image = join(top, 'image');
    writeFileSync(image, fat16Image('CIDATA', 0x1234abcd, 2 ** 24, files));
    spawnSync('truncate', ['-s', '16M', image]);
    assert.match(tool('mlabel', '-s', '-i', image, '::'), /CIDATA/);
    assert.match(tool('minfo', '-i', image, '::'), /serial number: 1234ABCD/i);
    for (const { name, content } of files) {
      const copy = join(top, 'copy');
      tool('mcopy', '-n', '-o', '-i', image, `::${name}`, copy);
      assert.ok(readFileSync(copy).equals(content), name);
    }
    if (!existsSync('/usr/sbin/fsck.vfat')) return;
    tool('/usr/sbin/fsck.vfat', '-n', image);
  });

  it('refuses what does not fit', () => {
    assert.throws(() => fat16Image('X', 0, 2 ** 24, [{ name: 'a', content: Buffer.alloc(2 ** 24) }]), RangeError);
    assert.throws(() => fat16Image('X', 0, 2 ** 20, []), RangeError);
  });
});

describe('the disk for cloud-init', () => {
  const at = (where: string) => join(top, where);
  const datasets = fakeDatasets({ at });
  const host = { datasets, at } as unknown as Host;
  const { signal } = new AbortController();
  const ctx: Context = {
    host: () => Promise.resolve(host),
    log: silentLog,
    progress: quietProgress,
    signal,
    root: top,
  };
  const device = async () => readFileSync((await datasets.find(`zones/${uuid}/disk1`))?.device ?? '');

  it('is written once, and again when something in it changes', async () => {
    await datasets.create(`zones/${uuid}`);
    await datasets.create(`zones/${uuid}/disk1`, {}, 2 ** 24);
    mkdirSync(at(`/zones/${uuid}/config`), { recursive: true });
    const first = await refreshNocloud(ctx, host, vm);
    const written = await device();
    assert.equal(written.length, 2 ** 24);
    assert.ok(written.includes('local-hostname: web1'));
    const hash = first.internal_metadata?.['cloudinit_nocloud_hash'];
    assert.match(String(hash), /^[0-9a-f]{32}$/);
    const kept = JSON.parse(readFileSync(at(`/zones/${uuid}/config/metadata.json`), 'utf8')) as VmObject;
    assert.equal(kept.internal_metadata?.['cloudinit_nocloud_hash'], hash);
    assert.equal(await refreshNocloud(ctx, host, first), first);
    await refreshNocloud(ctx, host, { ...first, hostname: 'web2' });
    const again = await device();
    assert.ok(again.includes('local-hostname: web2') && !again.includes('web1'));
  });

  it('is refused where it is another disk', async () => {
    for (const disk of [{ size: 32 }, { block_size: 4096 }, { boot: true }, { path: '/x' }]) {
      const other = { ...vm, disks: [{ ...vm.disks?.[0], ...disk }] };
      await assert.rejects(refreshNocloud(ctx, host, other), { message: `Invalid cloudinit_nocloud_path: ${path}` });
    }
  });

  it('is nothing to a VM whose image does not ask for it', async () => {
    const plain = { ...vm, internal_metadata: {} };
    assert.equal(await refreshNocloud(ctx, host, plain), plain);
  });
});
