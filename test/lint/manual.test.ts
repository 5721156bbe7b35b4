/** vmadm(8) and the program speak of the same commands, options and properties. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { OptionSpec } from '../../lib/cli/command.js';
import { commands } from '../../lib/cli/vmadm/commands.js';
import { hostConfigSchema } from '../../lib/schema/host-config.js';
import { withProperties } from '../../lib/schema/manual.js';

const manual = readFileSync('man/vmadm.8', 'utf8');

/** The entries of COMMANDS by the first word; several of one command together. */
function entries(): ReadonlyMap<string, string> {
  const [, section = ''] = /^\.Sh COMMANDS\n([^]*?)^\.El$/m.exec(manual) ?? [];
  const found = new Map<string, string>();
  for (const entry of section.split(/^\.It Cm /m).slice(1)) {
    const name = /^\S+/.exec(entry)?.[0] ?? '';
    found.set(name, (found.get(name) ?? '') + entry);
  }
  return found;
}

/** What `Fl` marks: letters and, with a dash, long names. */
function optionsOf(entry: string): readonly string[] {
  const marked = [...entry.matchAll(/\bFl (-?[A-Za-z0-9][\w-]*)/g)].map(([, name = '']) => name);
  return [...new Set(marked)].filter((name) => name !== 'Ns').sort(); // prettier-ignore
}

function spelled(options: readonly OptionSpec[]): readonly string[] {
  const names = options.map(({ name }) => `-${name}`);
  const letters = options.flatMap(({ aliases = [], letters: own = {} }) => [...aliases, ...Object.keys(own)]);
  return [...names, ...letters].sort();
}

const documented = entries();
const available = await Promise.all(commands.map((entry) => entry.load()));

describe('vmadm(8)', () => {
  it('has the commands that exist, in alphabetical order', () => {
    const names = [...available.map(({ name }) => name), 'help'].sort(); // prettier-ignore
    assert.deepEqual([...documented.keys()], names);
  });

  for (const { name, aliases = [], options = [] } of available) {
    it(`has the options and other names of ${name}`, () => {
      const entry = documented.get(name) ?? '';
      assert.deepEqual(optionsOf(entry), spelled(options));
      const [, listed] = /^Alias:\n\.Cm (.*) \.$/m.exec(entry) ?? [];
      assert.deepEqual(listed?.split(' , ') ?? [], aliases);
    });
  }

  it('has what the configuration of a host may hold', () => {
    const [, section = ''] = /^\.Ss Configuration of a Linux host\n([^]*?)^\.S[hs] /m.exec(manual) ?? [];
    const told = [...section.matchAll(/^\.It Cm (\w+)/gm)].map(([, name]) => name);
    const { pools, nicTags, ...others } = hostConfigSchema.properties;
    const [pool, nicTag] = [pools.additionalProperties.properties, nicTags.additionalProperties.properties];
    const members = [...Object.keys(pool), ...Object.keys(nicTag), 'pools', 'nicTags', ...Object.keys(others)];
    assert.deepEqual(told.sort(), members.sort());
  });

  it('has the properties as their rows have them; the build writes them into it', () => {
    assert.equal(withProperties(manual), manual);
    assert.match(manual, /^\.Sh PROPERTIES$/m);
  });
});
