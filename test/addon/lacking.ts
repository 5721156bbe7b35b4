/** A process in which a library of the system lacks a function, or is not there at all. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addonFile } from '../../lib/host/native.js';

interface Lacking {
  readonly addon: string;
  /** As far as they are there: `kstat` for `libkstat.so.1`. */
  readonly libraries: readonly string[];
  readonly functions?: readonly string[];
}

/**
 * Runs a program of CommonJS, which has the path of the addon in `file` and `codeOf` for what a call ends with; by itself it
 * has to end. What it has printed.
 */
export function inLackingProcess({ addon, libraries, functions = [] }: Lacking, program: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'lacking-'));
  try {
    copyFileSync(addonFile(addon), join(folder, `${addon}.node`));
    for (const name of libraries) {
      const bytes = readFileSync(addonFile(`lib${name}`, '.so.1'));
      for (const each of functions) rename(bytes, each);
      writeFileSync(join(folder, `lib${name}.so.1`), bytes);
    }
    const before = `const file = ${JSON.stringify(join(folder, `${addon}.node`))};
      const codeOf = async (call) => { try { await call(); return 'done'; } catch (error) { return [error.code, error.library, error.operation].join(' '); } };`;
    const { stdout, stderr, status, signal } = spawnSync(process.execPath, ['-e', `${before}\n${program}`], { encoding: 'utf8' }); // prettier-ignore
    assert.deepEqual([status ?? signal, stderr], [0, '']);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In the table of a library's names, of which one may be the end of another: nothing is found under one whose hash is another's. */
function rename(library: Buffer, name: string): void {
  for (let at = library.indexOf(`${name}\0`); at !== -1; at = library.indexOf(`${name}\0`, at + 1)) {
    library.write('~', at + name.length - 1);
  }
}
