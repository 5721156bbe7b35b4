/** Runs programs of the system: argument vectors, no shell, a fixed search path. */
import { constants } from 'node:os';
import { codeOf } from '../errors.js';
import { hostError } from './errors.js';

export interface ProgramOptions {
  /** Text for its standard input; empty when absent. */
  readonly input?: string;
  /** Ends it with SIGKILL after this time. Default 60000. */
  readonly timeoutMs?: number;
  /** Its whole environment, for programs that are the user's own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Debian package to name when the program is missing. */
  readonly package?: string;
}

export interface ProgramResult {
  /** Exit status, or 128 + signal. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const searchPath = '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin';
/** The whole environment of a program that we run. */
export const programEnvironment: NodeJS.ProcessEnv = { PATH: searchPath, LC_ALL: 'C' };

const outputLimitBytes = 16 * 1024 * 1024;

/**
 * Runs `file` with `args` to its end and returns its status and output. Throws `LibraryMissing` when there is no such
 * program, `TimedOut` when it takes too long, `HostFailed` when it cannot be run or prints without end.
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: options.environment ?? programEnvironment,
    });
    const output = { stdout: '', stderr: '' };
    let size = 0;
    let failure: Error | undefined;
    const end = (error: Error) => {
      failure ??= error;
      child.kill('SIGKILL');
      // What it has started may hold its ends for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => {
      end(hostError('TimedOut', `${file} did not end within ${(options.timeoutMs ?? 60_000) / 1000} seconds`));
    }, options.timeoutMs ?? 60_000);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        size += chunk.length;
        if (size > outputLimitBytes) end(hostError('HostFailed', `${file} printed too much`));
        else output[name] += chunk;
      });
    }
    // A program that ends without reading its input is judged by its status.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(
        codeOf(cause) === 'ENOENT'
          ? hostError('LibraryMissing', `there is no program ${file}`, {
              ...(options.package === undefined ? {} : { hint: `install the package ${options.package}` }),
            })
          : hostError('HostFailed', `cannot run ${file}`, { cause }),
      );
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      if (failure !== undefined) reject(failure);
      else resolve({ status: status ?? 128 + (signal === null ? 0 : signalNumber(signal)), ...output });
    });
  });
}

function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}
