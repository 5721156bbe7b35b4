/** Whatever the arguments and whatever is stored, commands that look at VMs end in words. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { brands } from '../../lib/schema/property.js';
import { memberRows } from '../../lib/schema/json-schema.js';
import { vmRows } from '../../lib/schema/vm.js';
import { runCaptured, type Outcome } from '../vectors/captured-cli.js';
import { VectorFolder } from '../vectors/records.js';
import { onEachHost, type CliHost } from './hosts.js';

const someone = '1e1d2c3b-1003-4101-b38f-000001234567';

/** Ends as a program should, and never with a stack. */
function assertCivil({ exit, stdout, stderr }: Outcome, what: string): void {
  assert.ok([0, 1, 2].includes(exit), `${what}: ${exit} ${stderr}`);
  assert.doesNotMatch(stderr, /^ {4}at |TypeError|RangeError|undefined is not|Cannot read prop/m, what);
  if (exit !== 0) assert.notEqual(stderr, '', what);
  assert.ok(
    exit === 0 || stdout === '' || stdout.startsWith('{\n  "error"') || stdout.startsWith('{\n  "valid"'),
    what,
  );
}

const names = vmRows.map(({ name }) => name);
const member = (noun: 'nics' | 'disks') =>
  fc.tuple(fc.constantFrom('*', '0', '1', '-1', '99999999999', '*0'), fc.constantFrom(...memberRows[noun].map(({ name }) => name)))
    .map(([at, name]) => `${noun}.${at}.${name}`); // prettier-ignore
const key = fc.oneof(
  fc.constantFrom(...names, '__proto__', 'constructor', 'tags.role', 'tags.__proto__', 'customer_metadata.a.b', 'type'),
  member('nics'),
  member('disks'),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const value = fc.oneof(
  fc.constantFrom('', '~', '~(', '~.*', '~^a+$', 'true', '0', 'null', 'NaN', someone, '~\\', '~[z-a]', '~(?<a>'),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const filter = fc.oneof(
  fc.tuple(key, value).map(([name, text]) => `${name}=${text}`),
  value,
);
const fields = fc
  .array(
    fc.oneof(
      key,
      key.map((name) => `-${name}`),
    ),
    { maxLength: 4 },
  )
  .map((all) => all.join(','));
const option = fc.oneof(
  fc.constantFrom(
    ['-H'],
    ['-p'],
    ['-j'],
    ['-1'],
    ['-pH'],
    ['-jo'],
    ['--json'],
    ['--no-json'],
    ['--'],
    ['-'],
    ['--='],
    ['-x', 'y'],
  ),
  fc.tuple(fc.constantFrom('-o', '-s', '--order', '--sortby', '--output', '-f', '--file'), fields),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => [`-${text}`]),
);
const argumentsOf = fc
  .tuple(fc.array(option, { maxLength: 3 }), fc.array(filter, { maxLength: 3 }))
  .map(([options, filters]) => [...options.flat(), ...filters]);

onEachHost('vmadm', (open, kind) => {
  // What is judged is the same; what is asked of a real host takes longer.
  const runs = (all: number) => (kind === 'memory' ? all : all / 5);
  let given: CliHost;
  before(async () => {
    given = await open('recorded');
    cpSync(new VectorFolder().path('vm-set/zones'), join(given.root, 'zones'), { recursive: true });
  });
  after(() => given.remove());
  const run = (argv: readonly string[], stdin = '') =>
    runCaptured('vmadm', vmadm, argv, { host: given.host, root: given.root, stdin });

  it('lists and looks up whatever is asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('list', 'lookup'), argumentsOf, async (command, args) => {
        assertCivil(await run([command, ...args]), JSON.stringify([command, ...args]));
      }),
      { numRuns: runs(400), seed: 11 },
    );
  });

  it('takes any arguments with any command that reads, judges or changes', async () => {
    // Those that change find zones that refuse it.
    const commands = [
      'get',
      'json',
      'validate',
      'create',
      'update',
      'info',
      'schema',
      'version',
      'start',
      'stop',
      'sysrq',
      'kill',
    ];
    const operand = fc.oneof(
      fc.constantFrom(someone, 'create', 'update', 'vm', ...brands, 'alias=x', 'order=a', 'nmi'),
      filter,
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...commands),
        fc.array(operand, { maxLength: 3 }),
        argumentsOf,
        fc.json(),
        async (command, operands, args, stdin) => {
          // Nothing may be read from files that are named by chance.
          const argv = [command, ...operands, ...args.filter((arg) => !/^-+[^=]*f/.test(arg))];
          assertCivil(await run(argv, stdin), JSON.stringify([argv, stdin]));
        },
      ),
      { numRuns: runs(300), seed: 12 },
    );
  });

  it('shows VMs whose files hold any JSON, or says which file is damaged', async () => {
    const anything = fc.oneof(fc.json({ maxDepth: 4 }), fc.string({ unit: 'binary' }));
    const commands = [
      ['get', someone],
      ['list', '-o', 'uuid,tags.role,customer_metadata.a'],
      ['lookup', '-j'],
      ['lookup', 'tags.role=~x'],
      ['list', '-s', 'tags.a'],
    ];
    const config = join(given.root, 'zones', someone, 'config');
    mkdirSync(config, { recursive: true });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('tags', 'metadata', 'routes'),
        anything,
        fc.constantFrom(...commands),
        async (file, text, argv) => {
          writeFileSync(join(config, `${file}.json`), text);
          const outcome = await run(argv);
          assertCivil(outcome, JSON.stringify([file, text, argv]));
          writeFileSync(join(config, `${file}.json`), '{}');
          if (outcome.exit !== 0) assert.match(outcome.stderr, new RegExp(`${someone}/config/${file}\\.json`));
        },
      ),
      { numRuns: runs(300), seed: 13 },
    );
  });

  it('judges any JSON with --json, too, and answers in JSON', async () => {
    const takers = [
      ['validate', 'create'],
      ['validate', 'update', 'bhyve'],
      ['validate', 'bogus'],
      ['create'],
      ['update', someone],
    ];
    const payload = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...takers), payload, async (argv, given) => {
        const outcome = await run([...argv, '--json'], JSON.stringify(given));
        assertCivil(outcome, JSON.stringify([argv, given]));
        const answer = JSON.parse(outcome.stdout) as object;
        assert.equal('error' in answer || ('valid' in answer && answer.valid === false), outcome.exit !== 0);
      }),
      { numRuns: runs(300), seed: 14 },
    );
  });
});
