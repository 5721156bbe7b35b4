/** An import that is killed at any moment: nothing is half there, and the next one succeeds. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createContext, quietProgress } from '../../lib/cli/context.js';
import type { Context } from '../../lib/context.js';
import { deleteImage } from '../../lib/img/delete.js';
import { importImage } from '../../lib/img/import.js';
import { listImages } from '../../lib/img/list.js';
import { silentLog } from '../../lib/log.js';
import { keptNarration, quickConnection, servedImage } from '../image-host.js';
import { gzip } from '../compressed.js';
import { openImgapiServer, type ImgapiServer, type ServedImage } from '../imgapi-server.js';
import { inOwnNetworkNamespace } from '../netns.js';
import { entryOf, FilesystemWriter, Fixed, Mode } from '../zfs-stream/filesystem.js';
import { openTestHost, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const base = '0764d78e-3472-11e5-8949-4f31abea4e05';
const child = '1764d78e-3472-11e5-8949-4f31abea4e05';
const images = [smallImage(base, 1n), smallImage(child, 2n, base, 1n)];
const rounds = 100;

/** One file, named like its image; the guids are those of the snapshots it makes and builds on. */
function smallImage(uuid: string, guid: bigint, origin?: string, fromGuid?: bigint): ServedImage {
  const writer = new FilesystemWriter({ guid, ...(fromGuid === undefined ? {} : { fromGuid }) });
  const number = Fixed.first + Number(guid);
  writer.directory(Fixed.root, [[uuid, entryOf(number, Mode.file)]]);
  writer.file(number, Buffer.alloc(50_000, uuid));
  const file = gzip(writer.end().take());
  const sha1 = createHash('sha1').update(file).digest('hex');
  const files = [{ sha1, size: file.length, compression: 'gzip' }];
  return servedImage(uuid, `image${guid}`, file, { files, ...(origin === undefined ? {} : { origin }) });
}

describe('an import that is killed', () => {
  let host: TestHost;
  let server: ImgapiServer;
  before(async () => {
    spawnSync('ip', ['link', 'set', 'lo', 'up']);
    host = openTestHost();
    server = await openImgapiServer(images);
    await host.ok('imgadm', ['sources', '-f', '-a', server.url]);
    await host.ok('imgadm', ['sources', '-d', 'https://images.smartos.org']);
  });
  after(async () => {
    await server.close();
    await host.close();
  });

  const below = (folder: string) => (existsSync(host.at(folder)) ? readdirSync(host.at(folder)) : []).sort();

  /** What a command would find that begins now; in this process, so that a hundred of them take little time. */
  async function asCommand<T>(work: (ctx: Context) => Promise<T>): Promise<T> {
    const signal = new AbortController().signal;
    const ctx = createContext({ root: host.root, log: silentLog, progress: quietProgress, signal });
    try {
      return await work(ctx);
    } finally {
      await ctx.close();
    }
  }

  const importAgain = () =>
    asCommand((ctx) => {
      const sources = [{ type: 'imgapi' as const, url: server.url }];
      const connection = { ...quickConnection, stallMs: 30_000 };
      return importImage(ctx, { arg: child, pool: 'zones', sources, connection, zstream: false }, keptNarration());
    });

  /** All there is of images: datasets, records, downloads. */
  function assertOnly(...uuids: string[]): void {
    assert.deepEqual(below('/zones').filter((name) => !name.startsWith('.')), [...uuids].sort()); // prettier-ignore
    assert.deepEqual(below('/var/imgadm/images'), uuids.map((uuid) => `zones-${uuid}.json`).sort());
    assert.deepEqual(below('/var/tmp/.imgadm-downloads'), []);
  }

  it(`leaves nothing at ${rounds} random moments that the next import does not finish or remove`, async () => {
    const begun = performance.now();
    await host.ok('imgadm', ['import', child]);
    const wholeMs = performance.now() - begun;
    let unfinished = 0;
    for (let round = 0; round < rounds; round += 1) {
      await asCommand((ctx) => deleteImage(ctx, 'zones', child));
      // With the one it builds on there, or not.
      const keepsBase = round % 3 === 0;
      if (!keepsBase) await asCommand((ctx) => deleteImage(ctx, 'zones', base));
      assertOnly(...(keepsBase ? [base] : []));
      const victim = host.start('imgadm', ['import', child]);
      const ended = new Promise<NodeJS.Signals | null>((resolve) => {
        victim.once('exit', (_status, signal) => resolve(signal));
      });
      await sleep(Math.random() * wholeMs * 1.1);
      victim.kill('SIGKILL');
      if ((await ended) !== null) unfinished += 1;
      const listed = await asCommand(listImages);
      for (const { manifest } of listed) {
        const served = images.find(({ manifest: { uuid } }) => uuid === manifest.uuid);
        assert.deepEqual(manifest, served?.manifest, 'what is listed is whole');
        assert.ok(existsSync(host.at(`/zones/${manifest.uuid}/${manifest.uuid}`)));
      }
      await importAgain();
      assertOnly(base, child);
    }
    assert.ok(unfinished > rounds / 4, `${unfinished} of ${rounds} were killed before their end`);
  });
});
