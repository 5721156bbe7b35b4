/** vmadm version: which version this is. */
import type { Command } from '../command.js';

export const version: Command = {
  name: 'version',
  usage: 'version',
  summary: 'prints the version of smartadm',
  async run(cli) {
    await cli.out(`smartadm ${process.env['SMARTADM_VERSION'] ?? 'from sources'}\n`);
    return 0;
  },
};
