/** Runs programs of a Linux host from the addon: without the parts of Node for child processes, which take long to load. */
import { codeOf } from '../../errors.js';
import { hostError } from '../errors.js';
import type { ProgramOptions, ProgramResult } from '../exec.js';
import { loadNative } from '../native.js';

const environment = ['PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin', 'LC_ALL=C'];
const usualTimeoutMs = 60_000;

/**
 * Runs `file` with `args` to its end, in the folder `/`, and returns its status and output. Throws `LibraryMissing` when
 * there is no such program, `TimedOut` when it takes too long, `HostFailed` when it cannot be run or prints without end.
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { input = '', timeoutMs = usualTimeoutMs } = options;
  try {
    return await loadNative('posix').runProgram(file, args, environment, input, timeoutMs);
  } catch (cause) {
    switch (codeOf(cause)) {
      case 'ENOENT': {
        const hint = options.package === undefined ? {} : { hint: `install the package ${options.package}` };
        throw hostError('LibraryMissing', `there is no program ${file}`, hint);
      }
      case 'ETIMEDOUT':
        throw hostError('TimedOut', `${file} did not end within ${timeoutMs / 1000} seconds`);
      case 'EFBIG':
        throw hostError('HostFailed', `${file} printed too much`);
      default:
        throw hostError('HostFailed', `cannot run ${file}`, { cause });
    }
  }
}
