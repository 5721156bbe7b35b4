/** vmadm schema: what payloads and VMs look like, as JSON Schema. */
import type { Command } from '../command.js';
import { usageError } from '../usage.js';

export const schema: Command = {
  name: 'schema',
  usage: 'schema <create|update|vm> [brand]',
  summary: 'prints the JSON Schema of payloads or VMs',
  async run(cli, operands) {
    const [wanted, brandOperand] = operands;
    const { publishedKinds, publishedSchema } = await import('../../schema/published.js');
    const { brands } = await import('../../schema/property.js');
    const kind = publishedKinds.find((one) => one === wanted);
    if (kind === undefined) throw usageError(`schema needs one of: ${publishedKinds.join(', ')}`);
    const brand = brands.find((one) => one === brandOperand);
    if (brandOperand !== undefined && brand === undefined) {
      throw usageError(`schema knows these brands: ${brands.join(', ')}`);
    }
    await cli.out(`${JSON.stringify(publishedSchema(kind, brand), null, 2)}\n`);
    return 0;
  },
};
