/** `/var/imgadm/imgadm.conf`: the configured sources and the few settings beside them. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../atomic-file.js';
import type { Context } from '../context.js';
import { codeOf } from '../errors.js';
import { withLock } from '../lock.js';
import { imgError } from './errors.js';
import { isFields } from './manifest.js';
import type { SourceConfig } from './sources/source.js';

/** Format of the data below `/var/imgadm` that this program writes. */
export const dataVersion = '3.0.0';

const defaultSource: SourceConfig = { type: 'imgapi', url: 'https://images.smartos.org' };

/** What the file holds; settings we do not know are kept. */
export interface ImgadmConfig {
  /** Absent: the default source alone. Empty: none. */
  readonly sources?: readonly SourceConfig[];
  readonly upgradedToVer?: string;
  /** Appended to the user agent. */
  readonly userAgentExtra?: string;
  /** Docker sources ignore arguments that look like UUIDs. */
  readonly dockerImportSkipUuids: boolean;
}

function configPath(root: string): string {
  return join(root, '/var/imgadm/imgadm.conf');
}

/** The sources that the configuration means, the default one when it names none. */
export function sourcesOf({ sources }: ImgadmConfig): readonly SourceConfig[] {
  return sources ?? [defaultSource];
}

/** The configuration; a missing file is an empty one. Throws `ConfigError`. */
export async function readConfig(ctx: Context): Promise<ImgadmConfig> {
  const path = configPath(ctx.root);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return { dockerImportSkipUuids: true };
    throw imgError('ConfigError', `cannot read config file "${path}"`, { cause });
  }
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (cause) {
    throw imgError('ConfigError', `config file "${path}" is not valid JSON`, { cause, quietCause: true });
  }
  if (!isFields(given)) throw imgError('ConfigError', `config file "${path}" is not valid JSON`);
  if (given['userAgentExtra'] !== undefined && typeof given['userAgentExtra'] !== 'string') {
    throw imgError('ConfigError', `"userAgentExtra" in config file "${path}" is not a string`);
  }
  const { sources } = given;
  if (sources !== undefined) {
    const isList =
      Array.isArray(sources) && sources.every((source) => isFields(source) && typeof source['url'] === 'string');
    if (!isList)
      throw imgError('ConfigError', `"sources" in config file "${path}" is not an array of sources with URLs`);
  }
  return { dockerImportSkipUuids: true, ...given };
}

async function writeConfig(ctx: Context, config: ImgadmConfig): Promise<void> {
  const path = configPath(ctx.root);
  await mkdir(dirname(path), { recursive: true });
  await writeAtomically(path, JSON.stringify(config, null, 2));
}

/**
 * Replaces the configuration by what `change` makes of it, one changer at a time; nothing is written when it returns
 * undefined.
 */
export async function changeConfig(
  ctx: Context,
  change: (config: ImgadmConfig) => Promise<ImgadmConfig | undefined>,
): Promise<void> {
  const lock = join(ctx.root, '/var/run/imgadm.conf.lock');
  const apply = async (): Promise<void> => {
    const changed = await change(await readConfig(ctx));
    if (changed !== undefined) await writeConfig(ctx, changed);
  };
  await withLock(lock, apply, { signal: ctx.signal });
}
