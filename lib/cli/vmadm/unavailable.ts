/** Commands of `vmadm(8)` that this version does not have: they check how they were called and say so. */
import { hostError } from '../../host/errors.js';
import type { Command } from '../command.js';
import { uuidOperand } from './operands.js';

const command = (
  name: string,
  usage: string,
  options: { readonly takesUuid: boolean; readonly aliases?: readonly string[] },
): Command => ({
  name,
  aliases: options.aliases ?? [],
  usage,
  summary: 'not available in this version',
  run(cli, operands) {
    if (options.takesUuid) uuidOperand(operands, cli.typed);
    return Promise.reject(hostError('Unsupported', `${name} is not available in this version`));
  },
});

export const install = command('install', 'install <uuid>', { takesUuid: true });
export const receive = command('receive', 'receive [-f <filename>]', { takesUuid: false, aliases: ['recv'] });
export const send = command('send', 'send <uuid> [target]', { takesUuid: true });
