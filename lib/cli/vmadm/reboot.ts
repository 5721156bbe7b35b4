/** vmadm reboot: reboots a running VM. */
import type { Command } from '../command.js';
import { notFoundStatus, sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

export const reboot: Command = {
  name: 'reboot',
  usage: 'reboot <uuid> [-F]',
  summary: 'reboots a running VM',
  options: [
    { name: 'force', letters: { F: 'true' }, type: 'boolean' },
    // Has no effect.
    { name: 'timeout', aliases: ['t'], type: 'number' },
  ],
  async run(cli, operands, options) {
    const uuid = uuidOperand(operands, cli.typed);
    const { rebootVm } = await import('../../vm/power.js');
    await sayingOfMissing(notFoundStatus, () => rebootVm(cli.context(), uuid, { force: options['force'] === true }));
    cli.err(`Successfully completed reboot for VM ${uuid}\n`);
    return 0;
  },
};
