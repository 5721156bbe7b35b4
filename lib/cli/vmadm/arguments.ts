/** The argument grammar of `vmadm(8)`: what was typed, in terms of a command's declared options. */
import nopt from 'nopt';
import type { Command, OptionSpec, OptionValues } from '../command.js';

export interface ParsedArguments {
  readonly operands: readonly string[];
  readonly options: OptionValues;
}

/** Accepted by every command, without effect. */
const common: readonly OptionSpec[] = [
  { name: 'verbose', aliases: ['v'], type: 'boolean', help: '' },
  { name: 'debug', aliases: ['d'], type: 'boolean', help: '' },
];

const types = { boolean: Boolean, string: String, number: Number, strings: [String, Array] } as const;

/**
 * Parses the arguments after the command's name. Unknown options are taken, together with the argument that follows, as
 * the original does (`vmadm-cli`, argument grammar); commands that mind them find them in `options`.
 */
export function parseArguments(command: Command, args: readonly string[]): ParsedArguments {
  if (command.verbatim === true) return { operands: args, options: {} };
  const known: Record<string, (typeof types)[OptionSpec['type']]> = {};
  const shorthands: Record<string, string[]> = {};
  for (const option of [...(command.options ?? []), ...common]) {
    known[option.name] = types[option.type];
    for (const letter of option.aliases ?? []) shorthands[letter] = [`--${option.name}`];
    for (const [letter, value] of Object.entries(option.letters ?? {}))
      shorthands[letter] = [`--${option.name}`, value];
  }
  const { argv, ...options } = nopt(known, shorthands, [...args], 0);
  return { operands: argv.remain, options: options as OptionValues };
}
