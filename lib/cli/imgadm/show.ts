import type { ImgadmCommand } from './command.js';
import { oneOperand } from './errors.js';

export const show: ImgadmCommand = {
  name: 'show',
  usage: 'UUID|NAME[:TAG]',
  summary: 'Print the manifest of an image of the sources.',
  options: [],
  async run(cli, operands) {
    const arg = oneOperand(operands);
    const { sourcesOf } = await import('../../img/config.js');
    const { imgError } = await import('../../img/errors.js');
    const { findInSources, openSources } = await import('../../img/sources/search.js');
    const { connectionOf } = await import('./connection.js');
    const sources = await openSources(sourcesOf(cli.config), connectionOf(cli));
    const found = await findInSources(cli.context(), sources, {
      arg,
      activeOnly: false,
      uuidIsName: !cli.config.dockerImportSkipUuids,
    });
    if (found === undefined) throw imgError('ImageNotFound', `image "${arg}" was not found`);
    await cli.out(`${JSON.stringify(found.image.given, null, 2)}\n`);
    return 0;
  },
};
