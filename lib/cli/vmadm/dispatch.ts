/** Other names of commands, and what is none, as commander tells them. */
import { Command as Program } from 'commander';
import { commands, type CommandEntry } from './commands.js';

/** The command that `typed` calls. */
export async function dispatch(typed: string): Promise<CommandEntry | undefined> {
  let found: CommandEntry | undefined;
  const program = new Program('vmadm').exitOverride().helpOption(false).helpCommand(false);
  for (const entry of commands) {
    program.command(entry.name).aliases(entry.aliases ?? []).helpOption(false).action(() => {
      found = entry;
    }); // prettier-ignore
  }
  const isKnown = program.commands.some((command) => command.name() === typed || command.aliases().includes(typed));
  if (isKnown) await program.parseAsync([typed], { from: 'user' });
  return found;
}
