/** `vmadm list`: a table of VMs. */
import { expectVms } from '../brief.js';
import type { Cli, Command } from '../command.js';
import { assignments } from './operands.js';
import { colonLines, table, type TablePaint } from './table.js';

const defaultOrder = 'uuid,type,ram,state,alias';
const defaultSort = 'ram,uuid';
/** The original leaves equal rows in the order of its sorting algorithm. */
const tieBreakers = defaultSort.split(',');

export const list: Command = {
  name: 'list',
  usage: 'list [-p] [-H] [-o field,...] [-s field,...] [field=value ...]',
  summary: 'list VMs',
  options: [
    { name: 'order', aliases: ['o'], type: 'string' },
    { name: 'sortby', aliases: ['s'], type: 'string' },
    { name: 'parsable', aliases: ['p'], type: 'boolean' },
    { name: 'header', letters: { H: 'false', h: 'true' }, type: 'boolean' },
  ],
  async run(
    cli,
    operands,
    { order = defaultOrder, sortby = defaultSort, parsable = false, header = parsable !== true },
  ) {
    const { isFilterKey, isWildcard, listField } = await import('../../vm/fields.js');
    const { lookupVms, sortVms, textOf, valueAt } = await import('../../vm/lookup.js');
    const { damagedIn } = await import('../../vm/damaged.js');
    const { vmError } = await import('../../vm/errors.js');
    const filter = new Map(assignments(operands));
    const columns = String(order).split(',');
    const sortKeys = String(sortby).split(',');
    const refuse = (message: string) => vmError('KeyInvalid', message);

    for (const key of filter.keys()) if (!isFilterKey(key)) throw refuse(`Invalid filter key: "${key}"`);
    for (const key of columns) if (isWildcard(key)) throw refuse(`Invalid order key: "${key}"`);
    for (const key of sortKeys) if (isWildcard(key)) throw refuse(`Invalid sort key: "${key}"`);
    const vms = await lookupVms(await cli.context().host(), filter, columns, damagedIn(cli.context()), expectVms);
    for (const key of sortKeys) {
      if (listField(key.replace(/^[-+]/, '')) === undefined) throw refuse(`invalid sort field: ${key}`);
    }
    const fields = columns.map((key) => {
      const field = listField(key);
      if (field === undefined) throw refuse(`invalid order field: ${key}`);
      return field;
    });

    // Only 0 is printed of the values that mean "nothing".
    const cell = (value: unknown) => (value === 0 || Boolean(value) ? textOf(value) : '');
    const rows = sortVms(vms, [...sortKeys, ...tieBreakers]).map((vm) =>
      fields.map(({ key }) => cell(valueAt(vm, key))),
    );
    if (parsable === true) await cli.out(colonLines(fields, rows, header === true));
    else await cli.out(table(fields, rows, header === true, await paintFor(cli)));
    return 0;
  },
};

/** Colours for a terminal that has some (`NO_COLOR` and its like are honoured); none in a pipe. */
async function paintFor(cli: Cli): Promise<TablePaint | undefined> {
  if (cli.outIsPlain === true || !cli.stdout.isTTY) return undefined;
  const { default: chalk } = await import('chalk');
  const states: Readonly<Record<string, (text: string) => string>> = {
    running: chalk.green, stopped: chalk.dim, failed: chalk.red, provisioning: chalk.yellow, incomplete: chalk.red,
  }; // prettier-ignore
  return {
    header: chalk.bold,
    cell: ({ header }, text, padded) => (header === 'STATE' ? (states[text]?.(padded) ?? padded) : padded),
  };
}
