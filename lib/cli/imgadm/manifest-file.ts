/** Manifests that users hand over as files. */
import { imgError } from '../../img/errors.js';
import { parseJson } from '../../json-text.js';
import { readText } from './read-text.js';

/** What the file holds. Throws `InvalidManifest` unless it is JSON, and what {@link readText} throws. */
export async function readManifestFile(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return parseJson(text, path);
  } catch (cause) {
    throw imgError('InvalidManifest', 'manifest is invalid', { cause });
  }
}
