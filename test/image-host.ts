/** A host for tests of images: fake datasets, no zones, a root of its own; streams are texts instead of ZFS streams. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { imgadm } from '../lib/cli/imgadm/main.js';
import { quietProgress } from '../lib/cli/context.js';
import type { Context, Progress } from '../lib/context.js';
import type { Datasets } from '../lib/host/datasets.js';
import { hostError } from '../lib/host/errors.js';
import type { Host } from '../lib/host/host.js';
import type { Sysinfo } from '../lib/host/sysinfo.js';
import type { Connection } from '../lib/img/http.js';
import type { Narration } from '../lib/img/narration.js';
import { silentLog, type Log } from '../lib/log.js';
import { fakeDatasets, type FakeDatasets } from './fakes/datasets.js';
import type { ServedImage } from './imgapi-server.js';
import { runCaptured, type Outcome } from './vectors/captured-cli.js';
import { smartosHost, storedZones } from './vectors/host.js';

export interface ImageHost {
  readonly root: string;
  readonly host: Host;
  readonly datasets: FakeDatasets;
  context(given?: { readonly log?: Log; readonly progress?: Progress; readonly signal?: AbortSignal }): Context;
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** Names of all datasets and snapshots but the pools. */
  names(): Promise<readonly string[]>;
  /** Names below a folder of the state; none when it does not exist. */
  files(folder: string): readonly string[];
  close(): void;
}

export function openImageHost(sysinfo: Partial<Sysinfo> = {}): ImageHost {
  const root = mkdtempSync(join(tmpdir(), 'smartadm-images-'));
  mkdirSync(join(root, 'etc/zones'), { recursive: true });
  writeFileSync(join(root, 'etc/zones/index'), '');
  const at = (path: string) => join(root, path);
  const datasets = fakeDatasets({ at, pools: ['zones', 'tank'] });
  const base = smartosHost(root, { zones: storedZones(root) });
  const reading = textDatasets(datasets);
  const host: Host = {
    ...base,
    datasets: reading,
    sysinfo: { read: async () => ({ ...(await base.sysinfo.read()), ...sysinfo }) },
  };
  return {
    root,
    host,
    datasets,
    context: ({ log = silentLog, progress = quietProgress, signal = new AbortController().signal } = {}) => ({
      host: () => Promise.resolve(host), log, progress, signal, root,
    }), // prettier-ignore
    run: (args, env = {}) => runCaptured('imgadm', imgadm, args, { host, root, env }),
    names: async () => (await datasets.list()).map(({ name }) => name).filter((name) => /[/@]/.test(name)),
    files: (folder) => (existsSync(at(folder)) ? readdirSync(at(folder)) : []),
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The beginning of a text that counts as a stream; the names of its snapshots follow. */
const magic = 'stream of ';

/** What {@link textDatasets} takes for a stream that makes `snapshots`. */
export function streamText(snapshots: readonly string[] = ['final'], filling = ''): Buffer {
  return Buffer.from(`${magic}${snapshots.join(',')}\n${filling}`);
}

function textDatasets(datasets: FakeDatasets): Datasets {
  return {
    ...datasets,
    async receive(name: string, stream: Readable, { origin, signal } = {}) {
      if (origin === undefined) await datasets.create(name);
      else await datasets.clone(origin, name);
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          signal?.throwIfAborted();
          if (chunks.length === 0 && chunk.subarray(0, magic.length).toString() !== magic) {
            throw hostError('StreamInvalid', 'it is no stream');
          }
          chunks.push(chunk);
        }
        const [head = ''] = Buffer.concat(chunks).toString().split('\n');
        const snapshots = head.slice(magic.length).split(',').filter((snapshot) => snapshot !== ''); // prettier-ignore
        for (const snapshot of snapshots) await datasets.snapshot(`${name}@${snapshot}`);
        const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
        const losses = head.includes('lossy') ? [{ path: '/etc', what: 'its owner is missing' }] : [];
        return { snapshot: `${name}@${snapshots[0] ?? ''}`, type: 'filesystem', bytes, losses };
      } catch (error) {
        await datasets.destroy(name, { recursive: true });
        throw error;
      }
    },
  };
}

/** An image with a manifest that fits its file. */
export function servedImage(
  uuid: string,
  name: string,
  file: Buffer,
  more: Readonly<Record<string, unknown>> = {},
): ServedImage {
  const sha1 = createHash('sha1').update(file).digest('hex');
  return {
    file,
    manifest: {
      v: 2, uuid, owner: '00000000-0000-0000-0000-000000000000', name, version: '1.0.0', state: 'active', disabled: false,
      public: true, published_at: '2015-07-27T14:23:35.123Z', type: 'zone-dataset', os: 'linux',
      files: [{ sha1, size: file.length, compression: 'none' }],
      ...more,
    },
  }; // prettier-ignore
}

/** Gives up soon, but not on a machine that is busy, and waits little before it tries again. */
export const quickConnection: Connection = { requestId: 'test', insecure: false, stallMs: 1500, retryMs: 2 };

/** A narration that keeps what it is told. */
export function keptNarration(): Narration & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (line: string): void => void lines.push(line);
  return { lines, say: keep, step: keep, warn: (line) => keep(`WARN ${line}`) };
}
