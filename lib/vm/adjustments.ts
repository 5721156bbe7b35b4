/** Values that were changed without being refused, for results that tell (`--json`). */
import { has, type Draft } from './draft.js';
import type { Adjustment } from './spec.js';
import { isBlank, isObject, toNumber } from './values.js';

const corrected = ['ram', 'max_physical_memory', 'max_locked_memory', 'max_swap', 'tmpfs', 'cpu_shares'];

/** Numbers of the payload that came out different. */
export function adjusted(payload: unknown, draft: Draft): readonly Adjustment[] {
  if (!isObject(payload)) return [];
  return corrected.flatMap((property): readonly Adjustment[] => {
    if (!has(payload, property) || isBlank(payload[property]) || !has(draft, property)) return [];
    const [given, taken] = [toNumber(payload[property]), Number(draft[property])];
    return given === taken ? [] : [{ property, kind: 'adjusted', detail: `${given} became ${taken}`, given, taken }];
  });
}

/** Those of the adjustments that concern what the payload itself said. */
export function ofPayload(adjustments: readonly Adjustment[], payload: unknown): readonly Adjustment[] {
  return adjustments.filter(
    ({ property }) => property.includes('.*.') || (isObject(payload) && Object.hasOwn(payload, property)),
  );
}
