import { expectStream } from '../brief.js';
import type { ImgadmCommand } from './command.js';
import { oneOperand } from './errors.js';
import { poolOption, quietOption } from './options.js';

export const importCommand: ImgadmCommand = {
  name: 'import',
  usage: '[OPTIONS] UUID|NAME[:TAG]',
  summary: 'Import an image, with those it builds on, from a source.',
  options: [
    { key: 'channel', names: ['-C', '--channel'], kind: 'text', value: 'CHANNEL', help: 'Use this channel of the sources.' },
    poolOption,
    quietOption,
    { key: 'sources', names: ['-S', '--source'], kind: 'list', value: 'URL', help: 'Use this IMGAPI server instead of the sources; may be repeated.' },
    { key: 'zstream', names: ['--zstream'], kind: 'flag', help: 'The source sends uncompressed ZFS streams.' },
  ], // prettier-ignore
  async run(cli, operands, options) {
    const arg = oneOperand(operands);
    const { sourcesOf } = await import('../../img/config.js');
    const { importImage } = await import('../../img/import.js');
    const { defaultPool } = await import('../../img/store.js');
    const { connectionOf } = await import('./connection.js');
    const { strikesOf } = await import('./cosmic-rays.js');
    const { narrationOn } = await import('./narrate.js');
    const given = options['sources'] as readonly string[] | undefined;
    const narration = narrationOn(cli);
    await expectStream();
    try {
      await importImage(
        cli.context(),
        {
          arg,
          pool: String(options['pool'] ?? defaultPool),
          sources: given?.map((url) => ({ type: 'imgapi', url })) ?? sourcesOf(cli.config),
          connection: connectionOf(cli),
          uuidIsName: !cli.config.dockerImportSkipUuids,
          channel: options['channel'] as string | undefined,
          strikes: strikesOf(cli.env),
          zstream: options['zstream'] === true,
        },
        narration,
      );
    } finally {
      await narration.flush();
    }
    return 0;
  },
};
