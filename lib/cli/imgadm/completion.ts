import type { ImgadmCommand } from './command.js';

export const completion: ImgadmCommand = {
  name: 'completion',
  usage: '',
  summary: 'Print what bash needs to complete the arguments of imgadm.',
  description: 'For this shell: . <(imgadm completion)',
  options: [],
  async run(cli, operands) {
    const { usageError } = await import('./errors.js');
    if (operands.length > 0) throw usageError(`unexpected args: ${operands.join(' ')}`);
    const { completionScript } = await import('./completion-script.js');
    await cli.out(await completionScript());
    return 0;
  },
};
