/** Changes the list of configured sources: add, delete, replace; and checks that they answer. */
import type { Context } from '../../context.js';
import { describeError, SmartadmError } from '../../errors.js';
import { changeConfig, sourcesOf } from '../config.js';
import { imgError } from '../errors.js';
import type { Connection } from '../http.js';
import { openSource } from './open.js';
import type { SourceConfig } from './source.js';
import { normalizeSourceUrl } from './url.js';

export interface EditOptions {
  readonly connection: Connection;
  /** Add sources without asking whether they answer. */
  readonly skipPing: boolean;
}

/** How messages name a source. */
export function describeSource({ type, url, insecure, channel }: SourceConfig): string {
  const marks = `${insecure ? ' (insecure)' : ''}${channel === undefined ? '' : ` (channel=${channel})`}`;
  return `"${type}" image source "${url}"${marks}`;
}

function isSame(a: SourceConfig, b: SourceConfig): boolean {
  return (
    normalizeSourceUrl(a.url) === normalizeSourceUrl(b.url) &&
    a.type === b.type &&
    a.insecure === b.insecure &&
    a.channel === b.channel
  );
}

/** Appends a source unless it is there; returns the one that is in the list and whether it is new. Throws `SourcePing`. */
export async function addSource(
  ctx: Context,
  source: SourceConfig,
  options: EditOptions,
): Promise<{ readonly changed: boolean; readonly source: SourceConfig }> {
  await openSource(source, options.connection);
  let result = { changed: true, source };
  await changeConfig(ctx, async (config) => {
    const sources = sourcesOf(config);
    const known = sources.find((other) => isSame(other, source));
    if (known !== undefined) {
      result = { changed: false, source: known };
      return undefined;
    }
    if (!options.skipPing) await pingSource(ctx, source, options.connection);
    return { ...config, sources: [...sources, source] };
  });
  return result;
}

/** Removes every source of that URL, whatever its type; returns those removed. */
export async function deleteSources(ctx: Context, url: string): Promise<readonly SourceConfig[]> {
  let deleted: readonly SourceConfig[] = [];
  const isMeant = (source: SourceConfig) => normalizeSourceUrl(source.url) === normalizeSourceUrl(url);
  await changeConfig(ctx, (config) => {
    const sources = sourcesOf(config);
    deleted = sources.filter(isMeant);
    if (deleted.length === 0) return Promise.resolve(undefined);
    return Promise.resolve({ ...config, sources: sources.filter((source) => !isMeant(source)) });
  });
  return deleted;
}

export type SourceChange =
  { readonly kind: 'reorder' } | { readonly kind: 'add' | 'del'; readonly source: SourceConfig };

/**
 * Makes `wanted` the list of sources; returns what changed, in the order of `imgadm(8)`. New ones are pinged first; on
 * any failure the list stays as it was. Throws `ConfigError` and `SourcePing`.
 */
export async function replaceSources(
  ctx: Context,
  wanted: readonly SourceConfig[],
  options: EditOptions,
): Promise<readonly SourceChange[]> {
  // All of them can be opened, or nothing changes.
  for (const source of wanted) await openSource(source, options.connection);
  const isKept = (a: SourceConfig) => (b: SourceConfig) =>
    a.url === b.url && a.type === b.type && (a.insecure ?? false) === (b.insecure ?? false);
  const next = wanted.filter((source, at) => wanted.findIndex(isKept(source)) === at);
  let changes: SourceChange[] = [];
  await changeConfig(ctx, async (config) => {
    const before = sourcesOf(config);
    const dropped = before.filter((source) => !next.some(isKept(source)));
    const added = next.filter((source) => !before.some(isKept(source)));
    const sources = next.map((source) => before.find(isKept(source)) ?? source);
    if (dropped.length === 0 && added.length === 0 && sources.every((source, at) => source === before[at]))
      return undefined;
    if (!options.skipPing) {
      for (const source of added) await pingSource(ctx, source, options.connection);
    }
    changes = [
      ...dropped.map((source) => ({ kind: 'del', source }) as const),
      ...(dropped.length === 0 ? [{ kind: 'reorder' } as const] : []),
      ...added.map((source) => ({ kind: 'add', source }) as const),
    ];
    return { ...config, sources };
  });
  return changes;
}

/** Asks whether a source answers. Throws `SourcePing` with what it said instead, `ConfigError` for one that cannot be. */
export async function pingSource(ctx: Context, source: SourceConfig, connection: Connection): Promise<void> {
  const opened = await openSource(source, connection);
  try {
    await opened.ping(ctx.signal);
  } catch (error) {
    ctx.signal.throwIfAborted();
    const text = `unexpected ping error with "${source.type}" image source "${source.url}"`;
    const hint = error instanceof SmartadmError && error.hint !== undefined ? { hint: error.hint } : {};
    throw imgError('SourcePing', `${text}: ${pingCause(error)}`, { cause: error, quietCause: true, ...hint });
  }
}

const shownBody = 1024;

function pingCause(error: unknown): string {
  if (error instanceof SmartadmError && error.info['json'] === false) {
    const { statusCode, body } = error.info;
    const text = String(body);
    const shown = text.length > shownBody ? `${text.slice(0, shownBody)}...` : text;
    return `statusCode ${String(statusCode)}, response not JSON:\n${shown.replace(/^/gm, '    ')}`;
  }
  return nameAndMessage(error);
}

/** `Name: message`; errors that have only a code go by that. */
export function nameAndMessage(error: unknown): string {
  const name = error instanceof SmartadmError ? error.code : error instanceof Error ? error.name : 'Error';
  return `${name}: ${describeError(error)}`;
}

/** What `imgadm sources -c` prints of a failed ping. */
export function describeCheck(error: unknown): string {
  if (!(error instanceof SmartadmError)) return nameAndMessage(error);
  const cause = error.cause === undefined ? '' : `; caused by ${nameAndMessage(error.cause)}`;
  return `${error.code}: ${error.message}${cause}`;
}
