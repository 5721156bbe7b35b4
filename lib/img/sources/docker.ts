/** Registries of Docker and OCI images: each layer is an image that builds on the one below (`imgadm(8)` "sources"). */
import { findCredentials } from '../docker-credentials.js';
import { chainUuid, layerManifest } from '../docker-layer.js';
import { isLoopback } from '../docker-login.js';
import type { Descriptor } from '../docker-manifest.js';
import { dockerReferenceOf, parseDockerIndex, type DockerIndex, type DockerReference } from '../docker-name.js';
import { openRepository, type DockerImage, type DockerRepository } from '../docker-registry.js';
import { imgError } from '../errors.js';
import { header, openUrl, type Connection } from '../http.js';
import { readManifest } from '../manifest.js';
import type { ImageQuery, ImportableImage, OfferedImage, Source, SourceConfig } from './source.js';

const pingTimeoutMs = 10_000;
const officialRegistry = 'https://registry-1.docker.io';

/** An image that has been found: enough to find its layers. */
interface Found {
  readonly reference: DockerReference;
  readonly image: DockerImage;
}

/** A layer that may be fetched. */
interface Layer {
  readonly repository: DockerRepository;
  readonly descriptor: Descriptor;
}

/** A source that asks registries. Throws `ConfigError` for a URL that names none. */
export function dockerSource(config: SourceConfig, connection: Connection): Source {
  const own = indexOf(config.url);
  // What the environment says is for sources of other types.
  const insecure = config.insecure ?? false;
  const found = new Map<string, Found>();
  const layers = new Map<string, Layer>();
  const repositories = new Map<string, Promise<DockerRepository>>();

  function baseOf({ name, official, scheme }: DockerIndex): string {
    if (official) return officialRegistry;
    const host = new URL(`http://${name}`).hostname;
    return `${own.scheme ?? scheme ?? (isLoopback(host) ? 'http' : 'https')}://${name}`;
  }

  function repositoryOf(reference: DockerReference): Promise<DockerRepository> {
    const { canonicalName } = reference;
    let known = repositories.get(canonicalName);
    if (known === undefined) repositories.set(canonicalName, (known = open(reference)));
    return known;
  }

  async function open(reference: DockerReference): Promise<DockerRepository> {
    const { index, remoteName } = reference;
    const credentials = await findCredentials(connection, reference);
    return openRepository(connection, { index: index.name, base: baseOf(index), remoteName, insecure, credentials });
  }

  return {
    config,
    lists: false,
    list: () => Promise.resolve([]),

    async ping(signal) {
      const url = `${baseOf(own)}/v2/`;
      const answer = await openUrl(connection, url, {
        insecure, signal, decode: true, follow: false, attempts: 1, timeoutMs: pingTimeoutMs,
      }); // prettier-ignore
      answer.body.destroy();
      if (answer.status < 400 || answer.status === 401) return;
      throw imgError('ClientError', `${url} answered with status ${answer.status}`);
    },

    async find({ arg, uuidIsName = false }: ImageQuery, signal): Promise<OfferedImage | undefined> {
      if (!uuidIsName && /^[0-9a-f-]{36}$/.test(arg)) return undefined;
      const reference = dockerReferenceOf(arg);
      const version = reference === undefined ? undefined : versionOf(reference);
      if (reference === undefined || version === undefined) return undefined;
      const repository = await repositoryOf(reference);
      const image = await repository.image(version, nameOf(reference, reference.localName), signal);
      if (image === undefined) return undefined;
      const uuid = chainUuid(image.layers.map(({ digest }) => digest));
      found.set(uuid, { reference, image });
      const given = manifestsOf({ reference, image }).at(-1) ?? {};
      return { uuid, given, title: titleOf(uuid, reference) };
    },

    async ancestry({ uuid }): Promise<readonly ImportableImage[]> {
      const known = found.get(uuid);
      if (known === undefined) throw imgError('InternalError', `image ${uuid} has not been found in "${config.url}"`);
      const { reference, image } = known;
      const repository = await repositoryOf(reference);
      const members: ImportableImage[] = [];
      for (const [at, given] of manifestsOf(known).entries()) {
        const descriptor = image.layers[at];
        if (descriptor === undefined) continue;
        const manifest = await readManifest(given);
        layers.set(manifest.uuid, { repository, descriptor });
        const checksum = { algorithm: 'sha256', hex: descriptor.digest.slice('sha256:'.length) } as const;
        const file = { size: descriptor.size, checksum };
        members.push({ uuid: manifest.uuid, manifest, title: titleOf(manifest.uuid, reference), file });
      }
      return members;
    },

    async openFile({ uuid }, offset, signal) {
      const layer = layers.get(uuid);
      if (layer === undefined) throw imgError('InternalError', `image ${uuid} is no layer from "${config.url}"`);
      const answer = await layer.repository.openBlob(layer.descriptor.digest, offset, signal);
      const part = /^bytes (\d+)-\d+\/(\d+)$/.exec(header(answer, 'content-range') ?? '');
      const isPart = answer.status === 206;
      return {
        offset: isPart ? Number(part?.[1]) : 0,
        contentLength: header(answer, 'content-length'),
        totalBytes: isPart ? Number(part?.[2]) : undefined,
        md5: undefined,
        body: answer.body,
      };
    },
  };
}

function indexOf(url: string): DockerIndex {
  try {
    return parseDockerIndex(url);
  } catch (cause) {
    throw imgError('ConfigError', `"docker" source URL does not name a registry: "${url}"`, { cause });
  }
}

/** Tag or digest as it may stand in a URL; undefined for what no registry can have. */
function versionOf({ tag, digest, remoteName }: DockerReference): string | undefined {
  if (remoteName.split('/').some((part) => ['', '.', '..'].includes(part))) return undefined;
  if (digest !== undefined) return /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined;
  return tag !== undefined && /^\w[\w.-]{0,127}$/.test(tag) ? tag : undefined;
}

function nameOf({ tag, digest }: DockerReference, name: string): string {
  return digest === undefined ? `${name}:${String(tag)}` : `${name}@${digest}`;
}

function titleOf(uuid: string, reference: DockerReference): string {
  return `${uuid} (${nameOf(reference, reference.canonicalName)})`;
}

/** Of each layer, base first. */
function manifestsOf({ reference, image }: Found): readonly Readonly<Record<string, unknown>>[] {
  const digests = image.layers.map(({ digest }) => digest);
  return digests.map((_, at) => {
    const layerDigests = digests.slice(0, at + 1);
    const isTop = at === digests.length - 1;
    const tags = isTop && reference.tag !== undefined ? { tags: [reference.tag] } : {};
    return layerManifest({ imgJson: image.imgJson, layerDigests, repo: reference, ...tags });
  });
}
