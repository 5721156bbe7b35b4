/** vmadm exec as one who knows podman exec or lxc exec would use it. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inOwnNetworkNamespace } from '../netns.js';
import { eventually, openTestHost, payload, type TestHost } from './test-host.js';

inOwnNetworkNamespace(import.meta.url);

const program = fileURLToPath(new URL('../../dist/vmadm.js', import.meta.url));

describe('exec', () => {
  let host: TestHost;
  const uuid = randomUUID();

  before(async () => {
    host = openTestHost();
    await host.install('busybox-1.35.0');
    await host.ok('vmadm', ['create'], { input: JSON.stringify(payload({ uuid, hostname: 'talker' })) });
  });
  after(() => host.close());

  const environment = (more = {}) => ({ ...process.env, NODE_EXTRA_CA_CERTS: undefined, SMARTADM_ROOT: host.root, ...more }); // prettier-ignore

  /** A command line of the host's shell, in which `vmadm` is the command. */
  function shell(line: string, script = false) {
    const whole = `vmadm() { ${process.execPath} ${program} "$@"; }; ${line}`;
    const [file, args] = script
      ? ['script', ['-qec', `bash -c '${whole.replaceAll("'", `'\\''`)}'`, '/dev/null']]
      : ['bash', ['-c', whole]];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: environment({ U: uuid, TERM: 'vt100' }), detached: true }); // prettier-ignore
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.stdin.on('error', () => undefined);
    const ended = once(child, 'close').then(([status]) => Number(status));
    return { child, output, ended };
  }

  async function run(line: string) {
    const { child, output, ended } = shell(line);
    child.stdin.end();
    return { status: await ended, ...output };
  }

  const processes = async () => (await host.inside(uuid, 'ps')).stdout;

  it('passes on input to its end, output, errors and the status', async () => {
    assert.deepEqual(await run('echo hi | vmadm exec $U cat'), { status: 0, stdout: 'hi\n', stderr: '' });
    assert.deepEqual(await run(`vmadm exec $U -- sh -c 'echo out; echo err >&2; exit 7'`), { status: 7, stdout: 'out\n', stderr: 'err\n' }); // prettier-ignore
    const missing = await run('vmadm exec $U no-such-program');
    assert.deepEqual([missing.status, missing.stdout], [127, '']);
    assert.match(missing.stderr, /cannot run no-such-program: No such file/);
    assert.equal((await run(`vmadm exec $U sh -c 'kill -9 $$'`)).status, 137);
  });

  it('passes on megabytes both ways at once, unchanged', async () => {
    const line = 'head -c 30000000 /dev/urandom | tee >(sha256sum >&2) | vmadm exec $U cat | sha256sum';
    const { status, stdout, stderr } = await run(`${line}; sleep 0.2`);
    assert.equal(status, 0);
    assert.equal(stdout, stderr);
  });

  it('gives the program pipes, and no file of the host', async () => {
    const { stdout } = await run(
      `vmadm exec $U sh -c 'for f in 0 1 2; do readlink /proc/self/fd/$f; done' < /etc/passwd`,
    );
    assert.match(stdout, /^pipe:\[\d+\]\npipe:\[\d+\]\npipe:\[\d+\]\n$/);
    assert.equal((await run(`vmadm exec $U cat /dev/stdin < /etc/hostname; cat /etc/hostname`)).status, 0);
  });

  it('shows output as it comes', async () => {
    const { child, output, ended } = shell(`vmadm exec $U sh -c 'echo first; read line; echo "$line"'`);
    await eventually('the first line', () => Promise.resolve(output.stdout === 'first\n'));
    child.stdin.end('second\n');
    assert.equal(await ended, 0);
    assert.equal(output.stdout, 'first\nsecond\n');
  });

  it('ends the program when nobody reads any more', async () => {
    const { stdout } = await run('vmadm exec $U yes | head -n 2; echo ${PIPESTATUS[0]}');
    assert.equal(stdout, 'y\ny\n141\n');
    assert.ok(!(await processes()).includes('yes'));
  });

  it('does not wait for what the program leaves behind', async () => {
    const before_ = Date.now();
    assert.deepEqual(await run(`vmadm exec $U sh -c 'sleep 30 & echo done'`), { status: 0, stdout: 'done\n', stderr: '' }); // prettier-ignore
    assert.ok(Date.now() - before_ < 10_000);
  });

  it('passes signals on, and leaves it to the program what they mean', async () => {
    const trap = `trap "echo caught" INT; echo ready; sleep 1; sleep 1; exit 3`;
    const { child, output, ended } = shell(`exec ${process.execPath} ${program} exec $U sh -c '${trap}'`);
    await eventually('the program', () => Promise.resolve(output.stdout === 'ready\n'));
    child.kill('SIGINT');
    assert.equal(await ended, 3);
    assert.equal(output.stdout, 'ready\ncaught\n');

    const other = shell(`exec ${process.execPath} ${program} exec $U sh -c 'echo ready; exec sleep 1234'`);
    await eventually('the program', () => Promise.resolve(other.output.stdout === 'ready\n'));
    other.child.kill('SIGTERM');
    assert.equal(await other.ended, 143);
    assert.ok(!(await processes()).includes('sleep 1234'));
  });

  it('sends the program CTRL-C once', async () => {
    // The terminal's own signal goes to the whole group.
    const trap = `trap "echo caught" INT; echo ready; sleep 1; sleep 1; echo over`;
    const { child, output, ended } = shell(`vmadm exec $U sh -c "${trap.replaceAll('"', '\\"')}"`, true);
    await eventually('the program', () => Promise.resolve(output.stdout.includes('ready')));
    child.stdin.write('\u0003');
    await ended;
    assert.equal(output.stdout.split('caught').length, 2, output.stdout);
    child.stdin.end();
  });

  it('hangs up when it is killed', async () => {
    const { child, output, ended } = shell(
      `exec ${process.execPath} ${program} exec $U sh -c 'echo ready; sleep 4321'`,
    );
    await eventually('the program', () => Promise.resolve(output.stdout === 'ready\n'));
    child.kill('SIGKILL');
    await ended;
    await eventually('its end', async () => !(await processes()).includes('sleep 4321'));
  });

  it('gives a terminal of the zone when asked, with its kind and size, that knows CTRL-C', async () => {
    const { child, output, ended } = shell('stty rows 33 cols 99; vmadm exec -t $U sh', true);
    const sees = (pattern: RegExp) => eventually(String(pattern), () => Promise.resolve(pattern.test(output.stdout)));
    await sees(/# /);
    child.stdin.write('echo "<$(tty) $(stty size) $TERM>"\r');
    await sees(/<\/dev\/pts\/\d+ 33 99 vt100>/);
    child.stdin.write('sleep 777\r');
    await sleep(300);
    child.stdin.write('\u0003');
    await sleep(300);
    child.stdin.write('echo "[$?]"\r');
    await sees(/\[130\]/);
    child.stdin.write('exit 5\r');
    assert.equal(await ended, 5);
    child.stdin.end();
  });

  it('gives a terminal to what comes from a pipe, too, and the end of it', async () => {
    const { stdout, status } = await run(`echo hello | vmadm exec -it $U sh -c 'test -t 0 && cat'`);
    assert.equal(status, 0);
    assert.match(stdout, /hello\r\n/);
  });

  it('says so when the zone has no terminals', async () => {
    const made = await host.inside(
      uuid,
      'umount /dev/ptmx; rm -f /dev/ptmx; mkfifo /dev/ptmx || mknod /dev/ptmx p; ls -l /dev/ptmx',
    );
    assert.match(made.stdout, /^p/, made.stderr);
    const { status, stderr } = await run('vmadm exec -t $U true');
    assert.equal(status, 1);
    assert.match(stderr, /cannot run true in zone .*: it has no terminal to give/);
    await host.inside(uuid, 'rm -f /dev/ptmx; ln -s pts/ptmx /dev/ptmx');
  });

  it('wants a machine that runs, and a program', async () => {
    assert.equal(spawnSync(process.execPath, [program, 'exec', uuid], { env: environment() }).status, 2);
    assert.equal(spawnSync(process.execPath, [program, 'exec', '-t', uuid, '--'], { env: environment() }).status, 2);
    await host.ok('vmadm', ['stop', '-F', uuid]);
    const { status, stderr } = await run('vmadm exec $U true');
    assert.deepEqual([status, stderr], [1, 'cannot run true when state is "stopped" must be "running".\n']);
  });
});
