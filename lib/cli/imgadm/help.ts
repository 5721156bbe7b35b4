import type { ImgadmCommand } from './command.js';

export const help: ImgadmCommand = {
  name: 'help',
  aliases: ['?'],
  usage: '[COMMAND]',
  summary: 'Help on imgadm or one of its commands.',
  options: [],
  async run(cli, [topic]) {
    const { commandHelp, programHelp } = await import('./help-text.js');
    const { findCommand } = await import('./commands.js');
    await cli.out(topic === undefined ? await programHelp() : commandHelp(await findCommand(topic)));
    return 0;
  },
};
