import type { ImgadmCommand } from './command.js';
import { oneOperand } from './errors.js';
import { fieldsOption, jsonOption, noHeaderOption, poolOption } from './options.js';

const defaultFields = 'uuid,name,version,published';

export const ancestry: ImgadmCommand = {
  name: 'ancestry',
  usage: '[OPTIONS] UUID',
  summary: 'List an installed image and the images that it builds on.',
  options: [jsonOption, noHeaderOption, fieldsOption(defaultFields), poolOption],
  async run(cli, operands, options) {
    const uuid = oneOperand(operands);
    const { imgError, isUuid, withoutCode } = await import('../../img/errors.js');
    if (!isUuid(uuid)) throw imgError('InvalidUUID', 'uuid (uuid) is required', { info: withoutCode });
    const { installedAncestry } = await import('../../img/ancestry.js');
    const { defaultPool } = await import('../../img/store.js');
    const chain = await installedAncestry(cli.context(), String(options['pool'] ?? defaultPool), uuid);
    if (options['json'] === true) {
      await cli.out(`${JSON.stringify(chain, null, 2)}\n`);
      return 0;
    }
    const { rowOf } = await import('./rows.js');
    const { fieldList, renderTable } = await import('./table.js');
    const columns = fieldList(String(options['fields'] ?? defaultFields));
    await cli.out(renderTable(chain.map(rowOf), { columns, header: options['noHeader'] !== true })); // prettier-ignore
    return 0;
  },
};
