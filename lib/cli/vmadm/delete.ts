/** vmadm delete: removes a VM and all that is its own. */
import type { Command } from '../command.js';
import { sayingOfFailure } from './missing.js';
import { uuidOperand } from './operands.js';

export const deleteCommand: Command = {
  name: 'delete',
  aliases: ['destroy'],
  usage: 'delete <uuid>',
  summary: 'removes a VM and its data',
  // Clients send -F, which the original takes for an option that swallows the uuid. Delete always ends the VM.
  options: [{ name: 'force', aliases: ['F'], type: 'boolean' }],
  async run(cli, operands) {
    const uuid = uuidOperand(operands, cli.typed);
    const { deleteVm } = await import('../../vm/delete.js');
    const failed = `Failed to delete VM ${uuid}`;
    await sayingOfFailure(failed, `VM ${uuid} not found`, () => deleteVm(cli.context(), uuid));
    cli.err(`Successfully deleted VM ${uuid}\n`);
    return 0;
  },
};
