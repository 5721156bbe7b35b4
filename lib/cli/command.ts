/** What a subcommand is: data about it and one function. Types only, so that command files stay light. */
import type { Context, Progress } from '../context.js';
import type { Log } from '../log.js';

export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  /** Single letters that stand for `--name`. */
  readonly aliases?: readonly string[];
  /** Single letters that stand for `--name VALUE` with a value of their own, e.g. `{ H: 'false' }`. */
  readonly letters?: Readonly<Record<string, string>>;
  readonly type: 'boolean' | 'string' | 'number';
  /** Its name cannot be abbreviated. */
  readonly exact?: true;
}

export type OptionValues = Readonly<Record<string, boolean | string | number | readonly string[] | undefined>>;

/** What a command may touch of the process. */
export interface Cli {
  readonly program: 'vmadm' | 'imgadm';
  /** The command's name as typed, so that aliases can name themselves. */
  readonly typed: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted on SIGINT, SIGTERM and SIGHUP. */
  readonly signal: AbortSignal;
  /** Gives every signal to `taker`, as for a program that we stand for, until the function that is returned is called. */
  readonly takeSignals: (taker: (signal: NodeJS.Signals) => void) => () => void;
  /** Standard output is certainly no terminal: found out without making its stream. */
  readonly outIsPlain?: boolean;
  /** Data for programs and people; resolves when the pipe has taken it. */
  out(text: string): Promise<void>;
  /** A message for people. */
  err(text: string): void;
  /** The context of operations, the same every time; built on first use, with the `log` and `progress` of that call. */
  context(with_?: { readonly log?: Log; readonly progress?: Progress }): Context;
}

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** How it is called, without the program's name. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly OptionSpec[];
  /** Its arguments are for another program: none is an option of ours. */
  readonly verbatim?: true;
  /** Runs with operands and options; the result is the exit status, 0 when nothing is returned. */
  run(cli: Cli, operands: readonly string[], options: OptionValues): Promise<number | undefined>;
}
