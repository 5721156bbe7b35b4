/** `imgadm-run` and `imgadm-args`: invocations over the images of `img-set`, with a server of its remote ones. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { imgadm } from '../../lib/cli/imgadm/main.js';
import { runCaptured, type Outcome } from './captured-cli.js';
import { differenceOf, unequal } from './compare.js';
import type { GivenDataset } from './datasets.js';
import { smartosHost, storedZones, temporaryRoot } from './host.js';
import type { Invocation, VectorFolder } from './records.js';
import { atTime, recordedAt, type Runner } from './runner.js';

interface ImgadmRecord extends Invocation {
  readonly config?: string;
  readonly requests?: readonly string[] | null;
  readonly imgadm_conf_after?: unknown;
  readonly stderr_last_line_json?: Readonly<Record<string, unknown>>;
}

type Manifests = readonly (Readonly<Record<string, unknown>> & { readonly uuid: string })[];

/** The port that the records name; texts with another of as many digits look the same. */
const recordedPort = '8099';

export async function imgInvocations(folder: VectorFolder): Promise<Runner> {
  const configs = folder.json('img-set/configs.json') as Readonly<Record<string, unknown>>;
  const given = (folder.json('img-set/datasets.json') as readonly GivenDataset[]).map(withoutDashes);
  const requests: string[] = [];
  const { server, port } = await serve(folder.json('img-set/remote-images.json') as Manifests, requests);
  const here = (text: string) => text.replaceAll(`127.0.0.1:${recordedPort}`, `127.0.0.1:${port}`);

  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
    run: async (record) => {
      const wanted = record as ImgadmRecord;
      const temporary = temporaryRoot();
      const { root } = temporary;
      try {
        mkdirSync(join(root, 'var/imgadm'), { recursive: true });
        cpSync(folder.path('img-set/images'), join(root, 'var/imgadm/images'), { recursive: true });
        const conf = join(root, 'var/imgadm/imgadm.conf');
        writeFileSync(conf, here(JSON.stringify(configs[wanted.config ?? 'full'])));
        mkdirSync(join(root, 'etc/zones'), { recursive: true });
        writeFileSync(join(root, 'etc/zones/index'), '');
        const pools = given.filter(({ name }) => !name.includes('/')).map(({ name }) => name);
        const datasets = given.filter(({ name }) => name.includes('/'));
        const host = smartosHost(root, { zones: storedZones(root), pools, datasets });
        requests.length = 0;
        const args = wanted.args.map(here);
        const outcome = await atTime(recordedAt, () => runCaptured('imgadm', imgadm, args, { host, root }));
        return (
          difference(wanted, outcome, here) ??
          sameJson('requests', wanted.requests ?? requests, requests) ??
          sameJson('configuration', wanted.imgadm_conf_after, JSON.parse(readFileSync(conf, 'utf8')), here)
        );
      } finally {
        temporary.remove();
      }
    },
  };
}

function difference(wanted: ImgadmRecord, outcome: Outcome, here: (text: string) => string): string | undefined {
  const { stderr_last_line_json: structured, stdout } = wanted;
  const expected = { ...wanted, stdout: stdout === null ? null : here(stdout), stderr: here(wanted.stderr) };
  if (structured === undefined) return differenceOf(expected, outcome);
  const last = JSON.parse(outcome.stderr.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  const found = Object.fromEntries(Object.entries(structured).map(([key, value]) => [key, pick(last[key], value)]));
  return sameJson('record', structured, found) ?? differenceOf(expected, { ...outcome, stderr: expected.stderr });
}

/** The part of `found` that `wanted` speaks of. */
function pick(found: unknown, wanted: unknown): unknown {
  if (typeof found !== 'object' || found === null || typeof wanted !== 'object' || wanted === null) return found;
  const fields = found as Record<string, unknown>;
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, fields[key]]));
}

function sameJson(what: string, wanted: unknown, found: unknown, here = (text: string) => text): string | undefined {
  if (wanted === undefined) return undefined;
  const [a, b] = [here(JSON.stringify(wanted)), JSON.stringify(found)];
  return a === b ? undefined : `${what}: ${unequal(a, b)}`;
}

function withoutDashes({ origin, mountpoint, ...rest }: GivenDataset): GivenDataset {
  const known = (value: string | undefined) => (value === '-' ? undefined : value);
  return { ...rest, origin: known(origin), mountpoint: known(mountpoint) };
}

async function serve(manifests: Manifests, requests: string[]): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const answers: Record<string, unknown> = {
      '/ping': { ping: 'pong', version: '1.0.0', imgapi: true },
      '/images': manifests.filter(({ state }) => state === 'active'),
    };
    const answer = answers[pathname] ?? manifests.find(({ uuid }) => pathname === `/images/${uuid}`);
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { code: 'ResourceNotFound', message: 'image not found' }));
  });
  for (let port = Number(recordedPort); ; port += 1) {
    const failure = await new Promise<unknown>((resolve) => {
      server.once('error', resolve);
      server.listen(port, '127.0.0.1', () => resolve(undefined));
    });
    if (failure === undefined) return { server, port };
    if (port > 8999) throw new Error('no port of four digits is free', { cause: failure });
  }
}
