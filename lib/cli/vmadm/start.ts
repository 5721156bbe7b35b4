/** vmadm start: boots a stopped VM. */
import { codeOf, describeError } from '../../errors.js';
import type { Command } from '../command.js';
import { usageError } from '../usage.js';
import { notFoundStatus, sayingOfFailure } from './missing.js';
import { assignments, uuidOperand } from './operands.js';

export const start: Command = {
  name: 'start',
  aliases: ['boot'],
  usage: 'start <uuid> [option=value ...]',
  summary: 'boots a stopped VM',
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    checkBootOptions(operands.slice(1));
    const { startVm } = await import('../../vm/power.js');
    try {
      await sayingOfFailure(`Unable to start VM ${uuid}`, notFoundStatus, () => startVm(cli.context(), uuid));
    } catch (error) {
      if (codeOf(error) !== 'EALREADYRUNNING') throw error;
      cli.err(`${describeError(error)}\n`);
      return 0;
    }
    cli.err(`Successfully started VM ${uuid}\n`);
    return 0;
  },
};

/** What a start may be told: boot order and further disks, for hardware virtual machines only. */
function checkBootOptions(operands: readonly string[]): void {
  let order = 0;
  for (const [key, value] of assignments(operands)) {
    if (key === 'order') {
      order += 1;
      if (order > 1) throw usageError("You can only specify 'order' once when starting a VM");
    } else if (key === 'cdrom' || key === 'disk') {
      const [path = '', model = ''] = value.split(',');
      if (path === '' || model === '') throw usageError(`Parameter to ${key} must be: path,model`);
    } else {
      throw usageError(`Invalid argument to start: ${key}`);
    }
  }
}
