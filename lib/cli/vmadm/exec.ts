/** vmadm exec: runs a program inside a running VM. */
import type { Command } from '../command.js';
import { usageError } from '../usage.js';
import { sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

export const exec: Command = {
  name: 'exec',
  usage: 'exec <uuid> [--] <program> [argument ...]',
  summary: 'runs a program inside a running zone and ends with its exit status',
  verbatim: true,
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const argv = operands.slice(operands[1] === '--' ? 2 : 1);
    if (argv.length === 0) throw usageError('Wrong number of parameters to "exec"');
    const { execInVm } = await import('../../vm/exec.js');
    const result = await sayingOfMissing(`VM ${uuid} not found`, () => execInVm(cli.context(), uuid, argv));
    await cli.out(result.stdout);
    cli.err(result.stderr);
    return result.status;
  },
};
