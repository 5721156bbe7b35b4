/** What imgadm does not take from registries: certificates, digests, lengths and redirects that lie, layers that swell. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Context } from '../../../lib/context.js';
import { applyLayer } from '../../../lib/host/layer-apply.js';
import { importImage } from '../../../lib/img/import.js';
import { contentOfImage, digestOf, gzipLayer, plainLayer, type TestLayer } from '../../docker-images.js';
import { keptNarration, openImageHost, quickConnection, type ImageHost } from '../../image-host.js';
import { openRegistryServer, type RegistryServer } from '../../registry-server.js';
import { file, tar } from '../../tar.js';

const tls = (name: string) => readFileSync(join(import.meta.dirname, '../../fixtures/tls', `${name}.pem`), 'utf8');
const selfSigned = { key: tls('key'), cert: tls('certificate') };
const base = gzipLayer(tar([file('etc/motd', 'hello\n')]));
const top = plainLayer(tar([file('etc/issue', 'one')]));
const topPath = `/blobs/${digestOf(top.bytes)}`;
const downloads = '/var/tmp/.imgadm-downloads';

describe('imgadm refuses of a registry', () => {
  let host: ImageHost;
  let opened: RegistryServer[];
  beforeEach(() => {
    host = openImageHost();
    opened = [];
  });
  afterEach(async () => {
    for (const each of opened) await each.close();
    host.close();
  });

  async function open(secure?: { readonly key: string; readonly cert: string }): Promise<RegistryServer> {
    const registry = await openRegistryServer({ '1': { layers: [base, top] } }, secure);
    opened.push(registry);
    return registry;
  }

  /** A host that takes layers, with a pool so small that hardly anything fits. */
  function context(): Context {
    const { datasets } = host.host;
    const small: typeof datasets = {
      ...datasets,
      ensurePool: async (name) => ({ ...(await datasets.ensurePool(name)), sizeBytes: 0 }),
    };
    const whole = { ...host.host, datasets: small, layers: { apply: applyLayer } };
    return { ...host.context(), host: () => Promise.resolve(whole) };
  }

  const importFrom = ({ name, url }: RegistryServer, reference = 'app:1', insecure = false) =>
    importImage(
      context(),
      {
        arg: `${name}/${reference}`,
        pool: 'zones',
        sources: [{ type: 'docker', url, insecure }],
        connection: quickConnection,
        zstream: false,
      },
      keptNarration(),
    );

  /** The base, which was right, stays; of what lies above it there is nothing. */
  async function assertOnlyBase(): Promise<void> {
    const names = await host.names();
    assert.equal(names.length, 2);
    assert.ok(names.every((name) => !name.includes('partial')));
    assert.equal(host.files('/var/imgadm/images').length, 1);
    assert.deepEqual(host.files(downloads), []);
  }

  async function assertNothing(): Promise<void> {
    assert.deepEqual(await host.names(), []);
    assert.deepEqual([...host.files('/var/imgadm/images'), ...host.files(downloads)], []);
  }

  it('nothing when nobody lies', async () => {
    await importFrom(await open());
    assert.equal((await host.names()).length, 4);
    assert.deepEqual(host.files(downloads), []);
  });

  it('a certificate that it has signed itself, saying whose it is and what can be done', async () => {
    const registry = await open(selfSigned);
    await assert.rejects(importFrom(registry), {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      message: `the certificate of ${registry.url} is refused: self-signed certificate`,
      hint: /NODE_EXTRA_CA_CERTS.*imgadm sources -k/,
    });
    assert.deepEqual(registry.requests, []);
    await assertNothing();
    // Which is for sources of other types.
    const added = await host.run(['sources', '-a', registry.url, '-t', 'docker'], { IMGADM_INSECURE: '1' });
    assert.match(added.stderr, /error \(SourcePing\): .*the certificate of https:\S+ is refused: self-signed certificate \(to trust /); // prettier-ignore
    await importFrom(registry, 'app:1', true);
  });

  it('a certificate of another host, by an authority that it trusts', async () => {
    const messages: string[] = [];
    for (const whose of ['other', 'loopback']) {
      const registry = await open({ key: tls(`${whose}-key`), cert: tls(`${whose}-certificate`) });
      const module = JSON.stringify(join(import.meta.dirname, '../../../lib/img/sources/docker.ts'));
      const code = `
        import { dockerSource } from ${module};
        const connection = { requestId: 'x', insecure: false, stallMs: 5000, retryMs: 1 };
        const source = dockerSource({ type: 'docker', url: ${JSON.stringify(registry.url)} }, connection);
        const query = { arg: ${JSON.stringify(`${registry.name}/app:1`)}, activeOnly: true };
        source.find(query, new AbortController().signal).then(
          ({ given }) => console.log(given.type),
          ({ code, message, hint }) => console.log(code, message, hint),
        );`;
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(import.meta.dirname, '../../fixtures/tls/ca.pem') };
      const args = ['--import', 'tsx', '--input-type=module', '-e', code];
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      await once(child, 'close');
      messages.push(printed.trim());
    }
    const [other = '', own] = messages;
    assert.match(
      other,
      /^ERR_TLS_CERT_ALTNAME_INVALID the certificate of https:\/\/127\.0\.0\.1:\d+ is refused: .*127\.0\.0\.1.* NODE_EXTRA_CA_CERTS/,
    );
    assert.equal(own, 'docker');
  });

  const longer = Buffer.concat([top.bytes, Buffer.alloc(512)]);
  const others = tar([file('etc/issue', 'two')]);
  const lies: readonly (readonly [string, RequestListener, RegExp])[] = [
    ['is longer than its manifest says', (_, response) => response.writeHead(200, { 'content-length': longer.length }).end(longer), /unexpected mismatch between expected size, 2048, and Content-Length header, 2560/],
    ['is shorter than its manifest says', (_, response) => response.writeHead(200, { 'content-length': 512 }).end(top.bytes.subarray(0, 512)), /unexpected mismatch between expected size, 2048, and Content-Length header, 512/],
    ['does not tell its length', (_, response) => response.write(longer) && response.end(), /missing or invalid Content-Length/],
    ['has other bytes, though a sound archive of that length', (_, response) => response.writeHead(200, { 'content-length': others.length }).end(others), /checksum \(sha256\) error: expected "[0-9a-f]{64}", downloaded checksum was "[0-9a-f]{64}"/],
    ['is no archive, but has that length', (_, response) => response.writeHead(200, { 'content-length': top.bytes.length }).end(Buffer.alloc(top.bytes.length, 'x')), /checksum \(sha256\) error/],
  ]; // prettier-ignore
  for (const [what, answer, message] of lies) {
    it(`a layer that ${what}`, async () => {
      const registry = await open();
      registry.answer(topPath, answer);
      await assert.rejects(importFrom(registry), { code: 'DownloadError', message });
      await assertOnlyBase();
    });
  }

  it('a layer whose size the manifest tells wrongly', async () => {
    for (const size of [top.bytes.length - 1, top.bytes.length + 1, 2 ** 52]) {
      const registry = await open();
      const manifest = JSON.parse(contentOfImage({ layers: [base, top] }).manifest.toString()) as { layers: { size: number }[] }; // prettier-ignore
      Object.assign(manifest.layers[1] ?? {}, { size });
      registry.answer('/manifests/1', (_, response) => response.end(JSON.stringify(manifest)));
      await assert.rejects(importFrom(registry), { code: 'DownloadError', message: /expected size, \d+, and Content-Length header, 2048/ }); // prettier-ignore
      await assertOnlyBase();
    }
  });

  it('an image of more layers than anybody has, before it is busy with them for long', async () => {
    const registry = await open();
    const manifest = JSON.parse(contentOfImage({ layers: [base] }).manifest.toString()) as { layers: object[] };
    manifest.layers = Array.from({ length: 1001 }, () => manifest.layers[0] ?? {});
    registry.answer('/manifests/1', (_, response) => response.end(JSON.stringify(manifest)));
    await assert.rejects(importFrom(registry), { code: 'InvalidContent', message: /has 1001 layers, more than 1000$/ });
    await assertNothing();
  });

  it('a configuration that is nested deeper than the stack', async () => {
    let Cmd: unknown = 'sh';
    for (let depth = 0; depth < 1000; depth += 1) Cmd = [Cmd];
    const registry = await open();
    registry.add('2', contentOfImage({ layers: [base], config: { Cmd } }));
    await assert.rejects(importFrom(registry, 'app:2'), { code: 'InvalidContent', message: /is nested too deeply$/ });
    await assertNothing();
  });

  it('a layer that always breaks off, whose part serves the next import', async () => {
    const registry = await open();
    registry.answer(topPath, ({ headers }, response) => {
      response.writeHead(headers.range === undefined ? 200 : 206, {
        'content-length': headers.range === undefined ? 2048 : 1048,
        'content-range': 'bytes 1000-2047/2048',
      });
      response.write(headers.range === undefined ? top.bytes.subarray(0, 1000) : '', () => response.destroy());
    });
    await assert.rejects(importFrom(registry), { code: 'DownloadError', message: /download failed after 1000 bytes/ });
    assert.equal((await host.names()).length, 2);
    assert.match(host.files(downloads).join(), /^[-0-9a-f]{36}\.file\.partial$/);
    registry.answer(topPath, undefined);
    await importFrom(registry);
    assert.equal((await host.names()).length, 4);
    assert.deepEqual(host.files(downloads), []);
  });

  const zeros = Buffer.alloc(2 ** 26);
  const zstd = (data: Buffer) => spawnSync('zstd', ['-qc'], { input: data, maxBuffer: 2 ** 26 }).stdout;
  for (const [name, pack] of Object.entries({ gzip: (data: Buffer) => gzipSync(data, { level: 1 }), zstd })) {
    it(`a small layer that ${name} makes huge`, async () => {
      // Behind the end of the archive, where it would cost nothing but time.
      const bytes = Buffer.concat([pack(tar([file('a', 'a')])), ...Array<Buffer>(17).fill(pack(zeros))]);
      const bomb: TestLayer = { bytes, diffId: digestOf(bytes), mediaType: base.mediaType };
      const registry = await open();
      registry.add('2', contentOfImage({ layers: [bomb] }));
      await assert.rejects(importFrom(registry, 'app:2'), {
        code: 'UncompressionError',
        message: /expands to more than 1073741824 bytes/,
      });
      await assertNothing();
    });
  }

  it('a layer that is compressed and damaged, though its digest is right', async () => {
    const bytes = Buffer.concat([base.bytes.subarray(0, 40), Buffer.alloc(60, 255)]);
    const registry = await open();
    registry.add('2', contentOfImage({ layers: [{ ...base, bytes }] }));
    await assert.rejects(importFrom(registry, 'app:2'), { code: 'UncompressionError' });
    await assertNothing();
  });

  for (const location of ['file:///etc/passwd', 'ftp://127.0.0.1/layer', 'gopher:x', '//:0', '']) {
    it(`a layer that is to be had from ${location === '' ? 'nowhere' : location}`, async () => {
      const registry = await open();
      registry.answer(topPath, (_, response) => response.writeHead(307, location === '' ? {} : { location }).end());
      await assert.rejects(importFrom(registry), {
        code: 'ClientError',
        message: /^refusing redirect from http:.* to /,
      });
      await assertOnlyBase();
    });
  }

  for (const [what, certificate, other] of [
    ['from encryption to a server without', selfSigned, undefined],
    ['from a server without encryption to one with it', undefined, selfSigned],
  ] as const) {
    it(`to be led ${what}`, async () => {
      const elsewhere = await open(other);
      const registry = await open(certificate);
      const location = `${elsewhere.url}/v2/app${topPath}`;
      registry.answer(topPath, (_, response) => response.writeHead(307, { location }).end());
      await assert.rejects(importFrom(registry, 'app:1', true), {
        code: 'ClientError',
        message: /^refusing redirect from http.* to http.*: it changes the scheme$/,
      });
      assert.deepEqual(elsewhere.requests, []);
      await assertOnlyBase();
    });
  }

  it('a manifest that is not the one asked for', async () => {
    const registry = await open();
    const wanted = contentOfImage({ layers: [base] });
    registry.add('2', wanted);
    const reference = `app@${wanted.entry.digest}`;
    const found = contentOfImage({ layers: [base, top] }).manifest;
    registry.answer(`/manifests/${wanted.entry.digest}`, (_, response) => response.end(found));
    await assert.rejects(importFrom(registry, reference), {
      code: 'BadDigest',
      message: `the manifest of ${registry.name}/${reference} is not what its digest says: expected "${wanted.entry.digest}", got "${digestOf(found)}"`,
    });
    await assertNothing();
    registry.answer(`/manifests/${wanted.entry.digest}`, undefined);
    await importFrom(registry, reference);
  });
});
