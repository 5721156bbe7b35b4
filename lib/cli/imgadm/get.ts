import type { ImgadmCommand } from './command.js';
import { oneOperand } from './errors.js';
import { poolOption } from './options.js';

export const get: ImgadmCommand = {
  name: 'get',
  aliases: ['info'],
  usage: '[OPTIONS] UUID',
  summary: 'Print what is known about an installed image.',
  options: [
    poolOption,
    { key: 'children', names: ['-r'], kind: 'flag', help: 'With its snapshots, child datasets and clones.' },
  ],
  async run(cli, operands, options) {
    const { requireUuid } = await import('../../img/errors.js');
    const { childrenOf, defaultPool, requireImage } = await import('../../img/store.js');
    const uuid = requireUuid(oneOperand(operands));
    const pool = String(options['pool'] ?? defaultPool);
    const image = await requireImage(cli.context(), pool, uuid);
    const children = options['children'] === true ? { children: await childrenOf(cli.context(), pool, uuid) } : {};
    await cli.out(`${JSON.stringify({ ...image, ...children }, null, 2)}\n`);
    return 0;
  },
};
