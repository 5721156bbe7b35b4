/** Zone configurations are read in two ways, by their layout and by the grammar of XML: both have to say the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseZoneXml, writeZoneXml } from '../../../lib/host/zone-xml.js';
import type { ZoneConfig } from '../../../lib/host/zones.js';

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,12}$/);
const value = fc.oneof(fc.stringMatching(/^[ -~]{0,30}$/), fc.string({ unit: 'grapheme', maxLength: 8 }));
const attributes = fc.dictionary(name, value, { maxKeys: 5 });
const child = fc.record({ kind: name, attributes });
const config = fc.record({
  attributes: fc.dictionary(name, value, { minKeys: 1, maxKeys: 6 }),
  resources: fc.array(fc.record({ kind: name, attributes, children: fc.array(child, { maxLength: 4 }) }), {
    maxLength: 6,
  }),
});

/** The same document with a comment where no tool puts one, so that only the grammar can read it. */
const commented = (text: string) => text.replace(/<zone(?=[ />])/, '<!-- here -->\n\t<zone');

describe('a configuration', () => {
  it('that was written is read back as it was, whatever is in it', () => {
    let count = 0;
    fc.assert(
      fc.property(config, (written: ZoneConfig) => {
        const text = tryWrite(written);
        if (text === undefined) return;
        count += 1;
        const read = parseZoneXml(text);
        assert.equal(JSON.stringify(read), JSON.stringify(written));
        assert.deepEqual(read, parseZoneXml(commented(text)));
      }),
    );
    assert.ok(count > 50, `${count} could be written`);
  });

  it('with something cut out, put in or turned is read or refused in both ways alike', () => {
    const text = writeZoneXml({
      attributes: { name: 'a', zonepath: '/zones/a', brand: 'lx' },
      resources: [
        { kind: 'attr', attributes: { name: 'alias', type: 'string', value: 'eA==' }, children: [] },
        { kind: 'rctl', attributes: { name: 'zone.cpu-cap' }, children: [{ kind: 'rctl-value', attributes: { priv: 'p', limit: '1', action: 'deny' } }] },
      ],
    }); // prettier-ignore
    const from = text.indexOf('<zone');
    const piece = fc.oneof(fc.constantFrom('"', '<', '>', '/', '/>', '=', ' ', '\n', '\t', '&', '&lt;', '</zone>', '<attr/>', 'é', '\0', ''), fc.string({ maxLength: 3 })); // prettier-ignore
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(4), piece, (at, cut, put) => {
        const start = Math.max(at, from + 6);
        const changed = text.slice(0, start) + put + text.slice(start + cut);
        assert.deepEqual(outcome(changed), outcome(commented(changed)));
      }),
      { numRuns: 500 },
    );
  });
});

function tryWrite(written: ZoneConfig): string | undefined {
  try {
    return writeZoneXml(written);
  } catch {
    // Characters that XML cannot carry.
    return undefined;
  }
}

/** What is read; of a refusal only that it is one, since the comment moves what it points at. */
function outcome(text: string): unknown {
  try {
    return parseZoneXml(text);
  } catch {
    return 'refused';
  }
}
