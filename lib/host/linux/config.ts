/** The configuration of a Linux host: `/etc/smartadm/config.json`, read once and checked. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, describeError } from '../../errors.js';
import { parseJson } from '../../json-text.js';
import { isHostConfig } from '../../schema/generated/host-config.js';
import type { HostConfig as Configured } from '../../schema/generated/host-config-types.js';
import { hostError } from '../errors.js';
import { overlaps, type IpNetwork } from './ip.js';
import { servedNetwork } from './networks.js';

export type PoolConfig = NonNullable<Configured['pools']>[string];
export type NicTagConfig = NonNullable<Configured['nicTags']>[string];
/** What stands in the file; all of it may be absent. */
export type HostSettings = Configured;

/** What holds on this host, defaults filled in. */
export interface HostConfig {
  /** By name; never empty. */
  readonly pools: Readonly<Record<string, PoolConfig>>;
  readonly nicTags: Readonly<Record<string, NicTagConfig>>;
  /** The pool that is made where none is yet, and that a setup is about. */
  readonly defaultPool: string;
}

/** Where the configuration of the host with this root lies. */
export function configFile(root: string): string {
  return join(root, '/etc/smartadm/config.json');
}

/**
 * Reads the configuration. Without a file: one pool `zones` in a sparse file and a nic tag `admin` that the host serves.
 * Throws `ConfigInvalid` naming the file, and line and column or the faulty settings.
 */
export async function readConfig(root: string): Promise<HostConfig> {
  return completeConfig(await readSettings(root), configFile(root));
}

/** Reads the settings that somebody has made; none without a file. Throws `ConfigInvalid` as {@link readConfig} does. */
export async function readSettings(root: string): Promise<HostSettings> {
  const file = configFile(root);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return {};
    throw hostError('ConfigInvalid', `cannot read ${file}`, { cause });
  }
  return parseConfig(text, file);
}

/** The settings in `text`; `file` is named in errors. Throws `ConfigInvalid`. */
export function parseConfig(text: string, file: string): Configured {
  let value: unknown;
  try {
    value = parseJson(text, file);
  } catch (cause) {
    throw hostError('ConfigInvalid', 'the configuration of this host is not JSON', { cause });
  }
  if (isHostConfig(value)) return value as Configured;
  // What is wrong with a name is said twice: why, and whose.
  const errors = (isHostConfig.errors ?? []).filter(({ propertyName }) => propertyName === undefined);
  const faults = errors.map(({ instancePath, keyword, message, params }) => {
    const setting = instancePath.slice(1).replaceAll('/', '.') || 'the whole';
    if (keyword === 'propertyNames')
      return `${setting} must not have the name ${JSON.stringify(params['propertyName'])}`;
    if (keyword === 'enum') return `${setting} must be one of ${JSON.stringify(params['allowedValues'])}`;
    if (keyword === 'not') return `${setting} must not have both device and file`;
    const name = params['additionalProperty'];
    if (typeof name === 'string') return `${setting} must not have ${JSON.stringify(name)}`;
    return `${setting} ${message ?? 'is not valid'}`;
  });
  throw hostError('ConfigInvalid', `${file}: ${faults.join('; ')}`, { info: { file, faults } });
}

/** `configured` with its defaults; `file` is named in errors. Throws `ConfigInvalid` for what does not go together. */
export function completeConfig(configured: HostSettings, file: string): HostConfig {
  const pools = configured.pools ?? { zones: { driver: 'btrfs' } };
  const nicTags = configured.nicTags ?? { admin: {} };
  const defaultPool = configured.defaultPool ?? Object.keys(pools)[0] ?? 'zones';
  if (!Object.hasOwn(pools, defaultPool)) {
    throw hostError('ConfigInvalid', `${file}: defaultPool ${JSON.stringify(defaultPool)} is none of the pools`);
  }
  const faults = networkFaults(nicTags);
  if (faults.length > 0) throw hostError('ConfigInvalid', `${file}: ${faults.join('; ')}`, { info: { file, faults } });
  return { pools, nicTags, defaultPool };
}

/** Networks that this host could not serve, each or two at once. */
function networkFaults(nicTags: HostConfig['nicTags']): readonly string[] {
  const served: { readonly setting: string; readonly subnet: IpNetwork }[] = [];
  return Object.entries(nicTags).flatMap(([tag, { subnet: text }]) => {
    if (text === undefined) return [];
    const setting = `nicTags.${tag}.subnet`;
    try {
      const { subnet } = servedNetwork(text);
      const other = served.find((one) => overlaps(one.subnet, subnet));
      served.push({ setting, subnet });
      return other === undefined ? [] : [`${setting} (${text}) overlaps ${other.setting}`];
    } catch (error) {
      return [`${setting}: ${describeError(error)}`];
    }
  });
}
