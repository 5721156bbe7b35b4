/** A payload while it is judged: a copy that the steps of judgement may change. */
import { refused } from './errors.js';
import { listNouns, type ListNoun } from './property-rules.js';
import { isObject } from './values.js';

/** Members of an element of a list. */
export type Element = Record<string, unknown>;

/** Own properties only, whatever their names: it has no prototype. */
export type Draft = Record<string, unknown>;

const lists = listNouns.flatMap((noun) => [noun, `add_${noun}`, `update_${noun}`]);

/** Copies a payload as far as judgement changes things in place. Throws `PayloadInvalid` when it is no JSON object. */
export function draftOf(payload: unknown): Draft {
  if (!isObject(payload)) {
    const found = payload === null ? 'null' : Array.isArray(payload) ? 'an array' : `a ${typeof payload}`;
    throw refused(`Invalid payload: must be a JSON object, not ${found}`);
  }
  const draft = Object.assign(Object.create(null) as Draft, said(payload));
  for (const list of lists) {
    const value = draft[list];
    if (Array.isArray(value)) draft[list] = value.map((one: unknown) => (isObject(one) ? said(one) : one));
  }
  return draft;
}

/** Undefined is no JSON: such a member is not there. */
function said(object: Element): Element {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Whether the payload says anything of the property, be it null. */
export function has(draft: Draft, name: string): boolean {
  return Object.hasOwn(draft, name);
}

/** The elements of a list that are objects; of anything else none. */
export function elementsOf(draft: Draft, list: string): Element[] {
  const value = draft[list];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function added(draft: Draft, noun: ListNoun): Element[] {
  return elementsOf(draft, `add_${noun}`);
}

export function updated(draft: Draft, noun: ListNoun): Element[] {
  return elementsOf(draft, `update_${noun}`);
}

/** The keys of the elements to remove, as text. */
export function removed(draft: Draft, noun: ListNoun): string[] {
  const value = draft[`remove_${noun}`];
  return Array.isArray(value) ? value.map(String) : [];
}
