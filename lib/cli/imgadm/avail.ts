import type { ImgadmCommand } from './command.js';
import { fieldsOption, filterHelp, jsonOption, listedFields, listedOrder, noHeaderOption, sortOption } from './options.js'; // prettier-ignore

export const avail: ImgadmCommand = {
  name: 'avail',
  aliases: ['available'],
  usage: '[OPTIONS] [FIELD=VALUE...]',
  summary: 'List the images that the sources offer.',
  description: filterHelp,
  options: [jsonOption, noHeaderOption, fieldsOption(listedFields), sortOption(listedOrder)],
  async run(cli, operands, options) {
    const { parseFilter } = await import('./rows.js');
    const filters = operands.map(parseFilter);
    const { sourcesOf } = await import('../../img/config.js');
    const { listSources, openSources } = await import('../../img/sources/search.js');
    const { connectionOf } = await import('./connection.js');
    const sources = await openSources(sourcesOf(cli.config), connectionOf(cli));
    const { images, error } = await listSources(cli.context(), sources);
    const { printImages } = await import('./print-images.js');
    await printImages(cli, images, filters, options);
    // What the others answered has been printed.
    if (error !== undefined) throw error;
    return 0;
  },
};
