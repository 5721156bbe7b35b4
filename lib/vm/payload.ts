/** Payload judgement for create and receive: the user's JSON becomes a complete {@link VmSpec}, or is refused. */
import type { PayloadFacts, VmSpec } from './spec.js';

/**
 * Judges a payload for `create` (or `receive`) and completes it. Throws `PayloadInvalid`, `VmExists` or `AddressInUse`
 * with the original's texts, the first fault in the original's order. The payload itself is not changed.
 */
export async function parseCreatePayload(
  payload: unknown,
  facts: PayloadFacts,
  action: 'create' | 'receive' = 'create',
): Promise<VmSpec> {
  await Promise.resolve();
  void payload;
  void facts;
  throw new Error(`not there yet: ${action}`);
}
