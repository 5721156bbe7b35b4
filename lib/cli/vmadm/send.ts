/** vmadm send: a VM as a stream for another host. */
import { SmartadmError } from '../../errors.js';
import type { Command } from '../command.js';
import { notFoundStatus, sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

export const send: Command = {
  name: 'send',
  usage: 'send <uuid> [target]',
  summary: 'stops a VM and writes it to standard output, for `vmadm receive` on another host',
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    if (cli.stdout.isTTY) throw new SmartadmError('OutputIsTerminal', 'Cannot send VM to a TTY.');
    const { sendVm } = await import('../../vm/send.js');
    await sayingOfMissing(notFoundStatus, () => sendVm(cli.context(), uuid, cli.stdout));
    cli.err(`Successfully sent VM ${uuid}\n`);
    return 0;
  },
};
