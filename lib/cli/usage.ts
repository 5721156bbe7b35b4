/** Errors in how a command was called. */
import { SmartadmError } from '../errors.js';

/** Exit status of a wrong call (`vmadm(8)`). */
export const usageStatus = 2;

/** A wrong call: `message`, if any, is printed above the usage text. */
export function usageError(message = ''): SmartadmError {
  return new SmartadmError('Usage', message, { exitStatus: usageStatus });
}
