/** Values that JSON from anywhere may hold, as text. Pure. */

/** `value` as `String` and `Number` take it. Members of objects that are called `toString` or `valueOf` have no say. */
export function primitiveOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!Array.isArray(value)) return '[object Object]';
  return value.map((item: unknown) => (item === null || item === undefined ? '' : valueText(item))).join(',');
}

/** Words and numbers as they are, lists joined, other objects by the name of their kind. */
export function valueText(value: unknown): string {
  return String(primitiveOf(value));
}
