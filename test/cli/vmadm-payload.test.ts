/** Payloads as vmadm reads them: from files and standard input, whatever is in them. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { usageText } from '../../lib/cli/vmadm/usage-text.js';
import { diskRows } from '../../lib/schema/disk.js';
import { nicRows } from '../../lib/schema/nic.js';
import { brands } from '../../lib/schema/property.js';
import { vmRows } from '../../lib/schema/vm.js';
import { runCaptured, type Outcome } from '../vectors/captured-cli.js';
import { onEachHost, type CliHost } from './hosts.js';

const uuid = 'c1000001-0000-4000-8000-000000000001';
const image = '11111111-1111-4111-8111-111111111111';
/** Commands that take a payload. */
const takers = [
  ['create'],
  ['update', uuid],
  ['validate', 'create'],
  ['validate', 'update', 'joyent'],
  ['validate', 'receive'],
  ['validate', 'bogus'],
];

/** Ends as a program should, without a stack. */
function assertCivil(outcome: Outcome, what: string): void {
  assert.ok(outcome.exit === 0 || outcome.exit === 1, `${what}: ${outcome.exit} ${outcome.stderr}`);
  assert.doesNotMatch(outcome.stderr, /^ {4}at |TypeError|RangeError|undefined is not|Cannot read prop/m, what);
}

onEachHost('a payload', (open, kind) => {
  let given: CliHost;
  const run = (argv: readonly string[], stdin?: string | Buffer) =>
    runCaptured('vmadm', vmadm, argv, { host: given.host, root: given.root, stdin });
  const file = (name: string, text: string | Buffer) => {
    writeFileSync(join(given.root, name), text);
    return join(given.root, name);
  };
  before(async () => {
    given = await open();
    const nics = [{ nic_tag: 'admin', ips: ['dhcp'] }];
    const vm = { uuid, brand: 'joyent', image_uuid: image, autoboot: false, nics };
    assert.equal((await run(['create'], JSON.stringify(vm))).exit, 0);
  });
  after(() => given.remove());

  it('may come from a file, from standard input, and from - which is that', async () => {
    const valid = JSON.stringify({ brand: 'joyent', image_uuid: image });
    const said = { exit: 0, stdout: '', stderr: "VALID 'create' payload for joyent brand VMs.\n" };
    assert.deepEqual(await run(['validate', 'create', '-f', file('valid.json', valid)], ''), said);
    assert.deepEqual(await run(['validate', 'create', '-f', '-'], valid), said);
    assert.deepEqual(await run(['validate', 'create'], valid), said);
  });

  it('is not awaited from a terminal', async () => {
    const texts = [
      [['create'], 'Will not create from stdin when stdin is a tty.'],
      [['update', uuid], 'Will not update from stdin when stdin is a tty.'],
      [['validate', 'create'], 'Will not validate from stdin when stdin is a tty.'],
      [['validate'], 'Will not validate from stdin when stdin is a tty.'],
    ] as const;
    for (const [argv, text] of texts) {
      assert.deepEqual(await run(argv), { exit: 2, stdout: '', stderr: `${text}\n${usageText()}` });
    }
  });

  it('that is missing, a folder, or not named is told by name', async () => {
    const gone = join(given.root, 'gone.json');
    assert.deepEqual(await run(['create', '-f', gone], ''), {
      exit: 1,
      stdout: '',
      stderr: `File: ${gone} does not exist.\n`,
    });
    mkdirSync(join(given.root, 'folder'));
    assert.match(
      (await run(['create', '-f', join(given.root, 'folder')], '')).stderr,
      /^Error reading: .*folder \{.*"EISDIR".*\}$/m,
    );
    const { exit, stderr } = await run(['create', '-f'], '');
    assert.equal(exit, 1);
    assert.match(stderr, /^-f must be followed/);
  });

  it('that is no JSON is told with line and column', async () => {
    const where = async (text: string) => (await run(['validate', 'create'], text)).stderr;
    assert.equal(
      await where(''),
      'Invalid JSON payload: standard input, line 1, column 1: unexpected end of text in JSON\n',
    );
    assert.equal(
      await where('{\n "brand": }'),
      'Invalid JSON payload: standard input, line 2, column 11: unexpected "}" in JSON\n',
    );
    assert.match(await where('{"a": 1,}'), /line 1, column 9/);
    assert.match(await where('{"a": "\u0001"}'), /line 1, column 7/);
    const named = file('broken.json', '[1, 2');
    assert.equal(
      (await run(['create', '-f', named], '')).stderr,
      `Invalid JSON payload: ${named}, line 1, column 6: unexpected end of text in JSON\n`,
    );
  });

  it('that is JSON but no object is refused in words', async () => {
    for (const argv of takers) {
      for (const [text, kind] of [
        ['null', 'null'],
        ['[]', 'an array'],
        ['[{}]', 'an array'],
        ['"x"', 'a string'],
        ['7', 'a number'],
        ['true', 'a boolean'],
      ] as const) {
        const { exit, stderr } = await run(argv, text);
        assert.equal(exit, 1);
        assert.equal(stderr, `Invalid payload: must be a JSON object, not ${kind}\n`);
      }
    }
  });

  it('of ten megabytes is judged, of twenty refused', async () => {
    const alias = (bytes: number) =>
      JSON.stringify({ brand: 'joyent', image_uuid: image, tags: { a: 'x'.repeat(bytes) } });
    assert.equal((await run(['validate', 'create'], alias(10 * 2 ** 20))).exit, 0);
    const text = 'Invalid JSON payload: standard input holds more than 16 MiB\n';
    assert.deepEqual(await run(['validate', 'create'], alias(20 * 2 ** 20)), { exit: 1, stdout: '', stderr: text });
    const named = file('large.json', alias(20 * 2 ** 20));
    assert.match((await run(['create', '-f', named], '')).stderr, /large\.json holds more than 16 MiB$/m);
  });

  it('ten thousand levels deep is judged', async () => {
    const deep = '['.repeat(10_000) + ']'.repeat(10_000);
    const nested = '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000);
    for (const argv of takers) {
      for (const text of [deep, nested]) {
        assertCivil(await run(argv, text), 'all of it');
        for (const name of [
          'brand',
          'tags',
          'nics',
          'alias',
          'uuid',
          'ram',
          'internal_metadata',
          'set_tags',
          'bogus',
          'resolvers',
        ]) {
          assertCivil(await run(argv, `{"image_uuid": "${image}", "${name}": ${text}}`), name);
          assertCivil(await run(argv, `{"image_uuid": "${image}", "nics": [{"${name}": ${text}}]}`), `nics ${name}`);
        }
      }
    }
  });

  it('with names of JavaScript changes nothing but itself', async () => {
    for (const argv of takers) {
      const text =
        '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "toString": 1, "nics": [{"__proto__": {"polluted": 1}}], "set_tags": {"__proto__": "x", "hasOwnProperty": 1}}';
      assertCivil(await run(argv, text), argv.join(' '));
      assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
    }
    const { stderr } = await run(['validate', 'update', 'joyent'], '{"__proto__": 1, "constructor": 2}');
    assert.deepEqual((JSON.parse(stderr) as { bad_properties: unknown }).bad_properties, ['__proto__', 'constructor']);
  });

  it('with a byte order mark or broken UTF-8 does not crash', async () => {
    for (const bytes of [
      Buffer.from('\ufeff{}'),
      Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
      Buffer.from('{}\0'),
    ]) {
      for (const argv of takers) assertCivil(await run(argv, bytes), argv.join(' '));
    }
  });

  it('of wrong types is judged, whatever the property', async () => {
    const values = [null, true, -1, 1e300, '', 'x', [], [null], [[]], {}, { a: null }, [{ a: 1 }], '\u0000', 'a,b'];
    const names = [...new Set(vmRows.map(({ name }) => name))];
    for (const value of values) {
      for (const name of names) {
        const payload = JSON.stringify({ [name]: value });
        assertCivil(await run(['validate', 'update', 'bhyve'], payload), payload);
        if (value === null || value === 'x') assertCivil(await run(['update', uuid], payload), payload);
      }
    }
  });

  it('of any JSON whatever neither crashes nor hangs', async () => {
    const anything = fc.oneof(fc.jsonValue({ maxDepth: 4 }), payloads());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...takers), anything, async (argv, payload) => {
        assertCivil(await run(argv, JSON.stringify(payload)), JSON.stringify(payload));
      }),
      { numRuns: kind === 'memory' ? 300 : 60 },
    );
  });
});

/** Objects that look like payloads. */
function payloads(): fc.Arbitrary<unknown> {
  const value = fc.oneof(
    { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
    fc.constantFrom('dhcp', '10.0.0.1/24', 'admin', image, 1, 64, 1024, true),
  );
  const members = (names: readonly string[]) => fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 });
  const nics = fc.array(members(nicRows.map(({ name }) => name)), { maxLength: 3 });
  const disks = fc.array(members(diskRows.map(({ name }) => name)), { maxLength: 3 });
  return fc
    .tuple(members(vmRows.map(({ name }) => name)), fc.constantFrom(...brands), nics, disks)
    .map(([own, brand, nicList, diskList]) => ({
      image_uuid: image,
      ...own,
      brand,
      autoboot: false,
      nics: nicList,
      add_disks: diskList,
    }));
}
