/** Whether text is an IP address, as `node:net` says it. */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ipVersion } from '../../lib/ip-text.js';

describe('text of IP addresses', () => {
  it('is judged as node:net judges it', () => {
    const texts = [
      '', '0.0.0.0', '255.255.255.255', '256.1.1.1', '1.2.3', '1.2.3.4.', '.1.2.3.4', '1..2.3', '01.2.3.4', '1.2.3.4.5', ' 1.2.3.4',
      '1.2.3.4\n', '::', '::1', '1::', ':1', '1:', ':::', '1:::2', '1::2::3', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7::',
      '::2:3:4:5:6:7:8', '1:2:3:4::5:6:7:8', '1:2:3:4:5:6:7:8:9', '::1.2.3.4', '1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5::1.2.3.4', '1:2:3:4:5:6::1.2.3.4',
      '1:2:3:4:5:6:7:1.2.3.4', '1.2.3.4::', '::1.2.3.4:5', '1.2.3.4:1::', 'fe80::1%eth0', 'fe80::1%', 'fe80::1%a%b', 'fe80::1%a/b', '1.2.3.4%a',
      '12345::', 'g::', '::ffff:1.2.3.256', '1.2.3.4:1:2:3:4:5:6', '%a', '::%a', ':1:2:3:4:5:6:7', '1:2:3:4:5:6:7:', '::1.2.3.4::',
    ]; // prettier-ignore
    for (const text of texts) assert.equal(ipVersion(text), isIP(text), JSON.stringify(text));
  });

  it('is judged so whatever it is', () => {
    const part = fc.constantFrom('0', '1', 'ff', '12345', '255', '256', '1.2.3.4', '', 'g', '%', '01');
    const text = fc.tuple(
      fc.array(part, { maxLength: 10 }),
      fc.array(fc.constantFrom(':', '::', '.', '%'), { maxLength: 10 }),
    );
    fc.assert(
      fc.property(text, ([parts, separators]) => {
        const joined = parts.map((one, at) => one + (separators[at] ?? '')).join('');
        assert.equal(ipVersion(joined), isIP(joined), JSON.stringify(joined));
      }),
      { numRuns: 3000 },
    );
    fc.assert(fc.property(fc.ipV6(), (address) => assert.equal(ipVersion(address), 6)));
    fc.assert(fc.property(fc.ipV4(), (address) => assert.equal(ipVersion(address), 4)));
  });
});
