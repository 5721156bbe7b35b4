/** `vmadm lookup`: uuids or objects of the VMs that fit. */
import { expectVms } from '../brief.js';
import type { Command } from '../command.js';
import { assignments } from './operands.js';

export const lookup: Command = {
  name: 'lookup',
  usage: 'lookup [-j|-1] [-o field,...] [field=value ...]',
  summary: 'find VMs by their properties',
  options: [
    { name: 'json', aliases: ['j'], type: 'boolean' },
    { name: 'unique', aliases: ['1'], type: 'boolean' },
    { name: 'output', aliases: ['o'], type: 'string' },
  ],
  async run(cli, operands, { json = false, unique = false, output }) {
    const { isFilterKey } = await import('../../vm/fields.js');
    const { lookupVms } = await import('../../vm/lookup.js');
    const { damagedIn } = await import('../../vm/damaged.js');
    const { vmError } = await import('../../vm/errors.js');
    const filter = new Map(assignments(operands));
    if (output !== undefined && json !== true) throw vmError('KeyInvalid', 'Cannot specify -o without -j');
    for (const key of filter.keys()) {
      if (!isFilterKey(key)) throw vmError('KeyInvalid', `Invalid lookup key: "${key}"`);
    }
    const fields = json !== true ? ['uuid'] : output === undefined ? undefined : String(output).split(',');
    // A name with dots is no member, so nothing is left of a VM for it.
    const members = fields?.filter((field) => !field.includes('.'));
    const vms = await lookupVms(await cli.context().host(), filter, members, damagedIn(cli.context()), expectVms);
    if (unique === true && vms.length !== 1) {
      throw vmError('NotUnique', `Requested unique lookup but found ${vms.length} results.`);
    }
    await cli.out(
      json === true ? `${JSON.stringify(vms, null, 2)}\n` : vms.map((vm) => `${String(vm['uuid'])}\n`).join(''),
    );
    return 0;
  },
};
