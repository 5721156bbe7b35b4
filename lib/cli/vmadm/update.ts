/** vmadm update: changes a VM. */
import type { Command } from '../command.js';
import { answering, jsonOption } from './answer.js';
import { payloadOption, readPayload } from './input.js';
import { sayingOfMissing } from './missing.js';
import { assignments, uuidOperand } from './operands.js';

export const update: Command = {
  name: 'update',
  usage: 'update <uuid> [-f <filename>]',
  summary: 'changes properties of a VM',
  options: [payloadOption, jsonOption],
  run(cli, operands, options) {
    return answering(cli, options['json'] === true, async (answer) => {
      const uuid = uuidOperand(operands, cli.typed);
      const pairs = assignments(operands.slice(1));
      const payload =
        pairs.length > 0
          ? Object.fromEntries(pairs)
          : await readPayload(cli, options['file'], 'Will not update from stdin when stdin is a tty.');
      const { updateVm } = await import('../../vm/update.js');
      const result = await sayingOfMissing(`VM ${uuid} not found`, () => updateVm(cli.context(), uuid, payload));
      cli.err(`Successfully updated VM ${uuid}\n`);
      await answer(result);
      return 0;
    });
  },
};
