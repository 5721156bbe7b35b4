/** vmadm start: boots a stopped VM. */
import { codeOf, describeError } from '../../errors.js';
import type { ExtraDisk, HvmBoot } from '../../host/hvm.js';
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
    const boot = bootOf(operands.slice(1));
    const { startVm } = await import('../../vm/power.js');
    try {
      await sayingOfFailure(`Unable to start VM ${uuid}`, notFoundStatus, () => startVm(cli.context(), uuid, boot));
    } catch (error) {
      if (codeOf(error) !== 'EALREADYRUNNING') throw error;
      cli.err(`${describeError(error)}\n`);
      return 0;
    }
    cli.err(`Successfully started VM ${uuid}\n`);
    return 0;
  },
};

/** What a start may be told: boot order and further disks, which kvm guests take for this boot. */
function bootOf(operands: readonly string[]): HvmBoot {
  const orders: string[] = [];
  const disks = assignments(operands).flatMap(([key, value]): ExtraDisk[] => {
    if (key === 'order') {
      orders.push(value);
      if (orders.length > 1) throw usageError("You can only specify 'order' once when starting a VM");
      return [];
    }
    if (key !== 'cdrom' && key !== 'disk') throw usageError(`Invalid argument to start: ${key}`);
    const [path = '', model = ''] = value.split(',');
    if (path === '' || model === '') throw usageError(`Parameter to ${key} must be: path,model`);
    return [{ path, model, media: key }];
  });
  const [order] = orders;
  return { ...(order === undefined ? {} : { order }), ...(disks.length === 0 ? {} : { disks }) };
}
