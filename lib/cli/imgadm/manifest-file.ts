/** Manifests that users hand over as files. */
import { readFile } from 'node:fs/promises';
import { imgError } from '../../img/errors.js';
import { parseJson } from '../../json-text.js';

/** What the file holds. Throws `InvalidManifest` unless it is JSON. */
export async function readManifestFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return parseJson(text, path);
  } catch (cause) {
    throw imgError('InvalidManifest', 'manifest is invalid', { cause });
  }
}
