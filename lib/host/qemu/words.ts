/** Options that an operator has written as text, as a shell would split them. Pure. */
import { hostError } from '../errors.js';

/**
 * Splits the text of `property` into words at blanks, tabs and line ends; quotes and backslashes as in sh(1), and no
 * expansion of any kind. Throws `ZoneInvalid` for a quote without an end.
 */
export function splitWords(property: string, text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (/[ \t\n]/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at += 1;
      continue;
    }
    const [piece, length] = pieceAt(text, at);
    if (length === 0) throw hostError('ZoneInvalid', `${property} has a quote without an end: ${JSON.stringify(text)}`);
    word = (word ?? '') + piece;
    at += length;
  }
  return word === undefined ? words : [...words, word];
}

/** What stands at `at`, without its quotes, and how many characters that took: none of a quote without an end. */
function pieceAt(text: string, at: number): readonly [string, number] {
  const character = text.charAt(at);
  if (character === '\\') return [text.charAt(at + 1), 2];
  if (character !== "'" && character !== '"') return [character, 1];
  const pattern = character === "'" ? /'([^']*)'/y : /"((?:[^"\\]|\\[^])*)"/y;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found === null) return ['', 0];
  const [whole, inner = ''] = found;
  return [character === "'" ? inner : inner.replace(/\\([$`"\\])/g, '$1').replaceAll('\\\n', ''), whole.length];
}
