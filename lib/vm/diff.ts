/** How one JSON value became another, as a list of changes. Pure. */

/** One change. `path` has null for some element of an array, since elements have no lasting place. */
export interface Change {
  /** `path` as people read it: `nics.*.ip`, `customer_metadata[a.b]`. */
  readonly prettyPath: string;
  readonly path: readonly (string | null)[];
  readonly action: 'added' | 'removed' | 'changed';
  readonly oldValue?: unknown;
  readonly newValue?: unknown;
  /** What identifies the array element that was changed inside. */
  readonly ident?: unknown;
}

export interface DiffOptions {
  /** For members of the outermost object that are arrays: the member that identifies their elements. */
  readonly map?: Readonly<Record<string, string>>;
}

type Path = readonly (string | null)[];
type Members = Readonly<Record<string, unknown>>;

/**
 * The changes that make `after` of `before`, in the order of vminfod (`vm-lifecycle`, changes). Order and number of equal
 * elements of arrays do not count. A member that is undefined is none.
 */
export function diff(before: unknown, after: unknown, { map = {} }: DiffOptions = {}): readonly Change[] {
  const changes: Change[] = [];

  const add = (path: Path, ident: unknown, change: Pick<Change, 'action' | 'oldValue' | 'newValue'>): void => {
    changes.push({ prettyPath: prettyPath(path), path, ...change, ...(ident === undefined ? {} : { ident }) });
  };

  function compare(path: Path, a: unknown, b: unknown, ident: unknown): void {
    if (a === b) return;
    if (!isObject(a) || !isObject(b)) add(path, ident, { action: 'changed', oldValue: a, newValue: b });
    else if (Array.isArray(a) && Array.isArray(b)) compareArrays(path, a, b, ident);
    else compareObjects(path, a, b, ident);
  }

  function compareObjects(path: Path, a: Members, b: Members, ident: unknown): void {
    for (const [key, value] of entries(a)) {
      const now = Object.hasOwn(b, key) ? b[key] : undefined;
      if (now === undefined) add([...path, key], ident, { action: 'removed', oldValue: value });
      else compare([...path, key], value, now, ident);
    }
    for (const [key, value] of entries(b)) {
      if (Object.hasOwn(a, key) && a[key] !== undefined) continue;
      add([...path, key], ident, { action: 'added', newValue: value });
    }
  }

  function compareArrays(path: Path, a: readonly unknown[], b: readonly unknown[], ident: unknown): void {
    const inside = [...path, null];
    const removed = withoutThose(a, b);
    const added = withoutThose(b, a);
    const [member] = path;
    const key = path.length === 1 && typeof member === 'string' && Object.hasOwn(map, member) ? map[member] : undefined;
    const pairs = key === undefined ? [] : takePairs(removed, added, key);
    for (const value of removed) add(inside, ident, { action: 'removed', oldValue: value });
    for (const pair of pairs) compare(inside, pair.a, pair.b, pair.ident);
    for (const value of added) add(inside, ident, { action: 'added', newValue: value });
  }

  compare([], before, after, undefined);
  return changes;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

const entries = (value: Members): readonly (readonly [string, unknown])[] =>
  Object.entries(value).filter(([, member]) => member !== undefined);

/** The elements of `from` that `others` lacks, by their JSON text. */
function withoutThose(from: readonly unknown[], others: readonly unknown[]): unknown[] {
  const texts = new Set(others.map((each) => JSON.stringify(each)));
  return from.filter((each) => !texts.has(JSON.stringify(each)));
}

/** Takes out of both lists what is the same element by `key`, changed. */
function takePairs(
  removed: unknown[],
  added: unknown[],
  key: string,
): readonly { readonly a: unknown; readonly b: unknown; readonly ident: unknown }[] {
  const identOf = (value: unknown): unknown => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined);
  return [...removed].flatMap((a) => {
    const ident = identOf(a);
    const at = ident === undefined ? -1 : added.findIndex((b) => identOf(b) === ident);
    if (at < 0) return [];
    removed.splice(removed.indexOf(a), 1);
    const [b] = added.splice(at, 1);
    return [{ a, b, ident }];
  });
}

function prettyPath(path: Path): string {
  return path.reduce<string>((text, element) => {
    const part = element ?? '*';
    if (/[.[\]]/.test(part)) return `${text}[${part.replace(/[[\]]/g, '\\$&')}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}
