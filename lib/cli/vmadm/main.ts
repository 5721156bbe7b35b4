/** vmadm: from arguments to exit status. The grammar after a command's name is the inherited one. */
import { SmartadmError, codeOf, describeError } from '../../errors.js';
import type { Context } from '../../context.js';
import type { Cli, Command } from '../command.js';
import { parseArguments } from './arguments.js';
import { commands, type CommandEntry } from './commands.js';
import type { Log } from '../../log.js';
import { openLog } from './log.js';
import { usageText } from './usage-text.js';
import { usageStatus } from '../usage.js';

/** Commands that only read: they leave a log file only when something goes wrong (`vmadm-cli`, files). */
const reading: ReadonlySet<string> = new Set([
  'console',
  'get',
  'info',
  'list',
  'lookup',
  'schema',
  'validate',
  'version',
]);

/** Runs vmadm. Never throws: what goes wrong is printed on standard error and told by the result. */
export async function vmadm(argv: readonly string[], cli: Cli): Promise<number> {
  const [typed = '', ...rest] = argv;
  if (typed === '' || typed === '-h' || typed === '-?' || typed === 'help') return usage(cli);
  // A command by its own name needs no program to find it, and most of our start goes into loading one.
  const named = commands.find((command) => command.name === typed);
  const entry = named ?? (typed.startsWith('-') ? undefined : await (await import('./dispatch.js')).dispatch(typed));
  if (entry === undefined) return usage(cli, `Invalid command: "${typed}".`);
  return run(entry, extended(cli, { typed }), rest);
}

/** As `cli` but for some members; a copy would make the streams that it has. */
function extended(cli: Cli, members: Partial<Cli>): Cli {
  return Object.assign(Object.create(cli) as Cli, members);
}

async function run(entry: CommandEntry, cli: Cli, args: readonly string[]): Promise<number> {
  const log = openLog(cli, !reading.has(entry.name));
  // Clients take the first words of a command that succeeds for its outcome, and the last line of one that fails.
  const warnings: string[] = [];
  const warn = () => {
    for (const warning of warnings.splice(0)) cli.err(`warning: ${warning}\n`);
  };
  try {
    const command: Command = await entry.load();
    const { operands, options } = parseArguments(command, args);
    log.info({ command: entry.name, operands: operands.length }, 'vmadm begins');
    const context: Context = { ...cli.context({ log }), warn: (warning) => void warnings.push(warning) };
    const status = (await command.run(extended(cli, { context: () => context }), operands, options)) ?? 0;
    warn();
    return status;
  } catch (error) {
    warn();
    return report(error, cli, log);
  }
}

function report(error: unknown, cli: Cli, log: Log): number {
  if (codeOf(error) === 'Usage') return usage(cli, error instanceof Error ? error.message : '');
  log.error({ err: error }, 'vmadm failed');
  // One line, since clients take the last one for the message.
  const hint = error instanceof SmartadmError && error.hint !== undefined ? ` (${error.hint})` : '';
  cli.err(`${describeError(error)}${hint}\n`);
  return error instanceof SmartadmError ? error.exitStatus : 1;
}

function usage(cli: Cli, message = ''): number {
  cli.err((message === '' ? '' : `${message}\n`) + usageText());
  return usageStatus;
}
