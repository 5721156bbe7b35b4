/** An error of imgadm as users and programs see it: one line, or with `-E` one record. */
import { SmartadmError, codeOf, describeError } from '../../errors.js';
import { withoutCode } from '../../img/errors.js';

/**
 * `imgadm COMMAND: error (CODE): MESSAGE`, without COMMAND for errors before one ran. With `stacks` the message is replaced by
 * the stacks of the chain.
 */
export function errorLine(error: unknown, typed: string, stacks: boolean): string {
  const code = printedCode(error);
  const message = stacks ? stackChain(error) : printedMessage(error);
  return `imgadm${typed === '' ? '' : ` ${typed}`}: error${code === undefined ? '' : ` (${code})`}: ${message}\n`;
}

function printedMessage(error: unknown): string {
  const hint = error instanceof SmartadmError && error.hint !== undefined ? ` (${error.hint})` : '';
  return `${describeError(error)}${hint}`;
}

function printedCode(error: unknown): string | undefined {
  const isBare = error instanceof SmartadmError && Object.keys(withoutCode).some((mark) => error.info[mark] === true);
  return isBare ? undefined : codeOf(error);
}

function stackChain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\nCaused by: ${stackChain(error.cause)}`;
}

/** What `-E` records of an error: a plain one whose message is the printed one. */
export function recordedError(error: unknown): Error {
  const message = printedMessage(error);
  const recorded = new Error(message);
  recorded.stack = stackChain(error);
  const code = codeOf(error);
  return code === undefined ? recorded : Object.assign(recorded, { code });
}

export function exitStatusOf(error: unknown): number {
  return error instanceof SmartadmError ? error.exitStatus : 1;
}
