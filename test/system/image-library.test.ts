/** `smartadm/IMG` as programs elsewhere require it: what is recorded, and the tool. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { imagesIn, openImgapiServer, type ImgapiServer } from '../imgapi-server.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { busyboxImage as base, openTestHost, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const top = fileURLToPath(new URL('../..', import.meta.url));
const child = 'd41f6a90-0c3b-4b7e-8a15-96e2c7d85f31';

describe('smartadm/IMG', () => {
  let host: TestHost;
  let server: ImgapiServer;
  /** Of a package that depends on smartadm. */
  let folder: string;
  before(async () => {
    spawnSync('ip', ['link', 'set', 'lo', 'up']);
    server = await openImgapiServer(imagesIn(join(top, 'test/fixtures/images')));
    host = openTestHost();
    folder = mkdtempSync(join(tmpdir(), 'smartadm-consumer-'));
    mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
    symlinkSync(top, join(folder, 'node_modules/smartadm'));
    symlinkSync(join(top, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.close();
    await host.close();
  });

  /** Runs a program of the consumer; what it prints as JSON is its result. It has to end by itself. */
  async function consume(text: string): Promise<Record<string, unknown>> {
    writeFileSync(join(folder, 'main.cjs'), text);
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined, SMARTADM_ROOT: host.root, SERVER: server.url };
    const running = spawn(process.execPath, ['main.cjs'], { cwd: folder, env, timeout: 120_000 });
    const output = { out: '', err: '' };
    running.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.out += chunk));
    running.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.err += chunk));
    const status = await new Promise((resolve) => running.on('close', resolve));
    assert.equal(status, 0, output.err);
    return JSON.parse(output.out) as Record<string, unknown>;
  }

  it('reads what is recorded without looking at datasets, and says where nothing is', async () => {
    const found = await consume(`
      const { quickGetImage } = require('smartadm/IMG');
      const { mkdirSync, writeFileSync } = require('node:fs');
      const folder = process.env.SMARTADM_ROOT + '/var/imgadm/images';
      mkdirSync(folder, { recursive: true });
      writeFileSync(folder + '/zones-${child}.json', JSON.stringify({ manifest: { uuid: '${child}', name: 'x' }, zpool: 'zones' }));
      quickGetImage({ uuid: '${child}', zpool: 'zones' }, (error, info) => {
        quickGetImage({ uuid: '${base}', zpool: 'zones' }, ({ code, exitStatus, message }) => {
          require('node:fs').rmSync(folder + '/zones-${child}.json');
          console.log(JSON.stringify({ error, info, code, exitStatus, message }));
        });
      });`);
    assert.deepEqual(found, {
      error: null,
      info: { manifest: { uuid: child, name: 'x' }, zpool: 'zones' },
      code: 'ImageNotInstalled',
      exitStatus: 3,
      message: `image "${base}" was not found on zpool "zones"`,
    });
  });

  it('has a tool that does what imgadm does', async () => {
    const found = await consume(`
      const { createTool } = require('smartadm/IMG');
      const { promisify } = require('node:util');
      (async () => {
        const tool = await promisify(createTool)({});
        const call = (name, ...args) => promisify(tool[name]).apply(tool, args);
        const lines = [];
        const logCb = (line) => lines.push(line);
        await call('updateSources', [{ type: 'imgapi', url: process.env.SERVER }], false);
        const images = await call('sourcesList');
        const importInfo = await call('sourcesGetImportInfo', { arg: '${child}' });
        const none = await call('sourcesGetImportInfo', { arg: '00000000-0000-4000-8000-000000000000' });
        await call('importImage', { importInfo, zpool: 'zones', quiet: true, logCb });
        const names = (await call('listImages')).map(({ manifest }) => manifest.name).sort();
        const { children } = await call('getImage', { uuid: '${base}', zpool: 'zones', children: true });
        const inUse = await call('deleteImage', { uuid: '${base}', zpool: 'zones' }).catch(({ code }) => code);
        const asked = await call('vacuumImages', { logCb }).catch(({ code }) => code);
        await call('vacuumImages', { logCb, force: true });
        const gone = await call('getImage', { uuid: '${base}', zpool: 'zones' });
        const { normUrl } = tool.sourceFromInfo({ type: 'imgapi', url: 'https://X.example:443/' });
        const result = { offered: images.length, none, names, children, inUse, asked, gone, normUrl, lines };
        console.log(JSON.stringify(result));
      })();`);
    const { lines, ...rest } = found;
    assert.deepEqual(rest, {
      offered: 3,
      none: null,
      names: ['busybox', 'busybox-web'],
      children: { snapshots: [`zones/${base}@final`], clones: [`zones/${child}`] },
      inUse: 'ImageHasDependentClones',
      asked: 'Usage',
      gone: null,
      normUrl: 'https://x.example',
    });
    assert.deepEqual((lines as string[]).slice(-2), [
      `Deleted image ${child} (busybox-web@1.0.0)`,
      `Deleted image ${base} (busybox@1.35.0)`,
    ]);
  });

  it('has types for those who compile', () => {
    writeFileSync(
      join(folder, 'check.cts'),
      `import IMG = require('smartadm/IMG');
       IMG.quickGetImage({ uuid: 'u', zpool: 'zones' }, (error, info) => {
         const code: string | undefined = error?.code;
         const name: string | undefined = info?.manifest.name;
         console.log(code, name);
       });
       IMG.createTool({}, (_error, tool) => tool?.listImages((_e, images) => console.log(images?.[0]?.cloneNames.length)));
       // @ts-expect-error: it needs a pool
       IMG.quickGetImage({ uuid: 'u' }, () => undefined);`,
    );
    const compiler = join(top, 'node_modules/typescript/bin/tsc');
    const args = ['--noEmit', '--strict', '--module', 'nodenext', '--skipLibCheck', '--types', 'node', 'check.cts']; // prettier-ignore
    const done = spawnSync(process.execPath, [compiler, ...args], { cwd: folder, encoding: 'utf8' });
    assert.equal(done.status, 0, done.stdout);
  });
});
