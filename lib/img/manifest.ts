/** Image manifests: bringing old ones up to version 2, and the checks before one is acted on (imgadm(8), IMGAPI). */
import type { Sysinfo } from '../host/sysinfo.js';
import type { Manifest } from '../schema/generated/manifest-types.js';
import { imgError, isUuid } from './errors.js';
import { validateManifest } from './manifest-rules.js';
import { primitiveOf, valueText } from './json-values.js';

export type { Manifest };
export type ManifestFile = NonNullable<Manifest['files']>[number];
export type Compression = NonNullable<ManifestFile['compression']>;

type Fields = Record<string, unknown>;

/** `NAME@VERSION`, as messages name an image beside its uuid. */
export function nameAndVersion(manifest: Manifest): string {
  return `${valueText(manifest.name)}@${valueText(manifest.version)}`;
}

/** The one file of an image; undefined when its manifest names none. */
export function imageFile(manifest: Manifest): ManifestFile | undefined {
  return manifest.files?.[0];
}

const dropped = ['creator_uuid', 'vendor_uuid', 'creator_name', 'cloud_name', 'creator_admin'];
const droppedLater = ['platform_type', 'created_at', 'updated_at', '_url'];

/**
 * A manifest of version 2 or later unchanged, one of version 1 (dsapi) converted as imgadm(8) does. Throws a plain
 * error that says what is wrong; who calls it knows which manifest.
 */
export function upgradeManifest(given: Readonly<Fields>): Fields {
  const version = manifestVersion(given);
  if (version >= 2) return { ...given };
  const old = structuredClone(given) as Fields;
  if (!isUuid(old['uuid'])) throw new Error(`uuid (oldManifest.uuid) is required: ${JSON.stringify(old['uuid'])}`);
  if (old['creator_uuid'] === undefined) throw new Error('manifest.creator_uuid is required');
  if (old['owner'] !== undefined) throw new Error('manifest.creator_uuid && manifest.owner');
  const { creator_uuid: owner, restricted_to_uuid: restrictedTo } = old;
  let fields: Fields = { ...without(old, dropped), owner };
  if (restrictedTo) {
    if (fields['public'] !== undefined) throw new Error('manifest.restricted_to_uuid && manifest.public');
    fields = { ...fields, public: false, acl: [restrictedTo] };
  } else {
    fields = { ...fields, public: true };
  }
  fields = without(fields, ['restricted_to_uuid', 'owner_uuid']);
  const disabled = fields['disabled'] === true || fields['disabled'] === 'true';
  fields = { ...fields, disabled, state: disabled ? 'disabled' : 'active' };
  fields = { ...fields, published_at: withSeconds(fields['published_at'] ?? fields['created_at']) };
  if (Array.isArray(fields['files'])) fields['files'] = fields['files'].map(upgradeFile);
  if (fields['image_size'] !== undefined) fields['image_size'] = Number(fields['image_size']);
  return { ...without(fields, droppedLater), v: 2 };
}

function manifestVersion(fields: Readonly<Fields>): number {
  if (fields['v'] === undefined || fields['v'] === null) {
    if (fields['creator_uuid'] !== undefined) return 1;
    throw new Error('manifest does not have a "v" field');
  }
  const version = Number(primitiveOf(fields['v']));
  if (Number.isNaN(version)) throw new Error(`manifest "v" field is not a number: ${JSON.stringify(fields['v'])}`);
  return version;
}

function without(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

function withSeconds(date: unknown): unknown {
  return typeof date === 'string' && /^.{10}T\d\d:\d\dZ$/.test(date) ? date.replace('Z', ':00Z') : date;
}

function upgradeFile(file: unknown): unknown {
  if (typeof file !== 'object' || file === null) return file;
  const fields = file as Fields;
  const named = fields['path'] ?? fields['url'];
  const name = typeof named === 'string' ? named : '';
  const byName: Compression = name.endsWith('.gz') ? 'gzip' : name.endsWith('.bz2') ? 'bzip2' : 'none';
  return { ...without(fields, ['path', 'url']), compression: fields['compression'] ?? byName };
}

/**
 * A manifest that a program may act on, from whatever a source or file holds. Throws `InvalidManifest` when it cannot
 * be brought to version 2 or when a field we rely on is not of its type.
 */
export async function readManifest(given: unknown): Promise<Manifest> {
  let upgraded: Fields;
  try {
    if (!isFields(given)) throw new Error('it is not an object');
    upgraded = upgradeManifest(given);
  } catch (cause) {
    throw imgError('InvalidManifest', 'manifest is invalid', { cause });
  }
  const { isManifest } = await import('../schema/generated/manifest.js');
  if (isManifest(upgraded)) return upgraded as Manifest;
  const faults = (isManifest.errors ?? []).map(({ instancePath, message, params }) => {
    const missing: unknown = params['missingProperty'];
    const member = instancePath !== '' ? instancePath.slice(1) : typeof missing === 'string' ? missing : 'it';
    return `${member.replaceAll('/', '.')} ${message ?? 'is wrong'}`;
  });
  throw imgError('InvalidManifest', `manifest is invalid: ${faults.join(', ')}`);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws `ManifestValidation` with every fault, unless `manifest` has what an installation needs. */
export function requireInstallable(manifest: Readonly<Fields>): void {
  // A server that knows channels hands out manifests with them; they are kept.
  const faults = validateManifest('minimal', manifest, { channels: true });
  if (faults.length === 0) return;
  const items = faults.map(({ field, code, message }) => {
    if (message !== undefined) return `${field} (${message})`;
    return code === 'Invalid' ? field : `${field} (${code})`;
  });
  throw imgError('ManifestValidation', `invalid manifest: ${items.join(', ')}`);
}

/**
 * Throws `MinPlatform` or `MaxPlatform` unless the platform of this host satisfies the manifest. Versions and stamps
 * are compared as text. Stamps of SmartOS mean nothing on another system, so there everything passes.
 */
export function requirePlatform(manifest: Manifest, host: Sysinfo): void {
  if (host.os !== 'smartos') return;
  const version = host.sdcVersion ?? '6.5';
  const stamp = host.liveImage;
  const { min_platform: min, max_platform: max } = manifest.requirements ?? {};
  const refuse = (code: 'MinPlatform' | 'MaxPlatform', field: string, value: unknown) =>
    imgError(
      code,
      `current platform version, ${version}/${stamp}, does not satisfy requirements.${field}=${JSON.stringify(value)}`,
    );
  if (min !== undefined) {
    const own = min[version];
    const lowest = Object.keys(min).sort()[0];
    if (own === undefined ? lowest !== undefined && version < lowest : stamp < own) {
      throw refuse('MinPlatform', 'min_platform', min);
    }
  }
  if (max !== undefined) {
    const own = max[version];
    const highest = Object.keys(max).sort().at(-1);
    if (own === undefined ? highest !== undefined && version > highest : stamp > own) {
      throw refuse('MaxPlatform', 'max_platform', max);
    }
  }
}
