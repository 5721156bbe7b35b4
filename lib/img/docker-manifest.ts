/** Manifests of Docker and OCI images: what they say, checked. Pure. */
import { imgError } from './errors.js';
import { isFields } from './manifest.js';

type Fields = Readonly<Record<string, unknown>>;

/** Content that a manifest names. */
export interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
}

/** An image, or a list of images for different machines. */
export type DockerManifest =
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'list'; readonly entries: readonly PlatformEntry[] };

interface PlatformEntry extends Descriptor {
  readonly os: string;
  readonly architecture: string;
}

const listTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
/** What a registry is told that we take. */
export const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  ...listTypes,
];

/** Docker itself makes no image of more than 127. What there is to do grows with the square. */
const mostLayers = 1000;

/**
 * Reads a manifest; `name` is for messages, `contentType` the registry's word for its type. Throws `InvalidDockerInfo` and
 * `InvalidContent`.
 */
export function parseDockerManifest(text: string, name: string, contentType: string | undefined): DockerManifest {
  const manifest = parsed(text, name);
  const version = manifest['schemaVersion'];
  if (version === undefined) throw invalidInfo('No docker manifest schemaVersion defined');
  if (version !== 2) throw invalidInfo(`Unsupported docker manifest version: ${JSON.stringify(version)}`);
  const told = manifest['mediaType'] ?? contentType;
  const mediaType = typeof told === 'string' ? (told.split(';')[0] ?? '').trim() : '';
  const isList =
    listTypes.includes(mediaType) || (manifest['layers'] === undefined && Array.isArray(manifest['manifests']));
  if (isList) {
    const entries = listOf(manifest['manifests']).map((entry) => platformEntry(entry, name));
    if (entries.length === 0) throw invalidContent(`no manifests in ${name} manifest list`);
    return { kind: 'list', entries };
  }
  if (manifest['config'] === undefined) throw invalidInfo('No docker manifest config defined');
  const layers = listOf(manifest['layers']).map((layer) => descriptor(layer, name));
  if (layers.length === 0) throw invalidContent(`no layers in ${name} manifest`);
  if (layers.length > mostLayers) {
    throw invalidContent(`the manifest of ${name} has ${layers.length} layers, more than ${mostLayers}`);
  }
  layers.forEach(requireLayer);
  return { kind: 'image', config: descriptor(manifest['config'], name), layers };
}

function parsed(text: string, name: string): Fields {
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (cause) {
    throw imgError('InvalidContent', `the manifest of ${name} is not JSON`, { cause, quietCause: true });
  }
  if (!isFields(manifest)) throw invalidContent(`the manifest of ${name} is not an object`);
  return manifest;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Throws `InvalidContent` unless `digest` is one that can be checked, and stand in a URL. */
export function requireDigest(digest: unknown, name: string): string {
  if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw invalidContent(`docker digests should be of the form "sha256:xxx", got: ${JSON.stringify(digest)} in ${name}`);
}

function descriptor(given: unknown, name: string): Descriptor {
  if (!isFields(given)) throw invalidContent(`the manifest of ${name} names content that is no object`);
  const { size, mediaType } = given;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidContent(`the manifest of ${name} has a size that is no number of bytes: ${JSON.stringify(size)}`);
  }
  const digest = requireDigest(given['digest'], name);
  return { digest, size, mediaType: typeof mediaType === 'string' ? mediaType : '' };
}

/** Archives of files under all their names; what else registries hold is nothing to run. */
const layerType = /\.tar(?:[.+]gzip|[.+]zstd)?$/;

function requireLayer({ digest, mediaType }: Descriptor): void {
  if (mediaType === '' || layerType.test(mediaType)) return;
  throw invalidInfo(`layer ${digest} is of type "${mediaType}", which is no archive of files`);
}

function platformEntry(given: unknown, name: string): PlatformEntry {
  const platform = isFields(given) && isFields(given['platform']) ? given['platform'] : {};
  const { os, architecture } = platform;
  return { ...descriptor(given, name), os: wordOf(os), architecture: wordOf(architecture) };
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Node's names of processors in the words of registries, with what else they run. */
const architectures: Readonly<Record<string, readonly string[]>> = {
  x64: ['amd64', '386'], ia32: ['386'], arm64: ['arm64'], arm: ['arm'], ppc64: ['ppc64le'], s390x: ['s390x'],
  riscv64: ['riscv64'], loong64: ['loong64'],
}; // prettier-ignore

/** The entry of a list for Linux on this processor (`process.arch`). Throws `InvalidDockerInfo`. */
export function choosePlatform(entries: readonly PlatformEntry[], processor: string): Descriptor {
  const wanted = architectures[processor] ?? [processor];
  for (const each of wanted) {
    const found = entries.find(({ os, architecture }) => os === 'linux' && architecture === each);
    if (found !== undefined) return found;
  }
  const present = entries.map(({ os, architecture }) => (os === '' ? '<unknown>' : `${os}-${architecture}`));
  throw invalidInfo(`no linux-${wanted[0] ?? processor} platform found in manifest list: ${present.join(',')}`);
}

function invalidInfo(message: string): Error {
  return imgError('InvalidDockerInfo', message);
}

function invalidContent(message: string): Error {
  return imgError('InvalidContent', message);
}
