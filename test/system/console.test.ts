/** The console of a machine, from a terminal. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inOwnNetworkNamespace } from '../netns.js';
import { eventually, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const program = fileURLToPath(new URL('../../dist/vmadm.js', import.meta.url));

describe('console', () => {
  let host: TestHost;
  const uuid = randomUUID();

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, hostname: 'talker' })) });
  });
  after(() => host.close());

  /** vmadm console on a terminal that script(1) makes. */
  function attach() {
    const child = spawn('script', ['-qec', `${process.execPath} ${program} console ${uuid}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, SMARTADM_ROOT: host.root, TERM: 'dumb' },
    });
    let seen = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
    const ended = new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? 1)));
    return {
      type: (text: string) => child.stdin.write(text),
      sees: (pattern: RegExp) =>
        eventually(`${String(pattern)} in ${JSON.stringify(seen)}`, () => Promise.resolve(pattern.test(seen))),
      ended,
      kill: () => child.kill('SIGKILL'),
    };
  }

  it('lets root log in, and CTRL-] leaves the machine running', async () => {
    const terminal = attach();
    terminal.type('\r');
    await terminal.sees(/login: /);
    terminal.type('root\r');
    await terminal.sees(/# /);
    terminal.type('echo "I am $(hostname)"\r');
    await terminal.sees(/I am talker/);
    terminal.type('\u001d');
    assert.equal(await terminal.ended, 0);
    assert.equal((await host.ok('vmadm', ['list', '-H', '-o', 'state'])).trim(), 'running');
  });

  it('is for one at a time, and free again after CTRL-]', async () => {
    const first = attach();
    first.type('\r');
    await first.sees(/[#:] /);
    const second = await host.vmadm(['console', uuid]);
    assert.equal(second.status, 1);
    assert.match(second.stderr, /console/);
    first.type('\u001d');
    assert.equal(await first.ended, 0);
    const third = attach();
    third.type('\r');
    await third.sees(/[#:] /);
    third.type('\u001d');
    assert.equal(await third.ended, 0);
  });

  it('from a pipe shows what the guest answers, and ends', async () => {
    const done = await host.vmadm(['console', uuid], { input: 'echo $((6*7))\n' });
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /42/);
  });

  it('ends without a word when the machine does', async () => {
    const child = host.start('vmadm', ['console', uuid]);
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const answered = new Promise((resolve) => child.stdout?.once('data', resolve));
    child.stdin?.write('\r');
    await answered;
    const ended = new Promise((resolve) => child.on('close', resolve));
    await host.ok('vmadm', ['stop', '-F', uuid]);
    assert.deepEqual([await ended, said], [0, '']);
    await host.ok('vmadm', ['start', uuid]);
  });

  it('says that a stopped machine has none', async () => {
    await host.ok('vmadm', ['stop', '-F', uuid]);
    const done = await host.vmadm(['console', uuid]);
    assert.deepEqual(
      [done.status, done.stderr],
      [1, 'cannot connect to console when state is "stopped" must be "running".\n'],
    );
  });
});
