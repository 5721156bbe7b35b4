/** The errors of imgadm(8): their codes, and how several become one. */
import { SmartadmError, codeOf, describeError, type ErrorDetails } from '../errors.js';
import { valueText } from './json-values.js';

export type ImgErrorCode =
  | 'InternalError' | 'InvalidUUID' | 'Usage' | 'NoSources' | 'SourcePing'
  | 'ImageNotFound' | 'ActiveImageNotFound' | 'ImageNotActive' | 'ImageNotInstalled' | 'ImageHasDependentClones'
  | 'OriginNotFoundInSource' | 'OriginNotInstalled'
  | 'InvalidManifest' | 'ManifestValidation' | 'MinPlatform' | 'MaxPlatform'
  | 'DownloadError' | 'UncompressionError' | 'UnexpectedNumberOfSnapshots' | 'ImageMissingOriginalSnapshot'
  | 'UploadError' | 'InvalidDockerName' | 'InvalidDockerInfo'
  | 'InvalidContent' | 'UnauthorizedError' | 'BadDigest'
  | 'ConfigError' | 'UpgradeError' | 'ClientError' | 'MultiError'
  | 'VmNotFound' | 'VmNotStopped' | 'VmHasNoOrigin' | 'OriginHasNoFinalSnapshot' | 'MaxOriginDepth'
  | 'PrepareImageDidNotRun' | 'PrepareImageError' | 'NotSupported' | 'Aborted'; // prettier-ignore

/** Exit status of errors that say "there is no such image here". */
const notInstalledStatus = 3;

/** An error with one of imgadm's codes; those of absent images end the command with status 3. */
export function imgError(code: ImgErrorCode, message: string, details: ErrorDetails = {}): SmartadmError {
  const absent = code === 'ImageNotInstalled' || code === 'OriginNotInstalled';
  return new SmartadmError(code, message, absent ? { exitStatus: notInstalledStatus, ...details } : details);
}

/** Mark in `info` of errors that the original prints without their code. */
export const withoutCode = { printedWithoutCode: true };

export function imageNotInstalled(uuid: string, pool: string): SmartadmError {
  return imgError('ImageNotInstalled', `image "${uuid}" was not found on zpool "${pool}"`);
}

/** One error for several: itself when there is only one, a `MultiError` with a line for each otherwise. */
export function combineErrors(errors: readonly unknown[]): Error | undefined {
  const count: number = errors.length;
  if (count < 2) return errors[0] === undefined ? undefined : asError(errors[0]);
  const lines = errors.map((error) => {
    const code = codeOf(error);
    return `\n    error${code === undefined ? '' : ` (${code})`}: ${describeError(error)}`;
  });
  return imgError('MultiError', `multiple (${count}) errors${lines.join('')}`);
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && uuidPattern.test(value);
}

/** Throws `InvalidUUID` unless `value` is one, in lower case. */
export function requireUuid(value: unknown): string {
  if (!isUuid(value)) throw imgError('InvalidUUID', `invalid uuid: "${valueText(value)}"`);
  return value;
}
