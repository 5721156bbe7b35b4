/** vmadm exec: runs a program inside a running VM, on the streams or the terminal of the caller. */
import type { Command } from '../command.js';
import { usageError } from '../usage.js';
import { sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

export const exec: Command = {
  name: 'exec',
  usage: 'exec [-t] <uuid> [--] <program> [argument ...]',
  summary: 'runs a program inside a running zone, with its input and output, and ends with its exit status',
  options: [
    { name: 'tty', aliases: ['t'], type: 'boolean' },
    // As it is anyway: the program gets our input.
    { name: 'interactive', aliases: ['i'], type: 'boolean' },
  ],
  verbatim: true,
  async run(cli, args) {
    // What follows the program is its own.
    const argv = [...args];
    const before = takeOptions(argv);
    const uuid = uuidOperand(argv.splice(0, 1), cli.typed);
    const wantsTerminal = takeOptions(argv) || before;
    if (argv[0] === '--') argv.shift();
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

/** Takes the options at the front away; whether a terminal is among what they ask for. */
function takeOptions(args: string[]): boolean {
  const end = args.findIndex((arg) => !/^-(?:[it]+|-tty|-interactive)$/.test(arg));
  return args.splice(0, end < 0 ? args.length : end).some((arg) => arg === '--tty' || /^-i*t/.test(arg));
}
