/** vmadm create: makes a VM from a payload. */
import type { Command } from '../command.js';
import { answering, jsonOption } from './answer.js';
import { payloadOption, readPayload } from './input.js';

export const create: Command = {
  name: 'create',
  usage: 'create [-f <filename>]',
  summary: 'makes a VM from a JSON payload',
  options: [payloadOption, jsonOption],
  run(cli, _operands, options) {
    return answering(cli, options['json'] === true, async (answer) => {
      const payload = await readPayload(cli, options['file'], 'Will not create from stdin when stdin is a tty.');
      const { createVm } = await import('../../vm/create.js');
      const result = await createVm(cli.context(), payload);
      // The first bytes on standard error: clients take the uuid from there.
      cli.err(`Successfully created VM ${result.uuid}\n`);
      await answer(result);
      return 0;
    });
  },
};
