import type { InstalledImage } from '../../img/list.js';
import { valueText } from '../../img/json-values.js';
import type { ImgadmCli, ImgadmCommand } from './command.js';
import { usageError } from './errors.js';
import { dryRunOption } from './options.js';

export const vacuum: ImgadmCommand = {
  name: 'vacuum',
  usage: '[OPTIONS]',
  summary: 'Remove the installed images that nothing was made from.',
  description: 'Images that only removed images build on are removed, too.',
  options: [dryRunOption, { key: 'force', names: ['-f', '--force'], kind: 'flag', help: 'Do not ask.' }],
  async run(cli, operands, options) {
    if (operands.length > 0) throw usageError(`unexpected arguments: ${operands.join(' ')}`);
    const { removableImages, removeImages } = await import('../../img/vacuum.js');
    const images = await removableImages(cli.context());
    if (images.length === 0) return 0;
    if (options['force'] !== true && !(await confirmed(cli, images))) {
      await cli.out('Aborting\n');
      return 1;
    }
    if (options['dryRun'] === true) {
      for (const image of images) await cli.out(`[dry-run] Deleted image ${titleOf(image)}\n`);
      return 0;
    }
    const { nameAndMessage } = await import('../../img/sources/edit.js');
    const { narrationOn } = await import('./narrate.js');
    const narration = narrationOn(cli);
    try {
      await removeImages(cli.context(), images, (image, error) => {
        if (error === undefined) narration.say(`Deleted image ${titleOf(image)}`);
        else narration.say(`Error deleting image ${titleOf(image)}: ${nameAndMessage(error)}`);
      });
    } finally {
      await narration.flush();
    }
    return 0;
  },
};

function titleOf({ manifest: { uuid, name, version } }: InstalledImage): string {
  return `${uuid} (${valueText(name)}@${valueText(version)})`;
}

async function confirmed(cli: ImgadmCli, images: readonly InstalledImage[]): Promise<boolean> {
  const { confirm } = await import('./confirm.js');
  const lines = images.map((image) => `    ${titleOf(image)}\n`).join('');
  await cli.out(`This will delete the following images:\n${lines}`);
  const question = images.length === 1 ? 'Delete this image?' : `Delete these ${images.length} images?`;
  const isYes = await confirm(cli, question);
  if (isYes) await cli.out('\n');
  return isYes;
}
