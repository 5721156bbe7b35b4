/** vmadm reprovision: puts a VM onto another image. */
import type { Command } from '../command.js';
import { payloadOption, readPayload } from './input.js';
import { sayingOfFailure } from './missing.js';
import { uuidOperand } from './operands.js';

export const reprovision: Command = {
  name: 'reprovision',
  usage: 'reprovision <uuid> [-f <filename>]',
  summary: 'puts a VM onto another image, keeping all but its root',
  options: [payloadOption],
  async run(cli, operands, options) {
    const uuid = uuidOperand(operands, cli.typed);
    const onTerminal = 'Will not take payload from stdin when stdin is a tty.';
    const payload = await readPayload(cli, options['file'], onTerminal);
    const { reprovisionVm } = await import('../../vm/reprovision.js');
    await sayingOfFailure(`Failed to reprovision VM ${uuid}`, `VM ${uuid} not found`, () =>
      reprovisionVm(cli.context(), uuid, payload),
    );
    cli.err(`Successfully reprovisioned VM ${uuid}\n`);
    return 0;
  },
};
