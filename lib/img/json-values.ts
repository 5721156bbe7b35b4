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

/** Whether arrays and objects are nested deeper than what works on them can go. */
export function isTooDeep(value: unknown): boolean {
  let level = [value].filter(isNested);
  for (let depth = 0; depth < deepest && level.length > 0; depth += 1) {
    level = level.flatMap((each) => Object.values(each).filter(isNested));
  }
  return level.length > 0;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
