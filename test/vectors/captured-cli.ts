/** Runs a program in this process on a given host and takes down what it prints. */
import { Readable } from 'node:stream';
import type { Cli } from '../../lib/cli/command.js';
import { quietProgress } from '../../lib/cli/context.js';
import type { Program } from '../../lib/cli/main.js';
import type { Context } from '../../lib/context.js';
import type { Host } from '../../lib/host/host.js';
import { silentLog } from '../../lib/log.js';

export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly host: Host;
  readonly root: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What comes by standard input; a terminal where undefined. */
  readonly stdin?: string | Buffer | undefined;
  /** Standard output is a terminal. */
  readonly onTerminal?: boolean;
}

export async function runCaptured(
  name: Cli['program'],
  program: Program,
  argv: readonly string[],
  { host, root, env = {}, stdin, onTerminal = false }: Surroundings,
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const { signal } = new AbortController();
  let context: Context | undefined;
  const input = Readable.from(stdin === undefined ? [] : [Buffer.from(stdin)]);
  const pipe = { isTTY: false } as unknown as NodeJS.WriteStream;
  const cli: Cli = {
    program: name,
    typed: '',
    stdin: Object.assign(input, { isTTY: stdin === undefined }) as unknown as NodeJS.ReadStream,
    stdout: { isTTY: onTerminal } as unknown as NodeJS.WriteStream,
    stderr: pipe,
    env: { ...env, SMARTADM_ROOT: root },
    signal,
    takeSignals: () => () => undefined,
    out(text) {
      stdout += text;
      return Promise.resolve();
    },
    err(text) {
      stderr += text;
    },
    context: ({ log = silentLog, progress = quietProgress } = {}) =>
      (context ??= {
        host: () => Promise.resolve(host),
        log,
        warn: (message) => void (stderr += `warning: ${message}\n`),
        progress,
        signal,
        root,
      }),
  };
  const exit = await program(argv, cli);
  return { exit, stdout, stderr };
}
