/** vmadm events: what happens to VMs, line by line until it is interrupted. */
import type { VmEvent } from '../../vm/events.js';
import type { Cli, Command } from '../command.js';
import { isUuidShaped } from './operands.js';

/** Aliases are cut to so many characters. */
const aliasWidth = 30;

export const events: Command = {
  name: 'events',
  usage: 'events [-fjr] [uuid]',
  summary: 'prints what happens to VMs',
  options: [
    { name: 'full', aliases: ['f'], type: 'boolean' },
    { name: 'json', aliases: ['j'], type: 'boolean' },
    { name: 'ready', aliases: ['r'], type: 'boolean' },
  ],
  async run(cli, [uuid = ''], { full = false, json = false, ready = false }) {
    const context = cli.context();
    // What is no uuid is no operand (`vmadm(8)`).
    const only = isUuidShaped(uuid) ? uuid : undefined;
    context.log.info({ client: clientName(cli, only) }, 'events are watched');
    const { watchVms } = await import('../../vm/events.js');
    for await (const event of watchVms(context, only === undefined ? {} : { uuid: only })) {
      if (event.type === 'ready' && ready !== true) continue;
      await cli.out(json === true ? `${JSON.stringify(event)}\n` : linesOf(event, full === true));
    }
    // Only a signal ends it; which one the exit status tells.
    return 1;
  },
};

/** How the original introduces itself to the service that it asks. */
function clientName({ env }: Cli, uuid: string | undefined): string {
  return [
    'VM.js events',
    ...(uuid === undefined ? [] : [`(zonename: ${uuid})`]),
    ...(env['REQ_ID'] === undefined ? [] : [`- (req_id: ${env['REQ_ID']})`]),
    '- vmadm CLI',
    ...(env['VMADM_IDENT'] === undefined ? [] : [`- ${env['VMADM_IDENT']}`]),
  ].join(' ');
}

function linesOf(event: VmEvent, isFull: boolean): string {
  const iso = event.date.toISOString();
  const time = `[${isFull ? iso : iso.slice(iso.indexOf('T') + 1)}]`;
  if (event.type === 'ready') return `${time} ready${isFull ? ` (uuid ${event.uuid})` : ''}\n`;
  const zone = isFull ? event.zonename : event.zonename.split('-', 1)[0];
  const alias = 'vm' in event ? shortened(event.vm.alias ?? '-') : '-';
  const prefix = `${time} ${String(zone)} ${alias} ${event.type}`;
  if (event.type !== 'modify') return `${prefix}\n`;
  return event.changes
    .map(({ prettyPath, action, oldValue, newValue }) => {
      return `${prefix}: ${prettyPath} ${action} :: ${jsonOf(oldValue)} -> ${jsonOf(newValue)}\n`;
    })
    .join('');
}

function shortened(alias: string): string {
  return alias.length > aliasWidth ? `${alias.slice(0, aliasWidth - 3)}...` : alias;
}

function jsonOf(value: unknown): string {
  return value === undefined ? 'undefined' : JSON.stringify(value);
}
