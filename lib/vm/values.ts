/** Single values of a payload: what counts as a boolean, a number, a list or nothing, and whether a value is fit for its property. */
import { valueValidators } from '../schema/generated/values.js';
import type { ValueType } from '../schema/property.js';

/** What a value means to a property of the type: `'5'` to an integer is 5, `'a,b'` to a list two elements. */
interface Reading {
  /** The spelling was not one of the type's. */
  readonly bad?: boolean;
  /** Takes the value away; fits every string and integer. */
  readonly unset?: boolean;
  readonly value: unknown;
}

const bad: Reading = { bad: true, value: undefined };
const unset: Reading = { unset: true, value: undefined };

/** An object with members, arrays left out. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Arrays in arrays that are looked into. */
const deepest = 100;

/**
 * The value that the text form of `value` stands for, for arrays that JavaScript would print as one element (`[5]` as `5`,
 * `[]` as nothing). Objects and longer arrays stay. Payloads may be nested deeper than the stack is.
 */
function unwrapped(value: unknown): unknown {
  let inner = value;
  for (let depth = 0; Array.isArray(inner) && inner.length < 2 && depth < deepest; depth += 1) {
    const [only] = inner as readonly unknown[];
    if (only === null || only === undefined) return '';
    inner = only;
  }
  return inner;
}

/** Nothing to look at: undefined, null, blank text, and arrays of such. */
export function isBlank(value: unknown): boolean {
  const inner = unwrapped(value);
  return inner === undefined || inner === null || (typeof inner === 'string' && inner.trim() === '');
}

/** A value of a payload as text. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

/** The number that `value` is taken for; NaN when it is taken for none. */
export function toNumber(value: unknown): number {
  const inner = unwrapped(value);
  if (inner === undefined) return NaN;
  if (inner !== value && typeof inner === 'boolean') return NaN;
  return typeof inner === 'object' && inner !== null ? NaN : Number(inner);
}

/** Spellings of truth, e.g. `"1"`; undefined for anything else, e.g. 0. */
export function toBoolean(value: unknown): boolean | undefined {
  if (value === true || value === 'true' || value === 1 || value === '1') return true;
  return value === false || value === 'false' ? false : undefined;
}

/** The elements of comma separated text, empty ones left out; of an array its own. Undefined for anything else. */
export function toList(value: unknown): readonly unknown[] | undefined {
  if (typeof value === 'string') return value.split(',').filter((element) => element !== '');
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
}

function read(type: ValueType, value: unknown): Reading {
  switch (type) {
    case 'boolean': {
      const read = toBoolean(value);
      return read === undefined ? bad : { value: read };
    }
    case 'integer':
    case 'number':
      if (isBlank(value)) return unset;
      return typeof value === 'boolean' ? bad : { value: toNumber(value) };
    case 'string':
      return isBlank(value) ? unset : { value };
    case 'list': {
      const elements = toList(value);
      if (elements?.every((element) => typeof element === 'number' || isElement(element)) !== true) return bad;
      return { value: elements.map(String) };
    }
    case 'flat-object':
      // An array is an object with numbers for names.
      return { value: Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : value };
    case 'object-array':
      // The elements' members are judged by themselves.
      if (!Array.isArray(value) || !value.every((element) => typeof element === 'object')) return bad;
      return { value: [] };
    case 'uuid':
    case 'zpool':
    case 'object':
    case 'null':
      return { value };
  }
}

function isElement(element: unknown): boolean {
  return typeof element === 'string' && !element.includes(',');
}

/**
 * Whether `value` is fit for a property, in any of the spellings the property's type knows.
 *
 * @param path - `ram`, or `nics.*.mtu` for members of arrays. Properties that no payload may hold take anything.
 */
export function isFit(path: string, type: ValueType, value: unknown): boolean {
  const fits = valueValidators.get(path);
  if (fits === undefined) return true;
  const reading = read(type, value);
  return reading.bad !== true && (reading.unset === true || fits(reading.value));
}
