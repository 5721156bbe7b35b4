/** From a started process to its exit status: guard, streams, signals. Everything that touches `process` is here. */
import { constants } from 'node:os';
import { isAbsolute } from 'node:path';
import type { Context } from '../context.js';
import { SmartadmError, codeOf, describeError } from '../errors.js';
import { hostProblem } from '../host/open.js';
import { silentLog } from '../log.js';
import type { Cli } from './command.js';
import { createContext, quietProgress } from './context.js';
import { processOutput } from './process-output.js';
import { listenForSignals } from './signals.js';

/** A program: runs with its arguments and says the exit status. It prints its own errors. */
export type Program = (argv: readonly string[], cli: Cli) => Promise<number>;

/** Exit status of a host on which the programs cannot run. */
const cannotRunStatus = 2;

const refusal = {
  vmadm: (why: string) => `FATAL: cannot run because: ${why}\n`,
  imgadm: (why: string) => `imgadm: error: cannot run: ${why}\n`,
} as const;

/** Runs `program` as this process and ends it. */
export async function main(name: Cli['program'], load: () => Promise<Program>): Promise<void> {
  const problem = process.getuid?.() === 0 ? hostProblem() : 'you are not root.';
  if (problem !== undefined) {
    process.stderr.write(refusal[name](problem));
    process.exitCode = cannotRunStatus;
    return;
  }
  const abort = new AbortController();
  // What cannot be written any more. Work stops and undoes itself as for a signal, and has no more to say.
  let lost: Error | undefined;
  const stdout = processOutput('stdout', (error) => {
    lost ??= error;
    abort.abort(error);
  });
  const stderr = processOutput('stderr', () => undefined);
  const err = (text: string) => {
    if (lost === undefined) void stderr.write(text);
  };
  const warn = (message: string) => {
    err(`warning: ${message}\n`);
  };
  const signals = listenForSignals(abort, (signal) => process.exit(128 + constants.signals[signal]));
  let context: (Context & { close(): Promise<void> }) | undefined;
  const cli: Cli = {
    program: name,
    typed: '',
    // Streams are made when they are first needed, which most commands never do.
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return stdout.stream();
    },
    get stderr() {
      return stderr.stream();
    },
    env: process.env,
    signal: abort.signal,
    takeSignals: signals.take,
    get outIsPlain() {
      return stdout.isPlain();
    },
    out: (text) => stdout.write(text),
    err,
    context: ({ log = silentLog, progress = quietProgress } = {}) =>
      (context ??= createContext({ root: rootOf(process.env), log, warn, progress, signal: abort.signal })),
  };
  let status: number;
  try {
    status = await (await load())(process.argv.slice(2), cli);
  } catch (error) {
    err(`${describeError(error)}\n`);
    status = 1;
  }
  await context?.close().catch(() => undefined);
  await stdout.drained();
  const signal = signals.received();
  if (lost !== undefined && signal === undefined) {
    if (codeOf(lost) !== 'EPIPE') {
      status = 1;
      void stderr.write(`${lost.message}\n`);
    } else if (status !== 0) {
      // Who reads our output may go away at any time: to vmadm that is no failure (`vmadm(8)`). Where imgadm left its work
      // undone, it has ended as other programs do.
      status = name === 'vmadm' ? 0 : 128 + constants.signals.SIGPIPE;
    }
  }
  // Whoever waits for us is told that it was the signal, as by any program.
  process.exitCode = signal !== undefined && status !== 0 ? 128 + constants.signals[signal] : status;
  await stderr.drained();
  process.exit();
}

/** Where all paths of the state hang. A relative one is refused: it would be another place for every caller. */
function rootOf(env: NodeJS.ProcessEnv): string {
  const root = env['SMARTADM_ROOT'] ?? '/';
  if (isAbsolute(root)) return root;
  throw new SmartadmError('ConfigInvalid', `SMARTADM_ROOT must be an absolute path, not ${JSON.stringify(root)}`);
}
