/** Sockets of emulators, in folders where they may put what they like. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { connectInZone } from '../../../../lib/host/illumos/hvm-socket.js';

describe('a socket in a zone', () => {
  let root: string;
  const servers: Server[] = [];
  const never = () => Promise.resolve(false);
  const rejects = (work: Promise<unknown>, code: string) => assert.rejects(work, (error) => codeOf(error) === code);

  async function listen(path: string): Promise<void> {
    const server = createServer((socket) => socket.end('hello'));
    servers.push(server);
    server.listen(join(root, path));
    await once(server, 'listening');
  }

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'smartadm-socket-'));
    mkdirSync(join(root, 'tmp'));
    await listen('/tmp/vm.qmp');
  });
  after(() => {
    for (const server of servers) server.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('is connected to', async () => {
    const socket = await connectInZone(root, '/tmp/vm.qmp', never);
    assert.equal(String((await once(socket, 'data'))[0]), 'hello');
    socket.destroy();
  });

  it('is waited for as long as the zone runs', async () => {
    let looks = 0;
    const running = async () => {
      looks += 1;
      if (looks === 3) await listen('/tmp/late');
      return true;
    };
    (await connectInZone(root, '/tmp/late', running)).destroy();
    assert.equal(looks, 3);
    await rejects(connectInZone(root, '/tmp/none', never), 'ZoneBadState');
  });

  it('is not one behind a link, nor something else', async () => {
    symlinkSync('vm.qmp', join(root, 'tmp/link'));
    writeFileSync(join(root, 'tmp/file'), '');
    await rejects(connectInZone(root, '/tmp/link', never), 'ZoneInvalid');
    await rejects(connectInZone(root, '/tmp/file', never), 'ZoneInvalid');
    renameSync(join(root, 'tmp'), join(root, 'other'));
    symlinkSync('other', join(root, 'tmp'));
    await rejects(connectInZone(root, '/tmp/vm.qmp', never), 'ZoneInvalid');
  });
});
