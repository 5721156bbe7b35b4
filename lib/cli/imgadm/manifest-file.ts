/** Manifests that users hand over as files. */
import { imgError } from '../../img/errors.js';
import { isTooDeep } from '../../img/json-values.js';
import { parseJson } from '../../json-text.js';
import { readText } from './read-text.js';

/** What the file holds. Throws `InvalidManifest` unless it is JSON that can be worked on, and what {@link readText} throws. */
export async function readManifestFile(path: string): Promise<unknown> {
  const text = await readText(path);
  let manifest: unknown;
  try {
    manifest = parseJson(text, path);
  } catch (cause) {
    throw imgError('InvalidManifest', 'manifest is invalid', { cause });
  }
  if (isTooDeep(manifest)) throw imgError('InvalidManifest', `manifest is invalid: ${path} is nested too deeply`);
  return manifest;
}
