import type { ImgadmCommand } from './command.js';
import { oneOperand } from './errors.js';
import { poolOption } from './options.js';

export const deleteCommand: ImgadmCommand = {
  name: 'delete',
  aliases: ['destroy'],
  usage: '[OPTIONS] UUID',
  summary: 'Remove an installed image.',
  description: 'Refused while a machine or another image was made from it.',
  options: [poolOption],
  async run(cli, operands, options) {
    const uuid = oneOperand(operands);
    const { deleteImage } = await import('../../img/delete.js');
    const { defaultPool } = await import('../../img/store.js');
    await deleteImage(cli.context(), String(options['pool'] ?? defaultPool), uuid);
    await cli.out(`Deleted image ${uuid}\n`);
    return 0;
  },
};
