/** JSON from files and users, with errors that say where the text goes wrong. */
import { SmartadmError } from './errors.js';

/**
 * Parses `text`. Throws `InvalidJson` naming `source`, line and column of the first fault; `info` has `line` and `column`,
 * from 1.
 */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const at = faultAt(text);
    const before = text.slice(0, at).split('\n');
    const line = before.length;
    const column = (before.at(-1)?.length ?? 0) + 1;
    const found = at >= text.length ? 'end of text' : JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0));
    throw new SmartadmError('InvalidJson', `${source}, line ${line}, column ${column}: unexpected ${found} in JSON`, {
      info: { source, line, column },
    });
  }
}

const space = /[\t\n\r ]*/y;
const scalar =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Offset at which `text`, which is no JSON, stops being the beginning of some. V8 does not always tell. */
function faultAt(text: string): number {
  const open: ('[' | '{')[] = [];
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const take = (character: string): boolean => {
    skip(space);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  /** Name and colon of a member. */
  const name = (): boolean => {
    skip(space);
    return text[at] === '"' && skip(scalar) && take(':');
  };
  for (;;) {
    skip(space);
    // A value begins here.
    if (take('[')) {
      if (!take(']')) {
        open.push('[');
        continue;
      }
    } else if (take('{')) {
      if (!take('}')) {
        open.push('{');
        if (!name()) return at;
        continue;
      }
    } else if (!skip(scalar)) {
      return at;
    }
    // A value has ended.
    for (;;) {
      const inside = open.at(-1);
      if (inside === undefined) {
        skip(space);
        return at;
      }
      if (take(',')) {
        if (inside === '{' && !name()) return at;
        break;
      }
      if (!take(inside === '[' ? ']' : '}')) return at;
      open.pop();
    }
  }
}
