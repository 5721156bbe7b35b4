import type { ImgadmCommand } from './command.js';
import { fieldsOption, filterHelp, jsonOption, listedFields, listedOrder, noHeaderOption, sortOption } from './options.js'; // prettier-ignore

export const list: ImgadmCommand = {
  name: 'list',
  usage: '[OPTIONS] [FIELD=VALUE...]',
  summary: 'List installed images.',
  description: filterHelp,
  options: [
    jsonOption,
    noHeaderOption,
    fieldsOption(listedFields),
    sortOption(listedOrder),
    { key: 'docker', names: ['--docker'], kind: 'flag', help: 'Only Docker images, a line for each tag.' },
  ],
  async run(cli, operands, options) {
    const [{ listImages }, { parseFilter }] = await Promise.all([import('../../img/list.js'), import('./rows.js')]);
    const docker = options['docker'] === true;
    const filters = [...operands, ...(docker ? ['type=docker'] : [])].map(parseFilter);
    const images = await listImages(cli.context());
    if (docker && options['json'] !== true) {
      const { printDockerImages } = await import('./print-docker-images.js');
      await printDockerImages(cli, images, filters, options['noHeader'] !== true);
    } else {
      const { printImages } = await import('./print-images.js');
      await printImages(cli, images, filters, options);
    }
    return 0;
  },
};
