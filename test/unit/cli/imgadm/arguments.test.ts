import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseArguments } from '../../../../lib/cli/imgadm/arguments.js';
import type { ImgadmOption } from '../../../../lib/cli/imgadm/command.js';

const options: readonly ImgadmOption[] = [
  { key: 'json', names: ['-j', '--json'], kind: 'flag', help: '' },
  { key: 'bare', names: ['-H'], kind: 'flag', help: '' },
  { key: 'fields', names: ['-o', '--fields'], kind: 'text', help: '' },
  { key: 'sources', names: ['-S', '--source'], kind: 'list', help: '' },
  { key: 'depth', names: ['-d', '--depth'], kind: 'count', help: '' },
];
const parse = (...args: string[]) => parseArguments(args, options);

describe('the grammar of imgadm', () => {
  it('takes options and operands in any order, up to --', () => {
    assert.deepEqual(parse('a', '-j', 'b', '--', '-H', '--x'), { options: { json: true }, operands: ['a', 'b', '-H', '--x'] }); // prettier-ignore
    assert.deepEqual(parse('-'), { options: {}, operands: ['-'] });
  });

  it('stops at the first operand where told to', () => {
    assert.deepEqual(parseArguments(['-j', 'list', '-H'], options, true), { options: { json: true }, operands: ['list', '-H'] }); // prettier-ignore
    assert.deepEqual(parseArguments(['-j', '--', '-H'], options, true).operands, ['-H']);
  });

  it('takes letters in clusters, with the value in the rest or next', () => {
    assert.deepEqual(parse('-jHouuid', 'x'), { options: { json: true, bare: true, fields: 'uuid' }, operands: ['x'] });
    assert.deepEqual(parse('-jo', '-uuid').options, { json: true, fields: '-uuid' });
    assert.deepEqual(parse('-o', '').options, { fields: '' });
  });

  it('takes words with = or the next argument', () => {
    assert.deepEqual(parse('--fields=a=b').options, { fields: 'a=b' });
    assert.deepEqual(parse('--fields', '--json').options, { fields: '--json' });
  });

  it('lets the last one count, or all where they are a list', () => {
    assert.deepEqual(parse('-oa', '-ob', '-S', 'x', '--source=y').options, { fields: 'b', sources: ['x', 'y'] });
  });

  it('takes whole numbers', () => {
    assert.deepEqual(parse('--depth=7', '-jd12').options, { json: true, depth: '12' });
  });

  for (const [args, message] of [
    [['-d', '-3'], 'arg for "-d" is not a positive integer: "-3"'],
    [['--depth=1.5'], 'arg for "--depth" is not a positive integer: "1.5"'],
    [['--depth', ''], 'arg for "--depth" is not a positive integer: ""'],
    [['--bogus'], 'unknown option: "--bogus"'],
    [['--bogus=1'], 'unknown option: "--bogus"'],
    [['-x'], 'unknown option: "-x"'],
    [['-jx'], 'unknown option: "-x" in "-jx" group'],
    [['-o'], 'do not have enough args for "-o" option'],
    [['--fields'], 'do not have enough args for "--fields" option'],
    [['--json=1'], 'argument given to "--json" option that does not take one: "--json=1"'],
    [['---'], 'unknown option: "---"'],
  ] as const) {
    it(`refuses ${args.join(' ')}`, () => assert.throws(() => parse(...args), { code: 'Option', message }));
  }
});
