/** vmadm kill: sends a signal to the init of a VM. */
import type { Command, OptionValues } from '../command.js';
import { usageError } from '../usage.js';
import { notFoundStatus, sayingOfMissing } from './missing.js';
import { uuidOperand } from './operands.js';

const strictUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const kill: Command = {
  name: 'kill',
  usage: 'kill [-s SIGNAL|-SIGNAL] <uuid>',
  summary: 'sends a signal to the init process of a VM',
  options: [{ name: 'signal', aliases: ['s'], type: 'string' }],
  async run(cli, operands, options) {
    const { uuid, signal } = target(operands, options);
    const { killVm } = await import('../../vm/power.js');
    await sayingOfMissing(notFoundStatus, () => killVm(cli.context(), uuid, signal));
    cli.err(`Sent signal "${signal}" to init process for VM ${uuid}\n`);
    return 0;
  },
};

/** Whom to send what, in the order in which `vmadm(8)` makes sense of it: `kill -9 UUID` is an option 9 with a value. */
function target(operands: readonly string[], options: OptionValues): { uuid: string; signal: string } {
  const given = options['signal'];
  if (given !== undefined) {
    const uuid = uuidOperand(operands, 'kill');
    if (operands.length > 1) throw usageError('Too many arguments.');
    return { uuid, signal: String(given) };
  }
  const [first = ''] = operands;
  if (operands.length === 1 && strictUuid.test(first)) return { uuid: first, signal: 'SIGTERM' };
  const named = Object.entries(options).filter(([, value]) => typeof value === 'string' && strictUuid.test(value));
  const unexpected = Object.keys(options).filter((name) => !named.slice(0, 1).some(([taken]) => taken === name));
  if (unexpected.length > 0) throw usageError(`Unexpected args: ${JSON.stringify(unexpected)}`);
  if (operands.length > 0) throw usageError('Too many arguments.');
  const [option] = named;
  if (option === undefined) throw usageError('Invalid or missing argument UUID');
  return { uuid: String(option[1]), signal: option[0] };
}
