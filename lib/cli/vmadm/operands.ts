/** Operands that many commands share: the uuid of a VM, and `key=value`. */
import { usageError } from '../usage.js';

/**
 * The first operand as the uuid of a VM. Only its shape is looked at, as in the original, and that it cannot leave the
 * folder of the zones. Throws a usage error naming `command`.
 */
export function uuidOperand(operands: readonly string[], command: string): string {
  const uuid = operands[0] ?? '';
  if (isUuidShaped(uuid)) return uuid;
  throw usageError(`Invalid or missing UUID for ${command}`);
}

/** Whether a text is as long as a uuid and has its dashes, which is all that the original looks at. */
export function isUuidShaped(text: string): boolean {
  return text.length === 36 && [8, 13, 18, 23].every((at) => text[at] === '-');
}

/**
 * `key=value` operands in order; what follows the first `=` is the value, without one it is empty. Throws a usage error
 * for an operand that has no key at all (the original's test for that takes `0` and `1` for one, too).
 */
export function assignments(operands: readonly string[]): readonly (readonly [key: string, value: string])[] {
  return operands.map((operand) => {
    const at = operand.indexOf('=');
    if (at >= 0) return [operand.slice(0, at), operand.slice(at + 1)];
    if (Number(operand) < 2) throw usageError(`Bad arguments: unable to split ${operand}`);
    return [operand, ''];
  });
}
