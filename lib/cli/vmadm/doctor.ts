/** vmadm doctor: what of this host is as the programs need it, and what is not. */
import chalk from 'chalk';
import Table from 'cli-table3';
import type { Finding } from '../../host/finding.js';
import type { Command } from '../command.js';

const marks = { right: '✓', absent: '-', wrong: '✗' } as const;

export const doctor: Command = {
  name: 'doctor',
  usage: 'doctor [-j]',
  summary: 'examines this host and says what is missing; changes nothing',
  options: [{ name: 'json', aliases: ['j'], type: 'boolean' }],
  async run(cli, _operands, options) {
    const { examineHost } = await import('../../host/open.js');
    const findings = await examineHost(cli.context().root);
    await cli.out(options['json'] === true ? `${JSON.stringify(findings, null, 2)}\n` : `${toTable(findings)}\n`);
    return findings.some(({ state }) => state === 'wrong') ? 1 : 0;
  },
};

function toTable(findings: readonly Finding[]): string {
  const borders = [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
  ];
  const table = new Table({
    chars: { ...Object.fromEntries(borders.map((name) => [name, ''])), middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  const colours = { right: chalk.green, absent: chalk.yellow, wrong: chalk.red } as const;
  for (const { area, subject, state, found, remedy } of findings) {
    table.push([colours[state](marks[state]), area, subject, remedy === undefined ? found : `${found}: ${remedy}`]);
  }
  return table.toString().replace(/ +$/gm, '');
}
