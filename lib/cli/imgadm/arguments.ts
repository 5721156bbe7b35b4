/** The argument grammar of `imgadm(8)`: clusters of letters, `--name=value`, options and operands in any order. */
import { SmartadmError } from '../../errors.js';
import type { OptionValues } from '../command.js';
import type { ImgadmOption } from './command.js';

export interface ParsedArguments {
  readonly options: OptionValues;
  readonly operands: readonly string[];
}

function optionError(message: string): SmartadmError {
  return new SmartadmError('Option', message);
}

/**
 * Parses `args` by `options`. With `stopAtOperand` everything from the first operand on is an operand. Throws `Option`
 * for what the grammar does not allow.
 */
export function parseArguments(
  args: readonly string[],
  options: readonly ImgadmOption[],
  stopAtOperand = false,
): ParsedArguments {
  const values: Record<string, boolean | string | readonly string[]> = {};
  const operands: string[] = [];
  const queue = [...args];
  const byName = (name: string) => options.find(({ names }) => names.includes(name));
  /** `name`: the option as typed. */
  const take = ({ key, kind }: ImgadmOption, name: string, value: string): void => {
    if (kind === 'count' && !/^[0-9]+$/.test(value)) {
      throw optionError(`arg for "${name}" is not a positive integer: "${value}"`);
    }
    const before = values[key];
    values[key] = kind === 'list' ? [...(Array.isArray(before) ? (before as string[]) : []), value] : value;
  };
  /** The value that follows as an argument of its own, whatever it begins with. */
  const takeNext = (option: ImgadmOption, name: string): void => {
    const value = queue.shift();
    if (value === undefined) throw optionError(`do not have enough args for "${name}" option`);
    take(option, name, value);
  };

  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (arg === '--') {
      operands.push(...queue);
      break;
    } else if (arg.startsWith('--')) {
      const [name = '', ...rest] = arg.split('=');
      const value = rest.length === 0 ? undefined : rest.join('=');
      const option = byName(name);
      if (option === undefined) throw optionError(`unknown option: "${name}"`);
      if (option.kind !== 'flag') {
        if (value === undefined) takeNext(option, name);
        else take(option, name, value);
      } else if (value === undefined) values[option.key] = true;
      else throw optionError(`argument given to "${name}" option that does not take one: "${arg}"`);
    } else if (arg.startsWith('-') && arg !== '-') {
      takeLetters(arg);
    } else {
      operands.push(arg);
      if (!stopAtOperand) continue;
      operands.push(...queue);
      break;
    }
  }
  return { options: values, operands };

  function takeLetters(cluster: string): void {
    for (let at = 1; at < cluster.length; at += 1) {
      const name = `-${cluster.charAt(at)}`;
      const option = byName(name);
      if (option === undefined) {
        const where = cluster.length > 2 ? ` in "${cluster}" group` : '';
        throw optionError(`unknown option: "${name}"${where}`);
      }
      if (option.kind === 'flag') {
        values[option.key] = true;
        continue;
      }
      if (at + 1 < cluster.length) take(option, name, cluster.slice(at + 1));
      else takeNext(option, name);
      return;
    }
  }
}
