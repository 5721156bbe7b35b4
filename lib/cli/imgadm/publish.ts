import type { ImgadmCommand } from './command.js';
import { oneOperand, requiredOption, usageError } from './errors.js';
import { quietOption } from './options.js';

export const publish: ImgadmCommand = {
  name: 'publish',
  usage: '[OPTIONS] -m MANIFEST -f FILE URL',
  summary: 'Publish an image on an IMGAPI server.',
  description: 'What a failed attempt left on the server is removed.',
  options: [
    { key: 'manifest', names: ['-m'], kind: 'text', value: 'MANIFEST', help: 'Image manifest, JSON.' },
    { key: 'file', names: ['-f'], kind: 'text', value: 'FILE', help: 'Image file, compressed as the manifest says.' },
    quietOption,
  ],
  async run(cli, operands, options) {
    const url = oneOperand(operands);
    const manifestPath = requiredOption(options['manifest'], '-m <manifest> (string)');
    const file = requiredOption(options['file'], '-f <file> (string)');
    const { existsSync } = await import('node:fs');
    if (!existsSync(manifestPath)) throw usageError(`manifest path does not exist: "${manifestPath}"`);
    if (!existsSync(file)) throw usageError(`file path does not exist: "${file}"`);
    const { imgError } = await import('../../img/errors.js');
    const { isFields } = await import('../../img/manifest.js');
    const { publishImage } = await import('../../img/publish.js');
    const { connectionOf } = await import('./connection.js');
    const { readManifestFile } = await import('./manifest-file.js');
    const { narrationOn } = await import('./narrate.js');
    const manifest = await readManifestFile(manifestPath);
    if (!isFields(manifest)) throw imgError('InvalidManifest', 'manifest is invalid: it is not an object');
    const narration = narrationOn(cli);
    try {
      await publishImage(cli.context(), { manifest, file, url, connection: connectionOf(cli) }, narration);
      narration.say(`Successfully published image ${String(manifest['uuid'])} to ${url}`);
    } finally {
      await narration.flush();
    }
    return 0;
  },
};
