/** What a command would do with a payload that has been validated. Changes nothing. */
import { codeOf } from '../errors.js';
import { validationResult, type ValidationResult } from './change-result.js';
import { draftOf } from './draft.js';
import { parseCreatePayload } from './payload.js';
import type { Adjustment, PayloadFacts, ValidationFindings } from './spec.js';

/**
 * The findings of `validatePayload` for the same payload, and what the command would take, ignore and adjust. Adjustments
 * are known for payloads of `create` and `receive` only: those of an update follow from the VM.
 */
export async function rehearse(
  payload: unknown,
  action: string,
  brand: unknown,
  findings: ValidationFindings | null,
  facts: PayloadFacts,
): Promise<ValidationResult> {
  return validationResult(
    draftOf(payload),
    action,
    brand,
    findings,
    action === 'create' || action === 'receive' ? await adjustments(payload, action, facts) : [],
    facts.guestOs,
  );
}

const refusals: ReadonlySet<string> = new Set(['PayloadInvalid', 'AddressInUse', 'VmExists']);

/** None of a payload that is refused, for faults of its own or for what is on the host. */
async function adjustments(
  payload: unknown,
  action: 'create' | 'receive',
  facts: PayloadFacts,
): Promise<readonly Adjustment[]> {
  try {
    return (await parseCreatePayload(payload, facts, action)).adjustments;
  } catch (error) {
    if (!refusals.has(codeOf(error) ?? '')) throw error;
    return [];
  }
}
