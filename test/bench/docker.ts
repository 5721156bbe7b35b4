/** An image of a registry, brought onto the disk: beside skopeo with umoci, podman, and the least that could do it. */
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { digestOf, openTestRegistry, type TestLayer, type TestRegistry } from '../docker-images.js';
import { openTestHost, type TestHost } from '../system/test-host.js';
import { installed, type BenchTable } from './measure.js';
import { reasonOf } from './podman.js';

const layerCount = 8;
const mebibytes = Number(process.env['SMARTADM_BENCH_MB'] ?? 500);
const runs = 3;

export async function bench(): Promise<BenchTable> {
  const title = `an image of ${mebibytes} MiB in ${layerCount} layers, gzip, from a registry on this machine; best of ${runs}`;
  const columns = ['', 'seconds', 'seconds of processor'];
  const missing = ['docker-registry', 'skopeo', 'curl'].filter((each) => !installed(each));
  if (missing.length > 0) return { title, columns, rows: [[`not installed: ${missing.join(', ')}`, '', '']] };
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-docker-'));
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
  const registry = await openTestRegistry(5000);
  const host = openTestHost();
  try {
    const layers = Array.from({ length: layerCount }, (_, at) => makeLayer(folder, at));
    registry.push('bench:1', [{ layers }]);
    await host.ok('imgadm', ['sources', '-a', `http://${registry.name}`, '-t', 'docker']);
    await host.ok('imgadm', ['sources', '-d', 'https://images.smartos.org']);
    const rows: (readonly string[])[] = [
      await row('imgadm import', () => ours(host, registry)),
      await row('skopeo copy, umoci unpack', () => skopeo(folder, registry)),
      await row('podman pull', () => podman(folder, registry)),
    ];
    // gzip is the slowest of them; the others tell what more there could be to gain.
    for (const unpacker of ['gzip', 'pigz', 'igzip'].filter(installed)) {
      rows.push(await row(`curl | ${unpacker} -dc | tar x`, () => floor(folder, registry, layers, unpacker)));
    }
    return { title, columns, rows };
  } finally {
    await registry.close();
    await host.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Files of all sizes, half of it text that can be compressed. */
function makeLayer(folder: string, number: number): TestLayer {
  const tree = join(folder, `layer${number}`);
  let left = (mebibytes * 2 ** 20) / layerCount;
  for (let count = 0; left > 0; count += 1) {
    const size = Math.min(left, 2 ** (10 + (count % 11)));
    const place = join(tree, `usr/lib/part${number}`, String(count % 32));
    mkdirSync(place, { recursive: true });
    const noise = randomBytes(Math.ceil(size / 4)).toString('hex');
    writeFileSync(join(place, `file${count}`), noise.concat(' '.repeat(size)).slice(0, size));
    left -= size;
  }
  const archive = join(folder, `layer${number}.tar.gz`);
  spawnSync('tar', ['-C', tree, '-czf', archive, '.']);
  rmSync(tree, { recursive: true });
  const bytes = readFileSync(archive);
  return { bytes, diffId: digestOf(gunzipSync(bytes)), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' };
}

interface Taken {
  readonly wall: number;
  readonly processor: number;
}

async function row(label: string, run: () => Promise<Taken>): Promise<readonly string[]> {
  try {
    const taken: Taken[] = [];
    for (let count = 0; count < runs; count += 1) taken.push(await run());
    const best = (values: readonly number[]) => Math.min(...values).toFixed(2);
    return [label, best(taken.map(({ wall }) => wall)), best(taken.map(({ processor }) => processor))];
  } catch (error) {
    return [`${label}: does not run here: ${reasonOf(error)}`, '', ''];
  }
}

/** Runs a program, with all that it starts. */
async function timed(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Taken> {
  const script = 'TIMEFORMAT="times %R %U %S"; time "$@"';
  const { stderr } = await promisify(execFile)('bash', ['-c', script, 'time', ...argv], { env, maxBuffer: 1 << 26 });
  const [, wall = '', user = '', system = ''] = /times (\S+) (\S+) (\S+)\n$/.exec(stderr) ?? [];
  return { wall: Number(wall), processor: Number(user) + Number(system) };
}

async function ours(host: TestHost, { name }: TestRegistry): Promise<Taken> {
  const program = join(import.meta.dirname, '../../dist/imgadm.js');
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: undefined, SMARTADM_ROOT: host.root };
  try {
    return await timed([process.execPath, program, 'import', '-q', `${name}/bench:1`], env);
  } finally {
    await host.ok('imgadm', ['vacuum', '-f']);
  }
}

async function skopeo(folder: string, { name }: TestRegistry): Promise<Taken> {
  const [copy, bundle] = [join(folder, 'copy'), join(folder, 'bundle')];
  const lines = [
    `skopeo copy -q --insecure-policy --src-tls-verify=false docker://${name}/bench:1 oci:${copy}:1`,
    `umoci unpack --image ${copy}:1 ${bundle}`,
  ];
  try {
    return await timed(['sh', '-ec', lines.join('\n')]);
  } finally {
    for (const each of [copy, bundle]) rmSync(each, { recursive: true, force: true });
  }
}

async function podman(folder: string, { name }: TestRegistry): Promise<Taken> {
  const common = ['podman', '--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')]; // prettier-ignore
  try {
    return await timed([...common, 'pull', '-q', '--tls-verify=false', `${name}/bench:1`]);
  } finally {
    await timed([...common, 'rmi', '-a', '-f']).catch(() => undefined);
  }
}

/** One layer after the other into one folder: no digest is checked, no whiteout heeded. */
async function floor(
  folder: string,
  { name }: TestRegistry,
  layers: readonly TestLayer[],
  unpacker: string,
): Promise<Taken> {
  const tree = join(folder, 'floor');
  const lines = layers.map(
    ({ bytes }) => `curl -s http://${name}/v2/bench/blobs/${digestOf(bytes)} | ${unpacker} -dc | tar -C ${tree} -x`,
  );
  mkdirSync(tree);
  try {
    return await timed(['sh', '-ec', lines.join('\n')]);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}
