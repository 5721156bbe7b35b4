/** What vmadm writes into its logs, and when. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, it } from 'node:test';
import { vmadm } from '../../lib/cli/vmadm/main.js';
import { runCaptured } from '../vectors/captured-cli.js';
import { onEachHost, type CliHost } from './hosts.js';

const records = (text: string) => text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
const missing = 'deadbeef-0000-4000-8000-000000000000';

onEachHost('the log of vmadm', (open) => {
  let given: CliHost;
  before(async () => (given = await open()));
  after(() => given.remove());
  const run = (argv: readonly string[], env: NodeJS.ProcessEnv = {}, payload: unknown = {}) =>
    runCaptured('vmadm', vmadm, argv, { host: given.host, root: given.root, env, stdin: JSON.stringify(payload) });
  const folder = () => join(given.root, 'var/log/vm/logs');
  const logs = () => (existsSync(folder()) ? readdirSync(folder()) : []);

  beforeEach(() => {
    rmSync(folder(), { recursive: true, force: true });
  });

  it('says on standard error that there is no such level, and goes on', async () => {
    const { exit, stderr } = await run(['list'], { VMADM_DEBUG_LEVEL: 'verbose' });
    assert.equal(exit, 0);
    assert.equal(stderr, 'warning: VMADM_DEBUG_LEVEL is none of trace, debug, info, warn, error, fatal: "verbose"\n');
    assert.equal((await run(['list'], { VMADM_DEBUG_LEVEL: '' })).stderr, '');
  });

  it('is a file of its own for each command that changes something', async () => {
    await run(['stop', missing]);
    const [name = '', ...more] = logs();
    assert.deepEqual(more, []);
    assert.match(name, /^\d{13}-\d{6,}-vmadm\.log$/);
    assert.ok(records(readFileSync(join(folder(), name), 'utf8')).length >= 2);
  });

  it('is not made by a command that reads and finds nothing wrong', async () => {
    await run(['list']);
    await run(['lookup', '-j', 'alias=x']);
    await run(['validate', 'create'], {}, { brand: 'bogus' });
    await run(['version']);
    await run(['help']);
    await run(['get', 'no-uuid']);
    assert.deepEqual(logs(), []);
  });

  it('of a command that reads begins before what went wrong', async () => {
    await run(['get', missing]);
    const [name = ''] = logs();
    const found = records(readFileSync(join(folder(), name), 'utf8'));
    assert.deepEqual(
      found.map(({ level }) => level),
      [30, 50],
    );
  });

  it('is in the layout of bunyan, with the request id of the caller', async () => {
    const { stderr } = await run(['get', missing], { VMADM_DEBUG_LEVEL: 'debug', REQ_ID: 'the-request' });
    const lines = stderr.trimEnd().split('\n');
    // The last line is for people: clients take it for the error.
    assert.equal(lines.pop(), `zoneadm: ${missing}: No such zone configured`);
    for (const record of records(lines.join('\n'))) {
      assert.deepEqual(
        Object.keys(record).filter((key) => ['name', 'hostname', 'pid', 'level', 'msg', 'time', 'v'].includes(key)),
        ['name', 'hostname', 'pid', 'level', 'msg', 'time', 'v'],
      );
      assert.equal(record['name'], 'vmadm');
      assert.equal(record['v'], 0);
      assert.equal(record['req_id'], 'the-request');
      assert.match(String(record['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
    const failure = records(lines.join('\n')).find(({ level }) => level === 50)?.['err'] as Record<string, unknown>;
    assert.deepEqual(Object.keys(failure), ['message', 'name', 'code', 'stack']);
  });

  it('comes before the words for people, of success as well', async () => {
    const uuid = 'c1000003-0000-4000-8000-000000000003';
    const payload = { uuid, brand: 'joyent', image_uuid: '11111111-1111-4111-8111-111111111111', autoboot: false };
    const env = { VMADM_DEBUG_LEVEL: 'trace' };
    for (const [argv, said] of [
      [['create'], `Successfully created VM ${uuid}`],
      [['update', uuid], `Successfully updated VM ${uuid}`],
      [['delete', uuid], `Successfully deleted VM ${uuid}`],
    ] as const) {
      const lines = (await run(argv, env, payload)).stderr.trimEnd().split('\n');
      assert.equal(lines.pop(), said);
      assert.notEqual(lines.length, 0);
    }
  });

  it('is shown from the asked level on, and not at all for a level that is none', async () => {
    const levels = async (level: string) => {
      const { stderr } = await run(['get', missing], { VMADM_DEBUG_LEVEL: level });
      const lines = stderr.split('\n').filter((line) => !line.startsWith('warning: '));
      return records(lines.slice(0, -2).join('\n') || '{}').map((record) => record['level']);
    };
    assert.deepEqual(await levels('error'), [50]);
    assert.deepEqual(await levels('info'), [30, 50]);
    assert.deepEqual(await levels('fatal'), [undefined]);
    assert.deepEqual(await levels('bogus'), [undefined]);
    assert.deepEqual(await levels('constructor'), [undefined]);
  });

  it('goes to the named file instead of standard error', async () => {
    const path = join(given.root, 'debug.log');
    const { stderr } = await run(['get', missing], { VMADM_DEBUG_LEVEL: 'trace', VMADM_DEBUG_FILE: path });
    assert.equal(stderr, `zoneadm: ${missing}: No such zone configured\n`);
    assert.ok(records(readFileSync(path, 'utf8')).length >= 2);
    const alone = join(given.root, 'alone.log');
    await run(['get', missing], { VMADM_DEBUG_FILE: alone });
    assert.equal(existsSync(alone), false);
  });

  it('that cannot be written is no reason to fail', async () => {
    const { exit, stderr } = await run(['get', missing], {
      VMADM_DEBUG_LEVEL: 'trace',
      VMADM_DEBUG_FILE: '/no/such/folder/x',
    });
    assert.deepEqual({ exit, stderr }, { exit: 1, stderr: `zoneadm: ${missing}: No such zone configured\n` });
  });

  it('holds no secret of a payload, accepted or refused', async () => {
    const uuid = 'c1000002-0000-4000-8000-000000000002';
    const secret = 'correct-horse-battery';
    const secrets = {
      customer_metadata: { 'user-script': secret, root_pw: secret },
      internal_metadata: { admin_pw: secret },
      tags: { token: secret },
    };
    const image = '11111111-1111-4111-8111-111111111111';
    const env = { VMADM_DEBUG_LEVEL: 'trace' };
    const said = [
      await run(['create'], env, { uuid, brand: 'joyent', image_uuid: image, autoboot: false, ...secrets }),
      await run(['update', uuid], env, { set_customer_metadata: { x: secret }, vnc_password: secret, bogus: secret }),
      await run(['create'], env, { brand: 'kvm', vnc_password: secret, ...secrets, tags: [secret] }),
      await run(['create'], env, {
        brand: 'kvm',
        vnc_password: `${secret}-and-longer-than-eight`,
        disks: [],
        ...secrets,
      }),
      await run(['update', uuid, `vnc_password=${secret}`, `root_pw=${secret}`], env),
      await run(['stop', uuid], env),
      await run(['delete', uuid], env),
    ];
    assert.deepEqual(said.map(({ exit }) => exit).slice(0, 2), [0, 0]);
    for (const { stderr } of said) assert.doesNotMatch(stderr, new RegExp(secret));
    for (const name of logs()) assert.doesNotMatch(readFileSync(join(folder(), name), 'utf8'), new RegExp(secret));
  });
});
