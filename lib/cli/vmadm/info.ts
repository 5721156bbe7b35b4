/** vmadm info and sysrq: questions and requests to the hypervisor of a running VM. */
import type { Command } from '../command.js';
import { usageError } from '../usage.js';
import { notFoundStatus, sayingOfFailure, sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

export const info: Command = {
  name: 'info',
  usage: 'info <uuid> [type,...]',
  summary: 'prints what the hypervisor knows about a running VM',
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const types = operands.slice(1).flatMap((operand) => operand.split(','));
    const { vmInfo } = await import('../../vm/info.js');
    const failed = `Unable to get VM info for VM ${uuid}`;
    const result = await sayingOfFailure(failed, notFoundStatus, () => vmInfo(cli.context(), uuid, types));
    await cli.out(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  },
};

const requests = { nmi: 'NMI', screenshot: 'screenshot sysrq' } as const;

export const sysrq: Command = {
  name: 'sysrq',
  aliases: ['sysreq'],
  usage: 'sysrq <uuid> <nmi|screenshot>',
  summary: 'sends a request to the hypervisor of a running VM',
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const [, request] = operands;
    if (request === undefined || operands.length !== 2) throw usageError('Wrong number of parameters to "sysrq"');
    if (request !== 'nmi' && request !== 'screenshot') throw usageError(`Invalid sysrq type: ${request}`);
    const { sendSysrq } = await import('../../vm/info.js');
    await sayingOfMissing(notFoundStatus, () => sendSysrq(cli.context(), uuid, request));
    cli.err(`Sent ${requests[request]} to VM ${uuid}\n`);
    return 0;
  },
};
