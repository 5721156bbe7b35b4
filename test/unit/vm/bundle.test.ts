/** The format in which VMs are sent, to the byte. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BundleReader, datasetHeader, jsonChunk } from '../../../lib/vm/bundle.js';
import { receivedProperties, sentProperties } from '../../../lib/vm/bundle-datasets.js';

const readerOf = (bytes: Buffer, piece = 100): BundleReader =>
  new BundleReader(
    (async function* () {
      for (let at = 0; at < bytes.length; at += piece) yield await Promise.resolve(bytes.subarray(at, at + piece));
    })(),
  );

describe('a bundle', () => {
  it('begins with the object, whose size is counted in bytes', async () => {
    const chunk = jsonChunk({ alias: 'tèst' });
    const json = '{\n  "alias": "tèst"\n}\n';
    assert.equal(chunk.length, 1024);
    const size = Buffer.byteLength(json);
    const head = ['MAGIC-VMBUNDLE', '1', 'CHECKSUM', 'JSON', String(size), '512', ''].join('\0');
    assert.equal(chunk.toString('latin1', 0, head.length), head);
    assert.equal(chunk.toString('utf8', 512, 512 + size), json);
    assert.ok(chunk.subarray(512 + size).every((byte) => byte === 0));
    assert.deepEqual(await readerOf(chunk).vm(), { vm: { alias: 'tèst' }, bundled: true });
  });

  it('goes on with headers of datasets and whatever belongs to them', async () => {
    const reader = readerOf(
      Buffer.concat([jsonChunk({}), datasetHeader('zones/x'), Buffer.from('stream'), datasetHeader('zones/y')]),
    );
    await reader.vm();
    assert.deepEqual(await reader.chunk(), { name: 'zones/x', size: 0, paddedSize: 0 });
    assert.equal((await reader.take(6)).toString(), 'stream');
    assert.equal((await reader.chunk())?.name, 'zones/y');
    assert.equal(await reader.chunk(), undefined);
  });

  it('is found when it begins a few bytes later', async () => {
    for (const shift of [1, 14]) {
      const reader = readerOf(Buffer.concat([Buffer.alloc(shift), jsonChunk({ a: 1 })]));
      assert.deepEqual((await reader.vm()).vm, { a: 1 });
    }
    await assert.rejects(readerOf(Buffer.concat([Buffer.alloc(15), jsonChunk({})])).vm(), /Failed to get JSON!/);
  });

  it('can be a bare object', async () => {
    assert.deepEqual(await readerOf(Buffer.from(JSON.stringify({ a: 'x'.repeat(5000) }))).vm(), {
      vm: { a: 'x'.repeat(5000) }, bundled: false,
    }); // prettier-ignore
  });

  it('is refused in known words', async () => {
    await assert.rejects(readerOf(Buffer.alloc(0)).vm(), { message: 'unable to receive JSON' });
    await assert.rejects(readerOf(jsonChunk({}).subarray(0, 600)).vm(), /Failed to get JSON!/);
    await assert.rejects(readerOf(datasetHeader('zones/x')).vm(), /Failed to get JSON!/);
    await assert.rejects(readerOf(Buffer.alloc(512, 1)).chunk(), { message: 'vmunbundle exited with code 1' });
  });
});

describe('properties of datasets', () => {
  it('come through a package as they were', () => {
    const properties = { quota: '1073741824', compression: 'lz4', recordsize: '4096', 'smartdc:x': 'y' };
    assert.deepEqual(receivedProperties(sentProperties(properties)), properties);
    assert.deepEqual(sentProperties({ mountpoint: '/etc', quota: 'lots' }), {});
    assert.deepEqual(receivedProperties({ mountpoint: '/etc', quota: 0n, compression: 99n }), {});
  });
});
