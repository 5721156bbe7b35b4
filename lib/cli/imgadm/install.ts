import { expectStream } from '../brief.js';
import type { ImgadmCommand } from './command.js';
import { requiredOption, usageError } from './errors.js';
import { poolOption, quietOption } from './options.js';

export const install: ImgadmCommand = {
  name: 'install',
  usage: '[OPTIONS] -m MANIFEST -f FILE',
  summary: 'Install an image from a manifest and a file.',
  options: [
    { key: 'manifest', names: ['-m'], kind: 'text', value: 'MANIFEST', help: 'Image manifest, JSON.' },
    { key: 'file', names: ['-f'], kind: 'text', value: 'FILE', help: 'Image file, compressed as the manifest says.' },
    poolOption,
    quietOption,
  ],
  async run(cli, operands, options) {
    if (operands.length > 0) throw usageError(`unexpected args (${operands.length}): "${operands.join(' ')}"`);
    const manifestPath = requiredOption(options['manifest'], '-m <manifest> (string)');
    const file = requiredOption(options['file'], '-f <file> (string)');
    const { existsSync, statSync } = await import('node:fs');
    if (!existsSync(manifestPath)) throw usageError(`manifest path does not exist: "${manifestPath}"`);
    if (!existsSync(file)) throw usageError(`file path does not exist: "${file}"`);
    const { installImage } = await import('../../img/install.js');
    const { defaultPool } = await import('../../img/store.js');
    const { readManifestFile } = await import('./manifest-file.js');
    const { narrationOn } = await import('./narrate.js');
    const manifest = await readManifestFile(manifestPath);
    const narration = narrationOn(cli);
    await expectStream(statSync(file).size);
    try {
      const pool = String(options['pool'] ?? defaultPool);
      await installImage(cli.context(), { manifest, file, pool }, narration);
    } finally {
      await narration.flush();
    }
    return 0;
  },
};
