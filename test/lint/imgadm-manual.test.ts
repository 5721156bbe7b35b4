/** imgadm(8) and the program speak of the same commands, options, variables and files. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { commands } from '../../lib/cli/imgadm/commands.js';
import { programHelp } from '../../lib/cli/imgadm/help-text.js';
import { globalOptions } from '../../lib/cli/imgadm/options.js';

const manual = readFileSync('man/imgadm.8', 'utf8');
const available = await Promise.all(commands.map(({ load }) => load()));

function section(name: string): string {
  return new RegExp(`^\\.Sh ${name}\\n([^]*?)^\\.Sh `, 'm').exec(manual)?.[1] ?? '';
}

/** The entries of COMMANDS, by command. */
function entries(): ReadonlyMap<string, string> {
  const parts = section('COMMANDS').split(/^\.It Cm /m).slice(1); // prettier-ignore
  return new Map(parts.map((entry) => [/^\S+/.exec(entry)?.[0] ?? '', entry]));
}

/** All that `Fl` marks, spelled as typed; in a synopsis several letters may share one dash. */
function optionsIn(text: string): readonly string[] {
  const found = new Set<string>();
  for (const [, rest = ''] of text.matchAll(/\bFl ((?:-?[\w-]+(?: , )?)+)/g)) {
    for (const name of rest.split(/ , | /)) {
      if (name.startsWith('-')) found.add(`-${name}`);
      else for (const letter of name) found.add(`-${letter}`);
    }
  }
  found.delete('--');
  return [...found].sort();
}

describe('imgadm(8)', () => {
  const documented = entries();

  it('has the commands that exist, in alphabetical order', () => {
    assert.deepEqual([...documented.keys()], available.map(({ name }) => name).sort()); // prettier-ignore
  });

  for (const { name, aliases = [], options } of available) {
    it(`has the options and other names of ${name}`, () => {
      const entry = documented.get(name) ?? '';
      const spelled = options.filter(({ help }) => help !== '').flatMap(({ names }) => names);
      assert.deepEqual(optionsIn(entry), [...spelled].sort());
      const [, listed] = /^Alias:\n\.Cm (.*) \.$/m.exec(entry) ?? [];
      assert.deepEqual(listed?.replaceAll('\\&', '').split(' , ') ?? [], aliases);
    });
  }

  it('has the options before the command', () => {
    const spelled = globalOptions.flatMap(({ names }) => names);
    assert.deepEqual(optionsIn(section('OPTIONS')), [...spelled].sort());
  });

  it('has the variables that help names', async () => {
    const [, listed = ''] = /\nEnvironment:\n([^]*)$/.exec(await programHelp()) ?? [];
    const names = [...listed.matchAll(/^ {4}(\w+(?:, \w+)*) /gm)].flatMap(([, each = '']) => each.split(', '));
    for (const name of names) assert.match(section('ENVIRONMENT'), new RegExp(`\\b${name}\\b`));
    assert.ok(names.length > 3);
  });
});
