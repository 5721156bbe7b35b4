/** Container images for tests, made by hand, and a real registry to hold them. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export interface TestLayer {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Digest of the archive in it. */
  readonly diffId: string;
}

export const gzipLayer = (archive: Buffer): TestLayer => ({
  diffId: digestOf(archive),
  bytes: gzipSync(archive),
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
});
export const plainLayer = (archive: Buffer): TestLayer => ({
  diffId: digestOf(archive),
  bytes: archive,
  mediaType: 'application/vnd.oci.image.layer.v1.tar',
});
export const zstdLayer = (archive: Buffer): TestLayer => ({
  diffId: digestOf(archive),
  bytes: spawnSync('zstd', ['-qc'], { input: archive }).stdout,
  mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
});

export interface TestImage {
  readonly layers: readonly TestLayer[];
  /** Of the configuration: `Cmd`, `Entrypoint`, `Env`, … */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly os?: string;
  readonly architecture?: string;
}

export interface Content {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** All that an image consists of, by digest, and its manifest. */
export function contentOfImage(image: TestImage): {
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly manifest: Buffer;
  readonly entry: Content & { readonly platform: object };
} {
  // prettier-ignore
  const { layers, config = {}, os = 'linux', architecture = 'amd64' } = image;
  const blobs = new Map(layers.map(({ bytes }) => [digestOf(bytes), bytes]));
  const configuration = Buffer.from(
    JSON.stringify({
      architecture, os, created: '2024-05-06T07:08:09.123456789Z', config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  ); // prettier-ignore
  blobs.set(digestOf(configuration), configuration);
  const content = (bytes: Buffer, mediaType: string): Content => ({ mediaType, digest: digestOf(bytes), size: bytes.length }); // prettier-ignore
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: content(configuration, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map(({ bytes, mediaType }) => content(bytes, mediaType)),
    }),
  );
  blobs.set(digestOf(manifest), manifest);
  const entry = { ...content(manifest, 'application/vnd.oci.image.manifest.v1+json'), platform: { os, architecture } };
  return { blobs, manifest, entry };
}

/** Writes images, one or a list for several machines, into a folder of OCI's layout as `latest`. */
function writeLayout(folder: string, images: readonly TestImage[]): void {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const put = (digest: string, bytes: Buffer) => writeFileSync(join(folder, 'blobs', digest.replace(':', '/')), bytes);
  const made = images.map(contentOfImage);
  for (const { blobs } of made) for (const [digest, bytes] of blobs) put(digest, bytes);
  let top: Content = made[0]?.entry ?? { mediaType: '', digest: '', size: 0 };
  if (images.length > 1) {
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const list = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType, manifests: made.map(({ entry }) => entry) }),
    );
    put(digestOf(list), list);
    top = { mediaType, digest: digestOf(list), size: list.length };
  }
  const { mediaType, digest, size } = top;
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size, annotations }] }),
  );
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly name: string;
  /** Puts images there, a list if there are several. `format`: what skopeo makes of them (`oci`, `v2s2`). */
  push(name: string, images: readonly TestImage[], format?: string): void;
  close(): Promise<void>;
}

/** Debian's docker-registry with a folder of its own. */
export async function openTestRegistry(port: number): Promise<TestRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'smartadm-registry-'));
  const config = join(folder, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${folder}/data}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const name = `127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; !(await answers(`http://${name}/v2/`)); tries += 1) {
    if (tries === 200) {
      await close();
      throw new Error('docker-registry does not answer');
    }
    await sleep(50);
  }
  let count = 0;
  return {
    name,
    push(image, images, format) {
      const layout = join(folder, `layout${count++}`);
      writeLayout(layout, images);
      const made = format === undefined ? [] : ['--format', format];
      const several = images.length > 1 ? ['--all'] : [];
      const args = ['copy', '-q', '--insecure-policy', '--dest-tls-verify=false', ...made, ...several];
      const { status, stderr } = spawnSync('skopeo', [...args, `oci:${layout}:latest`, `docker://${name}/${image}`], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`skopeo: ${stderr}`);
    },
    close,
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await over;
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(url, (answer) => {
      answer.resume();
      resolve(true);
    });
    asked.on('error', () => {
      resolve(false);
    });
    asked.end();
  });
}
