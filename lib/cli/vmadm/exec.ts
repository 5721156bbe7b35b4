/** vmadm exec: runs a program inside a running VM, on the streams or the terminal of the caller. */
import type { Command } from '../command.js';
import { usageError } from '../usage.js';
import { sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

export const exec: Command = {
  name: 'exec',
  usage: 'exec [-t] <uuid> [--] <program> [argument ...]',
  summary: 'runs a program inside a running zone, with its input and output, and ends with its exit status',
  verbatim: true,
  async run(cli, args) {
    // What follows the program is its own. Input always goes along, so -i, which others ask for it by, changes nothing.
    const at = args.slice(0, 2).findIndex((arg) => /^-(?:i|t|it|ti)$/.test(arg));
    const wantsTerminal = at >= 0 && args[at] !== '-i';
    const operands = at < 0 ? args : args.toSpliced(at, 1);
    const uuid = uuidOperand(operands, cli.typed);
    const argv = operands.slice(operands[1] === '--' ? 2 : 1);
    if (argv.length === 0) throw usageError('Wrong number of parameters to "exec"');
    const { execInVm } = await import('../../vm/exec.js');
    const terminal = wantsTerminal ? { kind: cli.env['TERM'] } : undefined;
    const isRaw = wantsTerminal && cli.stdin.isTTY;
    if (isRaw) cli.stdin.setRawMode(true);
    try {
      const attach = { terminal, signals: cli.takeSignals };
      const run = () => execInVm(cli.context(), uuid, argv, { attach });
      return (await sayingOfMissing(`VM ${uuid} not found`, run)).status;
    } finally {
      if (isRaw) cli.stdin.setRawMode(false);
    }
  },
};
