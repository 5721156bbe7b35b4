/** Recorded behaviour of the original, one JSON object per line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const vectorsFolder = join(import.meta.dirname, 'fixtures/vectors');

/** The text of a zone's file with the comment before the document type, as libzonecfg saves it; older files have it behind. */
export function savedZoneXml(text: string): string {
  return text.replace(/(<!DOCTYPE[^>]*>\n)(<!--[^]*?-->\n)/, '$2$1');
}

export function vectors(file: string): readonly unknown[] {
  const lines = readFileSync(join(vectorsFolder, file), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as unknown);
}
