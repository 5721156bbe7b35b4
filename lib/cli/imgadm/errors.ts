/** Errors in how imgadm was called; like all others they end it with status 1 (`imgadm(8)`). */
import { SmartadmError } from '../../errors.js';
import { withoutCode } from '../../img/errors.js';

export function usageError(message: string): SmartadmError {
  return new SmartadmError('Usage', message);
}

/** Throws `Usage` unless there is exactly one operand, which is returned. */
export function oneOperand(operands: readonly string[]): string {
  const [only, ...more] = operands;
  if (only !== undefined && more.length === 0) return only;
  throw wrongCount(operands);
}

export function wrongCount(operands: readonly string[]): SmartadmError {
  return usageError(`incorrect number of args (${operands.length}): "${operands.join(' ')}"`);
}

/** The value of an option that must be given. */
export function requiredOption(value: unknown, described: string): string {
  if (typeof value === 'string') return value;
  throw new SmartadmError('Usage', `${described} is required`, { info: withoutCode });
}
