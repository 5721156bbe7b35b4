/** The argument grammar of `vmadm(8)`: what was typed, in terms of a command's declared options. */
import type { Command, OptionSpec, OptionValues } from '../command.js';

export interface ParsedArguments {
  readonly operands: readonly string[];
  readonly options: OptionValues;
}

/** Accepted by every command, without effect. */
const common: readonly OptionSpec[] = [
  { name: 'verbose', letters: { v: 'true' }, type: 'boolean' },
  { name: 'debug', letters: { d: 'true' }, type: 'boolean' },
];

/**
 * Parses the arguments after the command's name. Unknown options are taken, together with the argument that follows, as
 * the original does (`vmadm-cli`, argument grammar); commands that mind them find them in `options`. An option whose value
 * is missing is `true`.
 */
export function parseArguments(command: Command, args: readonly string[]): ParsedArguments {
  if (command.verbatim === true) return { operands: args, options: {} };
  const known = [...(command.options ?? []), ...common];
  const values = new Map<string, boolean | string | number | string[]>();
  const operands: string[] = [];
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (/^-{2,}$/.test(arg)) {
      operands.push(...queue);
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      operands.push(arg);
      continue;
    }
    // `--name=value` is two arguments.
    const equals = arg.indexOf('=');
    if (equals >= 0) queue.unshift(arg.slice(equals + 1));
    const typed = (equals >= 0 ? arg.slice(0, equals) : arg).replace(/^-+/, '');
    const letters = known.some(({ name }) => name === typed) ? undefined : expansionOf(typed, known);
    if (letters === undefined) takeOption(typed);
    else queue.unshift(...letters);
  }
  return { operands, options: Object.fromEntries(values) };

  function takeOption(typed: string): void {
    const [, no = '', rest = ''] = /^((?:no-)*)(.*)$/is.exec(typed) ?? [];
    const option = known.find(({ name }) => name === rest) ?? abbreviated(rest, known);
    if (no !== '' || option?.type === 'boolean') {
      const isNegated = (no.length / 'no-'.length) % 2 === 1;
      const said = queue[0] === 'true' || queue[0] === 'false' ? queue.shift() !== 'false' : true;
      values.set(option?.name ?? rest, said !== isNegated);
      return;
    }
    // Whatever it looks like, unless it ends the options.
    const value = queue[0] === undefined || /^-{2,}$/.test(queue[0]) ? true : (queue.shift()?.trim() ?? true);
    if (option !== undefined) {
      if (option.type !== 'number') values.set(option.name, value);
      else if (Number.isNaN(Number(value))) values.delete(option.name);
      else values.set(option.name, Number(value));
      return;
    }
    // Several of one unknown name are kept together.
    const before = values.get(rest);
    values.set(rest, before === undefined ? value : [before, value].flat().map(String));
  }
}

/** The arguments that letters stand for, if `typed` is made of known ones only. */
function expansionOf(typed: string, known: readonly OptionSpec[]): string[] | undefined {
  const expanded: string[] = [];
  for (const letter of typed) {
    const option = known.find(
      ({ aliases = [], letters = {} }) => aliases.includes(letter) || Object.hasOwn(letters, letter),
    );
    if (option === undefined) return undefined;
    const value = option.letters?.[letter];
    expanded.push(`--${option.name}`, ...(value === undefined ? [] : [value]));
  }
  return expanded.length === 0 ? undefined : expanded;
}

/** The only option whose name begins so. */
function abbreviated(typed: string, known: readonly OptionSpec[]): OptionSpec | undefined {
  const fitting = typed === '' ? [] : known.filter(({ name }) => name.startsWith(typed));
  return fitting.length === 1 && fitting[0]?.exact !== true ? fitting[0] : undefined;
}
