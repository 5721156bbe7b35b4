import type { ImgadmCommand } from './command.js';
import { dryRunOption } from './options.js';

export const update: ImgadmCommand = {
  name: 'update',
  usage: '[OPTIONS] [UUID...]',
  summary: 'Bring what is known of installed images up to date with the sources.',
  description:
    'Takes over the manifests of the sources, and gives the snapshot that an image came with the name @final\n' +
    'where it has another.',
  options: [dryRunOption],
  async run(cli, uuids, options) {
    const { sourcesOf } = await import('../../img/config.js');
    const { updateImages } = await import('../../img/update.js');
    const { connectionOf } = await import('./connection.js');
    const { narrationOn } = await import('./narrate.js');
    const narration = narrationOn(cli);
    try {
      const dryRun = options['dryRun'] === true;
      const request = { uuids, dryRun, sources: sourcesOf(cli.config), connection: connectionOf(cli) };
      await updateImages(cli.context(), request, narration);
    } finally {
      await narration.flush();
    }
    return 0;
  },
};
