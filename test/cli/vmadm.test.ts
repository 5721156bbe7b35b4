/** vmadm's command line: how it is called and what it says, in words that scripts rely on. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Command } from '../../lib/cli/command.js';
import { parseArguments } from '../../lib/cli/vmadm/arguments.js';
import { commands } from '../../lib/cli/vmadm/commands.js';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { usageText } from '../../lib/cli/vmadm/usage-text.js';
import { runCaptured } from '../vectors/captured-cli.js';
import { onEachHost, type CliHost } from './hosts.js';

const missing = 'deadbeef-0000-4000-8000-000000000000';
const someone = '1e1d2c3b-1003-4101-b38f-000001234567';

onEachHost('vmadm', (open, kind) => {
  let given: CliHost;
  before(async () => (given = await open('recorded')));
  after(() => given.remove());
  const run = (...argv: string[]) =>
    runCaptured('vmadm', vmadm, argv, { host: given.host, root: given.root, stdin: '{}' });

  it('prints its usage on standard error and ends with 2, help included', async () => {
    for (const argv of [[], [''], ['-h'], ['-?'], ['help']]) {
      assert.deepEqual(await run(...argv), { exit: 2, stdout: '', stderr: usageText() });
    }
  });

  it('takes no abbreviation of a command and no option before it', async () => {
    for (const typed of ['lis', 'LIST', '--help', '--version', '-v', '--verbose', 'constructor', '__proto__']) {
      assert.deepEqual(await run(typed, 'list'), {
        exit: 2,
        stdout: '',
        stderr: `Invalid command: "${typed}".\n${usageText()}`,
      });
    }
  });

  it('has a usage line, a summary and its own name for each command it lists', async () => {
    for (const entry of commands) {
      const command = await entry.load();
      assert.equal(command.name, entry.name);
      assert.deepEqual(command.aliases ?? [], entry.aliases ?? []);
      assert.ok(command.usage.startsWith(entry.name));
      assert.notEqual(command.summary, '');
      if (entry.usage.length > 0) assert.equal(command.usage, entry.usage[0]);
    }
  });

  it('lists the others where the file of one is damaged, and says on standard error which file that is', async () => {
    const file = join(given.root, `etc/zones/${someone}.xml`);
    const text = readFileSync(file);
    for (const command of ['list', 'lookup']) {
      writeFileSync(file, text);
      const whole = await run(command, 'autoboot=~.');
      writeFileSync(file, text.subarray(0, 100));
      const seen = await run(command, 'autoboot=~.');
      assert.equal(seen.exit, 0);
      assert.match(seen.stderr, new RegExp(`^warning: .*${file} is damaged.*\n$`));
      const lines = whole.stdout.split('\n').filter((line) => !line.startsWith(someone));
      assert.equal(seen.stdout, lines.join('\n'));
    }
    const one = await run('get', someone);
    assert.equal(one.exit, 1);
    assert.ok(one.stderr.includes(file));
    writeFileSync(file, text);
  });

  const byLibrary = kind === 'illumos' && 'the index is read by its library';
  it('says on standard error which lines of the index are damaged, each once', { skip: byLibrary }, async () => {
    const file = join(given.root, 'etc/zones/index');
    const text = readFileSync(file, 'utf8');
    const whole = await run('lookup');
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.startsWith(someone));
    writeFileSync(file, [...lines.slice(0, at), lines[at]?.replace(':installed:', ':instal'), ...lines.slice(at + 1)].join('\n')); // prettier-ignore
    const warning = `warning: line ${at + 1} of ${file} is damaged and passed over\n`;
    const others = whole.stdout.replace(`${someone}\n`, '');
    assert.notEqual(others, whole.stdout);
    assert.deepEqual(await run('lookup'), { exit: 0, stdout: others, stderr: warning });
    assert.equal((await run('list', '-Ho', 'uuid')).stderr, warning);
    const gone = await run('get', someone);
    assert.equal(gone.exit, 1);
    assert.ok(gone.stderr.startsWith(warning), gone.stderr);
    writeFileSync(file, text);
  });

  const onlyLooked = kind === 'memory' && 'its zones are only looked at';
  it('says first that something succeeded, and last that it failed', { skip: onlyLooked }, async () => {
    const file = join(given.root, `etc/zones/${someone}.xml`);
    const text = readFileSync(file);
    writeFileSync(file, text.subarray(0, 100));
    const uuid = 'c1000001-0000-4000-8000-000000000001';
    const image = '11111111-1111-4111-8111-111111111111';
    const payload = { uuid, brand: 'joyent', image_uuid: image, autoboot: false, nics: [{ nic_tag: 'admin', ips: ['dhcp'] }] }; // prettier-ignore
    const { host, root } = given;
    const create = (more: object) =>
      runCaptured('vmadm', vmadm, ['create'], { host, root, stdin: JSON.stringify({ ...payload, ...more }) });
    const warning = `warning: .*${file} is damaged.*`;
    const refused = await create({ nics: [{ nic_tag: 'nowhere', ips: ['dhcp'] }] });
    assert.match(refused.stderr, new RegExp(`^${warning}\nInvalid nic tag "nowhere"\n$`));
    const made = await create({});
    assert.match(made.stderr, new RegExp(`^Successfully created VM ${uuid}\n${warning}\n$`));
    writeFileSync(file, text);
    assert.equal((await run('delete', uuid)).stderr, `Successfully deleted VM ${uuid}\n`);
  });

  it('says of a missing VM what each command has always said', async () => {
    const notFound = `VM ${missing} not found`;
    const status = 'bad statusCode: 404';
    const said: readonly (readonly [argv: string, text: string])[] = [
      ['get U', `zoneadm: ${missing}: No such zone configured`],
      ['json U', `zoneadm: ${missing}: No such zone configured`],
      ['start U', `Unable to start VM ${missing}: ${status}`],
      ['boot U', `Unable to start VM ${missing}: ${status}`],
      ['info U', `Unable to get VM info for VM ${missing}: ${status}`],
      ['stop U', notFound],
      ['halt U', notFound],
      ['stop -F U', status],
      ['reboot U', status],
      ['reboot -F U', status],
      ['kill U', status],
      ['console U', status],
      ['send U', status],
      ['sysrq U nmi', status],
      ['sysreq U nmi', status],
      ['rollback-snapshot U s', status],
      ['update U alias=x', notFound],
      ['create-snapshot U s', notFound],
      ['delete-snapshot U s', notFound],
      ['delete U', `Failed to delete VM ${missing}: ${notFound}`],
      ['destroy U', `Failed to delete VM ${missing}: ${notFound}`],
      ['exec U true', notFound],
    ];
    for (const [typed, text] of said) {
      const argv = typed.split(' ').map((word) => (word === 'U' ? missing : word));
      assert.deepEqual(await run(...argv), { exit: 1, stdout: '', stderr: `${text}\n` }, typed);
    }
  });

  it('sends no VM to a terminal, which is a failure and no wrong call', async () => {
    const { host, root } = given;
    assert.deepEqual(await runCaptured('vmadm', vmadm, ['send', missing], { host, root, onTerminal: true }), {
      exit: 1,
      stdout: '',
      stderr: 'Cannot send VM to a TTY.\n',
    });
  });

  it('names the command as typed when the uuid is missing, but halt is stop', async () => {
    for (const [typed, named] of [
      ['json', 'json'],
      ['boot', 'boot'],
      ['destroy', 'destroy'],
      ['halt', 'stop'],
    ] as const) {
      const { exit, stderr } = await run(typed, 'no-uuid');
      assert.equal(exit, 2);
      assert.equal(stderr, `Invalid or missing UUID for ${named}\n${usageText()}`);
    }
  });

  it('never takes a uuid for a path', async () => {
    for (const uuid of ['../../../-/..-/..-/..-/etc/passwd/aa', '........-....-....-....-............']) {
      const { exit, stderr } = await run('update', uuid, 'alias=x');
      assert.ok(exit === 1 || exit === 2);
      assert.doesNotMatch(stderr, /^ {4}at /m);
    }
  });

  it('counts operands where a command has always counted them', async () => {
    for (const argv of [
      ['create-snapshot'],
      ['create-snapshot', 'a', 'b'],
      ['rollback-snapshot'],
      ['sysrq'],
      ['sysrq', 'nmi', 'x'],
    ]) {
      const [typed = '', ...rest] = argv;
      const { exit, stderr } = await run(typed, missing, ...rest);
      assert.equal(exit, 2);
      assert.equal(stderr, `Wrong number of parameters to "${typed}"\n${usageText()}`);
    }
  });

  it('refuses a sort field, a column or a filter that does not exist', async () => {
    assert.equal((await run('list', '-s', 'bogus')).stderr, 'invalid sort field: bogus\n');
    assert.equal((await run('list', '-o', 'uuid,')).stderr, 'invalid order field: \n');
    assert.equal((await run('list', 'bogus=1')).stderr, 'Invalid filter key: "bogus"\n');
    assert.equal((await run('lookup', 'bogus=1')).stderr, 'Invalid lookup key: "bogus"\n');
    assert.equal((await run('lookup', '-o', 'uuid')).stderr, 'Cannot specify -o without -j\n');
  });

  it('says what is wrong with a regular expression instead of aborting', async () => {
    const { exit, stderr } = await run('lookup', 'alias=~[');
    assert.equal(exit, 1);
    assert.match(stderr, /regular expression/);
  });

  it('finds nothing for the uuid "None", which clients ask for', async () => {
    assert.deepEqual(await run('lookup', '-j', '-o', 'state', 'uuid=None'), { exit: 0, stdout: '[]\n', stderr: '' });
  });

  it('lets a delete be forced, which is how clients call it', async () => {
    assert.match((await run('delete', '-F', missing)).stderr, /^Failed to delete VM .* not found$/m);
  });

  it('sends signals by the words of kill(1), and only in front of the uuid', async () => {
    assert.equal((await run('kill', '-9', someone)).stderr, `Cannot find running init PID for VM ${someone}\n`);
    assert.match((await run('kill', '-v', '-9', someone)).stderr, /^Unexpected args: \["verbose"\]$/m);
    assert.match((await run('kill', '-9', someone, 'x')).stderr, /^Too many arguments\.$/m);
    assert.match((await run('kill', 'x')).stderr, /^Too many arguments\.$/m);
    assert.match((await run('kill')).stderr, /^Invalid or missing argument UUID$/m);
    assert.match((await run('kill', '-s', 'TERM')).stderr, /^Invalid or missing UUID for kill$/m);
  });

  it('ends quietly when nobody reads on', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'bin/vmadm.ts', 'list', '-o', 'uuid,alias'], {
      env: { ...process.env, ...given.env, SMARTADM_ROOT: given.root },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exit = await new Promise((resolve) => child.on('close', resolve));
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
  });
});

/** A command with an option of each kind. */
const specimen: Command = {
  name: 'specimen',
  usage: 'specimen',
  summary: '',
  options: [
    { name: 'file', aliases: ['f'], exact: true, type: 'string' },
    { name: 'order', aliases: ['o'], type: 'string' },
    { name: 'sortby', aliases: ['s'], type: 'string' },
    { name: 'timeout', aliases: ['t'], type: 'number' },
    { name: 'parsable', letters: { p: 'true' }, type: 'boolean' },
    { name: 'header', letters: { H: 'false', h: 'true' }, type: 'boolean' },
    { name: 'json', aliases: ['j'], type: 'boolean' },
  ],
  run: () => Promise.resolve(0),
};

describe('arguments of a command', () => {
  const claims: readonly (readonly [claim: string, typed: string, operands: readonly string[], options: object])[] = [
    ['mix options and operands in any order', 'a -o x b --json c', ['a', 'b', 'c'], { order: 'x', json: true }],
    ['end with two dashes or more', '-j --- -o x', ['-o', 'x'], { json: true }],
    ['are two when one has an equals sign', '--order=x -o=y=z a=b', ['a=b'], { order: 'y=z' }],
    ['join letters', '-Hpj', [], { header: false, parsable: true, json: true }],
    ['join letters, the last with a value', '-po uuid', [], { parsable: true, order: 'uuid' }],
    ['are one long unknown name when one letter is unknown', '-Hx a b', ['b'], { Hx: 'a' }],
    ['have no values attached to letters', '-t10 a b', ['b'], { t10: 'a' }],
    ['take long names cut short', '--ord x --sor y --pars', [], { order: 'x', sortby: 'y', parsable: true }],
    ['do not cut --file short', '--fil x --file y', [], { fil: 'x', file: 'y' }],
    ['take long names with one dash', '-order x', [], { order: 'x' }],
    ['take true and false behind a boolean', '--json false a --parsable true', ['a'], { json: false, parsable: true }],
    ['deny with no-', '--no-json --no-header a', ['a'], { json: false, header: false }],
    [
      'leave true behind a letter that says so itself',
      '-p true -H false',
      ['true', 'false'],
      { parsable: true, header: false },
    ],
    ['take true behind any other letter', '-j false a', ['a'], { json: false }],
    ['take a value whatever it looks like', '-o -s -s -ram', [], { order: '-s', sortby: '-ram' }],
    ['have true for a value that is not there', '-o', [], { order: true }],
    ['drop a number that is none', '-t abc a', ['a'], {}],
    ['know numbers', '-t 1.5 --timeout=20', [], { timeout: 20 }],
    ['let an unknown option swallow what follows', '-x a b', ['b'], { x: 'a' }],
    ['swallow an option, too', '-x -j', [], { x: '-j' }],
    ['let the last one win', '-o a -o b', [], { order: 'b' }],
    ['keep all of an unknown name', '-9 a -9 b', [], { 9: ['a', 'b'] }],
    ['take a lone dash for an operand', '- -o -', ['-'], { order: '-' }],
    ['take -v and -d everywhere', '-vd a --verbose false', ['a'], { verbose: false, debug: true }],
    [
      'have no option with a history',
      '--constructor a --__proto__ b',
      [],
      Object.fromEntries([
        ['constructor', 'a'],
        ['__proto__', 'b'],
      ]),
    ],
  ];
  for (const [claim, typed, operands, options] of claims) {
    it(claim, () => {
      const parsed = parseArguments(specimen, typed.split(' '));
      assert.deepEqual(parsed.operands, operands);
      assert.deepEqual(Object.entries(parsed.options).sort(), Object.entries(options).sort());
    });
  }
});
