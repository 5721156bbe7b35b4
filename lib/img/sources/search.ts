/** Asks the configured sources: for one image in order, for all images at once. */
import type { Context } from '../../context.js';
import { SmartadmError, codeOf } from '../../errors.js';
import { combineErrors, imgError } from '../errors.js';
import { isCertificateFailure, type Connection } from '../http.js';
import { isFields } from '../manifest.js';
import { nameAndMessage } from './edit.js';
import { openSource } from './open.js';
import type { ImageQuery, OfferedImage, Source, SourceConfig } from './source.js';

type Fields = Readonly<Record<string, unknown>>;

/** Opens each of `configs`. Throws `NoSources` when there is none, `ConfigError` for a wrong one. */
export async function openSources(
  configs: readonly SourceConfig[],
  connection: Connection,
  channel?: string,
): Promise<readonly Source[]> {
  if (configs.length === 0) throw imgError('NoSources', 'imgadm has no configured sources');
  return Promise.all(configs.map((config) => openSource(config, connection, channel)));
}

/**
 * The first source, in order, that has the image; undefined when none has. A source that fails does not end the search, but
 * makes it fail even when a later one has the image.
 */
export async function findInSources(
  ctx: Context,
  sources: readonly Source[],
  query: ImageQuery,
): Promise<{ readonly source: Source; readonly image: OfferedImage } | undefined> {
  const errors: unknown[] = [];
  for (const source of sources) {
    try {
      const image = await source.find(query, ctx.signal);
      if (image === undefined) continue;
      if (errors.length > 0) break;
      return { source, image };
    } catch (error) {
      ctx.signal.throwIfAborted();
      ctx.log.debug({ err: error, source: source.config.url }, 'image source failed');
      errors.push(error);
    }
  }
  const error = combineErrors(errors);
  if (error !== undefined) throw error;
  return undefined;
}

export interface AvailableImage {
  readonly manifest: Fields;
  /** URL of the source as configured. */
  readonly source: string;
}

/**
 * Every image of every source, the first of each uuid in the order of the configuration, and the error, if any, of sources
 * that failed.
 */
export async function listSources(
  ctx: Context,
  sources: readonly Source[],
): Promise<{ readonly images: readonly AvailableImage[]; readonly error: Error | undefined }> {
  const asked = sources.filter(({ lists }) => lists);
  const answers = await Promise.allSettled(asked.map((source) => source.list(ctx.signal)));
  ctx.signal.throwIfAborted();
  const seen = new Set<unknown>();
  const images: AvailableImage[] = [];
  const errors: unknown[] = [];
  answers.forEach((answer, at) => {
    const url = asked[at]?.config.url ?? '';
    if (answer.status === 'rejected') {
      errors.push(sourceError(url, answer.reason));
      return;
    }
    for (const manifest of answer.value) {
      if (seen.has(manifest['uuid'])) continue;
      seen.add(manifest['uuid']);
      images.push({ manifest, source: url });
    }
  });
  return { images, error: combineErrors(errors) };
}

/** An error of listing or publishing, naming the source. */
export function sourceError(url: string, error: unknown): unknown {
  if (!(error instanceof SmartadmError)) {
    if (!isOfSystem(error)) {
      return imgError('InternalError', error instanceof Error ? error.message : String(error), {
        cause: error,
        quietCause: true,
      });
    }
    return imgError('ClientError', `${url}: ${nameAndMessage(error)}`, { cause: error, quietCause: true });
  }
  const { errors } = error.info;
  const details = (Array.isArray(errors) ? (errors as unknown[]) : [])
    .filter(isFields)
    .map(({ field, code, message }) => {
      return `\n    ${[field, code, message].filter((part) => typeof part === 'string').join(': ')}`;
    });
  // An error of the transport like others, which only tells more.
  const code = isCertificateFailure(error.code) ? 'ClientError' : error.code;
  return new SmartadmError(code, `${url}: ${error.message}${details.join('')}`, {
    cause: error,
    quietCause: true,
    info: error.info,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

/** Whether the operating system has refused something: such errors have a number, but for the time-outs, which are ours. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && ('errno' in error || codeOf(error) === 'ETIMEDOUT');
}
