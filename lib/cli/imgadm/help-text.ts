/** The help texts of imgadm, made of what the commands say of themselves. */
import { commands } from './commands.js';
import type { ImgadmCommand, ImgadmOption } from './command.js';
import { globalOptions, helpOption } from './options.js';

const environment = [
  ['IMGADM_LOG_LEVEL', 'Level of log records on stderr: trace, debug, info, warn (default), error, fatal.'],
  ['IMGADM_INSECURE', 'If 1, certificates of imgapi and dsapi sources are not checked.'],
  ['IMGADM_STALL_TIMEOUT', 'Seconds after which a server that sends nothing is given up (default 60).'],
  ['https_proxy, http_proxy', 'Proxy for all requests.'],
] as const;

export async function programHelp(): Promise<string> {
  const all = await Promise.all(commands.map(({ load }) => load()));
  return [
    'Manage images of virtual machines.',
    '',
    'Usage:',
    '    imgadm [OPTIONS] COMMAND [ARGS...]',
    '    imgadm help COMMAND',
    '',
    'Options:',
    ...pairs(globalOptions.map(optionPair)),
    '',
    'Commands:',
    ...pairs(all.map(({ name, aliases = [], summary }) => [[name, ...aliases].join(', '), summary])),
    '',
    'Environment:',
    ...pairs(environment),
    '',
  ].join('\n');
}

export function commandHelp({ name, aliases = [], usage, summary, description, options }: ImgadmCommand): string {
  return [
    summary,
    '',
    'Usage:',
    `    imgadm ${name}${usage === '' ? '' : ` ${usage}`}`,
    ...(aliases.length === 0 ? [] : ['', `Aliases: ${aliases.join(', ')}`]),
    '',
    'Options:',
    ...pairs([helpOption, ...options].filter(({ help }) => help !== '').map(optionPair)),
    ...(description === undefined ? [] : ['', description]),
    '',
  ].join('\n');
}

function optionPair({ names, value, help }: ImgadmOption): readonly [string, string] {
  return [names.map((name) => (value === undefined ? name : `${name} ${value}`)).join(', '), help];
}

/** Two columns; a wide left one puts the right one on a line of its own. */
function pairs(entries: readonly (readonly [string, string])[]): string[] {
  const column = 28;
  return entries.flatMap(([left, right]) =>
    left.length > column - 2
      ? [`    ${left}`, `    ${' '.repeat(column)}${right}`]
      : [`    ${left.padEnd(column)}${right}`],
  );
}
