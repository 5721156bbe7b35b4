/** Requests to the platform's daemon for machines: what it answers, and what it does not. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { codeOf } from '../../../../lib/errors.js';
import { vmadmd } from '../../../../lib/host/illumos/vmadmd.js';

const uuid = 'c0000000-0000-4000-8000-000000000001';

describe('vmadmd', () => {
  let folder: string;
  let server: Server;
  let port: number;
  let answer: RequestListener = () => undefined;
  const asked: string[] = [];
  const at = (path: string) => join(folder, path);
  const says = (status: number, text: string) => {
    answer = (_request, response) => response.writeHead(status).end(text);
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'smartadm-vmadmd-'));
    mkdirSync(at('/tmp'));
    writeFileSync(at('/tmp/.autoboot_vmadmd'), 'booted');
    server = createServer((request, response) => {
      asked.push(`${String(request.method)} ${String(request.url)}`);
      answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is asked as the original asks it', async () => {
    says(202, `Stopped ${uuid}`);
    assert.equal(await vmadmd({ at, port }).act(uuid, 'stop', { timeout: '180' }), true);
    says(200, '{"vnc": {}}');
    assert.deepEqual(await vmadmd({ at, port }).info(uuid, ['status', 'vnc']), { vnc: {} });
    assert.deepEqual(asked, [`POST /vm/${uuid}?action=stop&timeout=180`, `GET /vm/${uuid}/info?types=status,vnc`]);
  });

  it('has its words passed on when it refuses', async () => {
    says(500, 'vmadmd only handles "reset" for kvm (your brand is: lx)');
    await assert.rejects(vmadmd({ at, port }).act(uuid, 'reset'), (error: Error) => {
      assert.equal(codeOf(error), 'HostFailed');
      assert.match(error.message, /Unable to post "reset" to vmadmd: .*your brand is: lx/);
      return true;
    });
    await assert.rejects(
      vmadmd({ at, port }).info(uuid, ['vnc']),
      /Unable to get info from vmadmd, query returned 500\./,
    );
  });

  it('is not believed when it answers with anything but an object', async () => {
    for (const text of ['', 'null', '[1]', '{']) {
      says(200, text);
      await assert.rejects(vmadmd({ at, port }).info(uuid, ['vnc']), (error) => codeOf(error) === 'HostFailed', text);
    }
    answer = (_request, response) => response.writeHead(200).end(Buffer.alloc(5 * 1024 * 1024, ' '));
    await assert.rejects(vmadmd({ at, port }).info(uuid, ['vnc']), (error) => codeOf(error) === 'HostFailed');
    answer = (request) => request.socket.destroy();
    await assert.rejects(vmadmd({ at, port }).act(uuid, 'reset'), (error) => codeOf(error) === 'HostFailed');
  });

  it('is left alone where it does not run', async () => {
    const count = asked.length;
    const elsewhere = vmadmd({ at: (path) => join(folder, 'none', path), port });
    assert.equal(await elsewhere.act(uuid, 'reset'), false);
    assert.equal(await elsewhere.info(uuid, ['vnc']), undefined);
    assert.equal(asked.length, count, 'a stranger at its port is not asked');
    // Nobody listens at the port of a server that has ended.
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port: free } = other.address() as AddressInfo;
    other.close();
    await once(other, 'close');
    assert.equal(await vmadmd({ at, port: free }).act(uuid, 'reset'), false);
  });
});
