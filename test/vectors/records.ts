/** Recorded behaviour of the original: files of records, sets of data that they refer to, known differences. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { vectorsFolder } from '../vectors.js';

export interface VectorRecord {
  readonly id: string;
}

/** A program called with arguments, and what it printed. */
export interface Invocation extends VectorRecord {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly exit: number;
  /** Null where it was not recorded: something is to be printed. */
  readonly stdout: string | null;
  readonly stderr: string;
  /** The original only passes on the order in which the host answered. */
  readonly order_free?: true;
}

/** A folder of records. What it lacks besides the records themselves comes from the project's own. */
export class VectorFolder {
  readonly folder: string;

  constructor(folder: string = vectorsFolder) {
    this.folder = folder;
  }

  /** The files of records in it. */
  files(): readonly string[] {
    return readdirSync(this.folder).filter((name) => name.endsWith('.jsonl')).sort(); // prettier-ignore
  }

  records(file: string): readonly VectorRecord[] {
    const lines = readFileSync(join(this.folder, file), 'utf8').split('\n');
    return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as VectorRecord);
  }

  /** Where a file or folder of shared data lies. */
  path(name: string): string {
    const own = join(this.folder, name);
    return existsSync(own) ? own : join(vectorsFolder, name);
  }

  json(name: string): unknown {
    return JSON.parse(readFileSync(this.path(name), 'utf8'));
  }
}

/** Records whose outcome is meant to be another, and why: `ID: REASON`, one a line. */
export function knownDifferences(): ReadonlyMap<string, string> {
  const text = readFileSync(join(vectorsFolder, 'differences.md'), 'utf8');
  return new Map([...text.matchAll(/^- `([\w-]+)`: (.+)$/gm)].map(([, id = '', reason = '']) => [id, reason]));
}
