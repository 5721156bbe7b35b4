/** The monitor's client, against a real qemu and against peers that misbehave. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openQmp } from '../../../../lib/host/qemu/qmp.js';
import { connectSocket } from '../../../../lib/host/qemu/socket.js';

const folder = mkdtempSync(join(tmpdir(), 'smartadm-qmp-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const program = '/usr/bin/qemu-system-x86_64';

describe('the monitor of a real qemu', { skip: existsSync(program) ? false : 'qemu is not installed' }, () => {
  const file = join(folder, 'real.qmp');
  let qemu: ChildProcess;

  before(async () => {
    const args = ['-S', '-nodefaults', '-display', 'none', '-machine', 'none'];
    qemu = spawn(program, [...args, '-chardev', `socket,id=qmp,path=${file},server=on,wait=off`, '-mon', 'chardev=qmp,mode=control']); // prettier-ignore
    const deadline = Date.now() + 20_000;
    while (!existsSync(file) && Date.now() < deadline) await sleep(10);
  });
  after(() => {
    qemu.kill('SIGKILL');
  });

  it('answers several commands, each with its own result', async () => {
    const qmp = await openQmp(await connectSocket(file));
    const [status, version] = await Promise.all([qmp.execute('query-status'), qmp.execute('query-version')]);
    assert.equal((status as { running: boolean }).running, false);
    assert.equal(typeof (version as { qemu: { major: number } }).qemu.major, 'number');
    assert.match(await qmp.human('info status'), /^VM status: paused/);
    qmp.close();
  });

  it('says in its own words why it refuses', async () => {
    const qmp = await openQmp(await connectSocket(file));
    await assert.rejects(qmp.execute('no-such-command'), {
      code: 'HostFailed',
      message: /^no-such-command: .*no-such-command/,
      info: { class: 'CommandNotFound' },
    });
    assert.equal((await qmp.execute('query-name')) instanceof Object, true);
    qmp.close();
  });

  it('serves who comes second when the first has gone', async () => {
    const first = await openQmp(await connectSocket(file));
    const second = connectSocket(file).then((socket) => openQmp(socket));
    await sleep(20);
    first.close();
    const qmp = await second;
    qmp.close();
  });

  it('tells of its end, and answers nothing afterwards', async () => {
    const qmp = await openQmp(await connectSocket(file));
    await qmp.execute('quit');
    if (qemu.exitCode === null) await new Promise((resolve) => qemu.once('exit', resolve));
    await assert.rejects(qmp.execute('query-status'), {
      code: 'ZoneBadState',
      message: 'disconnected while sending query-status',
    });
  });
});

describe('a peer that misbehaves', () => {
  let count = 0;
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  after(() => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  });

  async function peer(greet: (socket: Socket) => void, answer?: (socket: Socket, line: string) => void) {
    const file = join(folder, `peer-${count++}`);
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined).setEncoding('utf8');
      socket.on('data', (line: string) => answer?.(socket, line));
      greet(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(file, resolve));
    return connectSocket(file);
  }
  const greeting = '{"QMP": {"version": {}, "capabilities": []}}\r\n';
  const polite = (socket: Socket) => void socket.write(greeting);
  const idOf = (line: string) => (JSON.parse(line) as { id: number }).id;

  it('is given up when it does not greet', async () => {
    await assert.rejects(openQmp(await peer(() => undefined), { timeoutMs: 50 }), {
      code: 'TimedOut',
      message: 'the emulator does not answer to greeting',
    });
  });

  it('is given up when it does not answer', async () => {
    const stream = await peer(polite, (socket, line) => {
      if (line.includes('qmp_capabilities')) socket.write(`{"return": {}, "id": ${idOf(line)}}\r\n`);
    });
    const qmp = await openQmp(stream, { timeoutMs: 50 });
    await assert.rejects(qmp.execute('query-status'), { code: 'TimedOut' });
    qmp.close();
  });

  it('is left when a line has no end', async () => {
    const stream = await peer((socket) => {
      const piece = Buffer.alloc(1 << 20, 'x');
      for (let piled = 0; piled < 8; piled += 1) socket.write(piece);
    });
    await assert.rejects(openQmp(stream), { code: 'HostFailed', message: 'the emulator says more than it may' });
  });

  for (const [what, text] of [
    ['no JSON', 'hello\n'],
    ['no object', '[1]\n'],
    ['null', 'null\n'],
  ] as const) {
    it(`is left when it says ${what}`, async () => {
      const stream = await peer((socket) => void socket.write(text));
      await assert.rejects(openQmp(stream), { code: 'HostFailed', message: 'what the emulator says is not QMP' });
    });
  }

  it('cannot answer what was not asked, nor twice', async () => {
    const stream = await peer(polite, (socket, line) => {
      const id = idOf(line);
      socket.write(`{"return": 1, "id": 99}\n{"return": {}, "id": "x"}\n{"error": {}, "id": -7}\n{"return": "first", "id": ${id}}\n{"return": "second", "id": ${id}}\n`); // prettier-ignore
    });
    const qmp = await openQmp(stream);
    assert.equal(await qmp.execute('a'), 'first');
    assert.equal(await qmp.execute('b'), 'first');
    qmp.close();
  });

  it('may hang up in the middle of an answer', async () => {
    const stream = await peer(polite, (socket, line) => {
      if (line.includes('qmp_capabilities')) socket.write(`{"return": {}, "id": ${idOf(line)}}\r\n`);
      else socket.end('{"return":');
    });
    const qmp = await openQmp(stream);
    await assert.rejects(qmp.execute('quit'), { code: 'ZoneBadState', message: 'disconnected while sending quit' });
    qmp.close();
    qmp.close();
  });

  it('answers in pieces and several at once, beside events', async () => {
    const stream = await peer(polite, (socket, lines) => {
      for (const line of lines.trim().split('\n')) {
        const reply = `{"event": "E", "timestamp": {}}\n{"return": "${'é'.repeat(3)}", "id": ${idOf(line)}}\n`;
        for (const byte of Buffer.from(reply)) socket.write(Buffer.of(byte));
      }
    });
    const qmp = await openQmp(stream);
    assert.equal(await qmp.execute('a'), 'ééé');
    qmp.close();
  });
});

describe('a socket in a folder of the emulator', () => {
  it('is not reached through a link, and nothing else is taken for one', async () => {
    const target = join(folder, 'target');
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(target, resolve));
    symlinkSync(target, join(folder, 'link'));
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(connectSocket(join(folder, 'link')), { code: 'ZoneInvalid' });
    await assert.rejects(connectSocket(join(folder, 'file')), { code: 'ZoneInvalid' });
    await assert.rejects(connectSocket(join(folder, 'missing')), { code: 'ZoneBadState' });
    (await connectSocket(target)).destroy();
    server.close();
    await assert.rejects(connectSocket(target), { code: 'ZoneBadState' });
  });
});
