/** Values that JSON from anywhere may hold. Pure. */

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

/** No manifest needs more, and the stack has room for it. */
const deepest = 100;

/** Whether arrays and objects are nested deeper than what works on them can go, or than `levels`. */
export function isTooDeep(value: unknown, levels = deepest): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return items.some((item) => isTooDeep(item, levels - 1));
}
