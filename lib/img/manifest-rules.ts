/** What imgadm(8) and IMGAPI servers demand of a manifest, field by field, in their words. Pure. */
import { isUuid } from './errors.js';
import { primitiveOf, valueText as text } from './json-values.js';

export interface ManifestFault {
  readonly field: string;
  readonly code: 'MissingParameter' | 'Invalid';
  readonly message?: string;
}

/** `minimal` is what an installation demands; the others are modes of a server. */
export type ManifestProfile = 'minimal' | 'dc' | 'public' | 'private';

type Fields = Readonly<Record<string, unknown>>;

interface Setting {
  readonly profile: ManifestProfile;
  readonly channels: boolean;
  readonly required: ReadonlySet<string>;
  readonly manifest: Fields;
}

/** Says what is wrong with `value`, which may be undefined where the field is required. */
type Rule = (value: unknown, setting: Setting) => ManifestFault | readonly ManifestFault[] | undefined;

const minimal = ['v', 'uuid', 'name', 'version', 'type', 'os'];
const server = [
  'v', 'uuid', 'owner', 'name', 'version', 'disabled', 'activated', 'published_at', 'public', 'state', 'type', 'os',
  'files', 'nic_driver', 'disk_driver', 'cpu_type', 'image_size',
]; // prettier-ignore

const types = ['zone-dataset', 'zvol', 'lx-dataset', 'docker', 'other'];
const systems = ['smartos', 'linux', 'windows', 'bsd', 'illumos', 'other'];
const states = ['active', 'unactivated', 'disabled', 'failed', 'creating'];
const compressions = ['gzip', 'bzip2', 'xz', 'none'];

/**
 * Every fault of a manifest under `profile`: first of the required fields, then of other known ones, then unknown
 * ones, each in a fixed order. `channels`: whether the server has channels.
 */
export function validateManifest(
  profile: ManifestProfile,
  manifest: Fields,
  options: { readonly channels?: boolean } = {},
): ManifestFault[] {
  const channels = options.channels ?? false;
  const withChannels = channels && (profile === 'public' || profile === 'private');
  const order = profile === 'minimal' ? minimal : withChannels ? [...server, 'channels'] : server;
  const required = new Set(order);
  const setting: Setting = { profile, channels, required, manifest };
  const others = [...rules.keys()].filter((field) => !required.has(field) && manifest[field] !== undefined);
  const known = [...order, ...others].flatMap((field) => rules.get(field)?.(manifest[field], setting) ?? []);
  const unknown = Object.keys(manifest).filter((field) => !rules.has(field));
  return [...known, ...unknown.map((field) => invalid(field))];
}

function invalid(field: string, message?: string): ManifestFault {
  return { field, code: 'Invalid', ...(message === undefined ? {} : { message }) };
}

function missing(field: string, message?: string): ManifestFault {
  return { field, code: 'MissingParameter', ...(message === undefined ? {} : { message }) };
}

/** A rule for a field that, where required, must be there. */
function present(field: string, check: (value: unknown, setting: Setting) => string | boolean): Rule {
  return (value, setting) => {
    if (value === undefined) return setting.required.has(field) ? missing(field) : undefined;
    const verdict = check(value, setting);
    if (verdict === true) return undefined;
    return invalid(field, verdict === false ? undefined : verdict);
  };
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Booleans are taken as words too. */
function isBoolean(value: unknown): boolean {
  return value === true || value === false || value === 'true' || value === 'false';
}

function isInteger(value: unknown): boolean {
  return (typeof value === 'number' || typeof value === 'string') && Number.isInteger(Number(value));
}

const rules = new Map<string, Rule>([
  ['v', present('v', (value) => Number(primitiveOf(value)) >= 0 || '"v" must be a positive integer')],
  ['uuid', present('uuid', isUuid)],
  ['urn', present('urn', (value) => typeof value === 'string')],
  ['owner', present('owner', isUuid)],
  ['name', present('name', (value) => {
    if (text(value).length > 1024) return 'image name is too long, max 1024 characters';
    return /^[A-Za-z0-9._/ -]+$/.test(text(value)) || 'image name has invalid characters (only alpha-numeric characters and " ", ".", "-", "_" and "/" are allowed)';
  })],
  ['version', present('version', (value) => {
    if (text(value).length > 512) return 'image version is too long, max 512 characters';
    return /^[A-Za-z0-9._/+-]+$/.test(text(value)) || 'image version has invalid characters (only alpha-numeric characters and ".", "-", "_" and "/" are allowed)';
  })],
  ['description', present('description', (value) => text(value).length <= 10_240 || 'image description is too long, max 10240 characters')],
  ['homepage', present('homepage', (value) => url('homepage', value))],
  ['eula', present('eula', (value) => url('EULA', value))],
  ['disabled', present('disabled', isBoolean)],
  ['activated', present('activated', isBoolean)],
  ['published_at', (value, { required, manifest }) => {
    if (!value) return required.has('published_at') && isActivated(manifest) ? missing('published_at', 'if activated is "true" published_at must be present') : undefined;
    if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/.test(text(value))) return undefined;
    return invalid('published_at', 'published_at date not in "YYYY-MM-DDTHH:MM:SS(.SSS)Z" format');
  }],
  ['state', present('state', (value) => states.includes(text(value)))],
  ['public', present('public', (value, { profile }) => {
    if (!isBoolean(value)) return `TypeError: invalid value for "undefined": ${json(value)}`;
    const isPublic = text(value) === 'true';
    if (profile === 'public' && !isPublic) return 'private images are not allowed on a public Images API';
    if (profile === 'private' && isPublic) return 'public images are not allowed on a private Images API';
    return true;
  })],
  ['type', present('type', (value, { manifest }) => oneOf('type', value, types, manifest))],
  ['os', present('os', (value, { manifest }) => oneOf('os', value, systems, manifest))],
  ['origin', present('origin', isUuid)],
  ['error', present('error', (value) => isObject(value) || `invalid image "error" (not an object): ${json(value)}`)],
  ['files', files],
  ['icon', present('icon', isBoolean)],
  ['acl', present('acl', (value) => {
    if (!Array.isArray(value)) return `invalid image "acl" (not an array): ${text(value)}`;
    const at = value.findIndex((item) => !isUuid(item));
    return at === -1 || `invalid image "acl" (item ${at} is not a UUID): ${text(value[at])}`;
  })],
  ['requirements', requirements],
  ['users', present('users', (value) => list('users', value, (user) => hasExactly(user, ['name'])))],
  ['billing_tags', present('billing_tags', (value) => {
    if (!Array.isArray(value)) return `invalid image "billing_tags" (not an array): ${text(value)}`;
    const wrong: unknown = value.find((tag) => typeof tag !== 'string' || tag.length > 128);
    return wrong === undefined || `invalid image "billing_tags" entry : ${text(wrong)}`;
  })],
  ['traits', present('traits', (value) => {
    if (!isObject(value)) return `invalid image "traits" (not an object): ${json(value)}`;
    const wrong = Object.entries(value).find(([, trait]) => typeof trait !== 'string' && typeof trait !== 'boolean' && !Array.isArray(trait));
    return wrong === undefined || `invalid image "traits" entry: (${wrong[0]}, ${json(wrong[1])})`;
  })],
  ['tags', present('tags', (value) => {
    if (!isObject(value)) return `invalid image "tags" (not an object): ${json(value)}`;
    const size = json(value).length;
    return size <= 102_400 || `image "tags" object is too big: ${size} characters (max 102400)`;
  })],
  ['generate_passwords', present('generate_passwords', isBoolean)],
  ['inherited_directories', present('inherited_directories', (value, { manifest }) => {
    if (manifest['type'] !== 'zone-dataset') return `invalid image "inherited_directories" (only valid for a type:zone-dataset image): ${json(value)}`;
    return list('inherited_directories', value, (entry) => typeof entry === 'string');
  })],
  ['nic_driver', driver('nic_driver', 'a value')],
  ['disk_driver', driver('disk_driver', 'a value ')],
  ['cpu_type', driver('cpu_type', 'a value')],
  ['image_size', volumeOnly('image_size', 'a value', (value) => isInteger(value) || 'a positive integer')],
  ['channels', present('channels', (value, { channels }) => {
    if (!channels) return 'channels is invalid with an IMGAPI not configured for channels';
    return list('channels', value, (entry) => typeof entry === 'string');
  })],
]); // prettier-ignore

function isActivated(manifest: Fields): boolean {
  return text(manifest['activated']) === 'true';
}

function url(what: string, value: unknown): string | true {
  if (!/^https?:/i.test(text(value))) return `invalid image ${what} URL protocol`;
  return text(value).length <= 1024 || `image ${what} URL is too long (max 1024 characters)`;
}

/** The word `null` stands for "not known yet" while an image is being made. */
function oneOf(field: string, value: unknown, known: readonly string[], manifest: Fields): string | true {
  if (value === 'null') {
    const state = manifest['state'];
    return state === 'creating' || state === 'failed' || `invalid image ${field}, "null"`;
  }
  return known.includes(text(value)) || `invalid image ${field}, "${text(value)}", must be one of: ${known.join(', ')}`;
}

function list(field: string, value: unknown, fits: (entry: unknown) => boolean): string | true {
  if (!Array.isArray(value)) return `invalid image "${field}" (not an array): ${json(value)}`;
  const at = value.findIndex((entry) => !fits(entry));
  return at === -1 || `invalid image "${field}" entry: ${json(value[at])}`;
}

function hasExactly(value: unknown, keys: readonly string[]): boolean {
  return isObject(value) && Object.keys(value).length === keys.length && keys.every((key) => value[key] !== undefined);
}

/** A rule for a field that only volumes have. The wording of the refusal is the original's. */
function volumeOnly(field: string, aValue: string, check: (value: unknown) => string | true): Rule {
  return (value, { required, manifest }) => {
    if (manifest['type'] !== 'zvol') {
      if (!value) return undefined;
      return invalid(field, `invalid image ${field}: "${text(value)}" (cannot have ${aValue} when image type is zvol)`);
    }
    if (value === undefined) return required.has(field) ? missing(field) : undefined;
    const verdict = check(value);
    return verdict === true
      ? undefined
      : invalid(field, `invalid image ${field}: "${text(value)}" (must be ${verdict})`);
  };
}

function driver(field: string, aValue: string): Rule {
  return volumeOnly(field, aValue, (value) => typeof value === 'string' || 'a string');
}

function files(value: unknown, { required, manifest }: Setting): ManifestFault | readonly ManifestFault[] | undefined {
  if (value === undefined) {
    if (!required.has('files') || !isActivated(manifest)) return undefined;
    return missing('files', 'if activated is "true" files must be present');
  }
  if (!Array.isArray(value)) return invalid('files', `invalid image "files" (not an array): ${text(value)}`);
  if (value.length > 1) return invalid('files', 'invalid image "files": too many files');
  return value.flatMap((file: unknown) => {
    const fields: Fields = isObject(file) ? file : {};
    const lacking = ['sha1', 'size', 'compression'].filter((key) => !fields[key] && fields[key] !== 0);
    const faults = lacking.map((key) => invalid('files', `invalid image "files": file missing "${key}" field`));
    const compression = fields['compression'];
    if (compression && !compressions.includes(text(compression))) {
      const known = compressions.join(', ');
      const message = `invalid image "files": invalid compression "${text(compression)}" (must be one of ${known})`;
      faults.push(invalid('files', message));
    }
    return faults;
  });
}

const knownRequirements = ['networks', 'brand', 'ssh_key', 'min_ram', 'max_ram', 'min_platform', 'max_platform', 'bootrom']; // prettier-ignore

function requirements(value: unknown): ManifestFault | readonly ManifestFault[] | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) {
    return invalid('requirements', `invalid image "requirements" (not an object): ${json(value)}`);
  }
  const faults: ManifestFault[] = [];
  const fault = (key: string, message: string) => faults.push(invalid(`requirements.${key}`, message));
  const mustBe = (key: string, what: string) =>
    fault(key, `invalid image "requirements.${key}" (not ${what}): ${json(value[key])}`);
  const { networks, brand, ssh_key: sshKey, min_ram: minRam, max_ram: maxRam } = value;
  if (networks) {
    const verdict = list('requirements.networks', networks, (entry) => hasExactly(entry, ['name', 'description']));
    if (verdict !== true) fault('networks', verdict);
  }
  if (brand && typeof brand !== 'string') mustBe('brand', 'a string');
  if (sshKey && typeof sshKey !== 'boolean') mustBe('ssh_key', 'a boolean');
  if (minRam && !isInteger(minRam)) mustBe('min_ram', 'a positive integer');
  if (maxRam && !isInteger(maxRam)) mustBe('max_ram', 'a positive integer');
  if (minRam && maxRam && Number(minRam) > Number(maxRam)) {
    fault('max_ram', `min_ram must be <= max_ram, but:min_ram=${text(minRam)}, max_ram=${text(maxRam)}`);
  }
  for (const key of ['min_platform', 'max_platform']) {
    const platform = value[key];
    if (!platform) continue;
    if (!isObject(platform) || Object.keys(platform).length === 0) mustBe(key, 'an object');
    else {
      const wrong = Object.entries(platform).find(([, stamp]) => !isPlatformStamp(text(stamp)));
      if (wrong === undefined) continue;
      const entry = `${wrong[0]}: ${text(wrong[1])}`;
      fault(key, `invalid image "requirements.${key}" entry: "${entry}" not a valid platform version`);
    }
  }
  if (value['bootrom']) faults.push(...bootrom(value));
  const unknown = Object.keys(value).filter((key) => !knownRequirements.includes(key));
  return [...faults, ...unknown.map((key) => invalid(key, `unsupported requirement "${key}"`))];
}

function bootrom({ bootrom: rom, brand }: Fields): ManifestFault[] {
  const field = 'requirements.bootrom';
  if (!brand) {
    const message =
      '"requirements.brand" not specified. "requirements.bootrom" requires "requirements.brand" to be set to "bhyve"';
    return [missing(field, message)];
  }
  if (brand !== 'bhyve') {
    const message = `invalid bootrom "requirements.bootrom" not supported with "${text(brand)}" brand; "requirements.brand" must be "bhyve"`;
    return [invalid(field, message)];
  }
  if (rom === 'bios' || rom === 'uefi') return [];
  const message = `invalid bootrom "requirements.bootrom" invalid entry "${text(rom)}"; must be one of: bios, uefi`;
  return [invalid(field, message)];
}

/** `20130308T102805Z`. Parts that are no numbers pass, as they do in the original. */
function isPlatformStamp(stamp: string): boolean {
  const part = (from: number, to: number) => Number(stamp.slice(from, to));
  return (
    stamp.length === 16 &&
    !(part(0, 4) < 2012) &&
    !(part(4, 6) < 1 || part(4, 6) > 12) &&
    !(part(6, 8) < 1 || part(6, 8) > 31) &&
    stamp.charAt(8) === 'T' &&
    !(part(9, 11) > 23) &&
    !(part(11, 13) > 59) &&
    !(part(13, 15) > 59) &&
    stamp.charAt(15) === 'Z'
  );
}
