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
    const disks = extraDisks(operands.slice(1));
    const { startVm } = await import('../../vm/power.js');
    try {
      await sayingOfFailure(`Unable to start VM ${uuid}`, notFoundStatus, () => startVm(cli.context(), uuid, disks));
    } catch (error) {
      if (codeOf(error) !== 'EALREADYRUNNING') throw error;
      cli.err(`${describeError(error)}\n`);
      return 0;
    }
    cli.err(`Successfully started VM ${uuid}\n`);
    return 0;
  },
};

/** What a start may be told: boot order and further disks, which hardware virtual machines take. */
function extraDisks(operands: readonly string[]): readonly { readonly path: string; readonly model: string }[] {
  let order = 0;
  return assignments(operands).flatMap(([key, value]) => {
    if (key === 'order') {
      order += 1;
      if (order > 1) throw usageError("You can only specify 'order' once when starting a VM");
      return [];
    }
    if (key !== 'cdrom' && key !== 'disk') throw usageError(`Invalid argument to start: ${key}`);
    const [path = '', model = ''] = value.split(',');
    if (path === '' || model === '') throw usageError(`Parameter to ${key} must be: path,model`);
    return [{ path, model }];
  });
}
