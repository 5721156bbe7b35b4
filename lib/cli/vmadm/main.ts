/** vmadm: from arguments to exit status. The program is commander's; the grammar after a command's name is the inherited one. */
import { Command as Program } from 'commander';
import { SmartadmError, codeOf, describeError } from '../../errors.js';
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
  let status = 0;
  const program = new Program('vmadm').exitOverride().helpOption(false).helpCommand(false);
  for (const entry of commands) {
    program
      .command(entry.name)
      .aliases(entry.aliases ?? [])
      .helpOption(false)
      .argument('[arguments...]')
      .action(async (args: string[]) => {
        status = await run(entry, { ...cli, typed }, args);
      });
  }
  const isKnown = program.commands.some((command) => command.name() === typed || command.aliases().includes(typed));
  if (!isKnown) return usage(cli, `Invalid command: "${typed}".`);
  // All that follows is for the command's own grammar, so commander is told that its options have ended.
  await program.parseAsync([typed, '--', ...rest], { from: 'user' });
  return status;
}

async function run(entry: CommandEntry, cli: Cli, args: readonly string[]): Promise<number> {
  const log = openLog(cli, !reading.has(entry.name));
  try {
    const command: Command = await entry.load();
    const { operands, options } = parseArguments(command, args);
    log.info({ command: entry.name, operands: operands.length }, 'vmadm begins');
    const context = cli.context({ log });
    const status = (await command.run({ ...cli, context: () => context }, operands, options)) ?? 0;
    log.info({ status }, 'vmadm ends');
    return status;
  } catch (error) {
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
