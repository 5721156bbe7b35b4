/** `vmadm get UUID`: a VM as JSON. */
import type { Command } from '../command.js';
import { uuidOperand } from './operands.js';

export const get: Command = {
  name: 'get',
  aliases: ['json'],
  usage: 'get <uuid>',
  summary: 'print a VM as JSON',
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const { findVm } = await import('../../vm/load.js');
    const { damagedIn } = await import('../../vm/damaged.js');
    const { vmError } = await import('../../vm/errors.js');
    const vm = await findVm(await cli.context().host(), uuid, undefined, damagedIn(cli.context()));
    // Clients look for the words of zoneadm (`vmadm(8)`).
    if (vm === undefined) throw vmError('VmNotFound', `zoneadm: ${uuid}: No such zone configured`);
    await cli.out(`${JSON.stringify(vm, null, 2)}\n`);
    return 0;
  },
};
