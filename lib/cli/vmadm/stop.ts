/** vmadm stop: shuts a VM down, or ends it at once. */
import { codeOf, describeError } from '../../errors.js';
import type { Command } from '../command.js';
import { notFoundStatus, sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

export const stop: Command = {
  name: 'stop',
  aliases: ['halt'],
  usage: 'stop <uuid> [-F] [-t timeout]',
  summary: 'shuts a VM down',
  options: [
    { name: 'force', letters: { F: 'true' }, type: 'boolean' },
    { name: 'timeout', aliases: ['t'], type: 'number' },
  ],
  async run(cli, operands, options) {
    const uuid = uuidOperand(operands, 'stop');
    const force = options['force'] === true;
    const timeout = typeof options['timeout'] === 'number' ? options['timeout'] : undefined;
    const { stopVm } = await import('../../vm/power.js');
    const missing = force ? notFoundStatus : `VM ${uuid} not found`;
    try {
      await sayingOfMissing(missing, () => stopVm(cli.context(), uuid, { force, timeout }));
    } catch (error) {
      if (codeOf(error) !== 'ENOTRUNNING') throw error;
      cli.err(`${describeError(error)}\n`);
      return 0;
    }
    cli.err(`Successfully completed stop for VM ${uuid}\n`);
    return 0;
  },
};
