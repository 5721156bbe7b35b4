/** From a started process to its exit status: guard, streams, signals. Everything that touches `process` is here. */
import { once } from 'node:events';
import { constants } from 'node:os';
import { isAbsolute } from 'node:path';
import type { Context } from '../context.js';
import { SmartadmError, codeOf, describeError } from '../errors.js';
import { hostProblem } from '../host/open.js';
import { silentLog } from '../log.js';
import type { Cli } from './command.js';
import { createContext, quietProgress } from './context.js';

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
  const interrupted = listen(abort);
  let context: (Context & { close(): Promise<void> }) | undefined;
  const cli: Cli = {
    program: name,
    typed: '',
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: abort.signal,
    out: write,
    err: (text) => void process.stderr.write(text),
    context: ({ log = silentLog, progress = quietProgress } = {}) =>
      (context ??= createContext({ root: rootOf(process.env), log, progress, signal: abort.signal })),
  };
  // Who reads our output may go away at any time: that is no failure (`vmadm(8)`).
  process.stdout.on('error', (error: Error) => {
    leave(codeOf(error) === 'EPIPE' ? 0 : 1, error);
  });
  let status: number;
  try {
    status = await (await load())(process.argv.slice(2), cli);
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    status = 1;
  }
  await context?.close().catch(() => undefined);
  const signal = interrupted();
  // Whoever waits for us is told that it was the signal, as by any program.
  process.exitCode = signal !== undefined && status !== 0 ? 128 + constants.signals[signal] : status;
  await drained(process.stdout);
  await drained(process.stderr);
  process.exit();
}

function leave(status: number, error: Error): void {
  if (status !== 0) process.stderr.write(`${error.message}\n`);
  process.exit(status);
}

/** The first signal asks work to stop and undo itself, the second one ends the process at once. */
function listen(abort: AbortController): () => NodeJS.Signals | undefined {
  let received: NodeJS.Signals | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (received !== undefined) process.exit(128 + constants.signals[signal]);
      received = signal;
      abort.abort(new Error('interrupted'));
    });
  }
  return () => received;
}

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

async function drained(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength > 0) await once(stream, 'drain');
}

/** Where all paths of the state hang. A relative one is refused: it would be another place for every caller. */
function rootOf(env: NodeJS.ProcessEnv): string {
  const root = env['SMARTADM_ROOT'] ?? '/';
  if (isAbsolute(root)) return root;
  throw new SmartadmError('ConfigInvalid', `SMARTADM_ROOT must be an absolute path, not ${JSON.stringify(root)}`);
}
