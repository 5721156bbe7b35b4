/** `--json` of commands that change or judge: the outcome as one object on standard output, beside the usual sentences. */
import { SmartadmError, codeOf, describeError } from '../../errors.js';
import type { Cli, OptionSpec } from '../command.js';

export const jsonOption: OptionSpec = {
  name: 'json',
  exact: true,
  type: 'boolean',
};

/**
 * Runs `work` and, if it is `wanted`, prints the object that it hands to `answer`; where it fails, what failed as
 * `{"error": {…}}`. Sentences on standard error and the exit status are the same either way.
 */
export async function answering<T>(
  cli: Cli,
  wanted: boolean,
  work: (answer: (result: object) => Promise<void>) => Promise<T>,
): Promise<T> {
  const print = (result: object) => cli.out(`${JSON.stringify(result, null, 2)}\n`);
  try {
    return await work(async (result) => {
      if (wanted) await print(result);
    });
  } catch (error) {
    if (wanted) await print({ error: described(error) });
    throw error;
  }
}

function described(error: unknown): object {
  const { hint, info = {} } = error instanceof SmartadmError ? error : {};
  return {
    code: codeOf(error) ?? 'InternalError',
    message: describeError(error),
    ...(hint === undefined ? {} : { hint }),
    ...(Object.keys(info).length === 0 ? {} : { info }),
  };
}
