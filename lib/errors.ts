/** The one error type of the program: a stable code for programs, a chain of sentences for people. */

export interface ErrorDetails {
  /** What caused this error; its message is appended to the printed chain unless `quietCause` is set. */
  readonly cause?: unknown;
  /** Plain data about the failure, for `-E`, logs and callers. Never holds a secret. */
  readonly info?: Readonly<Record<string, unknown>>;
  /** Exit status the command line should end with. Default 1. */
  readonly exitStatus?: number;
  /** What the reader can do about it, as one sentence. */
  readonly hint?: string;
  /** Keep the cause for `-v` but leave it out of the printed line. */
  readonly quietCause?: boolean;
}

/**
 * An error with a stable code. Each level says what it was doing and to which object, in lower case and without a
 * full stop; {@link describeError} joins the levels.
 */
export class SmartadmError extends Error {
  readonly code: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly exitStatus: number;
  readonly hint: string | undefined;
  readonly quietCause: boolean;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SmartadmError';
    this.code = code;
    this.info = details.info ?? {};
    this.exitStatus = details.exitStatus ?? 1;
    this.hint = details.hint;
    this.quietCause = details.quietCause ?? false;
  }
}

/** The printed line: the messages of the chain joined by `: `, outermost first. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const quiet = error instanceof SmartadmError && error.quietCause;
  if (quiet || error.cause === undefined) return error.message;
  return `${error.message}: ${describeError(error.cause)}`;
}

/** The `code` of an error of ours, of Node's or of an addon's; undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** Whether `error` or one of its causes carries `code`. */
export function hasCode(error: unknown, code: string): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if (codeOf(at) === code) return true;
  return false;
}
