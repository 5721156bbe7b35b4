/** Files that users hand over. */
import { readFile } from 'node:fs/promises';
import { SmartadmError, codeOf } from '../../errors.js';

/** What the file holds. Throws the system's error in the words of the original, naming the file. */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = codeOf(cause);
    if (code === undefined || !(cause instanceof Error)) throw cause;
    // What fails while it is read does not tell of itself which file it was.
    const told = cause.message.includes(path) ? cause.message : `${cause.message} '${path}'`;
    const message = code === 'ENOENT' ? `ENOENT, no such file or directory '${path}'` : told;
    throw new SmartadmError(code, message, { cause, quietCause: true });
  }
}
