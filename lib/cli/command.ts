/** What a subcommand is: data about it and one function. Types only, so that command files stay light. */
import type { Context } from '../context.js';

export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  /** Further spellings, single letters included. */
  readonly aliases?: readonly string[];
  readonly type: 'boolean' | 'string' | 'number' | 'strings';
  /** Name of the value in help texts. */
  readonly value?: string;
  readonly help: string;
}

export type OptionValues = Readonly<Record<string, boolean | string | number | readonly string[] | undefined>>;

/** What a command may touch of the process. */
export interface Cli {
  readonly program: 'vmadm' | 'imgadm';
  /** The command's name as typed, so that aliases can name themselves. */
  readonly typed: string;
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
  /** Data for programs and people; resolves when the pipe has taken it. */
  out(text: string): Promise<void>;
  /** A message for people. */
  err(text: string): void;
  /** Built on first use. */
  context(): Context;
}

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** How it is called, without the program's name. */
  readonly usage: string;
  readonly summary: string;
  readonly options?: readonly OptionSpec[];
  /** Runs with operands and options; the result is the exit status, 0 when nothing is returned. */
  run(cli: Cli, operands: readonly string[], options: OptionValues): Promise<number | undefined>;
}
