/** Programs of the platform that hold locks or run hooks themselves, and so are run rather than done again. */
import { runProgram, type ProgramOptions, type ProgramResult } from '../exec.js';

export interface Programs {
  /** The file that is run for the platform's `path`. */
  file(path: string): string;
  /** Runs it to its end, without a shell and in a clean environment. Throws what {@link runProgram} throws. */
  run(path: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
}

/** The programs below `prefix`, which is `/` on a machine of its own. */
export function platformPrograms(prefix: string): Programs {
  const file = (path: string) => `${prefix.replace(/\/+$/, '')}${path}`;
  return { file, run: (path, args, options) => runProgram(file(path), args, options) };
}
