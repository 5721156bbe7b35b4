/** Layers of Docker images as images of imgadm: one for each prefix of the chain of digests (`imgadm(8)`). Pure. */
import { createHash } from 'node:crypto';
import { imgError } from './errors.js';
import { isFields } from './manifest.js';

type Fields = Readonly<Record<string, unknown>>;

/** What the manifest of a layer is made of. */
export interface DockerLayer {
  /** The configuration of the image that the user asked for, as the registry has it. */
  readonly imgJson: Fields;
  /** Digests of the chain, base first, this layer last. */
  readonly layerDigests: readonly string[];
  /** {@link DockerRepo.localName}. */
  readonly repo: { readonly localName: string };
  /** Tags of the image; only its top layer has some. */
  readonly tags?: readonly string[];
  /** Computed from the digests where absent. */
  readonly uuid?: string;
  readonly origin?: string;
}

/** The uuid of a chain of layers, base first. Throws `InvalidDockerInfo` for digests other than SHA-256. */
export function chainUuid(digests: readonly string[]): string {
  const wrong = digests.filter((digest) => !/^sha256:.{64}$/.test(digest));
  if (wrong.length > 0) {
    throw invalidInfo(`docker digests should be of the form "sha256:xxx", got: ${wrong.join(', ')}`);
  }
  const hex = createHash('sha256').update(digests.join(' ')).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

const nobody = '00000000-0000-0000-0000-000000000000';
const longestDescription = 10_240;
const shownDigits = 12;
const configFields = ['Cmd', 'Entrypoint', 'Env', 'WorkingDir'];

/** The manifest of a layer, its fields in the order of the original. Throws `InvalidDockerInfo`. */
export function layerManifest({ imgJson, layerDigests, repo, tags = [], uuid, origin }: DockerLayer): Fields {
  const top = layerDigests.at(-1);
  if (top === undefined) throw invalidInfo('opts.layerDigests.length >= 1');
  const below = layerDigests.slice(0, -1);
  const { architecture, config } = imgJson;
  const parent = origin ?? (below.length === 0 ? undefined : chainUuid(below));
  return {
    v: 2,
    uuid: uuid ?? chainUuid(layerDigests),
    owner: nobody,
    name: 'docker-layer',
    version: top.replace(/^sha256:/, '').slice(0, shownDigits),
    disabled: false,
    public: true,
    published_at: publishedAt(imgJson['created']),
    type: 'docker',
    ...(imgJson['os'] === 'linux' ? { os: 'linux' } : {}),
    description: description(imgJson).slice(0, longestDescription),
    tags: {
      'docker:repo': repo.localName,
      'docker:id': top,
      ...(architecture === undefined ? {} : { 'docker:architecture': architecture }),
      ...Object.fromEntries(tags.map((tag) => [`docker:tag:${tag}`, true])),
      ...(isFields(config) ? { 'docker:config': subset(config, configFields) } : {}),
      // Not of the original: who is to run it must not be lost.
      ...(isFields(config) && config['User'] ? { 'docker:user': config['User'] } : {}),
    },
    ...(parent === undefined ? {} : { origin: parent }),
  };
}

function subset(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
}

/** Images that do not say when they were made, as reproducible builds do, are as old as can be. */
function publishedAt(created: unknown): string {
  const date = new Date(typeof created === 'string' ? created : 0);
  if (Number.isNaN(date.getTime())) throw invalidInfo('Invalid time value');
  return date.toISOString();
}

function description({ comment, container_config: container }: Fields): string {
  if (typeof comment === 'string' && comment !== '') return comment;
  const command: unknown = isFields(container) ? container['Cmd'] : undefined;
  return Array.isArray(command) ? command.join(' ') : '';
}

function invalidInfo(message: string): Error {
  return imgError('InvalidDockerInfo', message);
}
