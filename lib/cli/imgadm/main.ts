/** imgadm: from arguments to exit status, in the order of `imgadm(8)`: global options, configuration, command, report. */
import { randomUUID } from 'node:crypto';
import type { Progress } from '../../context.js';
import { SmartadmError } from '../../errors.js';
import { logLevels, type Log } from '../../log.js';
import type { Cli, OptionValues } from '../command.js';
import { compatibleVersion } from '../../img/version.js';
import { parseArguments } from './arguments.js';
import type { ImgadmCli } from './command.js';
import { findCommand } from './commands.js';
import { logLevelOf, openLog } from './log.js';
import { globalOptions, helpOption, quietOption } from './options.js';
import { errorLine, exitStatusOf, recordedError } from './report.js';
import { shownText } from './terminal-text.js';

/** How errors of one run are told. */
interface Reporting {
  structured: boolean;
  stacks: boolean;
  typed: string;
  log: Log;
}

/** Runs imgadm. Never throws: what goes wrong is printed on standard error and told by the result. */
export async function imgadm(argv: readonly string[], plain: Cli): Promise<number> {
  const cli = shown(plain);
  const requestId = cli.env['REQ_ID'] ?? cli.env['req_id'] ?? randomUUID();
  const level = logLevelOf(cli.env, false);
  const reporting: Reporting = {
    structured: false, stacks: false, typed: '', log: openLog(cli, level, requestId),
  }; // prettier-ignore
  let status: number;
  try {
    status = await run(argv, cli, requestId, reporting);
  } catch (error) {
    status = exitStatusOf(error);
    if (reporting.structured) reporting.log.error({ err: recordedError(error) }, recordedError(error).message);
    else if (!isSilent(error)) cli.err(errorLine(error, reporting.typed, reporting.stacks));
  }
  if (!reporting.structured || status === 0) {
    reporting.log.debug({ subcmd: reporting.typed, exitStatus: status, cli: true }, 'cli exit');
  }
  return status;
}

/** `cli` with more or other members; those that it has are not asked for. */
function extended<T extends object>(cli: Cli, members: T): Cli & T {
  return Object.assign(Object.create(cli) as Cli, members);
}

/** `cli`, whose terminals are not steered by what servers and files say. */
function shown(cli: Cli): Cli {
  return extended(cli, {
    out: (text: string) => cli.out(cli.outIsPlain !== true && cli.stdout.isTTY ? shownText(text) : text),
    err: (text: string) => cli.err(cli.stderr.isTTY ? shownText(text) : text),
  });
}

/** Help was printed instead of running anything: a failure that needs no words. */
const noCommand = 'NoCommand';

function isSilent(error: unknown): boolean {
  return error instanceof SmartadmError && error.code === noCommand;
}

async function run(argv: readonly string[], cli: Cli, requestId: string, reporting: Reporting): Promise<number> {
  const { options, operands } = parseArguments(argv, globalOptions, true);
  const { verbose, structured, version, help } = options;
  const level = logLevelOf(cli.env, verbose === true);
  reporting.structured = structured === true;
  reporting.stacks = level <= logLevels.debug;
  reporting.log = openLog(cli, level, requestId);
  reporting.log.debug({ opts: options, args: operands, cli: true }, 'cli init');
  if (version === true) return print(cli, `imgadm ${compatibleVersion}\n`);
  if (help === true) return printHelp(cli);

  const [typed, ...rest] = operands;
  const context = cli.context({ log: reporting.log });
  const { loadConfig } = await import('../../img/load-config.js');
  const config = await loadConfig(context, (line) => cli.err(`${line}\n`));
  if (typed === undefined) {
    await printHelp(cli);
    throw new SmartadmError(noCommand, 'no command');
  }
  reporting.typed = typed;
  const command = await findCommand(typed);
  const parsed = parseArguments(rest, [...command.options, helpOption]);
  if (parsed.options['help'] === true) {
    const { commandHelp } = await import('./help-text.js');
    return print(cli, commandHelp(command));
  }
  const hasBars = command.options.includes(quietOption) && parsed.options['quiet'] !== true;
  const progress = hasBars ? await progressOf(cli, context.progress) : context.progress;
  const prepared: ImgadmCli = extended(cli, { typed, config, requestId, context: () => ({ ...context, progress }) });
  return (await command.run(prepared, parsed.operands, without(parsed.options, 'help'))) ?? 0;
}

/** Bars on a terminal. */
async function progressOf(cli: Cli, otherwise: Progress): Promise<Progress> {
  if (!cli.stderr.isTTY) return otherwise;
  const { openProgress } = await import('./progress.js');
  return openProgress(cli.stderr, cli.env['TERM'] ?? '');
}

function without(options: OptionValues, name: string): OptionValues {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key !== name));
}

async function print(cli: Cli, text: string): Promise<number> {
  await cli.out(text);
  return 0;
}

async function printHelp(cli: Cli): Promise<number> {
  const { programHelp } = await import('./help-text.js');
  return print(cli, await programHelp());
}
