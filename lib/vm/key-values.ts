/** Tags, metadata and routes: what `set_` and `remove_` make of them. */
import type { FlatObject, FlatValue } from './spec.js';
import type { Draft } from './draft.js';

export type KeyValues = 'tags' | 'customer_metadata' | 'internal_metadata' | 'routes';

/** A flat object from a payload that has been judged; of an array the numbers are the names. */
export function flatObject(value: unknown): FlatObject {
  return Object.fromEntries(Object.entries((value ?? {}) as Readonly<Record<string, FlatValue>>));
}

/** The new contents: first removed, then set. The old object itself when nothing changes. */
export function edited(draft: Draft, name: KeyValues, old: FlatObject): FlatObject {
  const gone = draft[`remove_${name}`];
  const set = flatObject(draft[`set_${name}`]);
  const removed = new Set(Array.isArray(gone) ? gone.map(String) : []);
  const kept = Object.entries(old).filter(([key]) => !removed.has(key));
  const result: FlatObject = { ...Object.fromEntries(kept), ...set };
  const keys = Object.keys(result);
  const same =
    keys.length === Object.keys(old).length && keys.every((key) => Object.hasOwn(old, key) && old[key] === result[key]);
  return same ? old : result;
}
