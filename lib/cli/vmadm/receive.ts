/** vmadm receive: takes in a VM that `vmadm send` wrote. */
import { expectStream } from '../brief.js';
import type { Command } from '../command.js';
import { payloadOption } from './input.js';

export const receive: Command = {
  name: 'receive',
  aliases: ['recv'],
  usage: 'receive [-f <filename>]',
  summary: 'makes a VM of what `vmadm send` has written, from standard input',
  // Accepted, and as ever without effect.
  options: [payloadOption],
  async run(cli) {
    const { receiveVm } = await import('../../vm/receive.js');
    await expectStream();
    const { uuid } = await receiveVm(cli.context(), cli.stdin);
    cli.err(`Successfully received VM ${uuid}\n`);
    return 0;
  },
};
