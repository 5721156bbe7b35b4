/** vmadm install: completes a VM whose datasets were brought by hand. */
import type { Command } from '../command.js';
import { uuidOperand } from './operands.js';

export const install: Command = {
  name: 'install',
  usage: 'install <uuid>',
  summary: 'completes a VM that has been received, once its datasets are there',
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const { installVm } = await import('../../vm/install-received.js');
    await installVm(cli.context(), uuid);
    cli.err(`Successfully installed VM ${uuid}\n`);
    return 0;
  },
};
