/** vmadm validate: judges a payload without acting on it. */
import type { Command } from '../command.js';
import { usageError } from '../usage.js';
import { answering, jsonOption } from './answer.js';
import { payloadOption, readPayload } from './input.js';

export const validate: Command = {
  name: 'validate',
  usage: 'validate create [-f <filename>]',
  summary: 'says what is wrong with a payload',
  options: [payloadOption, jsonOption],
  run(cli, operands, options) {
    return answering(cli, options['json'] === true, async (answer) => {
      const file = options['file'];
      const onTerminal = 'Will not validate from stdin when stdin is a tty.';
      if ((file === undefined || file === '-') && cli.stdin.isTTY) throw usageError(onTerminal);
      const [action, brandOperand] = operands;
      if (action === undefined) throw usageError('Will not validate without a valid action.');
      if (action === 'update' && operands.length !== 2) {
        throw usageError('Will not validate without a valid action and brand.');
      }
      const payload = await readPayload(cli, file, onTerminal);
      const [{ validatePayload }, { payloadFacts }] = await Promise.all([
        import('../../vm/validate.js'),
        import('../../vm/facts.js'),
      ]);
      const facts = await payloadFacts(cli.context());
      const brand = action === 'update' ? brandOperand : brandIn(payload);
      const findings = await validatePayload(payload, action, brand, facts);
      if (findings === null) cli.err(`VALID '${action}' payload for ${String(brand)} brand VMs.\n`);
      else cli.err(`${JSON.stringify(findings, null, 2)}\n`);
      if (options['json'] === true) {
        const { rehearse } = await import('../../vm/rehearse.js');
        await answer(await rehearse(payload, action, brand, findings, facts));
      }
      return findings === null ? 0 : 1;
    });
  },
};

function brandIn(payload: unknown): string | undefined {
  const brand = typeof payload === 'object' && payload !== null && 'brand' in payload ? payload.brand : undefined;
  return typeof brand === 'string' ? brand : undefined;
}
