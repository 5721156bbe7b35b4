/** vmadm autoboot: boots the VMs that are to run whenever the host does. */
import { describeError } from '../../errors.js';
import type { Command } from '../command.js';

export const autoboot: Command = {
  name: 'autoboot',
  usage: 'autoboot',
  summary: 'boots every stopped VM whose autoboot is true',
  async run(cli) {
    const { autobootVms } = await import('../../vm/autoboot.js');
    const all = await autobootVms(cli.context(), ({ uuid, error }) => {
      cli.err(
        error === undefined
          ? `Successfully started VM ${uuid}\n`
          : `Unable to start VM ${uuid}: ${describeError(error)}\n`,
      );
    });
    return all.some(({ error }) => error !== undefined) ? 1 : 0;
  },
};
